// Reads complete checkpoints out of a store, beside its writer or within it; nothing unverified is handed out.
#pragma once

#include "checkpoint_records.hpp"
#include "store_kind.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::inline v0 {

class checkpoint_manifest;
struct chunk_row;
class sqlite_database;
class sqlite_statement;
class sqlite_transaction;

/// Reads one run of a store. One thread at a time for each connection; a reader that was opened on its own has its own
/// connection, so several may read the same store at once, in other threads and processes, while it is being written.
/// A reader that is open for long keeps the log from being reused only while one of its calls runs.
///
/// Errors: damaged_error for bytes that are not what was written, io_error for what the system refused, store_error for
/// a file that is no store of this version or a checkpoint that it does not have.
class checkpoint_reader {
public:
  /// Opens a store, or a savepoint, for reading, without a lock, as `sqlite3 -readonly` does.
  static checkpoint_reader open(const std::filesystem::path& path, store_kind kind = store_kind::store);
  /// Reads through a connection that is there already.
  checkpoint_reader(std::shared_ptr<sqlite_database> database, std::int64_t run);

  /// While the result lives, everything is read as it is now, whatever the job writes or discards meanwhile. The log is
  /// not used again until it goes.
  [[nodiscard]] std::shared_ptr<sqlite_transaction> one_view() const;

  /// The complete checkpoints whose state is kept, oldest first.
  [[nodiscard]] std::vector<complete_checkpoint> complete_checkpoints() const;
  /// Reads every chunk of a complete checkpoint, and compares lengths, checksums and the manifest. Empty if all is
  /// well.
  [[nodiscard]] std::vector<checkpoint_problem> verify(checkpoint_id checkpoint) const;
  /// The same, and asks `look` what is wrong with each chunk whose checksum is right; empty if nothing is. What was
  /// found of chunks in `seen` is said again without reading them.
  [[nodiscard]] std::vector<checkpoint_problem> verify(checkpoint_id checkpoint,
                                                       const std::function<std::string(const stored_chunk&)>& look,
                                                       std::map<chunk_id, std::string>& seen) const;
  /// The newest complete checkpoint as the run's own row has it, to compare with.
  [[nodiscard]] std::optional<checkpoint_id> recorded_newest() const;
  /// The newest complete checkpoint that verifies, with those that were passed over. No id if there is no complete one;
  /// throws damaged_error if there are some and none verifies, so that nobody takes damage for an empty store. What
  /// cannot be read, also not at a second look, is not passed over: io_error.
  [[nodiscard]] verified_checkpoint newest_verified() const;

  /// Calls `use` for each chunk of a state table that lives in a complete checkpoint and has one of `groups`: subtask
  /// by subtask, each subtask's base first, then its deltas in the order in which they were made. The manifest is
  /// compared before the first call, length and checksum before each; damaged_error names what differs.
  void for_each_chunk(checkpoint_id checkpoint, std::string_view operator_name, std::string_view table,
                      key_group_range groups, const std::function<void(const stored_chunk&)>& use) const;

  /// The same from the chunk at place `first` on, until `use` returns false, with the bytes as they are stored (see
  /// `plain_chunk`): for who reads a table piece by piece. Returns the place of the chunk that comes next, or nothing
  /// after the last one.
  [[nodiscard]] std::optional<std::size_t>
  for_each_chunk_from(std::size_t first, checkpoint_id checkpoint, std::string_view operator_name,
                      std::string_view table, key_group_range groups,
                      const std::function<bool(const stored_chunk&)>& use) const;
  /// What `for_each_chunk` would hand out, by the rows: no bytes are read.
  [[nodiscard]] chunk_amount amount_of(checkpoint_id checkpoint, std::string_view operator_name, std::string_view table,
                                       key_group_range groups) const;

  /// `for_each_chunk` for the chunks of one subtask, whatever their key groups.
  void for_each_chunk_of(checkpoint_id checkpoint, std::string_view operator_name, std::string_view table,
                         subtask_index subtask, const std::function<void(const stored_chunk&)>& use) const;

  /// The subtasks that have chunks of a table in a complete checkpoint, each with its parallelism.
  [[nodiscard]] std::map<subtask_index, std::uint32_t>
  subtasks_of(checkpoint_id checkpoint, std::string_view operator_name, std::string_view table) const;

  /// The state tables with chunks in a complete checkpoint, by operator and table.
  [[nodiscard]] std::vector<stored_table> state_tables(checkpoint_id checkpoint) const;
  /// All schemas of the run, by id.
  [[nodiscard]] std::vector<stored_schema> schemas() const;
  /// The operators of the last registered plan, by name.
  [[nodiscard]] std::vector<operator_record> operators() const;
  /// The number of key groups, if a plan was registered.
  [[nodiscard]] std::optional<std::uint32_t> max_parallelism() const;
  /// The run's UUID.
  [[nodiscard]] std::string run_uuid() const;
  [[nodiscard]] std::string job_name() const;
  /// The highest attempt of any region; 0 if none has begun.
  [[nodiscard]] attempt_id highest_attempt() const;

private:
  struct listing;
  [[nodiscard]] std::string of_run(std::string_view column) const;
  void visit_chunks(checkpoint_id checkpoint, std::string_view operator_name, std::string_view table,
                    const std::function<bool(const chunk_row&)>& wanted,
                    const std::function<void(const stored_chunk&)>& use) const;
  [[nodiscard]] std::optional<std::size_t> visit_chunks_from(std::size_t first, checkpoint_id checkpoint,
                                                             std::string_view operator_name, std::string_view table,
                                                             const std::function<bool(const chunk_row&)>& wanted,
                                                             const std::function<bool(const stored_chunk&)>& use) const;
  using fault_finder = std::function<std::string(const chunk_row&, const sqlite_statement&)>;
  [[nodiscard]] std::vector<checkpoint_problem> verify_by(checkpoint_id checkpoint,
                                                          const fault_finder& find_fault) const;
  [[nodiscard]] const listing& list(const complete_checkpoint& checkpoint) const;
  [[nodiscard]] checkpoint_manifest empty_manifest(checkpoint_id checkpoint) const;
  [[nodiscard]] complete_checkpoint find(checkpoint_id checkpoint) const;
  [[nodiscard]] std::vector<complete_checkpoint> query_complete(std::string_view where_and_order,
                                                                std::optional<checkpoint_id> id) const;

  std::shared_ptr<sqlite_database> database_;
  std::int64_t run_;
  // What lives in a checkpoint never changes: the last one asked for is kept, for the subtasks that load it one by one.
  mutable std::shared_ptr<const listing> listing_;
};

} // namespace weir::inline v0
