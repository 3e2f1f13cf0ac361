// The SQL of a sqlite_table sink: its own tables, and the user's table, made or checked.
#pragma once

#include "row_codec.hpp"
#include "sql_names.hpp"
#include "sqlite_table.hpp"

#include <string>
#include <vector>

namespace weir::inline v0 {

class sqlite_database;

/// "the table counts in words.db", for errors.
[[nodiscard]] std::string table_text(const sqlite_table_settings& settings);

/// Puts a row into the table; the parameters are the columns in their order.
[[nodiscard]] std::string insert_sql(const sqlite_table_settings& settings, const row_layout& layout);

/// Makes weir_targets, weir_progress, weir_stages and weir_staged if they are not there.
void create_own_tables(sqlite_database& database);
[[nodiscard]] bool table_exists(sqlite_database& database, const std::string& name);
/// Makes the table, or checks that rows can be put into it. Throws usage_error.
void create_or_check_table(sqlite_database& database, const sqlite_table_settings& settings, const row_layout& layout);

} // namespace weir::inline v0
