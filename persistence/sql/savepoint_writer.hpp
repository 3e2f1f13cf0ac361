// Writes what was edited into its savepoint.
#pragma once

#include "edited_table.hpp"

#include <span>

namespace weir::inline v0 {

/// Replaces the chunks of these tables, which are all of this savepoint, and makes the checkpoint's numbers and its
/// manifest anew; its `reason` says that it was edited. Within the connection's present transaction, as one part of it.
/// Throws damaged_error if the chunks that are there are not those of the manifest, io_error for what SQLite refuses:
/// then the transaction has to be rolled back.
void write_edited(sqlite3* connection, const open_store& store, std::span<edited_table* const> tables);

} // namespace weir::inline v0
