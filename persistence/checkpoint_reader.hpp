// Reads complete checkpoints out of a store, beside its writer or within it; nothing unverified is handed out.
#pragma once

#include "checkpoint_records.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace weir::inline v0 {

class checkpoint_manifest;
class sqlite_database;

/// Reads one run of a store. One thread at a time for each connection; a reader that was opened on its own has its own
/// connection, so several may read the same store at once, in other threads and processes, while it is being written.
/// A reader that is open for long keeps the log from being reused only while one of its calls runs.
///
/// Errors: damaged_error for bytes that are not what was written, io_error for what the system refused, store_error for
/// a file that is no store of this version or a checkpoint that it does not have.
class checkpoint_reader {
public:
  /// Opens a store for reading, without a lock, as `sqlite3 -readonly` does.
  static checkpoint_reader open(const std::filesystem::path& path);
  /// Reads through a connection that is there already.
  checkpoint_reader(std::shared_ptr<sqlite_database> database, std::int64_t run);

  /// The complete checkpoints whose state is kept, oldest first.
  [[nodiscard]] std::vector<complete_checkpoint> complete_checkpoints() const;
  /// Reads every chunk of a complete checkpoint, and compares lengths, checksums and the manifest. Empty if all is
  /// well.
  [[nodiscard]] std::vector<checkpoint_problem> verify(checkpoint_id checkpoint) const;
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

  /// The state tables with chunks in a complete checkpoint, by operator and table.
  [[nodiscard]] std::vector<stored_table> state_tables(checkpoint_id checkpoint) const;
  /// All schemas of the run, by id.
  [[nodiscard]] std::vector<stored_schema> schemas() const;
  /// The operators of the last registered plan, by name.
  [[nodiscard]] std::vector<operator_record> operators() const;
  /// The number of key groups, if a plan was registered.
  [[nodiscard]] std::optional<std::uint32_t> max_parallelism() const;

private:
  struct listing;
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
