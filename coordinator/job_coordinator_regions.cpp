#include "job_coordinator_impl.hpp"

#include "../actors/dispatch.hpp"
#include "../actors/error_report.hpp"
#include "../persistence/failpoint.hpp"
#include "../persistence/saturating_time.hpp"
#include "human_text.hpp"

#include <algorithm>

namespace weir::inline v0 {

void job_coordinator::spawn_region(region& r) {
  WEIR_FAILPOINT("coordinator.spawn.before");
  const job_plan& plan = *job_.plan;
  r.running = r.stopping = r.preparing = r.saw_output = false;
  r.loaded.clear();
  r.spawned_at = now();
  r.restart_at.reset();
  for (const std::string& remark : std::exchange(r.prepared.remarks, {}))
    log(log_level::info, remark);
  failures_.deployed(r.prepared.region, r.prepared.attempt);
  checkpoints_.region_starting(r.prepared.region, r.prepared.attempt);
  const subtask_peers peers{caf::actor_cast<caf::actor>(this), store_, job_.blocking};
  for (const subtask_id id : plan.subtasks_of(r.prepared.region)) {
    subtask_setup setup =
        make_setup(plan, job_.facts, job_.options, r.prepared, job_.store->opened().run_uuid, id, job_.env);
    setup.user_counters = control_->user_counters();
    control_->set_counters(id, setup.task_name, plan.task(id.task).source, setup.counters);
    r.counters[id] = setup.counters;
    const caf::actor subtask = spawn_subtask(system(), std::move(setup), peers);
    monitor(subtask);
    r.alive.emplace(id, subtask);
  }
  for (const auto& [id, subtask] : r.alive) {
    connect_channels channels;
    for (const channel_id c : plan.channels_out_of(id))
      channels.receivers.emplace(c, r.alive.at(plan.channel(c).to));
    for (const channel_id c : plan.channels_into(id))
      channels.senders.emplace(c, r.alive.at(plan.channel(c).from));
    post(subtask, std::move(channels));
  }
  WEIR_FAILPOINT("coordinator.spawn.after");
  if (r.failed_at) {
    r.recovery.failure = r.failure;
    r.recovery.region = r.prepared.region;
    r.recovery.attempt = r.prepared.attempt;
    r.recovery.time = wall();
    r.recovery.restored = r.prepared.restored;
    r.recovery.respawned = now() - *r.failed_at;
    note_recovery(r);
  }
}

void job_coordinator::stop_region(region& r) {
  r.running = false;
  if (std::exchange(r.stopping, true))
    return;
  if (!r.dead()) {
    r.look_at = now() + stop_patience / stop_looks;
    r.looks_left = stop_looks;
  }
  for (const auto& [id, subtask] : r.alive)
    post(subtask, stop_subtask{});
}

void job_coordinator::on_report(subtask_report report) {
  region& r = region_of(report.region);
  if (report.attempt != r.prepared.attempt) {
    log(log_level::debug, "a report of attempt " + to_string(report.attempt) + " is not heard");
    return;
  }
  if (auto* failed = std::get_if<subtask_failed>(&report.event))
    return on_failure(report.region, report.attempt, report.subtask, std::move(*failed));
  if (r.stopping)
    return;
  const monotonic_time at = now();
  if (std::holds_alternative<subtask_loaded>(report.event))
    on_loaded(r, report.subtask);
  else if (const auto* ack = std::get_if<checkpoint_acknowledged>(&report.event))
    on_acknowledged(report, *ack);
  else if (const auto* declined = std::get_if<checkpoint_declined>(&report.event))
    carry_out(checkpoints_.decline(declined->checkpoint, report.subtask, report.attempt, declined->reason, at,
                                   declined->busy));
  else if (const auto* skipped = std::get_if<barrier_skipped>(&report.event))
    carry_out(checkpoints_.barrier_skipped(skipped->checkpoint, report.subtask, report.attempt, at));
  else if (const auto* committed = std::get_if<commit_acknowledged>(&report.event))
    carry_out(checkpoints_.committed(committed->checkpoint, report.subtask, report.attempt, at));
  else if (std::holds_alternative<subtask_ended>(report.event))
    carry_out(checkpoints_.subtask_ended(report.subtask, report.attempt, at));
  else if (std::holds_alternative<subtask_first_output>(report.event))
    on_first_output(r);
  else if (const auto* emitted = std::get_if<records_emitted>(&report.event))
    carry_out(checkpoints_.records_emitted(report.subtask, report.attempt, emitted->records, at));
  else if (const auto* remark = std::get_if<subtask_remark>(&report.event))
    log(log_level::info, remark->text);
}

void job_coordinator::on_loaded(region& r, subtask_id id) {
  r.loaded.insert(id);
  if (r.loaded.size() != r.alive.size())
    return;
  WEIR_FAILPOINT("coordinator.run_region.before");
  r.running = true;
  if (r.failed_at) {
    r.recovery.loaded = now() - *r.failed_at;
    note_recovery(r);
  }
  log_restore(r);
  // Receivers first: what a source sends at once finds them running.
  for (auto at = r.alive.rbegin(); at != r.alive.rend(); ++at) {
    post(at->second, start_running{});
    if (draining_ && job_.plan->task(at->first.task).source)
      post(at->second, drain_sources{});
  }
  WEIR_FAILPOINT("coordinator.run_region.after");
  failures_.running(r.prepared.region, r.prepared.attempt);
  if (failures_.all_running() && !ending_)
    control_->update([](job_status& s) { s.state = job_state::running; });
  carry_out(checkpoints_.region_running(r.prepared.region, r.prepared.attempt, r.prepared.restored, now()));
}

void job_coordinator::log_restore(const region& r) {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  for (const auto& [id, counters] : r.counters) {
    entries += counters->entries_loaded.load(std::memory_order_relaxed);
    bytes += counters->bytes_loaded.load(std::memory_order_relaxed);
  }
  if (r.prepared.restored && entries != 0)
    log(log_level::info, "loaded " + human_count(entries) + (entries == 1 ? " entry, " : " entries, ") +
                             human_bytes(bytes) + ", in " + human_duration(now() - r.spawned_at));
}

void job_coordinator::on_first_output(region& r) {
  if (std::exchange(r.saw_output, true) || !r.failed_at)
    return;
  r.recovery.first_output = now() - *r.failed_at;
  note_recovery(r);
  if (r.failure)
    log(log_level::info, "recovered in " + human_duration(*r.recovery.first_output) + ", attempt " +
                             to_string(r.prepared.attempt) +
                             (r.prepared.restored ? " from checkpoint " + to_string(*r.prepared.restored)
                                                  : std::string{" from the beginning"}));
}

void job_coordinator::note_recovery(region& r) {
  tell_store("a recovery", [record = r.recovery](checkpoint_store& s) { s.record_recovery(record); });
}

void job_coordinator::on_failure(region_id id, attempt_id attempt, std::optional<subtask_id> subtask,
                                 subtask_failed failure) {
  region& r = region_of(id);
  region_failure what{id, attempt, subtask, failure.operator_name, failure.kind, failure.message, !failure.usage};
  if (what.name.empty() && subtask)
    what.name = job_.plan->name_of(*subtask);
  const double chance = static_cast<double>(job_.env->random() >> 11) * 0x1p-53;
  const monotonic_time at = now();
  const failure_decision decision = failures_.failed(what, at, chance);
  if (std::holds_alternative<ignore_failure>(decision) || ending_)
    return;
  WEIR_FAILPOINT("coordinator.fail.before");
  log(log_level::warning, what.name + " failed (" + what.kind + "): " + what.message);
  failure_record record{wall(),
                        id,
                        attempt,
                        subtask ? job_.plan->task(subtask->task).name : "",
                        subtask ? std::optional{subtask->index} : std::nullopt,
                        what.name,
                        what.kind,
                        what.message};
  r.failed_at = std::min(failure.at.value_or(at), at);
  r.failure.reset();
  r.recovery = {};
  r.recovery.detected = at - *r.failed_at;
  ask_store([record](checkpoint_store& s) { return s.record_failure(record); },
            [this, id, attempt](failure_id noted) {
              region& failed = region_of(id);
              if (failed.prepared.attempt == attempt)
                failed.failure = noted;
            },
            [this](std::exception_ptr thrown) { on_not_noted("a failure", thrown); });
  carry_out(checkpoints_.region_failed(id, what.name + " failed: " + what.message, at));
  if (ending_)
    return;
  if (const auto* give_up = std::get_if<give_up_job>(&decision)) {
    if (!what.recoverable)
      return fail_job(std::make_exception_ptr(usage_error({what.message, "", "", ""})));
    return fail_job(std::make_exception_ptr(job_failed(give_up->text)));
  }
  const auto& again = std::get<restart_region>(decision);
  r.restart_at = saturating_add(at, again.delay);
  control_->update([](job_status& s) {
    s.state = job_state::restarting;
    ++s.restarts;
  });
  stop_region(r);
  WEIR_FAILPOINT("coordinator.fail.after");
  restart_if_due(r);
}

/// Comes before the end of its subtask is seen: one sender's messages keep their order.
void job_coordinator::on_companion(companion_spawned spawned) {
  monitor(spawned.companion);
  region_of(spawned.region).companions.emplace_back(spawned.subtask, std::move(spawned.companion));
}

void job_coordinator::on_down(const caf::down_msg& down) {
  if (store_ && down.source == store_.address()) {
    store_ = nullptr;
    job_.store.reset();
    if (!closing_) {
      end_state_ = job_state::failed;
      end_failure_ = std::make_exception_ptr(job_failed(
          {"job \"" + job_.graph->job_name + "\"", "a store", "that its actor has ended", "start the job again"}));
      send_to_all(stop_subtask{});
    }
    control_->finish(end_state_, end_failure_);
    quit();
    return;
  }
  for (region& r : regions_)
    if (forget(r, down.source)) {
      if (r.dead()) {
        if (r.failed_at && !r.recovery.stopped)
          r.recovery.stopped = now() - *r.failed_at;
        r.look_at.reset();
      }
      restart_if_due(r);
      end_if_all_dead();
      return;
    }
}

/// Whether it was one of the region's. A subtask that ends unasked is a failure; of a companion its subtask says so.
bool job_coordinator::forget(region& r, const caf::actor_addr& gone) {
  if (std::erase_if(r.companions, [&](const auto& c) { return c.second.address() == gone; }) != 0)
    return true;
  const auto at =
      std::find_if(r.alive.begin(), r.alive.end(), [&](const auto& s) { return s.second.address() == gone; });
  if (at == r.alive.end())
    return false;
  const subtask_id id = at->first;
  r.alive.erase(at);
  if (!r.stopping)
    on_failure(r.prepared.region, r.prepared.attempt, id, {"", "died", "its actor ended without saying why", false});
  return true;
}

void job_coordinator::restart_if_due(region& r) {
  if (r.restart_at && r.dead() && !r.preparing && !ending_ && now() >= *r.restart_at)
    restart(r);
}

void job_coordinator::restart(region& r) {
  WEIR_FAILPOINT("coordinator.restart.before");
  r.restart_at.reset();
  r.preparing = true;
  const region_id id = r.prepared.region;
  ask_store(
      [plan = job_.plan, facts = job_.facts, options = job_.options, id, enumerated = r.prepared.splits,
       at = wall()](checkpoint_store& s) {
        const verified_checkpoint newest = s.read().newest_verified();
        region_preparation prepared = prepare_region(s, *plan, facts, options, id, newest.id, enumerated);
        WEIR_FAILPOINT("coordinator.restart.prepared");
        s.group([&] {
          s.restore_region(id, newest.id, at);
          prepared.attempt = s.begin_attempt(id, at, newest.id);
        });
        prepare_outputs(*plan, prepared);
        for (const skipped_checkpoint& skipped : newest.skipped)
          prepared.remarks.push_back("checkpoint " + to_string(skipped.id) +
                                     " is damaged and passed over: " + skipped.problems.front().what);
        return prepared;
      },
      [this, id](region_preparation prepared) {
        WEIR_FAILPOINT("coordinator.restart.after");
        region& to = region_of(id);
        to.preparing = false;
        to.prepared = std::move(prepared);
        if (ending_)
          return end_if_all_dead();
        spawn_region(to);
      },
      [this, id](std::exception_ptr thrown) {
        region_of(id).preparing = false;
        if (ending_)
          return end_if_all_dead();
        on_not_restarted(id, thrown);
      });
}

/// What a restart needs may be missing for a while, such as room on a disk: the restart strategy decides how often to
/// try. A store or a job that can't be used as it is fails the job at once.
void job_coordinator::on_not_restarted(region_id id, const std::exception_ptr& thrown) {
  const subtask_failed failure = failure_from_exception(thrown, "");
  if (failure.usage || failure.kind == "store" || !job_.store || job_.store->has_failed())
    return fail_job(thrown);
  region& r = region_of(id);
  failures_.deployed(id, r.prepared.attempt); // this attempt at an attempt has failed, too
  on_failure(id, r.prepared.attempt, std::nullopt, failure);
}

} // namespace weir::inline v0
