// Runs one seed: a job that it draws, on the real runtime, under a schedule and troubles that it draws, too.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace simulation {

/// What a seed came to.
struct outcome {
  std::uint64_t seed = 0;
  std::optional<std::string> violation; ///< none: all invariants held
  std::uint64_t steps = 0;
  std::uint64_t lives = 0;       ///< how often the process started
  std::uint64_t checkpoints = 0; ///< completed
  std::int64_t untroubled_us =
      0; ///< simulated time from the last trouble, or the beginning if there was none, to the end
  std::uint64_t fingerprint = 0;                              ///< of all that happened, in order
  std::map<std::string, std::uint64_t, std::less<>> troubles; ///< those that really happened, by kind
};

/// Takes the lines of a trace.
using trace_function = std::function<void(const std::string&)>;

/// Runs a seed. One at a time in a process.
[[nodiscard]] outcome simulate(std::uint64_t seed, const trace_function& trace = {});

/// The kinds of trouble that seeds draw, by the names under which they are counted.
[[nodiscard]] const std::vector<std::string>& kinds_of_trouble();

/// "died at ..." for each failpoint that a simulated process can reach: a long run must have died at all of them.
[[nodiscard]] std::vector<std::string> deaths_at_failpoints();

} // namespace simulation
