#include "job_coordinator_impl.hpp"

#include "../actors/dispatch.hpp"
#include "../actors/error_report.hpp"
#include "../persistence/failpoint.hpp"
#include "human_text.hpp"

#include <algorithm>

namespace weir::inline v0 {

void job_coordinator::carry_out(const checkpoint_decisions& decisions) {
  for (const checkpoint_decision& decision : decisions)
    std::visit([this](const auto& d) { carry_out(d); }, decision);
}

void job_coordinator::carry_out(const open_decision& decision) {
  if (decision.trigger == checkpoint_trigger::demand)
    opening_demands_ = std::exchange(demands_, {});
  WEIR_FAILPOINT("coordinator.open.before");
  ask_store([trigger = decision.trigger, at = wall()](checkpoint_store& s) { return s.open_checkpoint(trigger, at); },
            [this, trigger = decision.trigger](checkpoint_id id) { on_opened(id, trigger); },
            [this](std::exception_ptr thrown) {
              log(log_level::error, "no checkpoint could be opened: " + sentence_of(thrown));
              // Those who asked for this one are answered now; who asked since waits for the next.
              refuse(opening_demands_, sentence_of(thrown));
              if (job_.store->has_failed())
                return fail_job(thrown); // nothing will be stored any more
              auto later = std::exchange(demands_, {});
              carry_out(checkpoints_.open_failed(sentence_of(thrown), now()));
              demands_.insert(demands_.begin(), later.begin(), later.end());
            });
}

void job_coordinator::on_opened(checkpoint_id id, checkpoint_trigger trigger) {
  const monotonic_time opened = now();
  if (trigger == checkpoint_trigger::demand)
    demands_of_[id] = std::exchange(opening_demands_, {});
  const checkpoint_decisions decisions = checkpoints_.opened(id, opened);
  const bool given_up = std::any_of(decisions.begin(), decisions.end(), [id](const checkpoint_decision& d) {
    const auto* aborted = std::get_if<abort_decision>(&d);
    return aborted && aborted->id == id;
  });
  WEIR_FAILPOINT("coordinator.trigger.before");
  if (!given_up && !ending_) {
    barrier mark{id, trigger == checkpoint_trigger::stop, opened};
    // Who asked for a checkpoint gets one that has nothing but state; so does the next program, from the last one.
    if (trigger == checkpoint_trigger::interval || trigger == checkpoint_trigger::records) {
      mark.overtakes = job_.options.unaligned;
      mark.alignment_timeout = job_.options.alignment_timeout;
    }
    send_to_sources(trigger_checkpoint{mark});
  }
  WEIR_FAILPOINT("coordinator.trigger.after");
  carry_out(decisions);
}

void job_coordinator::on_acknowledged(const subtask_report& report, const checkpoint_acknowledged& ack) {
  WEIR_FAILPOINT("coordinator.acknowledge.before");
  auto outcome = checkpoints_.acknowledge(report.subtask, report.attempt, ack, now());
  if (outcome.result != acknowledgement_result::accepted)
    log(log_level::debug, "acknowledgement of checkpoint " + to_string(ack.checkpoint) + " by " +
                              job_.plan->name_of(report.subtask) +
                              " is not counted: " + std::string{to_text(outcome.result)});
  else
    write_times_[{ack.checkpoint, report.subtask}] = ack.phases.write;
  WEIR_FAILPOINT("coordinator.acknowledge.after");
  carry_out(outcome.decisions);
}

void job_coordinator::carry_out(const complete_decision& decision) {
  WEIR_FAILPOINT("coordinator.complete.before");
  std::vector<expected_subtask> expected;
  for (const subtask_id id : job_.plan->subtasks()) {
    expected_subtask e{job_.plan->region_of(id), job_.plan->task(id.task).name, id.index, std::nullopt};
    if (const auto at = write_times_.find({decision.id, id}); at != write_times_.end())
      e.write = at->second;
    expected.push_back(std::move(e));
  }
  write_times_.erase(write_times_.begin(), write_times_.upper_bound({decision.id, {task_id{UINT32_MAX}, {}}}));
  ask_store([=, id = decision.id, at = wall()](checkpoint_store& s) { return s.complete(id, expected, at); },
            [this](const complete_checkpoint& complete) {
              WEIR_FAILPOINT("coordinator.complete.after");
              log(log_level::debug, "checkpoint " + to_string(complete.id) +
                                        " complete: " + human_bytes(complete.written_bytes) + " in " +
                                        human_duration(complete.completed - complete.opened));
              control_->update([&](job_status& s) {
                if (job_.options.checkpoints) // else it goes with the process
                  s.newest_checkpoint = complete.id;
                ++s.checkpoints;
              });
              // An older one that it overtakes was opened for somebody, too: this one is newer than what they asked
              // for.
              for (auto at = demands_of_.begin(); at != demands_of_.upper_bound(complete.id);
                   at = demands_of_.erase(at))
                for (const auto& answer : at->second)
                  answer->set_value(complete.id);
              carry_out(checkpoints_.completed(complete.id, now()));
              prune();
            },
            [this, id = decision.id](std::exception_ptr thrown) {
              log(log_level::error, "checkpoint " + to_string(id) + " could not be completed: " + sentence_of(thrown));
              carry_out(checkpoints_.complete_failed(id, sentence_of(thrown), now()));
              if (job_.store->has_failed())
                fail_job(thrown);
            });
}

void job_coordinator::carry_out(const commit_decision& decision) {
  WEIR_FAILPOINT("coordinator.commit.before");
  send_to_running(checkpoint_completed{decision.id});
  WEIR_FAILPOINT("coordinator.commit.after");
}

void job_coordinator::carry_out(const remind_decision& decision) {
  send_to_running(checkpoint_completed{decision.id});
}

void job_coordinator::carry_out(const committed_decision& decision) {
  WEIR_FAILPOINT("coordinator.committed.before");
  tell_store("a commit", [id = decision.id, at = wall()](checkpoint_store& s) { s.committed(id, at); });
}

void job_coordinator::carry_out(const abort_decision& decision) {
  std::vector<late_subtask> subtasks = decision.late;
  blame_long_steps(subtasks);
  std::vector<std::string> late;
  std::string names;
  for (const late_subtask& l : subtasks) {
    late.push_back(l.name + (l.why.empty() ? "" : ": " + l.why));
    names += (names.empty() ? "" : ", ") + l.name;
  }
  log(log_level::warning, "checkpoint " + to_string(decision.id) + " " + std::string{to_text(decision.status)} + ": " +
                              decision.reason + (names.empty() ? "" : "; late: " + names));
  WEIR_FAILPOINT("coordinator.abort.before");
  send_to_all(checkpoint_aborted{decision.id});
  if (const auto asked = demands_of_.extract(decision.id))
    refuse(asked.mapped(), decision.reason);
  tell_store("a checkpoint's end",
             [id = decision.id, status = decision.status, reason = decision.reason, late,
              at = wall()](checkpoint_store& s) { s.fail_checkpoint(id, status, reason, late, at); });
  WEIR_FAILPOINT("coordinator.abort.after");
}

void job_coordinator::carry_out(const repeat_abort_decision& decision) {
  send_to_running(checkpoint_aborted{decision.id}, decision.unheard);
}

void job_coordinator::carry_out(const refuse_decision& decision) {
  log(log_level::warning, std::string{to_text(decision.trigger)} + " is refused: " + decision.reason);
  if (decision.trigger == checkpoint_trigger::demand)
    refuse(demands_, decision.reason);
  if (decision.trigger == checkpoint_trigger::stop && !ending_ && !draining_ && failures_.all_running())
    control_->update([](job_status& s) { s.state = job_state::running; });
}

void job_coordinator::carry_out(const resume_decision&) {
  if (ending_)
    return;
  send_to_sources(resume_sources{});
  if (failures_.all_running())
    control_->update([](job_status& s) { s.state = job_state::running; });
}

void job_coordinator::carry_out(const end_decision& decision) {
  end_job(decision.trigger == checkpoint_trigger::stop ? job_state::stopped : job_state::finished, nullptr);
}

void job_coordinator::carry_out(const fail_job_decision& decision) {
  fail_job(std::make_exception_ptr(
      job_failed({"job \"" + job_.graph->job_name + "\"", "", decision.reason, "see failure_overview in the store"})));
}

void job_coordinator::refuse(demand_list& demands, const std::string& reason) {
  for (const auto& answer : std::exchange(demands, {}))
    answer->set_exception(std::make_exception_ptr(
        error({"checkpoint of job \"" + job_.graph->job_name + "\"", "", reason, "ask again"})));
}

/// User code that takes long, or does not return, gets a row of its own.
void job_coordinator::blame_long_steps(std::vector<late_subtask>& late) {
  for (late_subtask& l : late) {
    const region_id in = job_.plan->region_of(l.subtask);
    region& r = region_of(in);
    const auto found = r.counters.find(l.subtask);
    const std::int64_t since =
        found == r.counters.end() ? 0 : found->second->step_since_us.load(std::memory_order_relaxed);
    const auto taken = now().time_since_epoch() - std::chrono::microseconds{since};
    if (since == 0 || taken < long_step || !r.running)
      continue;
    l.why = "a step of it has taken " + human_duration(taken) + " so far" + (l.why.empty() ? "" : ", " + l.why);
    const failure_record record{wall(),
                                in,
                                r.prepared.attempt,
                                job_.plan->task(l.subtask.task).name,
                                l.subtask.index,
                                l.name,
                                "slow",
                                "a step has taken " + human_duration(taken) +
                                    " and has not returned: user code blocks"};
    tell_store("a slow step", [record](checkpoint_store& s) { s.record_failure(record); });
  }
}

void job_coordinator::refuse_all_demands(const std::string& reason) {
  refuse(demands_, reason);
  refuse(opening_demands_, reason);
  for (auto& [id, demands] : std::exchange(demands_of_, {}))
    refuse(demands, reason);
}

void job_coordinator::on_not_noted(const char* what, const std::exception_ptr& thrown) {
  if (!job_.store || job_.store->has_failed())
    return fail_job(thrown);
  log(log_level::warning, std::string{what} + " could not be noted in the store: " + sentence_of(thrown));
}

void job_coordinator::prune() {
  if (!control_->may_prune() || std::exchange(pruning_, true))
    return;
  ask_store(
      [retain = job_.options.retain, at = wall()](checkpoint_store& s) {
        const prune_result result = s.prune(retain, at);
        if (s.wants_maintenance())
          s.maintain();
        return result;
      },
      [this](const prune_result& result) {
        pruning_ = false;
        if (result.more && !ending_)
          prune();
      },
      [this](std::exception_ptr thrown) {
        pruning_ = false;
        log(log_level::warning, "old checkpoints could not be removed: " + sentence_of(thrown));
      });
}

} // namespace weir::inline v0
