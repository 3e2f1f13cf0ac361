// The coordinator's inside: it carries messages to the classes that decide, and their decisions out.
#pragma once

#include "../actors/delays.hpp"
#include "../actors/store_actor.hpp"
#include "../actors/subtask.hpp"
#include "checkpoint_tracker.hpp"
#include "coordinator_messages.hpp"
#include "failure_decision.hpp"
#include "job_coordinator.hpp"

#include <caf/event_based_actor.hpp>

#include <chrono>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// How long a subtask may take to stop. User code that has not returned by then never will.
inline constexpr std::chrono::seconds stop_patience{30};
/// It is counted in looks, not in time that has passed: a process that was frozen and goes on has lost but one.
inline constexpr int stop_looks = 30;
/// A step is meant to take 200 µs. One that has taken this long when a checkpoint is given up is to blame for it.
inline constexpr std::chrono::seconds long_step{1};

/// The actor of one job: it triggers checkpoints, counts what they need, restarts regions, and ends when the job has.
class job_coordinator final : public caf::event_based_actor {
public:
  job_coordinator(caf::actor_config& config, prepared_job job, std::shared_ptr<job_control> control);

  const char* name() const override { return "weir.coordinator"; }

protected:
  caf::behavior make_behavior() override;
  void on_exit() override;

private:
  struct region {
    region_preparation prepared;
    std::map<subtask_id, caf::actor> alive;
    std::vector<std::pair<subtask_id, caf::actor>> companions; ///< alive too; of a killed subtask they outlive it
    std::map<subtask_id, std::shared_ptr<subtask_counters>> counters;
    std::set<subtask_id> loaded;
    monotonic_time spawned_at{};
    bool running = false;
    bool stopping = false;
    std::optional<monotonic_time> restart_at; ///< when it has failed, and all of it is dead
    bool preparing = false;
    bool saw_output = false;
    std::optional<monotonic_time> look_at; ///< when to see again whether all subtasks are dead
    int looks_left = 0;                    ///< what is not dead then never will be
    std::optional<failure_id> failure;
    std::optional<monotonic_time> failed_at; ///< or, of a resumed job's first attempt, when the start was asked for
    recovery_record recovery;

    /// Nothing of the attempt can write any more.
    [[nodiscard]] bool dead() const { return alive.empty() && companions.empty(); }
    [[nodiscard]] std::set<subtask_id> not_dead() const {
      std::set<subtask_id> ids;
      for (const auto& [id, subtask] : alive)
        ids.insert(id);
      for (const auto& [id, companion] : companions)
        ids.insert(id);
      return ids;
    }
  };

  // -- the job's life (job_coordinator.cpp)
  void begin();
  void on_request(job_request request);
  void on_drain();
  void give_up_on(const std::string& stuck);
  void end_job(job_state state, std::exception_ptr failure);
  void fail_job(std::exception_ptr failure);
  void end_if_all_dead();
  void close_store();
  void tick();
  void arm_timer();

  // -- regions (job_coordinator_regions.cpp)
  void spawn_region(region& r);
  void stop_region(region& r);
  void on_report(subtask_report report);
  void on_loaded(region& r, subtask_id id);
  void on_first_output(region& r);
  void on_failure(region_id id, attempt_id attempt, std::optional<subtask_id> subtask, subtask_failed failure);
  void on_companion(companion_spawned spawned);
  void on_down(const caf::down_msg& down);
  bool forget(region& r, const caf::actor_addr& gone);
  void restart_if_due(region& r);
  void restart(region& r);
  void on_not_restarted(region_id id, const std::exception_ptr& thrown);
  void note_recovery(region& r);
  void log_restore(const region& r);

  // -- checkpoints (job_coordinator_checkpoints.cpp)
  void carry_out(const checkpoint_decisions& decisions);
  void carry_out(const open_decision& decision);
  void carry_out(const complete_decision& decision);
  void carry_out(const commit_decision& decision);
  void carry_out(const remind_decision& decision);
  void carry_out(const committed_decision& decision);
  void carry_out(const abort_decision& decision);
  void carry_out(const repeat_abort_decision& decision);
  void carry_out(const refuse_decision& decision);
  void carry_out(const resume_decision& decision);
  void carry_out(const end_decision& decision);
  void carry_out(const fail_job_decision& decision);
  void on_opened(checkpoint_id id, checkpoint_trigger trigger);
  void on_acknowledged(const subtask_report& report, const checkpoint_acknowledged& ack);
  using demand_list = std::vector<checkpoint_answer>;
  void refuse(demand_list& demands, const std::string& reason);
  void blame_long_steps(std::vector<late_subtask>& late);
  void refuse_all_demands(const std::string& reason);
  void prune();

  /// Runs `work` on the store's thread, then `then` with its result here; what it throws goes to `otherwise`.
  template <class Work, class Then, class Otherwise>
  void ask_store(Work work, Then then, Otherwise otherwise) {
    auto self = caf::actor_cast<caf::actor>(this);
    auto store = job_.store;
    post_work(store_, [=]() mutable {
      try {
        auto result = work(*store);
        post_work(self, [then, result = std::move(result)]() mutable { then(std::move(result)); });
      } catch (...) {
        post_work(self, [otherwise, thrown = std::current_exception()]() mutable { otherwise(thrown); });
      }
    });
  }
  /// Notes something in the store that is not needed to go on: if there is no room for it, the log says so. A store
  /// that will take nothing any more fails the job.
  template <class Work>
  void tell_store(const char* what, Work work) {
    ask_store(
        [work](checkpoint_store& store) mutable {
          work(store);
          return true;
        },
        [](bool) {}, [this, what](std::exception_ptr thrown) { on_not_noted(what, thrown); });
  }
  void on_not_noted(const char* what, const std::exception_ptr& thrown);

  /// Runs what a message asks for. What it throws must not pass silently: it fails the job.
  template <class Work>
  void guarded(Work work) {
    try {
      work();
    } catch (...) {
      fail_job(std::current_exception());
    }
    arm_timer();
  }

  template <class Message>
  void send_to_all(const Message& message) {
    for (region& r : regions_)
      for (const auto& [id, subtask] : r.alive)
        post_to(subtask, message);
  }
  /// To subtasks that have their state: the others would answer for what they do not know yet.
  template <class Message>
  void send_to_running(const Message& message) {
    for (region& r : regions_)
      if (r.running)
        for (const auto& [id, subtask] : r.alive)
          post_to(subtask, message);
  }
  /// To those of `some` that have their state.
  template <class Message>
  void send_to_running(const Message& message, const std::vector<subtask_id>& some) {
    for (region& r : regions_)
      if (r.running)
        for (const subtask_id id : some)
          if (const auto subtask = r.alive.find(id); subtask != r.alive.end())
            post_to(subtask->second, message);
  }
  template <class Message>
  void send_to_sources(const Message& message) {
    for (region& r : regions_)
      for (const auto& [id, subtask] : r.alive)
        if (job_.plan->task(id.task).source)
          post_to(subtask, message);
  }
  template <class Message>
  static void post_to(const caf::actor& to, const Message& message) {
    caf::anon_send(to, message);
  }

  [[nodiscard]] monotonic_time now() const { return job_.env->monotonic(); }
  [[nodiscard]] wall_time wall() const { return wall_time_of(*job_.env); }
  void log(log_level level, const std::string& line) const;
  [[nodiscard]] region& region_of(region_id id) { return regions_.at(id.value); }

  prepared_job job_;
  std::shared_ptr<job_control> control_;
  caf::actor store_;
  std::vector<region> regions_;
  checkpoint_tracker checkpoints_;
  failure_tracker failures_;
  std::map<std::pair<checkpoint_id, subtask_id>, std::chrono::microseconds> write_times_;
  demand_list demands_;         ///< waiting for a checkpoint to be opened for them
  demand_list opening_demands_; ///< of the one that the store is asked to open
  std::map<checkpoint_id, demand_list> demands_of_;
  std::optional<monotonic_time> timer_due_;
  std::uint64_t timer_number_ = 0; ///< of the tick that counts
  bool draining_ = false;          ///< sources that start from now on end at once
  bool ending_ = false;
  bool closing_ = false;
  bool pruning_ = false;
  job_state end_state_ = job_state::finished;
  std::exception_ptr end_failure_;
};

} // namespace weir::inline v0
