// What a job's coordinator and its handles share.
#pragma once

#include "../actors/subtask_setup.hpp"
#include "../persistence/wall_time.hpp"
#include "job_handle.hpp"

#include <caf/actor.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// Where the answer to somebody who has asked for a checkpoint goes: a promise, or a function that is called on the
/// coordinator's thread. Neither hears anything if the job ends without an answer.
class checkpoint_answer {
public:
  using promise = std::shared_ptr<std::promise<checkpoint_id>>;
  /// The checkpoint's id, or what has prevented it.
  using function = std::function<void(checkpoint_id, std::exception_ptr)>;

  checkpoint_answer() = default;
  checkpoint_answer(std::nullptr_t) {}                       // NOLINT(google-explicit-constructor)
  checkpoint_answer(promise to) : promise_(std::move(to)) {} // NOLINT(google-explicit-constructor)
  explicit checkpoint_answer(function to) : call_(std::move(to)) {}

  explicit operator bool() const noexcept { return promise_ || call_; }
  const checkpoint_answer* operator->() const noexcept { return this; }
  void set_value(checkpoint_id id) const;
  void set_exception(const std::exception_ptr& why) const;

private:
  promise promise_;
  function call_;
};

/// What a handle asks of the coordinator.
struct job_request {
  enum class kind : std::uint8_t { checkpoint, stop, drain, cancel } what = kind::checkpoint;
  checkpoint_answer answer; ///< for checkpoints
};

/// The state of a job that its handles see. Thread-safe.
class job_control {
public:
  job_control(job_status first, std::shared_ptr<environment> env, bool compress_savepoints = false);

  void attach(caf::actor coordinator);
  void ask(job_request request);
  /// Changes the status under the lock.
  template <class Change>
  void update(Change change) {
    const std::lock_guard lock(mutex_);
    change(status_);
  }
  /// The counters of a subtask that is deployed now; those it had in an earlier attempt are kept in sums.
  void set_counters(subtask_id id, const std::string& task, bool source, std::shared_ptr<subtask_counters> counters);
  /// What the operators' own code counts, over all attempts.
  [[nodiscard]] const std::shared_ptr<counter_board>& user_counters() const noexcept { return user_counters_; }
  /// While this is held nothing is discarded from the store: what a savepoint is made of stays.
  class no_pruning {
  public:
    explicit no_pruning(job_control& control) : control_(control) { ++control_.savepoints_; }
    no_pruning(const no_pruning&) = delete;
    no_pruning& operator=(const no_pruning&) = delete;
    ~no_pruning() { --control_.savepoints_; }

  private:
    job_control& control_;
  };
  [[nodiscard]] bool may_prune() const noexcept { return savepoints_ == 0; }
  [[nodiscard]] bool compress_savepoints() const noexcept { return compress_savepoints_; }
  [[nodiscard]] wall_time now() const { return wall_time{env_->now().time_since_epoch().count()}; }
  /// The end. Only the first counts.
  void finish(job_state state, std::exception_ptr failure);
  /// Called at the end, on the coordinator's thread; or now, if it has come. `why` is the failure's text, if it failed.
  using end_function = std::function<void(job_state state, const std::string& why)>;
  void on_end(end_function call);

  [[nodiscard]] job_status status() const;
  job_status wait();
  [[nodiscard]] bool wait_for(std::chrono::microseconds time) const;

private:
  struct counted {
    std::string task;
    bool source = false;
    std::shared_ptr<subtask_counters> now;
    std::uint64_t read_before = 0;
  };
  [[nodiscard]] job_status status_locked() const;

  mutable std::mutex mutex_;
  mutable std::condition_variable ended_;
  job_status status_;
  std::shared_ptr<environment> env_;
  monotonic_time begun_;
  bool compress_savepoints_;
  std::optional<monotonic_time> end_;
  std::exception_ptr failure_;
  caf::actor coordinator_;
  std::atomic<int> savepoints_{0}; ///< that are being written
  std::vector<end_function> at_end_;
  std::map<subtask_id, counted> counters_;
  std::shared_ptr<counter_board> user_counters_ = std::make_shared<counter_board>();
};

} // namespace weir::inline v0
