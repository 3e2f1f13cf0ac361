// Savepoints: one checkpoint as a file of its own.
#pragma once

#include "ids.hpp"
#include "wall_time.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace weir::inline v0 {

/// What was put into a savepoint.
struct written_savepoint {
  std::string job;
  std::string run; ///< UUID
  checkpoint_id checkpoint;
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0; ///< of state
};

/// Throws path_error or store_error if `write_savepoint` can't make the file `to`: nothing may be there, and its folder
/// must be one in which files can be made. To be asked before a job is stopped for a savepoint.
void require_savepoint_place(const std::string& to);

/// Writes a complete checkpoint of a store to a new file, `to`: one SQLite file, complete in itself, which may be moved
/// and copied. Every table is merged into one base, so equal state gives equal chunks. No checkpoint: the newest that
/// verifies. The store is only read, with a connection of its own, as it is when the call begins; its job may be
/// running. With `compress` its chunks are compressed, as `store_options::compress` says. The file gets its name when
/// it is whole and synced: an interrupted call leaves at most
/// `<to>.creating`, which the next one replaces. While one writes to a path, others are refused there. Blocks.
///
/// Errors: store_error for a file that is no store, a checkpoint that it does not have, or a path where something is;
/// damaged_error for damage; path_error and io_error for what the system refuses.
written_savepoint write_savepoint(const std::string& store, std::optional<checkpoint_id> checkpoint,
                                  const std::string& to, wall_time now, bool compress = false);

/// Makes a new savepoint, `to`, out of another one: `edit` is given the path of a copy and changes it. The file gets
/// its name when it is whole and synced; if `edit` throws there is none. As `write_savepoint` otherwise.
void edit_copy(const std::string& savepoint, const std::string& to,
               const std::function<void(const std::string& draft)>& edit);

/// Undoes an edit of a savepoint that was interrupted while it was being committed, as the next program does that opens
/// the file for writing; those that only read cannot. Nothing happens if there is none, if it is still under way, or if
/// the file cannot be written: who reads it then is told by SQLite.
void undo_interrupted_edit(const std::string& savepoint) noexcept;

} // namespace weir::inline v0
