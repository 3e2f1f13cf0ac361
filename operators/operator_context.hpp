// What an operator needs from its surroundings.
#pragma once

#include "../persistence/ids.hpp"
#include "../persistence/monotonic_time.hpp"
#include "counter_board.hpp"
#include "event_time.hpp"
#include "waker.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace weir::inline v0 {

/// Facts that stay the same for the life of one operator instance.
struct operator_identity {
  std::string job;
  std::string run; ///< the run's UUID
  std::string name;
  attempt_id attempt{1};
  subtask_index subtask{0};
  std::uint32_t parallelism = 1;
  std::uint32_t max_parallelism = 128;
  key_group_range key_groups{0, 128};
  bool checkpointing = true; ///< false: state changes need not be tracked
};

/// The surroundings of one operator instance. The runtime and the test kit implement it. Called on the thread that
/// runs the operator only.
class operator_context {
public:
  explicit operator_context(operator_identity identity) : identity_(std::move(identity)) {}
  virtual ~operator_context();
  operator_context(const operator_context&) = delete;
  operator_context& operator=(const operator_context&) = delete;

  [[nodiscard]] const operator_identity& identity() const noexcept { return identity_; }
  /// The environment's clock.
  [[nodiscard]] virtual processing_time now() const = 0;
  /// Asks for a call of the operator's `on_wake` at or after a time.
  virtual void wake_at(processing_time when) = 0;
  /// For others than the operator's thread: `wake` of what this gives leads to a call of `on_wake`.
  [[nodiscard]] virtual std::shared_ptr<waker> outside_waker() { return no_waker(); }
  /// The environment's clock for durations, which nobody sets; without one it goes as `now` does.
  [[nodiscard]] virtual monotonic_time monotonic() const { return monotonic_time{now().time_since_epoch()}; }

  /// The counters of the job; of this operator alone until they are shared.
  [[nodiscard]] counter_board& counters() {
    if (!counters_)
      counters_ = std::make_shared<counter_board>();
    return *counters_;
  }
  /// Called before the operator is opened.
  void share_counters(std::shared_ptr<counter_board> all) { counters_ = std::move(all); }

private:
  operator_identity identity_;
  std::shared_ptr<counter_board> counters_;
};

} // namespace weir::inline v0
