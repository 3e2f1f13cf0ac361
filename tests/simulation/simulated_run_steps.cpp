// One step after another: who runs next, what time it is, and what each message tells.
#include "simulation/simulated_run.hpp"

#include <caf/actor_cast.hpp>

#include <algorithm>

namespace simulation {

namespace {

constexpr std::string_view subtask_prefix = "weir.subtask ";
/// Without troubles the job must end within so many steps more.
constexpr std::uint64_t patience_steps = 60'000;

} // namespace

void simulated_run::step() {
  if (++result_.steps > troubles_end + patience_steps) {
    world_.violated("the job does not end, though nothing troubles it any more");
    return;
  }
  if (result_.steps == troubles_end)
    give_up_troubles();
  const std::uint64_t exceptions = world_.exceptions();
  begin_troubles();
  send_late();
  if (dying_)
    return;
  if (scheduler_->jobs.empty() && !scheduler_->has_pending_timeout()) {
    world_.violated("nothing is left to do, and the job has not ended");
    return;
  }
  take_savepoint_beside_job();
  run_something(true);
  if (world_.exceptions() != exceptions)
    region_is_harmed(0); // exceptions are counted by the world
}

void simulated_run::run_something(bool troubled) {
  // Time may jump while work waits, as on a machine that stalls; but not for ever.
  const bool stalls = troubled && stalls_ && result_.steps < troubles_end && random_.one_in(300);
  const bool timeout =
      scheduler_->has_pending_timeout() && (scheduler_->jobs.empty() || stalls || time_passes_an_orphan());
  if (timeout) {
    scheduler_->trigger_timeout();
    world_.time->advance_to(clock_us());
    if (trace_)
      say("a timeout");
  } else if (!scheduler_->jobs.empty()) {
    run_job(troubled);
  }
  static_cast<void>(world_.time->monotonic());
  sync_clock();
  watch_disk();
}

void simulated_run::run_job(bool troubled) {
  auto& jobs = scheduler_->jobs;
  std::size_t at = static_cast<std::size_t>(random_.below(jobs.size()));
  auto* actor = dynamic_cast<caf::scheduled_actor*>(jobs[at]);
  // One actor may be left waiting for a while.
  if (actor && troubled) {
    if (result_.steps >= starve_until_) {
      starved_ = random_.one_in(3) ? actor->id() : 0;
      starve_until_ = result_.steps + random_.below(300);
    }
    if (actor->id() == starved_ && jobs.size() > 1) {
      at = (at + 1) % jobs.size();
      actor = dynamic_cast<caf::scheduled_actor*>(jobs[at]);
    }
  }
  if (actor && troubled && jobs.size() > 1 && (waits(*actor) || make_orphan(*actor))) {
    at = (at + 1) % jobs.size();
    actor = dynamic_cast<caf::scheduled_actor*>(jobs[at]);
  }
  std::rotate(jobs.begin(), jobs.begin() + static_cast<std::ptrdiff_t>(at),
              jobs.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  if (actor)
    meet(*actor, troubled);
  scheduler_->try_run_once();
}

/// Looks at an actor that is about to run, and at its message.
void simulated_run::meet(caf::scheduled_actor& actor, bool troubled) {
  const std::string name = actor.name();
  const bool coordinator = name == "weir.coordinator";
  coordinator_ran_ = coordinator_ran_ || coordinator;
  if (troubled) {
    if (coordinator && !coordinator_)
      coordinator_ = caf::actor_cast<caf::actor>(&actor);
    else if (!coordinator && name.compare(0, 5, "weir.") == 0)
      remember(name, actor);
  }
  note(name);
  if (!trace_ && !troubled)
    return;
  const auto message = next_message(actor);
  if (!message)
    return;
  if (trace_)
    say(name + " <- " + message->text());
  if (troubled && (message->kind.empty() || !harm(actor, *message)))
    observe(name, *message);
}

void simulated_run::remember(const std::string& name, caf::scheduled_actor& actor) {
  const bool one_of_its_name = name.compare(0, subtask_prefix.size(), subtask_prefix) == 0 || name == "weir.store";
  auto& known = actors_[one_of_its_name ? name : name + " " + std::to_string(actor.id())];
  if (!known || known.id() != actor.id())
    known = caf::actor_cast<caf::actor>(&actor);
}

/// What a message tells that is going to be heard.
void simulated_run::observe(const std::string& name, const seen_message& message) {
  std::optional<std::string> complaint;
  if (message.on_channel)
    complaint = credits_.arrives(*message.on_channel);
  else if (message.grant)
    complaint = credits_.granted(*message.grant);
  if (complaint)
    world_.violated(*complaint);
  if (message.report && std::holds_alternative<weir::subtask_loaded>(message.report->event)) {
    weir::attempt_id& newest = loaded_[message.report->region];
    newest = std::max(newest, message.report->attempt);
  }
  if (message.opens)
    if (const auto found = subtasks_.find(name); found != subtasks_.end())
      for (const weir::node_index index : plan_.task(found->second.task).operators)
        for (std::size_t i = 0; i != world_.plan.steps.size(); ++i)
          if (world_.plan.steps[i].name == plan_.node(index).name)
            world_.restored_from[i] = 0;
  if (message.load)
    note_restore(*message.load);
  if (message.spawned)
    for (const auto& [of, id] : subtasks_)
      if (id == message.spawned->subtask)
        owners_[message.spawned->companion.id()] = of;
  if (message.trigger)
    newest_opened_ = std::max(newest_opened_, message.trigger->mark.checkpoint.value);
}

/// A subtask is about to load a checkpoint: what the store has for it must be what the model has, and what it then
/// finds in its state is compared with that. It gets it in parts of any size.
void simulated_run::note_restore(weir::load_request& load) {
  load.part_bytes = random_.between(1, 400);
  const std::uint64_t checkpoint = load.checkpoint.value;
  if (world_.restored_models.count(checkpoint) == 0) {
    world_.observing = true;
    disk_.stand_aside(true);
    try {
      const checked_state restored = check_stored_state(store_, checkpoint);
      note_in_flight(restored);
      world_.restored_models[checkpoint] = restored.expected;
    } catch (const std::exception& e) {
      world_.violated("checkpoint " + std::to_string(checkpoint) + " is restored, and can't be read: " + e.what());
    }
    disk_.stand_aside(false);
    world_.observing = false;
  }
  for (const weir::table_to_load& table : load.tables)
    for (std::size_t i = 0; i != world_.plan.steps.size(); ++i)
      if (world_.plan.steps[i].name == table.operator_name)
        world_.restored_from[i] = checkpoint;
}

void simulated_run::note_in_flight(const checked_state& restored) {
  for (const auto& [name, parallelism] : restored.in_flight) {
    world_.happened("in-flight batches restored");
    for (const weir::task_plan& task : plan_.tasks)
      if (plan_.node(task.operators.front()).name == name && parallelism != 0 && task.parallelism != parallelism)
        world_.happened("in-flight batches dealt out anew");
  }
}

void simulated_run::sync_clock() {
  auto& clock = scheduler_->clock();
  const auto now = caf::actor_clock::time_point{} + std::chrono::microseconds{world_.time->now_us()};
  if (now > clock.current_time)
    clock.advance_time(now - clock.current_time);
}

std::int64_t simulated_run::clock_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(scheduler_->clock().current_time.time_since_epoch())
      .count();
}

void simulated_run::say(const std::string& line) const {
  if (trace_)
    trace_(std::to_string(result_.steps) + " " + std::to_string(world_.time->now_us()) + "us " + line);
}

void simulated_run::note(std::string_view name) {
  for (const char c : name)
    result_.fingerprint = (result_.fingerprint ^ static_cast<unsigned char>(c)) * 0x100'0000'01b3U;
  result_.fingerprint ^= static_cast<std::uint64_t>(world_.time->now_us());
}

} // namespace simulation
