// The checkpoint store: one SQLite file with a run's checkpoints, state, failures and recoveries; its only writer.
#pragma once

#include "checkpoint_reader.hpp"
#include "checkpoint_records.hpp"
#include "file_lock.hpp"
#include "store_note.hpp"
#include "thread_pace.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::inline v0 {

class checkpoint_manifest;
class sqlite_database;

/// What to do about a store that is there: go on with it, put it aside, or have one in memory (for tests).
enum class store_mode : std::uint8_t { resume, fresh, memory };

/// Which store is opened, and how.
struct store_options {
  std::filesystem::path path; ///< unused in memory
  std::string job;
  store_mode mode = store_mode::resume;
  wall_time now;
  std::string new_run_uuid; ///< 36 characters; used if a run begins
  std::string vfs;          ///< a SQLite VFS; empty for the system's
  /// Begin with the state of this savepoint, as its run, which then goes on here. Needs a place where no store is, or
  /// `fresh`.
  std::filesystem::path savepoint;
  bool compress = false; ///< chunks are compressed where that makes them smaller
  /// Who writes snapshots, prunes or maintains rests in between. None: nobody does.
  std::optional<pacing> pace;
};

/// What opening found.
struct opened_store {
  bool resumed = false; ///< false: a run begins
  std::string run_uuid;
  run_status status = run_status::running;        ///< as the store had it
  std::optional<checkpoint_id> newest_complete;   ///< not verified yet
  std::optional<std::filesystem::path> put_aside; ///< where the former store is now
};

/// How much `prune` does in one call.
struct prune_limits {
  std::size_t chunks = 256;
  std::uint64_t bytes = std::uint64_t{64} << 20;
  std::size_t checkpoints = 64;          ///< rows about old checkpoints
  std::uint64_t checkpoints_told = 1000; ///< how many of the last are never forgotten
};

struct prune_result {
  std::size_t discarded_checkpoints = 0; ///< their state is not restorable any more
  std::size_t chunks = 0;
  std::uint64_t bytes = 0;
  bool more = false; ///< call again
};

/// The store of one run. One thread at a time; reads no clock and makes no random numbers.
///
/// Every command is one transaction, durable when it returns; `group` makes one of several. Chunks are *pending* until
/// a checkpoint completes with them; then they live in an interval of checkpoints, [created_in, dropped_in).
///
/// Errors: store_error and its kin for a file that cannot be used and for commands that break the protocol; io_error
/// for what the system refused. After a failed write or sync the store refuses everything with that cause: close it,
/// open it again, and restore the newest checkpoint that verifies. A full disk only undoes the command.
class checkpoint_store {
public:
  /// Opens, resumes or makes a store. Never begins empty over a file that is there: that takes `fresh`, which renames
  /// it to
  /// `<path>.<n>.old`. Refuses another job's store, other files, other versions, damage, a second process.
  static checkpoint_store open(const store_options& asked);

  /// Undoes an opening that began a run which then could not start: its file goes, and the store that was put aside for
  /// it comes back. The lock is held throughout. Only for a store that did not resume; not for one in memory.
  static void take_back(checkpoint_store&& store);

  checkpoint_store(checkpoint_store&&) noexcept;
  checkpoint_store& operator=(checkpoint_store&&) noexcept;
  ~checkpoint_store();

  [[nodiscard]] const opened_store& opened() const noexcept { return opened_; }
  [[nodiscard]] const checkpoint_reader& read() const noexcept { return reader_; }

  /// Goes on with numbers that were given elsewhere: the first checkpoint is `first`, and attempts come after `used`.
  /// Throws store_error if a checkpoint was opened already.
  void continue_after(checkpoint_id first, attempt_id used);

  /// Records what the job consists of. Operators and tables of earlier plans stay readable. Throws store_error if the
  /// number of key groups differs from that of the state in the store.
  void register_plan(std::span<const operator_record> operators, std::span<const schema_record> schemas,
                     std::uint32_t max_parallelism);

  /// Begins a region's next attempt, and fences all before it; what those left pending goes. The run is running again.
  attempt_id begin_attempt(region_id region, wall_time now, std::optional<checkpoint_id> restored_from);

  /// Opens the next checkpoint. Its id never recurs in the run, also after a crash.
  checkpoint_id open_checkpoint(checkpoint_trigger trigger, wall_time now);

  /// Stores a subtask's chunks as pending, with its acknowledgement. Throws damaged_error if bytes differ from their
  /// checksum, usage_error if the snapshot contradicts itself.
  write_result write(const subtask_snapshot& snapshot, wall_time now);

  /// Completes a checkpoint: this is the decision. The pending chunks of its chains, ancestors included, come alive;
  /// chunks before a newer base, and state that no subtask names any more, are dropped. Throws store_error, and changes
  /// nothing, unless the checkpoint is open, newer than the newest complete one, and acknowledged by exactly the
  /// expected subtasks in their regions' present attempts, each naming all of its registered tables.
  complete_checkpoint complete(checkpoint_id checkpoint, std::span<const expected_subtask> expected, wall_time now);

  /// Closes an open checkpoint as failed, aborted or abandoned. Pending chunks stay: later deltas build on them. False
  /// if it was not open.
  bool fail_checkpoint(checkpoint_id checkpoint, checkpoint_status status, std::string_view reason,
                       std::span<const std::string> late, wall_time now);
  /// All sinks have committed. False if it is not complete.
  bool committed(checkpoint_id checkpoint, wall_time now);

  /// Makes `checkpoint` the present state of the whole job: pending and later chunks go, later drops are undone, later
  /// checkpoints are abandoned. None: back to the empty beginning, refused while there are complete checkpoints.
  void restore(std::optional<checkpoint_id> checkpoint, wall_time now);
  /// The same for the operators of one region; others run on.
  void restore_region(region_id region, std::optional<checkpoint_id> checkpoint, wall_time now);

  failure_id record_failure(const failure_record& failure);
  /// Call it again when more phases have been reached.
  void record_recovery(const recovery_record& recovery);
  void end_run(run_status status, wall_time now);

  /// Discards complete checkpoints that `kept_checkpoints` does not keep, and deletes what nobody needs, a bounded
  /// amount.
  prune_result prune(std::size_t retain, wall_time now, const prune_limits& limits = {});

  /// Runs several commands as one transaction; all are durable when it returns, and none is if it throws.
  void group(const std::function<void()>& commands);

  /// Copies the log into the file, if it has grown. For idle moments: commands do it themselves only when the log is
  /// large.
  void maintain();
  /// Whether `maintain` has work to do.
  [[nodiscard]] bool wants_maintenance() const;
  /// Grows without bound only while somebody reads for long.
  [[nodiscard]] std::int64_t log_bytes() const;
  /// Whether a write failed for good.
  [[nodiscard]] bool has_failed() const;

private:
  struct chain;
  checkpoint_store(std::optional<file_lock> lock, std::shared_ptr<sqlite_database> database, std::int64_t run,
                   opened_store opened);

  void close() noexcept;
  void keep_pace(std::optional<thread_pace>& here) const;
  void after_commit() noexcept;
  void leave_note();
  [[nodiscard]] bool is_large_for_the_disk(std::int64_t log_bytes) const;
  static void fill_draft(const std::filesystem::path& draft, const store_options& options,
                         const checkpoint_reader& savepoint);
  static checkpoint_store open_file(const std::filesystem::path& path, const store_options& options,
                                    opened_store opened, const std::optional<store_note>& note);
  void settle_opening(const std::optional<store_note>& note, wall_time now);
  void settle_note(const store_note& note, wall_time now);
  [[nodiscard]] std::optional<checkpoint_status> status_of(checkpoint_id checkpoint);
  [[nodiscard]] checkpoint_id newest_complete();
  [[nodiscard]] bool is_current(region_id region, attempt_id attempt);
  [[noreturn]] void refuse(std::string thing, std::string expected, std::string found) const;
  [[nodiscard]] std::optional<write_result> refusal_of(const subtask_snapshot& snapshot);
  class stored_forms;
  void store_table(const subtask_snapshot& snapshot, const stored_forms& forms, const table_snapshot& table,
                   bool none_open_before);
  void require_acknowledgements(checkpoint_id checkpoint, std::span<const expected_subtask> expected);
  [[nodiscard]] std::vector<chain> chains_of(checkpoint_id checkpoint, checkpoint_id before);
  [[nodiscard]] checkpoint_manifest settle(checkpoint_id checkpoint);
  void require_manifest(checkpoint_id checkpoint, const checkpoint_manifest& found);
  [[nodiscard]] bool must_be_named(std::string_view operator_name, std::string_view table, std::uint32_t parallelism);
  void restore_operators(std::optional<region_id> region, std::optional<checkpoint_id> checkpoint, wall_time now);

  // The database closes before the lock goes.
  std::optional<file_lock> lock_;
  std::shared_ptr<sqlite_database> database_;
  checkpoint_reader reader_;
  std::int64_t run_;
  opened_store opened_;
  bool compress_ = false;
  std::optional<pacing> pace_;
  bool in_group_ = false;
  bool is_noteworthy_ = false; ///< something has changed that the note says
  attempt_id lost_attempts_;   ///< attempts up to this one were given, and the store knows nothing of them
  std::int64_t last_log_bytes_ = 0;
  std::int64_t maintain_at_bytes_;
};

} // namespace weir::inline v0
