// The lives of a simulated process: how it starts, ends, and starts again.
#include "simulation/simulated_run.hpp"

#include "simulation/parts.hpp"
#include "unit/scratch_folder.hpp"

#include <weir/actors/subtask_setup.hpp>
#include <weir/persistence/error.hpp>
#include <weir/persistence/failpoint.hpp>

#include <caf/actor_registry.hpp>
#include <caf/atom.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include <sqlite3.h>

#include <algorithm>
#include <functional>
#include <utility>

namespace simulation {

namespace {

/// The disk and the folder of all simulations of this process. In memory where that is possible: a simulation that
/// loses power forgets by itself.
struct shared_disk {
  shared_disk() : folder(root_of_one_thread()) { disk.be_default(); }
  /// A simulation has one thread: SQLite needs no locks, nor statistics of its memory.
  static std::filesystem::path root_of_one_thread() {
    sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    return root();
  }
  static std::filesystem::path root() {
    std::error_code none;
    const std::filesystem::path memory = "/dev/shm";
    return std::filesystem::is_directory(memory, none) ? memory : std::filesystem::temp_directory_path();
  }
  weir_test::scratch_folder folder;
  weir_test::faulty_disk disk{"simulated"};
};

shared_disk& the_disk() {
  static shared_disk shared;
  return shared;
}

} // namespace

weir_test::faulty_disk& simulated_disk() {
  return the_disk().disk;
}

std::filesystem::path simulated_folder() {
  return the_disk().folder.path();
}

simulated_run::simulated_run(std::uint64_t seed, const trace_function& trace)
    : random_(seed),
      trace_(trace),
      disk_(simulated_disk()),
      world_(draw_pipeline(random_), random_.next()),
      planned_(draw_troubles(random_, troubles_begin_before)),
      calm_(planned_.empty()),
      stalls_(!calm_ || random_.one_in(2)),
      nodes_(random_.between(1, 3)),
      node_salt_(static_cast<std::uint32_t>(random_.next())) {
  result_.seed = seed;
  if (!calm_) {
    may_lose_power_ = random_.one_in(4) || std::any_of(planned_.begin(), planned_.end(), [](const planned_trouble& t) {
                        return needs_power_loss(*t.kind);
                      });
    starts_to_trouble_ = random_.below(4);
    seconds_to_trouble_ = random_.below(4);
  }
  draw_options();
  start_system();
}

outcome simulated_run::go() {
  store_ = simulated_folder() / ("seed-" + std::to_string(result_.seed) + ".weir");
  savepoint_ = simulated_folder() / ("seed-" + std::to_string(result_.seed) + ".save");
  disk_.thaw();
  disk_.disarm();
  disk_.remember_unsynced(may_lose_power_);
  disk_.on_torn([this] {
    // Only a loss of power before the next sync shows that a write was torn.
    if (!dying_) {
      lose_power_ = true;
      die();
    }
  });
  weir::failpoints::set_handler([this](std::string_view name) { at_failpoint(name); });
  if (trace_) {
    say("the job:\n" + world_.plan.to_text());
    for (const planned_trouble& t : planned_)
      say("planned: " + t.kind->name + " from step " + std::to_string(t.from_step) + ", skipping " +
          std::to_string(t.skip));
  }
  while (!over_ && !world_.violation())
    live();
  weir::failpoints::set_handler({});
  disk_.thaw();
  disk_.disarm();
  disk_.on_torn({});
  if (!world_.violation())
    check_output();
  end_system();
  remove_files();
  result_.violation = world_.violation();
  result_.troubles = world_.troubles;
  return std::move(result_);
}

// -- set-up

void simulated_run::draw_options() {
  options_.parallelism = static_cast<std::uint32_t>(random_.between(1, 4));
  options_.max_parallelism = static_cast<std::uint32_t>(random_.between(5, 16));
  options_.fusion = !random_.one_in(4);
  options_.batch_size = static_cast<std::uint32_t>(random_.between(1, 8));
  options_.flush_interval = std::chrono::microseconds{random_.one_in(4) ? 0 : random_.between(100, 5000)};
  options_.checkpoint_interval = std::chrono::microseconds{random_.between(500, 20'000)};
  if (random_.one_in(4))
    options_.checkpoint_records = random_.between(5, 60);
  if (random_.one_in(8) && options_.checkpoint_records != 0)
    options_.checkpoint_interval = {};
  options_.checkpoint_timeout = std::chrono::microseconds{random_.between(50'000, 500'000)};
  if (!stalls_) // a checkpoint that is late then is a mistake
    options_.checkpoint_timeout = std::chrono::seconds{30};
  options_.min_pause = std::chrono::microseconds{random_.one_in(2) ? 0 : random_.below(5000)};
  options_.max_concurrent = static_cast<std::uint32_t>(random_.between(1, 3));
  options_.tolerable_failures = 100'000;
  options_.retain = static_cast<std::uint32_t>(random_.between(1, 4));
  options_.mode = random_.one_in(5) ? weir::delivery_mode::at_least_once : weir::delivery_mode::exactly_once;
  world_.exactly_once = options_.mode == weir::delivery_mode::exactly_once;
  if (world_.exactly_once) {
    if (random_.one_in(3))
      options_.unaligned = true;
    else if (random_.one_in(3))
      options_.alignment_timeout = std::chrono::microseconds{random_.between(100, 10'000)};
  }
  if (random_.one_in(2))
    options_.restart = weir::fixed_delay_restart{100'000, std::chrono::microseconds{random_.below(20'000)}};
  else
    options_.restart = weir::exponential_delay_restart{
        std::chrono::milliseconds{1}, std::chrono::milliseconds{50}, 2, 0.5, std::chrono::seconds{1}, 100'000};
}

void simulated_run::start_system() {
  config_.set("scheduler.policy", caf::atom("testing"));
  config_.set("logger.verbosity", caf::atom("quiet"));
  system_ = std::make_unique<caf::actor_system>(config_);
  scheduler_ = dynamic_cast<caf::scheduler::test_coordinator*>(&system_->scheduler());
  listener_ = system_->spawn([this](caf::event_based_actor*) -> caf::behavior {
    return {[this](const weir::snapshot_stored& answer) {
              if (answer.result != weir::write_result::refused_attempt)
                world_.violated("the store takes a snapshot of an old attempt for checkpoint " +
                                to_string(answer.checkpoint) + ": " + std::string{to_text(answer.result)});
            },
            [](const weir::store_failed&) {}};
  });
  // The simulated clock and CAF's show the same time.
  sync_clock();
  idle_actors_ = system_->registry().running();
}

void simulated_run::end_system() {
  coordinator_.reset();
  actors_.clear();
  owners_.clear();
  late_.clear();
  handle_.reset();
  const bool clean = system_->registry().running() <= idle_actors_;
  caf::anon_send_exit(listener_, caf::exit_reason::kill);
  listener_ = nullptr;
  while (!scheduler_->jobs.empty() && clean)
    scheduler_->run_once();
  if (!clean)
    static_cast<void>(system_.release()); // its destructor would wait for ever; the violation says why
  system_.reset();
}

void simulated_run::remove_files() {
  std::error_code none;
  for (const std::string& file : {store_.string(), savepoint_.string()})
    for (const char* suffix : {"", "-wal", "-shm", "-journal", ".lock", ".creating", ".creating-wal", ".creating-shm",
                               ".creating-journal", ".creating.lock"})
      std::filesystem::remove(file + suffix, none);
}

// -- one life of the process

void simulated_run::live() {
  ++result_.lives;
  if (result_.lives > 40 + planned_.size()) {
    world_.violated("the process does not come to an end: it was started " + std::to_string(result_.lives) + " times");
    return;
  }
  check_store();
  if (result_.lives > 1)
    draw_parallelism();
  if (world_.violation() || !move_by_savepoint())
    return;
  const bool started = start_job();
  forget_savepoint_of_begun_store();
  if (!started)
    return;
  while (!dying_ && !world_.violation() && !ended())
    step();
  finish_life();
}

/// For another life: often fewer subtasks, if some have left something to commit.
void simulated_run::draw_parallelism() {
  const bool heirs = commits_wait() && !random_.one_in(4);
  if (heirs || random_.one_in(3))
    options_.parallelism = static_cast<std::uint32_t>(random_.between(1, heirs ? options_.parallelism : 4));
  // What one run has overtaken, the next takes up, whatever its own barriers do.
  if (world_.exactly_once && random_.one_in(4)) {
    options_.unaligned = options_.alignment_timeout.count() == 0 && !options_.unaligned;
    options_.alignment_timeout = {};
  }
}

/// Whether a sink has something prepared for a complete checkpoint that it has not committed.
bool simulated_run::commits_wait() const {
  for (const auto& [name, l] : world_.ledgers)
    for (const auto& [id, part] : l.prepared)
      if (part.checkpoint > l.newest_committed && part.checkpoint <= world_.newest_complete)
        return true;
  return false;
}

bool simulated_run::start_job() {
  options_.store = store_.string();
  weir::runtime runtime{*system_, world_.time, weir::blocking_work::scheduled};
  runtime.log_to([this](weir::log_level level, const std::string& line) {
    say("log: " + line);
    check_log(level, line);
  });
  say("life " + std::to_string(result_.lives) + ", parallelism " + std::to_string(options_.parallelism));
  before_ = causes_so_far();
  const long disk_before = disk_.happened();
  arm_for_start();
  world_.starting = true;
  try {
    const weir::job job = make_job();
    plan_graph_ = std::make_unique<weir::job_graph>(job.graph());
    plan_ = weir::make_plan(*plan_graph_, options_).plan;
    note_plan();
    handle_ = runtime.start(job, options_);
    coordinator_ran_ = true; // a job that had finished has none
  } catch (const weir::error& e) {
    say(std::string{"the start failed: "} + e.what());
    if (!dying_ && disk_.happened() == disk_before && world_.exceptions() == before_.exceptions)
      world_.violated(std::string{"the job does not start: "} + e.what());
  } catch (const planned_exception& e) {
    say(std::string{"the start failed: "} + e.what());
  } catch (const std::exception& e) {
    world_.violated(std::string{"the start throws what is not ours: "} + e.what());
  }
  world_.starting = false;
  died_in_start_ = dying_;
  watch_disk();
  disarm_after_start();
  if (handle_)
    return true;
  begin_next_life();
  return false;
}

/// What is to be known of the job that is about to start.
void simulated_run::note_plan() {
  subtasks_.clear();
  for (const weir::subtask_id id : plan_.subtasks())
    subtasks_.emplace("weir.subtask " + plan_.name_of(id), id);
  credits_ = credit_model{plan_.channels.size(), weir::subtask_setup{}.credit_window};
  loaded_.clear();
  world_.restored_from.assign(world_.plan.steps.size(), 0);
  // Where no subtask on the way has several channels, nothing overtakes a barrier.
  std::map<weir::task_id, bool> known;
  const std::function<bool(weir::task_id)> single = [&](weir::task_id task) {
    if (const auto found = known.find(task); found != known.end())
      return found->second;
    bool one = plan_.channels_into({task, weir::subtask_index{0}}).size() <= 1;
    for (const std::size_t edge : plan_.task(task).edges_in)
      one = single(plan_.edges[edge].from) && one;
    return known[task] = one;
  };
  for (const weir::task_plan& task : plan_.tasks)
    for (const weir::node_index index : task.operators)
      for (std::size_t i = 0; i != world_.plan.steps.size(); ++i)
        if (world_.plan.steps[i].name == plan_.node(index).name)
          world_.exact_steps[i] = world_.exact_steps[i] && single(task.id);
}

bool simulated_run::ended() {
  if (!coordinator_ran_)
    return false;
  coordinator_ran_ = false;
  const weir::job_status status = handle_->status();
  if (status.newest_checkpoint)
    world_.newest_complete = std::max(world_.newest_complete, status.newest_checkpoint->value);
  world_.restarting = status.state == weir::job_state::restarting;
  check_restarts(status);
  using weir::job_state;
  return status.state == job_state::finished || status.state == job_state::stopped ||
         status.state == job_state::cancelled || status.state == job_state::failed;
}

void simulated_run::finish_life() {
  if (world_.violation())
    return;
  restarts_ += handle_->status().restarts;
  if (dying_) {
    kill_all();
  } else {
    const weir::job_status status = handle_->status();
    result_.checkpoints += status.checkpoints;
    check_queues(status);
    say("the job is " + std::string{to_text(status.state)} + (status.failure.empty() ? "" : ": " + status.failure));
    over_ = status.state == weir::job_state::finished;
    if (status.state == weir::job_state::failed)
      check_failure(status);
    handle_.reset();
  }
  const bool died = dying_;
  drain();
  check_demands(died);
  begin_next_life();
  if (over_) {
    check_store();
    check_time();
  }
}

/// Runs what is left of a job until nothing is.
void simulated_run::drain() {
  coordinator_.reset();
  actors_.clear();
  owners_.clear();
  late_.clear();
  for (std::uint64_t i = 0; system_->registry().running() > idle_actors_; ++i) {
    if (i == 100'000 || (scheduler_->jobs.empty() && !scheduler_->has_pending_timeout())) {
      world_.violated(std::to_string(system_->registry().running() - idle_actors_) + " actors outlive their job");
      return;
    }
    run_something(false);
  }
  while (!scheduler_->jobs.empty())
    run_something(false);
  scheduler_->clock().cancel_all(); // to actors that are gone: they hold what is left of them
  while (!scheduler_->jobs.empty())
    run_something(false);
}

void simulated_run::begin_next_life() {
  if (std::exchange(lose_power_, false) && dying_) {
    disk_.lose_power(random_.next());
    world_.happened(died_in_start_ ? "power lost in a start" : "power lost");
  }
  dying_ = false;
  died_in_start_ = false;
  world_.dead = false;
  world_.restarting = false;
  ++world_.life;
  disk_.thaw();
  disarm_disk();
  for (auto& [name, l] : world_.ledgers)
    l.newest_attempt = 0;
}

/// The process dies at this instant.
void simulated_run::die() {
  dying_ = true;
  world_.dead = true;
  disk_.freeze();
}

void simulated_run::kill_all() {
  for (const auto& [name, actor] : actors_)
    caf::anon_send_exit(actor, caf::exit_reason::kill);
  if (coordinator_)
    caf::anon_send_exit(*coordinator_, caf::exit_reason::kill);
  else if (handle_)
    handle_->cancel(); // the coordinator has not run yet
  handle_.reset();
}

} // namespace simulation
