// A job of all operators that have several inputs or outputs, whose output can be told in advance.
#pragma once

#include <weir/operators/job.hpp>

#include <cstdint>
#include <functional>
#include <string>

namespace weir_test {

/// What the job is made of.
struct joining {
  std::string folder;             ///< of all of its files
  std::uint64_t records = 12'000; ///< of each of the larger sources
  double rate = 12'000;           ///< of their records a second
  /// Called with the name of a place before each record there; may throw.
  std::function<void(const char* place)> before = [](const char*) {};
};

/// The places where `before` is called.
inline constexpr const char* joining_places[] = {"settle left", "settle right", "watch left", "watch right",
                                                 "sort",        "review",       "gathered"};

/// Orders meet payments by key, with disputes as a side output. Numbers meet limits, which are broadcast, in an
/// operator without keys whose state is one a subtask, with a side output. Numbers are sorted into an output and a side
/// output, which a union brings together again with another stream. What is emitted is appended to tables and files.
weir::job joining_job(const joining& parts);

/// What is wrong with the output of a run that went to its end; empty if nothing is.
std::string fault_in_joined(const joining& parts);

} // namespace weir_test
