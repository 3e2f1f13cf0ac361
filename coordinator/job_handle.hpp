// A running job, as the program that started it sees it.
#pragma once

#include "../operators/counter_board.hpp"
#include "../persistence/ids.hpp"
#include "../persistence/savepoint.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::inline v0 {

/// What a job is doing, or how it ended.
enum class job_state : std::uint8_t { starting, running, restarting, stopping, finished, stopped, cancelled, failed };
[[nodiscard]] std::string_view to_text(job_state state);

/// One task of a job, all its subtasks together.
struct task_status {
  std::string name;
  std::uint32_t parallelism = 1;
  std::uint64_t records_in = 0;  ///< of a source: read
  std::uint64_t records_out = 0; ///< emitted by its last operator
  std::uint64_t batches_queued = 0;
  std::uint64_t batches_queued_most = 0;     ///< of any subtask at any time
  std::chrono::microseconds longest_pause{}; ///< by a piece of a snapshot
  /// The same in processor time of the subtask's thread: what others took from the processor is not in it.
  std::chrono::microseconds longest_pause_work{};
};

/// How far a restore has come: of the attempts that are deployed now, all their subtasks together. Entries are those of
/// chunks: one that a delta replaces counts again, and a chunk that several subtasks read counts for each.
struct restore_status {
  std::uint64_t entries_loaded = 0;
  std::uint64_t entries = 0; ///< that there are to load; zero until that is known
  std::uint64_t bytes_loaded = 0;
  std::uint64_t bytes = 0;
};

/// A job at one moment. Counts are of this process.
struct job_status {
  job_state state = job_state::starting;
  std::string job;
  std::string run;
  std::string store; ///< path of the store; empty if it is in memory
  std::optional<checkpoint_id> resumed_from;
  std::optional<checkpoint_id> newest_checkpoint;
  std::uint64_t checkpoints = 0;  ///< completed
  std::uint64_t restarts = 0;     ///< of regions
  std::uint64_t records_read = 0; ///< by all sources, those of lost attempts included
  std::chrono::microseconds running_for{};
  restore_status restore;
  std::vector<task_status> tasks;
  std::vector<counter_value> counters; ///< of the program's own code, and of poison records; by operator and name
  std::string failure;                 ///< the first cause, if it failed
};

class job_control;

/// A handle on a job. Copies are the same job. All members may be called from any thread but those of actors, which
/// must not block: `checkpoint`, `savepoint`, `stop_with_savepoint`, `wait` and `wait_for` do.
class job_handle {
public:
  explicit job_handle(std::shared_ptr<job_control> control);

  /// Takes a checkpoint now; returns its id when it is complete (`to_string` makes text of it). Throws `weir::error` if
  /// it fails or the job ends first.
  checkpoint_id checkpoint();
  /// Takes a checkpoint and writes it to a new file: one SQLite file, from which a store may begin
  /// (`job_options::from_savepoint`), at any parallelism up to the max. The job runs on. Throws as `checkpoint` and
  /// `write_savepoint` do, and `usage_error` for a job without a store.
  written_savepoint savepoint(const std::string& to);
  /// Stops, waits for the end, and writes the last checkpoint to such a file.
  written_savepoint stop_with_savepoint(const std::string& to);
  /// Takes a last checkpoint and stops: sources emit nothing after its barrier. Starting again goes on from there.
  void stop();
  /// Treats the input as ended: last output, the final checkpoint, finished.
  void drain();
  /// Stops at once, without a checkpoint.
  void cancel();
  [[nodiscard]] job_status status() const;
  /// Waits for the end. Throws the job's error if it failed: `job_failed`, or the `usage_error` that prevented it.
  job_status wait();
  /// Waits for the end, or for a time. Returns whether the job has ended.
  [[nodiscard]] bool wait_for(std::chrono::microseconds time) const;

  /// For the runtime's own use.
  [[nodiscard]] const std::shared_ptr<job_control>& control() const noexcept { return control_; }

private:
  [[nodiscard]] std::string store_for_savepoint() const;

  std::shared_ptr<job_control> control_;
};

} // namespace weir::inline v0
