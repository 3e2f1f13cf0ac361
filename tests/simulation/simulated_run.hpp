// One seed while it runs: the inside of `simulate`.
#pragma once

#include "machines/faulty_disk.hpp"
#include "simulation/credit_model.hpp"
#include "simulation/messages_seen.hpp"
#include "simulation/simulator.hpp"
#include "simulation/state_check.hpp"
#include "simulation/troubles.hpp"
#include "simulation/world.hpp"

#include <weir/coordinator/plan.hpp>
#include <weir/coordinator/runtime.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace simulation {

/// Planned troubles begin before this step; those that found no opportunity by `troubles_end` are dropped.
inline constexpr std::uint64_t troubles_begin_before = 1500;
inline constexpr std::uint64_t troubles_end = 6000;

class simulated_run {
public:
  simulated_run(std::uint64_t seed, const trace_function& trace);
  outcome go();

private:
  struct late_message {
    std::uint64_t at_step = 0;
    const trouble_kind* kind = nullptr;
    std::string name; ///< of the receiver
    caf::actor to;
    std::function<void(const caf::actor&)> send;
    // from an old attempt
    bool waits = false; ///< for the next attempt
    caf::actor_id receiver = 0;
    weir::region_id region{0};
    weir::attempt_id attempt{0};
  };
  struct disk_watch {
    const trouble_kind* kind;
    long fault;
  };
  /// Somebody has asked for a checkpoint.
  struct demand {
    std::future<weir::checkpoint_id> answer;
    std::uint64_t newest_opened; ///< then
  };
  /// What a life has been done to so far: nothing may fail but for one of these.
  struct causes {
    std::uint64_t region_killers = 0;
    bool store_killed = false;
    bool coordinator_killed = false;
    // How many there had been before.
    std::uint64_t exceptions = 0;
    std::uint64_t exceptions_in_preparation = 0;
    long disk_harm = 0;
  };

  // -- set-up and lives of the process (simulated_run.cpp)
  void draw_options();
  void start_system();
  void end_system();
  void remove_files();
  void live();
  void draw_parallelism();
  [[nodiscard]] bool commits_wait() const;
  bool start_job();
  void note_plan();
  [[nodiscard]] bool ended();
  void finish_life();
  void drain();
  void begin_next_life();
  void die();
  void kill_all();

  // -- savepoints (simulated_run_savepoints.cpp)
  [[nodiscard]] bool move_by_savepoint();
  [[nodiscard]] bool write_savepoint_of_newest();
  void check_savepoint(const std::filesystem::path& savepoint, std::uint64_t checkpoint);
  void forget_savepoint_of_begun_store();
  void take_savepoint_beside_job();

  // -- one step after another (simulated_run_steps.cpp)
  void step();
  void run_something(bool troubled);
  void run_job(bool troubled);
  void meet(caf::scheduled_actor& actor, bool troubled);
  void remember(const std::string& name, caf::scheduled_actor& actor);
  void observe(const std::string& name, const seen_message& message);
  void note_restore(weir::load_request& load);
  void note_in_flight(const checked_state& restored);
  void sync_clock();
  [[nodiscard]] std::int64_t clock_us();
  void say(const std::string& line) const;
  void note(std::string_view name);

  // -- sinks without subtasks (simulated_run_orphans.cpp)
  [[nodiscard]] bool make_orphan(caf::scheduled_actor& sink);
  [[nodiscard]] bool waits(const caf::scheduled_actor& actor) const;
  [[nodiscard]] bool time_passes_an_orphan();

  // -- troubles (simulated_run_troubles.cpp)
  void begin_troubles();
  void begin(const planned_trouble& t);
  void arm_for_start();
  void disarm_after_start();
  void happened(const trouble_kind& kind);
  void region_is_harmed(std::uint64_t regions = 1);
  [[nodiscard]] bool kill_one(const std::function<bool(const std::string& name)>& which);
  void lose_node(const planned_trouble& t);
  [[nodiscard]] std::uint64_t node_of(const std::string& subtask) const;
  [[nodiscard]] bool between_nodes(weir::channel_id channel) const;
  [[nodiscard]] std::optional<weir::region_id> region_of(const std::string& actor_name) const;
  [[nodiscard]] bool harm(caf::scheduled_actor& receiver, const seen_message& message);
  bool keep_for_next_attempt(caf::scheduled_actor& receiver, const seen_message& message, const trouble_kind& kind);
  void send_late();
  [[nodiscard]] caf::actor receiver_in_next_attempt(const late_message& m) const;
  void harm_disk(const planned_trouble& t);
  void watch_disk();
  void disarm_disk();
  void ask(const planned_trouble& t);
  void at_failpoint(std::string_view name);
  void give_up_troubles();

  // -- what must hold (simulated_run_checks.cpp)
  void check_store();
  void check_log(weir::log_level level, const std::string& line);
  void check_failed_checkpoint(const std::string& line);
  void check_restarts(const weir::job_status& status);
  void check_failure(const weir::job_status& status);
  void check_time();
  void check_demands(bool died);
  void check_queues(const weir::job_status& status);
  void check_output();
  void check_sink(std::size_t at, std::vector<event> wanted);
  void check_order(const simulation::step& s, const std::vector<event>& written);
  [[nodiscard]] long disk_harm() const;
  [[nodiscard]] causes causes_so_far() const;

  chance random_;
  const trace_function& trace_;
  weir_test::faulty_disk& disk_;
  world world_;
  std::vector<planned_trouble> planned_;
  bool calm_;   ///< nothing is planned: nothing may fail
  bool stalls_; ///< time may jump while work waits
  std::uint64_t nodes_;
  std::uint32_t node_salt_;
  outcome result_;

  weir::job_options options_;
  std::filesystem::path store_;
  std::filesystem::path savepoint_; ///< while it is there, the next store begins with it
  std::unique_ptr<weir::job_graph> plan_graph_;
  weir::job_plan plan_;
  std::map<std::string, weir::subtask_id, std::less<>> subtasks_; ///< by the names of their actors

  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  caf::scheduler::test_coordinator* scheduler_ = nullptr;
  std::size_t idle_actors_ = 0;
  caf::actor listener_; ///< gets the store's answers to snapshots of old attempts
  std::optional<weir::job_handle> handle_;
  std::optional<caf::actor> coordinator_;
  std::map<std::string, caf::actor, std::less<>> actors_; ///< by name: subtasks, companions, the store
  bool coordinator_ran_ = false;
  caf::actor_id starved_ = 0;
  std::uint64_t starve_until_ = 0;
  std::map<caf::actor_id, std::string> owners_; ///< the names of the subtasks that have spawned companions
  caf::actor_id orphan_ = 0;
  std::uint64_t orphan_waits_until_ = 0;
  int orphan_jumps_ = 0; ///< how often time may still jump because of it
  credit_model credits_;
  std::map<weir::region_id, weir::attempt_id> loaded_; ///< the newest attempt that has a loaded subtask

  std::size_t next_planned_ = 0;
  std::uint64_t starts_to_trouble_ = 0;
  std::uint64_t seconds_to_trouble_ = 0; ///< how many troubles may still be followed by a second one
  std::vector<planned_trouble> harms_;
  std::vector<late_message> late_;
  std::optional<weir::channel_id> deaf_; ///< so many grants more on this channel are lost
  std::uint64_t deaf_for_ = 0;
  std::vector<disk_watch> disk_watches_;
  std::uint64_t die_in_ = 0; ///< failpoints
  std::string die_at_;       ///< counted are those of this name; empty: all
  bool dying_ = false;
  bool died_in_start_ = false;
  bool lose_power_ = false;
  bool may_lose_power_ = false; ///< else the disk need not remember what is not synced
  bool drained_ = false;
  causes before_;              ///< what there had been when this life began
  std::uint64_t restarts_ = 0; ///< of regions, in earlier lives
  std::vector<demand> demands_;
  std::uint64_t newest_opened_ = 0;   ///< of the checkpoints that a source has been told of
  std::set<std::uint64_t> completed_; ///< the checkpoints that the coordinator has called complete
  std::int64_t troubles_ended_us_ = 0;
  bool over_ = false;
  std::optional<checked_state> stored_;
};

/// Whether it has not ended.
[[nodiscard]] bool lives(const caf::actor& actor);

/// What may happen to savepoints, in the last line of a run.
inline constexpr std::string_view moved_by_savepoint = "moved by a savepoint";
inline constexpr std::string_view savepoint_beside_job = "savepoint beside a running job";
inline constexpr std::string_view savepoint_failed = "savepoint failed";

/// The disk of all simulations of this process, and the folder of their stores.
[[nodiscard]] weir_test::faulty_disk& simulated_disk();
[[nodiscard]] std::filesystem::path simulated_folder();

} // namespace simulation
