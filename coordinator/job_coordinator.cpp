#include "job_coordinator.hpp"

#include "job_coordinator_impl.hpp"

#include "../actors/dispatch.hpp"
#include "../persistence/failpoint.hpp"
#include "human_text.hpp"

#include <algorithm>

namespace weir::inline v0 {

namespace {

checkpoint_settings settings_of(const job_options& options) {
  checkpoint_settings settings{options};
  if (!options.checkpoints) {
    settings.interval = {};
    settings.records = 0;
  }
  return settings;
}

} // namespace

job_coordinator::job_coordinator(caf::actor_config& config, prepared_job job, std::shared_ptr<job_control> control)
    : caf::event_based_actor(config),
      job_(std::move(job)),
      control_(std::move(control)),
      checkpoints_(settings_of(job_.options), make_topology(*job_.plan)),
      failures_(job_.options.restart, static_cast<std::uint32_t>(job_.plan->regions.size())) {
  set_down_handler([this](const caf::down_msg& down) { guarded([&] { on_down(down); }); });
  set_exit_handler([this](const caf::exit_msg&) { guarded([this] { end_job(job_state::cancelled, nullptr); }); });
  set_error_handler([](const caf::error&) {});
}

caf::behavior job_coordinator::make_behavior() {
  return {
      [this](begin_job) { guarded([this] { begin(); }); },
      [this](subtask_report& report) { guarded([&] { on_report(std::move(report)); }); },
      [this](companion_spawned& spawned) { guarded([&] { on_companion(std::move(spawned)); }); },
      [this](const run_there& there) { guarded([&] { (*there.work)(); }); },
      [this](job_request& request) { guarded([&] { on_request(std::move(request)); }); },
      [this](coordinator_tick it) {
        if (it.number != timer_number_)
          return; // a sooner one was asked for since
        timer_due_.reset();
        guarded([this] { tick(); });
      },
  };
}

void job_coordinator::on_exit() {
  // Nothing is left if the job has ended as it should; else nobody may wait for it for ever.
  send_to_all(stop_subtask{});
  post(store_, stop_subtask{});
  control_->finish(job_state::failed,
                   std::make_exception_ptr(job_failed({"job \"" + job_.graph->job_name + "\"", "a coordinator",
                                                       "one that ended before the job", "start the job again"})));
  regions_.clear();
  store_ = nullptr;
  // A tick that is to come keeps this actor; what the job is made of, sources with actors of their own, does not wait.
  job_ = {};
}

void job_coordinator::log(log_level level, const std::string& line) const {
  if (!job_.log)
    return;
  try {
    job_.log(level, line);
  } catch (...) { // NOLINT(bugprone-empty-catch): a log that can't be written must not end the job
  }
}

void job_coordinator::begin() {
  if (ending_)
    return;
  WEIR_FAILPOINT("coordinator.begin.before");
  store_ = spawn_store(system(), job_.blocking, job_.store, job_.env);
  monitor(store_);
  if (ending_) // it was shut down from outside before it began
    return end_if_all_dead();
  regions_.resize(job_.regions.size());
  for (std::size_t i = 0; i != regions_.size(); ++i) {
    regions_[i].prepared = std::move(job_.regions[i]);
    if (job_.resumed)
      regions_[i].failed_at = job_.begun;
    spawn_region(regions_[i]);
  }
  WEIR_FAILPOINT("coordinator.begin.after");
}

void job_coordinator::on_request(job_request request) {
  if (ending_) {
    if (request.answer)
      request.answer->set_exception(std::make_exception_ptr(
          error({"job \"" + job_.graph->job_name + "\"", "a running job", "one that is ending", ""})));
    return;
  }
  switch (request.what) {
  case job_request::kind::checkpoint:
    demands_.push_back(std::move(request.answer));
    carry_out(checkpoints_.request(checkpoint_trigger::demand, now()));
    break;
  case job_request::kind::stop:
    log(log_level::info, job_.options.checkpoints ? "stopping with a last checkpoint" : "stopping");
    control_->update([](job_status& s) { s.state = job_state::stopping; });
    carry_out(checkpoints_.request(checkpoint_trigger::stop, now()));
    break;
  case job_request::kind::drain:
    on_drain();
    break;
  case job_request::kind::cancel:
    log(log_level::info, "cancelled");
    end_job(job_state::cancelled, nullptr);
    break;
  }
}

void job_coordinator::on_drain() {
  const checkpoint_decisions decisions = checkpoints_.request(checkpoint_trigger::drain, now());
  const bool refused = std::any_of(decisions.begin(), decisions.end(), [](const checkpoint_decision& d) {
    return std::holds_alternative<refuse_decision>(d);
  });
  if (!refused) {
    log(log_level::info, "draining");
    control_->update([](job_status& s) { s.state = job_state::stopping; });
    draining_ = true;
    send_to_sources(drain_sources{});
  }
  carry_out(decisions);
}

void job_coordinator::end_job(job_state state, std::exception_ptr failure) {
  if (std::exchange(ending_, true))
    return;
  WEIR_FAILPOINT("coordinator.end.before");
  end_state_ = state;
  end_failure_ = std::move(failure);
  carry_out(checkpoints_.shut_down(state == job_state::failed ? "the job has failed" : "the job is ending"));
  refuse_all_demands("the job has ended");
  for (region& r : regions_) {
    r.restart_at.reset();
    stop_region(r);
  }
  WEIR_FAILPOINT("coordinator.end.after");
  end_if_all_dead();
}

void job_coordinator::fail_job(std::exception_ptr failure) {
  if (ending_)
    return;
  std::string text = "an object of unknown type was thrown";
  try {
    std::rethrow_exception(failure);
  } catch (const usage_error& e) {
    text = e.what();
  } catch (const job_failed& e) {
    text = e.what();
  } catch (const error& e) { // its exit code is for a job that could not begin; this one ran
    text = e.what();
    failure = std::make_exception_ptr(job_failed(e.text()));
  } catch (const std::exception& e) {
    text = e.what();
    failure = std::make_exception_ptr(job_failed({"job \"" + job_.graph->job_name + "\"", "", text, ""}));
  } catch (...) {
    failure = std::make_exception_ptr(job_failed({"job \"" + job_.graph->job_name + "\"", "", text, ""}));
  }
  log(log_level::error, "the job fails: " + text);
  control_->update([&](job_status& s) { s.failure = text; });
  end_job(job_state::failed, std::move(failure));
}

void job_coordinator::end_if_all_dead() {
  if (!ending_ || closing_ || !store_ ||
      std::any_of(regions_.begin(), regions_.end(), [](const region& r) { return !r.dead() || r.preparing; }))
    return;
  close_store();
}

void job_coordinator::close_store() {
  closing_ = true;
  if (!store_) { // it ended before it began
    job_.store.reset();
    control_->finish(end_state_, end_failure_);
    return quit();
  }
  std::optional<run_status> status;
  if (end_state_ == job_state::finished)
    status = run_status::finished;
  else if (end_state_ == job_state::failed)
    status = run_status::failed;
  else
    status = run_status::stopped;
  // Behind everything that was told to the store before. If this fails the job's end is only not noted.
  ask_store(
      [status = *status, at = wall()](checkpoint_store& store) {
        if (!store.has_failed())
          store.end_run(status, at);
        return true;
      },
      [this](bool) { post(store_, stop_subtask{}); },
      [this](std::exception_ptr) {
        log(log_level::warning, "the end of the run could not be noted in the store");
        post(store_, stop_subtask{});
      });
}

void job_coordinator::tick() {
  std::string stuck;
  for (region& r : regions_) {
    if (!r.look_at || now() < *r.look_at)
      continue;
    if (--r.looks_left > 0)
      r.look_at = now() + stop_patience / stop_looks;
    else
      for (const subtask_id id : r.not_dead())
        stuck += (stuck.empty() ? "" : ", ") + job_.plan->name_of(id);
  }
  if (!stuck.empty())
    return give_up_on(stuck);
  for (region& r : regions_)
    restart_if_due(r);
  carry_out(checkpoints_.tick(now()));
}

void job_coordinator::give_up_on(const std::string& stuck) {
  log(log_level::error, "does not stop: " + stuck);
  for (region& r : regions_)
    r.look_at.reset();
  const auto failure =
      std::make_exception_ptr(stuck_error({"subtask " + stuck, "an end within " + human_duration(stop_patience),
                                           "user code that does not return", "end the process"}));
  end_job(job_state::failed, failure);
  for (region& r : regions_)
    r.look_at.reset(); // the job is given up: whoever waits is told now, and the rest ends when it can
  control_->finish(job_state::failed, failure);
}

void job_coordinator::arm_timer() {
  std::optional<monotonic_time> next = checkpoints_.next_deadline();
  const auto sooner = [&next](const std::optional<monotonic_time>& at) {
    if (at && (!next || *at < *next))
      next = at;
  };
  for (const region& r : regions_) {
    if (r.dead() && !r.preparing)
      sooner(r.restart_at);
    sooner(r.look_at);
  }
  if (!next || (timer_due_ && *timer_due_ <= *next))
    return;
  timer_due_ = next;
  delayed_send(this, delay_until(now(), *next), coordinator_tick{++timer_number_});
}

caf::actor spawn_coordinator(caf::actor_system& system, prepared_job job, std::shared_ptr<job_control> control) {
  const bool own_thread = job.blocking == blocking_work::own_thread;
  caf::actor coordinator = own_thread ? system.spawn<job_coordinator, caf::detached>(std::move(job), std::move(control))
                                      : system.spawn<job_coordinator>(std::move(job), std::move(control));
  post(coordinator, begin_job{}); // before anybody can ask for anything
  return coordinator;
}

} // namespace weir::inline v0
