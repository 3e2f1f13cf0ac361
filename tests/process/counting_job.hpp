// A job for tests that run jobs inside of their own process: numbers, a step that may fail, a count per key, two
// exactly-once sinks and one that calls back.
#pragma once

#include "process/committed_counts.hpp"

#include <weir/operators/job.hpp>

#include <cstdint>
#include <functional>
#include <string>

namespace weir_test {

/// What the job is made of.
struct counting {
  std::string folder;             ///< of all of its files
  std::uint64_t records = 20'000; ///< numbers, from 0
  double rate = 0;                ///< a second; 0: as fast as can be
  std::string fragile_name = "fragile";
  std::string count_name = "counts";
  std::string count_renamed_from = {};
  /// Called with each number in the operator "fragile"; may throw.
  std::function<void(std::uint64_t)> on_record = {};
  /// Called with each number by the sink "seen".
  std::function<void(std::uint64_t)> on_seen = {};
};

/// The keys that numbers are counted by.
inline constexpr std::uint64_t counting_keys = 97;

/// The job "counting", with the sinks `<folder>/counts.db`, table "counts", and `<folder>/files`.
weir::job counting_job(const counting& parts);
/// Where its store should be.
std::string counting_store(const counting& parts);

/// What is wrong with the output of a run that went to its end; empty if nothing is. `files` has followed the folder.
std::string fault_in_output(const counting& parts, committed_counts& files);
/// The same, of a run that nothing else has followed.
std::string fault_in_output(const counting& parts);

} // namespace weir_test
