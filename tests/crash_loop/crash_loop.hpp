// The crash loop: starts a job's program, kills it, checks what it left, and starts it again.
#pragma once

#include "crash_loop/job_model.hpp"
#include "crash_loop/kill_plan.hpp"
#include "process/child_process.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace weir_test {

/// What happened, counted when it did.
struct crash_counts {
  std::map<ending, int> kills; ///< the process died of SIGKILL, and not by another cause
  int total_kills = 0;
  int lives = 0;
  int stops = 0;           ///< the process was seen stopped
  int resumed = 0;         ///< lives that went on from a checkpoint
  int beginnings = 0;      ///< of runs
  int finished = 0;        ///< runs that read their input to the end, whose output was exact
  int moved = 0;           ///< runs that went on in another store, by a savepoint
  int shut_down = 0;       ///< lives that SIGTERM ended well
  int terminated = 0;      ///< lives that SIGTERM ended because they did not listen to it yet, or no more
  int checks = 0;          ///< of dead jobs
  int states = 0;          ///< keyed states that equalled the model
  int partitions = 0;      ///< of sinks, that were an exact prefix
  int forgotten = 0;       ///< partitions whose last commit was not kept any more
  std::uint64_t looks = 0; ///< of the concurrent reader
};

/// A seed chooses jobs, options, kinds and times of kills; the machine's timing does the rest. Every fault is a
/// std::runtime_error that says what was seen, the seed and the lives of that run. Not on several threads.
class crash_loop {
public:
  /// Kills only at failpoints that are `wanted`, if any are named.
  explicit crash_loop(std::uint64_t seed, std::vector<std::string> wanted = {});

  /// One run of a job that dies `kills` times, if it doesn't read all of its input before; then it may finish.
  void run(const job_model& model, int kills);
  /// A run that is killed and then begun anew with --fresh --replace-output, which is killed at each of these points.
  void begin_anew(const job_model& model, const std::vector<std::string>& points);
  /// A run that goes on in another store, by a savepoint. It is killed at each failpoint of the savepoint, and while
  /// the other store is made.
  void move(const job_model& model);

  [[nodiscard]] const crash_counts& counts() const noexcept { return counts_; }
  [[nodiscard]] const point_chooser& points() const noexcept { return points_; }
  /// The kinds of kill that did not happen yet.
  [[nodiscard]] std::vector<ending> missing_kinds() const;
  /// One line with all counts.
  [[nodiscard]] std::string summary() const;

private:
  struct one_run;
  struct life_end {
    program_end end;
    bool killed = false;
    bool by_signal = false; ///< a signal of ours was under way
    bool stopped = false;
    std::string log;
  };

  [[nodiscard]] kill_plan next_plan(const one_run& run);
  life_end live(one_run& run, const kill_plan& plan, const std::vector<std::string>& more);
  void carry_out(child_process& life, const kill_plan& plan, life_end& outcome);
  void read_log(one_run& run, const life_end& life);
  void check(one_run& run);
  void check_finished(one_run& run);
  void guarded(one_run& run, const std::function<void()>& work);
  [[nodiscard]] std::chrono::microseconds some(int least_ms, int most_ms);
  [[nodiscard]] bool chance(double of);
  void prepare(one_run& run);

  std::uint64_t seed_;
  std::mt19937_64 random_;
  point_chooser points_;
  crash_counts counts_;
};

/// The seed of WEIR_CRASH_LOOP_SEED, or a new one.
[[nodiscard]] std::uint64_t crash_loop_seed();

} // namespace weir_test
