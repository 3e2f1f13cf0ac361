// What the extension gives to a SQL connection.
#pragma once

#include "sqlite_api.hpp"

namespace weir::inline v0 {

/// Registers weir_state, weir_diff, weir_table and weir_views. A result code of SQLite.
int register_weir_sql(sqlite3* connection);

} // namespace weir::inline v0
