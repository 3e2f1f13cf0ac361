// Decides what follows from a failure: nothing, a restart of its region, or the end of the job.
#pragma once

#include "../persistence/error.hpp"
#include "../persistence/ids.hpp"
#include "../persistence/monotonic_time.hpp"
#include "restart_strategy.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace weir::inline v0 {

/// What went wrong in a region.
struct region_failure {
  region_id region;
  attempt_id attempt;                ///< in which it happened
  std::optional<subtask_id> subtask; ///< none: the region as a whole, a node for example
  std::string name;                  ///< of the operator, subtask or node, for messages
  std::string kind;                  ///< one word: exception, channel, node, timeout …
  std::string message;
  bool recoverable = true; ///< false: a restart can't help, so none is tried
};

/// What a region is doing.
enum class region_status : std::uint8_t {
  idle,     ///< has never been deployed
  starting, ///< deployed; not all subtasks run
  running,
  failing, ///< has failed; its subtasks are stopped, and the delay of its restart runs
  failed   ///< is not started again
};
[[nodiscard]] std::string_view to_text(region_status);

/// Why nothing follows from a failure.
enum class ignored_because : std::uint8_t {
  old_attempt,     ///< it is from an attempt that is over
  already_failing, ///< its region is being restarted for an earlier failure of the same attempt
  job_failed       ///< the job has failed already
};

/// Nothing is to be done.
struct ignore_failure {
  ignored_because why = ignored_because::old_attempt;
};
/// Stop the region's subtasks; deploy it as a new attempt when all are dead and the delay is over.
struct restart_region {
  region_id region;
  std::chrono::microseconds delay{};
  std::uint32_t restart = 1; ///< its how manieth restart this is
};
/// Stop the job. Its checkpoints stay.
struct give_up_job {
  region_failure cause; ///< the first failure of the region's last attempt
  std::uint32_t restarts = 0;
  error_text text; ///< for `job_failed`
};

using failure_decision = std::variant<ignore_failure, restart_region, give_up_job>;

/// The states of a job's regions, and what is decided of their failures. Each region has a restart strategy of its own.
/// No clock, no randomness, no I/O.
class failure_tracker {
public:
  failure_tracker(const restart_settings& settings, std::uint32_t regions);

  /// A region is deployed in a new attempt.
  void deployed(region_id region, attempt_id attempt);
  /// All its subtasks run. Ignored unless it is from the present attempt and the region is starting.
  void running(region_id region, attempt_id attempt);
  /// `random` is in [0, 1): for the jitter of the delay.
  [[nodiscard]] failure_decision failed(const region_failure& failure, monotonic_time now, double random);

  [[nodiscard]] region_status status(region_id region) const { return regions_.at(region.value).status; }
  [[nodiscard]] attempt_id attempt(region_id region) const { return regions_.at(region.value).attempt; }
  /// The failure for which a region is failing, or failed; null if it is neither.
  [[nodiscard]] const region_failure* cause(region_id region) const;
  [[nodiscard]] bool all_running() const noexcept;
  [[nodiscard]] bool job_failed() const noexcept { return job_failed_; }

private:
  struct region_state {
    explicit region_state(const restart_settings& settings) : strategy(settings) {}

    region_status status = region_status::idle;
    attempt_id attempt{0};
    restart_strategy strategy;
    std::optional<region_failure> cause;
  };

  std::vector<region_state> regions_;
  bool job_failed_ = false;
};

} // namespace weir::inline v0
