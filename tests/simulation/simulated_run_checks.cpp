// What must hold of a simulated run, besides what its parts and models notice themselves.
#include "simulation/simulated_run.hpp"

#include <weir/actors/subtask_setup.hpp>

#include <weir/persistence/error.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace simulation {

namespace {

/// A job that nothing troubles ends within so much simulated time; any job does when its troubles have ended.
constexpr std::int64_t patience_us = 15'000'000;

/// Why a checkpoint may fail.
struct known_reason {
  std::string_view text;
  bool also_if_calm;
};
constexpr std::array known_reasons{
    known_reason{"declined it: the barrier of checkpoint ", true}, // the source is slower than checkpoints are opened
    known_reason{": overtaken by checkpoint ", true},
    known_reason{": the job is ending", true},
    known_reason{": the job has failed", false},
    known_reason{": not complete after ", false},
    known_reason{" failed: ", false}, // its region has
    known_reason{"the store could not complete it", false},
    known_reason{"declined it: the store has no parent", false},
    known_reason{"declined it: the store does not take its chunks", false},
};

/// Of "checkpoint 7 complete: ...", 7.
std::optional<std::uint64_t> completed_in(std::string_view line) {
  constexpr std::string_view before = "checkpoint ";
  constexpr std::string_view after = " complete: ";
  if (line.substr(0, before.size()) != before)
    return std::nullopt;
  line.remove_prefix(before.size());
  std::uint64_t id = 0;
  const auto [end, fault] = std::from_chars(line.data(), line.data() + line.size(), id);
  line.remove_prefix(static_cast<std::size_t>(end - line.data()));
  return fault == std::errc{} && line.substr(0, after.size()) == after ? std::optional{id} : std::nullopt;
}

} // namespace

long simulated_run::disk_harm() const {
  using trouble = weir_test::faulty_disk::trouble;
  return disk_.happened(trouble::fail) + disk_.happened(trouble::full) + disk_.happened(trouble::shortened);
}

simulated_run::causes simulated_run::causes_so_far() const {
  causes now;
  now.exceptions = world_.exceptions();
  now.exceptions_in_preparation = world_.exceptions_in_preparation();
  now.disk_harm = disk_harm();
  return now;
}

void simulated_run::check_store() {
  std::error_code none;
  if (!std::filesystem::exists(store_, none)) {
    if (world_.newest_complete != 0 && !std::filesystem::exists(savepoint_, none))
      world_.violated("the store is gone");
    return;
  }
  try {
    world_.observing = true;
    // Where nothing was repeated, nothing is there twice, in either mode.
    stored_ = check_newest_state(store_, over_ && result_.lives == 1 && restarts_ == 0);
    world_.observing = false;
    const std::uint64_t newest = stored_ ? stored_->checkpoint : 0;
    if (stored_ && !stored_->in_flight.empty() && !options_.unaligned)
      world_.happened("in-flight batches after a timeout");
    if (newest < world_.newest_complete)
      world_.violated("checkpoint " + std::to_string(world_.newest_complete) +
                      " was complete, but the newest in the store is " + std::to_string(newest));
    // What a dead process had just completed, nobody had heard of yet.
    world_.newest_complete = std::max(world_.newest_complete, newest);
  } catch (const std::exception& e) {
    world_.violated(std::string{"the store can't be read: "} + e.what());
  }
}

void simulated_run::check_log(weir::log_level level, const std::string& line) {
  // A store whose disk works refuses to complete what it does not have; nobody should have asked.
  if (line.find("could not be completed") != std::string::npos)
    for (const char* refusal : {"acknowledgements of the present attempts", "expected to be open",
                                "expected none after it to be complete", "to name its table"})
      if (line.find(refusal) != std::string::npos)
        world_.violated("the coordinator believes what the store does not have: " + line);
  if (const auto id = completed_in(line))
    completed_.insert(*id);
  if (calm_ && level == weir::log_level::error)
    world_.violated("an error without a cause: " + line);
  if (level == weir::log_level::warning && line.compare(0, 11, "checkpoint ") == 0)
    check_failed_checkpoint(line);
}

/// A checkpoint fails for one of the reasons that there are; where nothing goes wrong, for one of the harmless ones.
void simulated_run::check_failed_checkpoint(const std::string& line) {
  if (line.find(" failed: ") == std::string::npos && line.find(" aborted: ") == std::string::npos)
    return;
  const auto why = line.find(": ");
  for (const known_reason& known : known_reasons)
    if (line.find(known.text, why) != std::string::npos) {
      const bool late = known.text == ": not complete after ";
      if (!calm_ || known.also_if_calm || (late && stalls_))
        return;
    }
  world_.violated("a checkpoint fails without a cause: " + line);
}

/// Every restart of a region has a cause of its own.
void simulated_run::check_restarts(const weir::job_status& status) {
  const causes now = causes_so_far();
  const std::uint64_t by_disk = static_cast<std::uint64_t>(now.disk_harm - before_.disk_harm) * plan_.regions.size();
  const std::uint64_t most = before_.region_killers + now.exceptions - before_.exceptions + by_disk;
  if (status.restarts > most)
    world_.violated("regions were restarted " + std::to_string(status.restarts) + " times, though only " +
                    std::to_string(most) + " things went wrong");
}

void simulated_run::check_failure(const weir::job_status& status) {
  const causes now = causes_so_far();
  if (before_.store_killed || before_.coordinator_killed || now.disk_harm != before_.disk_harm ||
      now.exceptions_in_preparation != before_.exceptions_in_preparation)
    return;
  world_.violated("the job fails without a cause: " + status.failure);
}

void simulated_run::check_time() {
  const std::int64_t now = world_.time->now_us();
  const std::int64_t from = calm_ ? 1'000'000 : troubles_ended_us_;
  result_.untroubled_us = calm_ || troubles_ended_us_ != 0 ? now - from : 0;
  if (result_.untroubled_us > patience_us)
    world_.violated("the job took " + std::to_string(result_.untroubled_us / 1000) +
                    " ms to end, though nothing troubled it");
}

/// Who asks for a checkpoint gets an answer: why there is none, or one that was opened after the question and is
/// complete. Whom the process takes with it gets none.
void simulated_run::check_demands(bool died) {
  for (demand& d : std::exchange(demands_, {})) {
    if (d.answer.wait_for(std::chrono::seconds{0}) != std::future_status::ready) {
      if (!died)
        world_.violated("somebody asked for a checkpoint and got no answer");
      continue;
    }
    try {
      const std::uint64_t id = d.answer.get().value;
      if (id <= d.newest_opened)
        world_.violated("who asked for a checkpoint after " + std::to_string(d.newest_opened) + " got " +
                        std::to_string(id));
      if (completed_.count(id) == 0)
        world_.violated("who asked for a checkpoint got " + std::to_string(id) + ", which is not complete");
    } catch (const weir::error& e) {
      say(std::string{"no checkpoint for who asked: "} + e.what());
    } catch (const std::future_error&) {
      say("no checkpoint for who asked: the coordinator is gone");
    }
  }
}

/// No subtask has ever been sent more than its credits allowed.
void simulated_run::check_queues(const weir::job_status& status) {
  const std::uint64_t window = weir::subtask_setup{}.credit_window;
  for (const weir::task_status& task : status.tasks)
    for (const weir::task_plan& t : plan_.tasks)
      if (t.name == task.name) {
        const std::size_t channels = plan_.channels_into({t.id, weir::subtask_index{0}}).size();
        if (task.batches_queued_most > channels * window)
          world_.violated(std::to_string(task.batches_queued_most) + " batches waited at a subtask of " + task.name +
                          ", whose " + std::to_string(channels) + " channels have credit for " +
                          std::to_string(window) + " each");
      }
}

void simulated_run::check_output() {
  if (calm_ && (result_.lives != 1 || restarts_ != 0))
    return world_.violated("nothing went wrong, and the job was not done at once");
  if (!stored_)
    return world_.violated("the job has finished without a complete checkpoint");
  if (!stored_->all_read && !drained_)
    return world_.violated("the job has finished before its sources did");
  for (std::size_t i = 0; i != world_.plan.steps.size(); ++i)
    if (world_.plan.steps[i].kind == step_kind::sink)
      check_sink(i, stored_->expected.outputs[i]);
}

void simulated_run::check_sink(std::size_t at, std::vector<event> wanted) {
  const simulation::step& s = world_.plan.steps[at];
  std::vector<event> written = world_.ledgers[s.name].committed;
  if (s.in_order && world_.exactly_once)
    check_order(s, written);
  std::sort(wanted.begin(), wanted.end());
  std::sort(written.begin(), written.end());
  const bool nothing_repeated = result_.lives == 1 && restarts_ == 0;
  const bool exact = nothing_repeated || (world_.exact(at) && s.style != sink_style::plain);
  if (exact ? written == wanted : std::includes(written.begin(), written.end(), wanted.begin(), wanted.end()))
    return;
  world_.violated("sink " + s.name + " has written " + std::to_string(written.size()) + " records, not the " +
                  std::to_string(wanted.size()) + " of the model");
}

void simulated_run::check_order(const simulation::step& s, const std::vector<event>& written) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> last;
  for (const event& e : written) {
    const auto [at, fresh] = last.try_emplace({e.origin, e.key}, e.number);
    if (!fresh && e.number < at->second)
      world_.violated("sink " + s.name + " has committed number " + std::to_string(e.number) + " of origin " +
                      std::to_string(e.origin) + ", key " + std::to_string(e.key) + ", behind " +
                      std::to_string(at->second));
    at->second = e.number;
  }
}

} // namespace simulation
