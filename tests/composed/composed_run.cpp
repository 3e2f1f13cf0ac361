#include "composed/composed_run.hpp"

#include "simulation/chance.hpp"
#include "unit/scratch_folder.hpp"

#include <weir/coordinator/coordinator_messages.hpp>
#include <weir/coordinator/job_control.hpp>
#include <weir/coordinator/runtime.hpp>
#include <weir/operators/environment.hpp>

#include <caf/actor_cast.hpp>
#include <caf/actor_registry.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/atom.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <optional>

namespace composed {

namespace {

using simulation::chance;

/// Deaths come only while there were fewer steps than this; then the job has to end.
constexpr std::size_t deaths_end = 3'000;
constexpr std::size_t patience_steps = 60'000;

/// A clock that moves a little whenever it is looked at.
class jumping_clock final : public weir::environment {
public:
  explicit jumping_clock(chance random) : random_(random) {}
  [[nodiscard]] weir::monotonic_time monotonic() const override {
    now_us_ += static_cast<std::int64_t>(random_.below(30));
    return weir::monotonic_time{std::chrono::microseconds{now_us_}};
  }
  [[nodiscard]] weir::processing_time now() const override {
    if (look_)
      look_();
    return weir::processing_time{std::chrono::seconds{1'700'000'000} + std::chrono::microseconds{now_us_}};
  }
  std::uint64_t random() override { return random_.next(); }
  [[nodiscard]] std::int64_t now_us() const { return now_us_; }
  void advance_to(std::int64_t us) { now_us_ = std::max(now_us_, us); }
  /// Called whenever somebody asks for the time of day: whoever reads does so before.
  void on_look(std::function<void()> call) { look_ = std::move(call); }

private:
  std::function<void()> look_;
  mutable std::int64_t now_us_ = 1'000'000;
  mutable chance random_;
};

class ledger_writer final : public weir::sink_writer {
public:
  using append_function = void (*)(const weir::any_batch&, std::vector<std::string>&);

  ledger_writer(std::shared_ptr<ledger> to, append_function append, const weir::sink_start& start)
      : to_(std::move(to)), append_(append) {
    commit(start.pending);
  }
  void write(weir::any_batch& batch) override { append_(batch, written_); }
  std::string prepare(weir::checkpoint_id) override {
    if (written_.empty())
      return {};
    const std::string id = std::to_string(to_->prepared.size());
    to_->prepared.emplace(id, std::exchange(written_, {}));
    return id;
  }
  void commit(const std::vector<weir::prepared_output>& prepared) override {
    for (const weir::prepared_output& each : prepared)
      if (!std::exchange(to_->committed_ids[each.id], true)) {
        const auto& lines = to_->prepared.at(each.id);
        to_->committed.insert(to_->committed.end(), lines.begin(), lines.end());
      }
  }

private:
  std::shared_ptr<ledger> to_;
  append_function append_;
  std::vector<std::string> written_;
};

class ledger_sink final : public weir::any_sink {
public:
  ledger_sink(std::shared_ptr<ledger> to, ledger_writer::append_function append)
      : to_(std::move(to)), append_(append) {}
  [[nodiscard]] bool blocking() const override { return false; }
  [[nodiscard]] bool two_phase() const override { return true; }
  [[nodiscard]] std::string guarantee() const override { return "exactly once"; }
  [[nodiscard]] std::unique_ptr<weir::sink_writer> open_writer(const weir::sink_start& start) const override {
    return std::make_unique<ledger_writer>(to_, append_, start);
  }

private:
  std::shared_ptr<ledger> to_;
  ledger_writer::append_function append_;
};

/// Nothing here asks what a disk keeps, so that nothing need be synced.
std::filesystem::path quick_folder() {
  std::error_code none;
  const std::filesystem::path memory = "/dev/shm";
  return std::filesystem::is_directory(memory, none) ? memory : std::filesystem::temp_directory_path();
}

/// One run.
class composed_run {
public:
  composed_run(const composition& what, std::uint64_t seed)
      : what_(what),
        random_(seed),
        clock_(std::make_shared<jumping_clock>(random_.fork())),
        deaths_left_(random_.below(5)) {
    around_.folder = folder_.path();
    config_.set("scheduler.policy", caf::atom("testing"));
    config_.set("logger.verbosity", caf::atom("quiet"));
    system_ = std::make_unique<caf::actor_system>(config_);
    scheduler_ = dynamic_cast<caf::scheduler::test_coordinator*>(&system_->scheduler());
    sync_clock();
    idle_actors_ = system_->registry().running();
    options_.max_parallelism = 8;
    options_.fusion = !random_.one_in(3);
    options_.batch_size = static_cast<std::uint32_t>(random_.between(1, 16));
    options_.flush_interval = std::chrono::microseconds{random_.below(3000)};
    options_.checkpoint_interval = std::chrono::microseconds{random_.between(200, 3000)};
    options_.tolerable_failures = 100'000;
    options_.restart = weir::fixed_delay_restart{100'000, std::chrono::microseconds{random_.below(5000)}};
    options_.store = (folder_.path() / "composed.weir").string();
  }

  outcome go() {
    if (what_.prepare)
      what_.prepare(around_);
    if (what_.make_world) {
      around_.beside = what_.make_world(around_, random_.fork());
      clock_->on_look([this] { around_.beside->pump(); });
      deaths_left_ = random_.below(7);
    }
    if (what_.tune)
      what_.tune(options_);
    while (!over_ && result_.fault.empty())
      live();
    actors_.clear();
    handle_.reset();
    if (around_.beside)
      around_.beside->end();
    while (!scheduler_->jobs.empty())
      scheduler_->run_once();
    if (result_.fault.empty())
      result_.fault = what_.fault(around_);
    if (system_->registry().running() > idle_actors_)
      static_cast<void>(system_.release()); // its destructor would wait for ever
    clock_->on_look({});
    around_.beside.reset();
    system_.reset();
    return result_;
  }

private:
  void live() {
    ++result_.lives;
    options_.parallelism = static_cast<std::uint32_t>(random_.between(1, 3));
    if (around_.beside)
      around_.beside->begin_life(*system_);
    weir::runtime runtime{*system_, clock_, weir::blocking_work::scheduled};
    runtime.log_to([this](weir::log_level level, const std::string& line) {
      log_ += line + "\n";
      result_.restored += line.find("from checkpoint") != std::string::npos ? 1 : 0;
      static_cast<void>(level);
    });
    try {
      weir::job job{"composed"};
      what_.compose(job, around_);
      handle_ = runtime.start(job, options_);
    } catch (const std::exception& e) {
      result_.fault = std::string{"it does not start: "} + e.what();
      return;
    }
    stopping_ = false;
    const auto ended = std::make_shared<bool>(false);
    handle_->control()->on_end([ended](weir::job_state, const std::string&) { *ended = true; });
    bool dead = false;
    while (!dead && !*ended && result_.fault.empty())
      dead = step();
    if (!dead && result_.fault.empty()) {
      const weir::job_status status = handle_->status();
      over_ = status.state == weir::job_state::finished;
      if (!over_ && !(stopping_ && status.state == weir::job_state::stopped))
        result_.fault =
            "it ended as " + std::string{to_text(status.state)} + ": " + status.failure + "\n" + end_of_log();
    }
    bury();
  }

  /// Returns true if the process has died.
  bool step() {
    if (++result_.steps > patience_steps) {
      result_.fault = "it does not end: " + what_.fault(around_) + "\n" + end_of_log();
      return false;
    }
    if (around_.beside)
      look_beside();
    if (!around_.owed->empty() && random_.one_in(4)) {
      auto at = around_.owed->begin() + static_cast<std::ptrdiff_t>(random_.below(around_.owed->size()));
      const auto answer = std::move(*at);
      around_.owed->erase(at);
      answer();
    }
    if (deaths_left_ != 0 && result_.steps < deaths_end && random_.one_in(150)) {
      --deaths_left_;
      around_.deaths = ++result_.deaths;
      log_ += "a death at step " + std::to_string(result_.steps) + "\n";
      switch (random_.below(5)) {
      case 0:
        handle_->stop(); // the next life goes on
        stopping_ = true;
        break;
      case 1:
      case 2:
        return true;
      default:
        kill_one();
      }
    }
    if (scheduler_->jobs.empty() && !scheduler_->has_pending_timeout() && around_.owed->empty() && !around_.beside) {
      result_.fault = "nothing is left to do, and it has not ended\n" + end_of_log();
      return false;
    }
    run_something();
    return false;
  }

  /// Lets the world do something, and ends a job without end that has done its work.
  void look_beside() {
    if (random_.one_in(12))
      around_.beside->act();
    if (random_.one_in(50) && around_.beside->done())
      handle_->drain(); // again and again: a job that is being stopped does not listen, and a stop can come to nothing
  }

  void run_something() {
    auto& jobs = scheduler_->jobs;
    if (scheduler_->has_pending_timeout() && (jobs.empty() || random_.one_in(200))) {
      scheduler_->trigger_timeout();
      clock_->advance_to(
          std::chrono::duration_cast<std::chrono::microseconds>(scheduler_->clock().current_time.time_since_epoch())
              .count());
    } else if (!jobs.empty()) {
      const auto at = static_cast<std::ptrdiff_t>(random_.below(jobs.size()));
      std::rotate(jobs.begin(), jobs.begin() + at, jobs.begin() + at + 1);
      if (auto* actor = dynamic_cast<caf::scheduled_actor*>(jobs.front()))
        meet(*actor);
      scheduler_->try_run_once();
    }
    static_cast<void>(clock_->monotonic());
    sync_clock();
  }

  void meet(caf::scheduled_actor& actor) {
    const std::string name = actor.name();
    if (name.compare(0, 5, "weir.") == 0)
      actors_.insert_or_assign(actor.id(), std::pair{name, caf::actor_cast<caf::actor>(&actor)});
  }

  void kill_one() {
    std::vector<caf::actor> candidates;
    for (const auto& [id, known] : actors_)
      if (known.first != "weir.coordinator" && known.first != "weir.store" && known.first != "weir.inbox" &&
          !caf::actor_cast<caf::abstract_actor*>(known.second)->getf(caf::abstract_actor::is_terminated_flag))
        candidates.push_back(known.second);
    if (!candidates.empty())
      caf::anon_send_exit(random_.pick(candidates), caf::exit_reason::kill);
  }

  /// Ends all actors of a life. What they still do on the way is what a process does that dies a little later.
  void bury() {
    if (handle_)
      handle_->cancel();
    for (const auto& [id, known] : actors_)
      caf::anon_send_exit(known.second, caf::exit_reason::kill);
    actors_.clear();
    around_.owed->clear();
    if (around_.beside)
      around_.beside->end_life();
    const auto idle = [this] {
      const std::size_t beside = around_.beside ? around_.beside->actors() : 0;
      return system_->registry().running() <= idle_actors_ + beside;
    };
    for (std::size_t i = 0; !idle(); ++i) {
      if (i == 100'000 || (scheduler_->jobs.empty() && !scheduler_->has_pending_timeout())) {
        if (result_.fault.empty())
          result_.fault = "actors outlive their job";
        return;
      }
      run_something();
      actors_.clear();
    }
    handle_.reset();
    while (!scheduler_->jobs.empty())
      scheduler_->run_once();
    scheduler_->trigger_timeouts();
    while (!scheduler_->jobs.empty())
      scheduler_->run_once();
  }

  [[nodiscard]] std::string end_of_log() const {
    constexpr std::size_t most = 2'000;
    return log_.size() <= most ? log_ : "…" + log_.substr(log_.size() - most);
  }

  void sync_clock() {
    auto& clock = scheduler_->clock();
    const auto now = caf::actor_clock::time_point{} + std::chrono::microseconds{clock_->now_us()};
    if (now > clock.current_time)
      clock.advance_time(now - clock.current_time);
  }

  const composition& what_;
  chance random_;
  std::shared_ptr<jumping_clock> clock_;
  std::uint64_t deaths_left_;
  weir_test::scratch_folder folder_{quick_folder()};
  surroundings around_;
  weir::job_options options_;
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  caf::scheduler::test_coordinator* scheduler_ = nullptr;
  std::size_t idle_actors_ = 0;
  std::optional<weir::job_handle> handle_;
  std::map<caf::actor_id, std::pair<std::string, caf::actor>> actors_;
  std::string log_;
  outcome result_;
  bool over_ = false;
  bool stopping_ = false; ///< this life was told to stop
};

} // namespace

std::shared_ptr<const weir::any_sink> to_ledger::make(std::shared_ptr<ledger> to, append_function append) {
  return std::make_shared<ledger_sink>(std::move(to), append);
}

outcome run(const composition& what, std::uint64_t seed) {
  return composed_run{what, seed}.go();
}

std::string same_lines(std::vector<std::string> found, std::vector<std::string> wanted) {
  std::sort(found.begin(), found.end());
  std::sort(wanted.begin(), wanted.end());
  if (found == wanted)
    return {};
  std::string text = std::to_string(found.size()) + " lines instead of " + std::to_string(wanted.size());
  std::vector<std::string> missing;
  std::set_difference(wanted.begin(), wanted.end(), found.begin(), found.end(), std::back_inserter(missing));
  std::vector<std::string> added;
  std::set_difference(found.begin(), found.end(), wanted.begin(), wanted.end(), std::back_inserter(added));
  if (!missing.empty())
    text += "; missing, among others: " + missing.front();
  if (!added.empty())
    text += "; too much, among others: " + added.front();
  return text;
}

} // namespace composed
