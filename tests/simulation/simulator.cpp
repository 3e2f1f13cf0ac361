#include "simulation/simulator.hpp"

#include "machines/faulty_disk.hpp"
#include "simulation/messages_seen.hpp"
#include "simulation/parts.hpp"
#include "simulation/state_check.hpp"
#include "simulation/troubles.hpp"
#include "simulation/world.hpp"
#include "unit/scratch_folder.hpp"

#include <weir/actors/subtask_setup.hpp>
#include <weir/coordinator/coordinator_messages.hpp>
#include <weir/coordinator/plan.hpp>
#include <weir/coordinator/runtime.hpp>
#include <weir/persistence/error.hpp>
#include <weir/persistence/failpoint.hpp>

#include <caf/actor_registry.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/atom.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <future>
#include <memory>
#include <string_view>
#include <utility>

namespace simulation {

namespace {

using weir_test::faulty_disk;

/// Planned troubles begin before this step; those that found no opportunity by `troubles_end` are dropped.
constexpr std::uint64_t troubles_begin_before = 1500;
constexpr std::uint64_t troubles_end = 6000;
/// Without troubles the job must end within so many steps more.
constexpr std::uint64_t patience_steps = 60'000;

constexpr std::string_view subtask_name = "weir.subtask ";

/// The disk and the folder of all simulations of this process. In memory where that is possible: a simulation that
/// loses power forgets by itself.
struct shared_disk {
  shared_disk() : folder(root()) { disk.be_default(); }
  static std::filesystem::path root() {
    std::error_code none;
    const std::filesystem::path memory = "/dev/shm";
    return std::filesystem::is_directory(memory, none) ? memory : std::filesystem::temp_directory_path();
  }
  weir_test::scratch_folder folder;
  faulty_disk disk{"simulated"};
};

shared_disk& the_disk() {
  static shared_disk shared;
  return shared;
}

class run {
public:
  run(std::uint64_t seed, const trace_function& trace)
      : random_(seed),
        trace_(trace),
        disk_(the_disk().disk),
        world_(draw_pipeline(random_), random_.next()),
        planned_(draw_troubles(random_, troubles_begin_before)),
        nodes_(random_.between(1, 3)),
        node_salt_(static_cast<std::uint32_t>(random_.next())) {
    result_.seed = seed;
    draw_options();
    start_system();
  }

  outcome go() {
    store_ = the_disk().folder / ("seed-" + std::to_string(result_.seed) + ".weir");
    disk_.thaw();
    disk_.disarm();
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
    if (!world_.violation())
      check_output();
    end_system();
    remove_files();
    result_.violation = world_.violation();
    result_.troubles = world_.troubles;
    return std::move(result_);
  }

private:
  // -- set-up

  void draw_options() {
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
    options_.min_pause = std::chrono::microseconds{random_.one_in(2) ? 0 : random_.below(5000)};
    options_.max_concurrent = static_cast<std::uint32_t>(random_.between(1, 3));
    options_.tolerable_failures = 100'000;
    options_.retain = static_cast<std::uint32_t>(random_.between(1, 4));
    options_.mode = random_.one_in(5) ? weir::delivery_mode::at_least_once : weir::delivery_mode::exactly_once;
    world_.exactly_once = options_.mode == weir::delivery_mode::exactly_once;
    if (random_.one_in(2))
      options_.restart = weir::fixed_delay_restart{100'000, std::chrono::microseconds{random_.below(20'000)}};
    else
      options_.restart = weir::exponential_delay_restart{
          std::chrono::milliseconds{1}, std::chrono::milliseconds{50}, 2, 0.5, std::chrono::seconds{1}, 100'000};
  }

  void start_system() {
    config_.set("scheduler.policy", caf::atom("testing"));
    config_.set("logger.verbosity", caf::atom("quiet"));
    system_ = std::make_unique<caf::actor_system>(config_);
    scheduler_ = dynamic_cast<caf::scheduler::test_coordinator*>(&system_->scheduler());
    // The simulated clock and CAF's show the same time.
    sync_clock();
    idle_actors_ = system_->registry().running();
  }

  void end_system() {
    coordinator_.reset();
    actors_.clear();
    late_.clear();
    handle_.reset();
    if (system_->registry().running() > idle_actors_)
      static_cast<void>(system_.release()); // its destructor would wait for ever; the violation says why
    system_.reset();
  }

  void remove_files() {
    std::error_code none;
    for (const char* suffix :
         {"", "-wal", "-shm", ".lock", ".creating", ".creating-wal", ".creating-shm", ".creating-journal"})
      std::filesystem::remove(store_.string() + suffix, none);
  }

  // -- one life of the process

  void live() {
    ++result_.lives;
    if (result_.lives > 40 + planned_.size()) {
      world_.violated("the process does not come to an end: it was started " + std::to_string(result_.lives) +
                      " times");
      return;
    }
    check_store();
    if (result_.lives > 1)
      draw_parallelism();
    if (world_.violation() || !start_job())
      return;
    while (!dying_ && !world_.violation() && !ended())
      step();
    finish_life();
  }

  /// For another life: often fewer subtasks, if some have left something to commit.
  void draw_parallelism() {
    const bool heirs = commits_wait() && !random_.one_in(4);
    if (heirs || random_.one_in(3))
      options_.parallelism = static_cast<std::uint32_t>(random_.between(1, heirs ? options_.parallelism : 4));
  }

  /// Whether a sink has something prepared for a complete checkpoint that it has not committed.
  [[nodiscard]] bool commits_wait() const {
    for (const auto& [name, l] : world_.ledgers)
      for (const auto& [id, part] : l.prepared)
        if (part.checkpoint > l.newest_committed && part.checkpoint <= world_.newest_complete)
          return true;
    return false;
  }

  void check_store() {
    std::error_code none;
    if (!std::filesystem::exists(store_, none)) {
      if (world_.newest_complete != 0)
        world_.violated("the store is gone");
      return;
    }
    try {
      world_.observing = true;
      stored_ = check_stored_state(store_);
      world_.observing = false;
      const std::uint64_t newest = stored_ ? stored_->checkpoint : 0;
      if (newest < world_.newest_complete)
        world_.violated("checkpoint " + std::to_string(world_.newest_complete) +
                        " was complete, but the newest in the store is " + std::to_string(newest));
      // What a dead process had just completed, nobody had heard of yet.
      world_.newest_complete = std::max(world_.newest_complete, newest);
    } catch (const std::exception& e) {
      world_.violated(std::string{"the store can't be read: "} + e.what());
    }
  }

  bool start_job() {
    options_.store = store_.string();
    weir::runtime runtime{*system_, world_.time, weir::blocking_work::scheduled};
    runtime.log_to([this](weir::log_level, const std::string& line) {
      say("log: " + line);
      check_log(line);
    });
    say("life " + std::to_string(result_.lives) + ", parallelism " + std::to_string(options_.parallelism));
    try {
      const weir::job job = make_job();
      plan_graph_ = std::make_unique<weir::job_graph>(job.graph());
      plan_ = weir::make_plan(*plan_graph_, options_).plan;
      handle_ = runtime.start(job, options_);
      return true;
    } catch (const weir::error& e) {
      say(std::string{"the start failed: "} + e.what());
      if (!dying_ && disk_.happened() == disk_troubles_ && !planned_exception_happened_)
        world_.violated(std::string{"the job does not start: "} + e.what());
    } catch (const planned_exception& e) {
      say(std::string{"the start failed: "} + e.what());
    } catch (const std::exception& e) {
      world_.violated(std::string{"the start throws what is not ours: "} + e.what());
    }
    disk_troubles_ = disk_.happened();
    begin_next_life();
    return false;
  }

  /// A store whose disk works refuses to complete what it does not have; nobody should have asked.
  void check_log(const std::string& line) {
    if (line.find("could not be completed") == std::string::npos)
      return;
    for (const char* refusal : {"acknowledgements of the present attempts", "expected to be open",
                                "expected none after it to be complete", "to name its table"})
      if (line.find(refusal) != std::string::npos)
        world_.violated("the coordinator believes what the store does not have: " + line);
  }

  bool ended() {
    if (!coordinator_ran_)
      return false;
    coordinator_ran_ = false;
    const weir::job_status status = handle_->status();
    if (status.newest_checkpoint)
      world_.newest_complete = std::max(world_.newest_complete, status.newest_checkpoint->value);
    return handle_->wait_for(std::chrono::microseconds{0});
  }

  void finish_life() {
    if (world_.violation())
      return;
    if (dying_) {
      kill_all();
    } else {
      const weir::job_status status = handle_->status();
      result_.checkpoints += status.checkpoints;
      check_credits(status);
      say("the job is " + std::string{to_text(status.state)} + (status.failure.empty() ? "" : ": " + status.failure));
      over_ = status.state == weir::job_state::finished;
      if (status.state == weir::job_state::failed && result_.steps > troubles_end + 5000 && ++late_failures_ > 3)
        world_.violated("the job fails without a reason: " + status.failure);
    }
    drain();
    begin_next_life();
    if (over_)
      check_store();
  }

  /// No subtask has ever been sent more than its credits allowed.
  void check_credits(const weir::job_status& status) {
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

  /// Runs what is left of a job until nothing is.
  void drain() {
    coordinator_.reset();
    actors_.clear();
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
    scheduler_->trigger_timeouts(); // to actors that are gone: they hold what is left of them
    while (!scheduler_->jobs.empty())
      run_something(false);
  }

  void begin_next_life() {
    if (std::exchange(lose_power_, false) && dying_) {
      disk_.lose_power(random_.next());
      world_.happened("power lost");
    }
    dying_ = false;
    world_.dead = false;
    ++world_.life;
    disk_.thaw();
    disk_.disarm();
    disk_troubles_ = disk_.happened();
    for (auto& [name, l] : world_.ledgers)
      l.newest_attempt = 0;
  }

  /// The process dies at this instant.
  void die() {
    dying_ = true;
    world_.dead = true;
    disk_.freeze();
  }

  void kill_all() {
    for (const auto& [name, actor] : actors_)
      caf::anon_send_exit(actor, caf::exit_reason::kill);
    if (coordinator_)
      caf::anon_send_exit(*coordinator_, caf::exit_reason::kill);
    else if (handle_)
      handle_->cancel(); // the coordinator has not run yet
    handle_.reset();
  }

  // -- one step

  void step() {
    if (++result_.steps > troubles_end + patience_steps) {
      world_.violated("the job does not end, though nothing troubles it any more");
      return;
    }
    if (result_.steps == troubles_end)
      give_up_troubles();
    begin_troubles();
    send_late();
    if (dying_)
      return;
    if (scheduler_->jobs.empty() && !scheduler_->has_pending_timeout()) {
      world_.violated("nothing is left to do, and the job has not ended");
      return;
    }
    run_something(true);
  }

  void run_something(bool troubled) {
    // Time may jump while work waits, as on a machine that stalls; but not for ever.
    const bool stalls = troubled && result_.steps < troubles_end && random_.one_in(300);
    const bool timeout = scheduler_->has_pending_timeout() && (scheduler_->jobs.empty() || stalls);
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
    std::erase_if(disk_watches_, [this](const disk_watch& w) {
      if (disk_.happened(w.what) == w.before)
        return false;
      happened(*w.kind);
      say(disk_.last_trouble());
      return true;
    });
  }

  void run_job(bool troubled) {
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
    std::rotate(jobs.begin(), jobs.begin() + static_cast<std::ptrdiff_t>(at),
                jobs.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    if (actor)
      meet(*actor, troubled);
    scheduler_->try_run_once();
  }

  /// Looks at an actor that is about to run, and at its message.
  void meet(caf::scheduled_actor& actor, bool troubled) {
    const std::string_view name = actor.name();
    const bool coordinator = name == "weir.coordinator";
    coordinator_ran_ = coordinator_ran_ || coordinator;
    if (troubled) {
      if (coordinator && !coordinator_)
        coordinator_ = caf::actor_cast<caf::actor>(&actor);
      else if (!coordinator && name.substr(0, 5) == "weir.")
        remember(std::string{name}, actor);
    }
    note(name);
    if (!trace_ && ((harms_.empty() && deaf_for_ == 0) || !troubled))
      return;
    const auto message = next_message(actor);
    if (!message)
      return;
    if (trace_)
      say(std::string{name} + " <- " + message->text);
    if (troubled && !message->kind.empty())
      harm(actor, *message);
  }

  void remember(const std::string& name, caf::scheduled_actor& actor) {
    if (name.substr(0, subtask_name.size()) == subtask_name || name == "weir.store") {
      actors_.insert_or_assign(name, caf::actor_cast<caf::actor>(&actor));
      return;
    }
    actors_.insert_or_assign(name + " " + std::to_string(actor.id()), caf::actor_cast<caf::actor>(&actor));
  }

  void sync_clock() {
    auto& clock = scheduler_->clock();
    const auto now = caf::actor_clock::time_point{} + std::chrono::microseconds{world_.time->now_us()};
    if (now > clock.current_time)
      clock.advance_time(now - clock.current_time);
  }
  std::int64_t clock_us() {
    return std::chrono::duration_cast<std::chrono::microseconds>(scheduler_->clock().current_time.time_since_epoch())
        .count();
  }

  // -- troubles

  void begin_troubles() {
    while (next_planned_ < planned_.size() && planned_[next_planned_].from_step <= result_.steps) {
      const planned_trouble& t = planned_[next_planned_++];
      begin(t);
      if (dying_)
        return;
    }
  }

  void begin(const planned_trouble& t) {
    switch (t.kind->action) {
    case trouble_action::harm_message:
      harms_.push_back(t);
      break;
    case trouble_action::throw_in_user_code:
      planned_exception_happened_ = true;
      world_.arm_exception(t.kind->what, 1 + t.skip);
      break;
    case trouble_action::kill_subtask:
      kill_one([](const std::string& name) { return name.substr(0, subtask_name.size()) == subtask_name; }, t.kind);
      break;
    case trouble_action::kill_companion:
      kill_one(
          [](const std::string& name) { return name.substr(0, 9) == "weir.sink" || name.substr(0, 9) == "weir.sour"; },
          t.kind);
      break;
    case trouble_action::lose_node:
      lose_node(t);
      break;
    case trouble_action::kill_store:
      kill_one([](const std::string& name) { return name == "weir.store"; }, t.kind);
      break;
    case trouble_action::kill_coordinator:
      if (coordinator_) {
        caf::anon_send_exit(*coordinator_, caf::exit_reason::kill);
        happened(*t.kind);
      }
      break;
    case trouble_action::lose_power:
      lose_power_ = true; // counted when it happens
      die();
      break;
    case trouble_action::die:
      happened(*t.kind);
      die();
      break;
    case trouble_action::die_at_failpoint:
      die_in_ = 1 + t.skip;
      break;
    case trouble_action::harm_disk:
      harm_disk(t);
      break;
    case trouble_action::ask:
      ask(t);
      break;
    }
  }

  void happened(const trouble_kind& kind) {
    world_.happened(kind.name);
    say("TROUBLE: " + kind.name);
  }

  static bool lives(const caf::actor& actor) {
    return !caf::actor_cast<caf::abstract_actor*>(actor)->getf(caf::abstract_actor::is_terminated_flag);
  }

  template <class Which>
  void kill_one(Which which, const trouble_kind* kind) {
    std::vector<caf::actor> candidates;
    for (const auto& [name, actor] : actors_)
      if (which(name) && lives(actor))
        candidates.push_back(actor);
    if (candidates.empty())
      return;
    caf::anon_send_exit(random_.pick(candidates), caf::exit_reason::kill);
    if (kind)
      happened(*kind);
  }

  std::uint64_t node_of(const std::string& subtask) const {
    std::uint32_t hash = node_salt_;
    for (const char c : subtask)
      hash = jumble(hash, static_cast<unsigned char>(c));
    return hash % nodes_;
  }

  void lose_node(const planned_trouble& t) {
    const std::uint64_t node = random_.below(nodes_);
    bool any = false;
    for (const auto& [name, actor] : actors_)
      if (name.substr(0, subtask_name.size()) == subtask_name && node_of(name.substr(subtask_name.size())) == node &&
          lives(actor)) {
        caf::anon_send_exit(actor, caf::exit_reason::kill);
        any = true;
      }
    if (any)
      happened(*t.kind);
  }

  [[nodiscard]] bool between_nodes(weir::channel_id channel) const {
    if (channel.value >= plan_.channels.size())
      return false;
    const weir::channel_plan& c = plan_.channel(channel);
    return node_of(plan_.name_of(c.from)) != node_of(plan_.name_of(c.to));
  }

  void harm(caf::scheduled_actor& receiver, const seen_message& message) {
    if (deaf_for_ != 0 && message.kind == "credit" && message.channel == deaf_) {
      --deaf_for_;
      message.lose();
      return;
    }
    const auto found = std::find_if(harms_.begin(), harms_.end(),
                                    [&](const planned_trouble& t) { return t.kind->what == message.kind; });
    if (found == harms_.end() || (message.channel && !between_nodes(*message.channel)))
      return;
    if (found->skip != 0) {
      --found->skip;
      return;
    }
    const trouble_kind& kind = *found->kind;
    harms_.erase(found);
    auto to = caf::actor_cast<caf::actor>(&receiver);
    switch (kind.how) {
    case mishap::lost:
      message.lose();
      if (message.kind == "credit") { // a later grant makes up for one: several in a row are lost
        deaf_ = message.channel;
        deaf_for_ = random_.below(4);
      }
      happened(kind);
      break;
    case mishap::late:
      late_.push_back({result_.steps + random_.between(1, 400), 0, receiver.name(), to, message.send, &kind});
      message.lose();
      happened(kind);
      break;
    case mishap::repeated:
      if (random_.one_in(2))
        message.send(to);
      else
        late_.push_back({result_.steps + random_.between(1, 400), 0, receiver.name(), to, message.send, &kind});
      happened(kind);
      break;
    case mishap::from_old_attempt:
      // Sent to whoever has the name then; a death sees to it that there is a next attempt.
      kill_one([](const std::string& n) { return n.substr(0, subtask_name.size()) == subtask_name; }, nullptr);
      late_.push_back({0, handle_->status().restarts + 1, receiver.name(), {}, message.send, &kind});
      break;
    }
  }

  void send_late() {
    for (std::size_t i = 0; i != late_.size();) {
      late_message& m = late_[i];
      caf::actor to = m.to;
      bool due = m.at_restart == 0 && m.at_step <= result_.steps;
      if (m.at_restart != 0 && result_.steps % 16 == 0 && handle_->status().restarts >= m.at_restart) {
        if (m.name == "weir.coordinator" && coordinator_)
          to = *coordinator_;
        else if (const auto found = actors_.find(m.name); found != actors_.end())
          to = found->second;
        due = static_cast<bool>(to);
        if (due)
          happened(*m.kind);
      }
      if (!due) {
        ++i;
        continue;
      }
      say("sent late: " + m.kind->what);
      m.send(to);
      late_.erase(late_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }

  void harm_disk(const planned_trouble& t) {
    using operation = faulty_disk::operation;
    using trouble = faulty_disk::trouble;
    faulty_disk::fault f;
    f.nth = static_cast<long>(1 + t.skip);
    const std::string& what = t.kind->what;
    if (what == "write failed" || what == "write failed for good") {
      f.of = operation::write;
      f.from_then_on = what != "write failed";
    } else if (what == "sync failed") {
      f.of = operation::sync;
    } else if (what == "disk full") {
      f.of = operation::write;
      f.what = trouble::full;
      f.from_then_on = random_.one_in(2);
    } else if (what == "write torn") {
      f.of = operation::write;
      f.what = trouble::torn;
      lose_power_ = true;
    } else if (what == "write shortened") {
      f.of = operation::write;
      f.what = trouble::shortened;
    } else {
      f.of = operation::lock;
      f.what = trouble::delayed;
    }
    disk_.arm(f);
    disk_watches_.push_back({t.kind, f.what, disk_.happened(f.what)});
  }

  void ask(const planned_trouble& t) {
    if (!coordinator_)
      return;
    using kind = weir::job_request::kind;
    const std::string& what = t.kind->what;
    happened(*t.kind);
    if (what == "checkpoint")
      caf::anon_send(*coordinator_,
                     weir::job_request{kind::checkpoint, std::make_shared<std::promise<weir::checkpoint_id>>()});
    else
      caf::anon_send(*coordinator_, weir::job_request{what == "stop"    ? kind::stop
                                                      : what == "drain" ? kind::drain
                                                                        : kind::cancel,
                                                      nullptr});
    drained_ = drained_ || what == "drain";
  }

  void at_failpoint(std::string_view name) {
    if (die_in_ == 0 || dying_ || --die_in_ != 0)
      return;
    world_.happened("process died at a failpoint");
    world_.happened("died at " + std::string{name});
    say("TROUBLE: the process dies at " + std::string{name});
    die();
  }

  void give_up_troubles() {
    next_planned_ = planned_.size();
    harms_.clear();
    deaf_for_ = 0;
    late_.clear();
    world_.disarm_exception();
    disk_.disarm();
    die_in_ = 0;
    lose_power_ = false;
  }

  // -- the end

  void check_output() {
    if (!stored_)
      return world_.violated("the job has finished without a complete checkpoint");
    if (!stored_->all_read && !drained_)
      return world_.violated("the job has finished before its sources did");
    for (std::size_t i = 0; i != world_.plan.steps.size(); ++i)
      if (const simulation::step& s = world_.plan.steps[i]; s.kind == step_kind::sink)
        check_sink(s, stored_->expected.outputs[i]);
  }

  void check_sink(const simulation::step& s, std::vector<event> wanted) {
    std::vector<event> written = world_.ledgers[s.name].committed;
    if (s.in_order && world_.exactly_once)
      check_order(s, written);
    std::sort(wanted.begin(), wanted.end());
    std::sort(written.begin(), written.end());
    if (world_.exactly_once && s.style != sink_style::plain ? written == wanted : includes_all(written, wanted))
      return;
    world_.violated("sink " + s.name + " has written " + std::to_string(written.size()) + " records, not the " +
                    std::to_string(wanted.size()) + " of the model");
  }

  /// Nothing missing; for at-least-once repeats are as they may be.
  static bool includes_all(const std::vector<event>& written, const std::vector<event>& wanted) {
    return std::includes(written.begin(), written.end(), wanted.begin(), wanted.end());
  }

  void check_order(const simulation::step& s, const std::vector<event>& written) {
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

  // -- telling

  void say(const std::string& line) const {
    if (trace_)
      trace_(std::to_string(result_.steps) + " " + std::to_string(world_.time->now_us()) + "us " + line);
  }
  void note(std::string_view name) {
    for (const char c : name)
      result_.fingerprint = (result_.fingerprint ^ static_cast<unsigned char>(c)) * 0x100'0000'01b3U;
    result_.fingerprint ^= static_cast<std::uint64_t>(world_.time->now_us());
  }

  struct late_message {
    std::uint64_t at_step;
    std::uint64_t at_restart; ///< 0: by the step
    std::string name;
    caf::actor to;
    std::function<void(const caf::actor&)> send;
    const trouble_kind* kind;
  };

  struct disk_watch {
    const trouble_kind* kind;
    faulty_disk::trouble what;
    long before;
  };

  chance random_;
  const trace_function& trace_;
  faulty_disk& disk_;
  world world_;
  std::vector<planned_trouble> planned_;
  std::uint64_t nodes_;
  std::uint32_t node_salt_;
  outcome result_;

  weir::job_options options_;
  std::filesystem::path store_;
  std::unique_ptr<weir::job_graph> plan_graph_;
  weir::job_plan plan_;

  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  caf::scheduler::test_coordinator* scheduler_ = nullptr;
  std::size_t idle_actors_ = 0;
  std::optional<weir::job_handle> handle_;
  std::optional<caf::actor> coordinator_;
  std::map<std::string, caf::actor> actors_; ///< by name: subtasks, companions, the store
  bool coordinator_ran_ = false;
  caf::actor_id starved_ = 0;
  std::uint64_t starve_until_ = 0;

  std::size_t next_planned_ = 0;
  std::vector<planned_trouble> harms_;
  std::vector<late_message> late_;
  std::optional<weir::channel_id> deaf_; ///< so many grants more on this channel are lost
  std::uint64_t deaf_for_ = 0;
  std::vector<disk_watch> disk_watches_;
  std::uint64_t die_in_ = 0; ///< failpoints
  bool dying_ = false;
  bool lose_power_ = false;
  bool drained_ = false;
  bool planned_exception_happened_ = false;
  long disk_troubles_ = 0;
  std::uint64_t late_failures_ = 0;
  bool over_ = false;
  std::optional<checked_state> stored_;
};

} // namespace

outcome simulate(std::uint64_t seed, const trace_function& trace) {
  return run{seed, trace}.go();
}

const std::vector<std::string>& kinds_of_trouble() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const trouble_kind& kind : all_troubles())
      all.push_back(kind.name);
    return all;
  }();
  return names;
}

} // namespace simulation
