// Whether a file has the tables of a store, and nothing in their place.
#pragma once

#include "store_kind.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace weir::inline v0 {

class sqlite_database;

/// The query for what a file has; `database` is "main", or the name under which it is attached. It runs nothing that
/// the file brings along.
[[nodiscard]] std::string store_objects_sql(std::string_view database, store_kind kind);

/// What of the query's answer is not as it was made; empty if all is. A savepoint has the tables, indexes, views and
/// triggers of `store_tables_sql`, to the letter, and no others: somebody else may have made it, and a view in place of
/// a table is a program. A store has those tables; who keeps it may add to it.
[[nodiscard]] std::string store_objects_fault(std::vector<std::string> objects, store_kind kind);

/// Asks, and throws store_error with what is wrong. Passes over a file of another kind or version.
void require_store_objects(sqlite_database& database, store_kind kind);

} // namespace weir::inline v0
