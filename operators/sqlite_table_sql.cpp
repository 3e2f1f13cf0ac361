#include "sqlite_table_sql.hpp"

#include "../persistence/sqlite_database.hpp"

#include <algorithm>

namespace weir::inline v0 {

namespace {

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const auto& part : parts)
    text += (text.empty() ? "" : ", ") + part;
  return text;
}

bool is_key(const sqlite_table_settings& settings, const row_column& column) {
  return std::any_of(settings.keys.begin(), settings.keys.end(),
                     [&](const std::string& key) { return same_name(key, column.name); });
}

std::vector<std::string> quoted_names(const std::vector<std::string>& names) {
  std::vector<std::string> quoted;
  for (const auto& name : names)
    quoted.push_back(quoted_name(name));
  return quoted;
}

std::string create_sql(const sqlite_table_settings& settings, const row_layout& layout) {
  std::vector<std::string> parts;
  for (const auto& column : layout.columns) {
    std::string part = quoted_name(column.name) + " " + std::string{column.sql_type()};
    if (!column.optional && !column.is_real()) // SQLite stores NaN as NULL
      part += " NOT NULL";
    parts.push_back(std::move(part));
  }
  std::string ending = ") STRICT";
  if (settings.upsert) {
    parts.push_back("PRIMARY KEY (" + joined(quoted_names(settings.keys)) + ")");
    ending += ", WITHOUT ROWID";
  }
  return "CREATE TABLE " + quoted_name(settings.table) + " (" + joined(parts) + ending;
}

struct found_column {
  std::string name;
  std::string type;
  bool needs_value;
};

/// The table's columns, without generated ones.
std::vector<found_column> columns_of(sqlite_database& database, const std::string& table) {
  std::vector<found_column> columns;
  auto query =
      database.prepare("SELECT name, upper(type), \"notnull\" AND dflt_value IS NULL FROM pragma_table_info(?)");
  query.with(table);
  while (query.step())
    columns.push_back({std::string{query.text(0)}, std::string{query.text(1)}, query.integer(2) != 0});
  return columns;
}

bool strict_type_fits(const std::string& declared, std::string_view ours) {
  return declared == ours || declared == "ANY" || (declared == "INT" && ours == "INTEGER") ||
         (declared == "REAL" && ours == "INTEGER");
}

void check_columns(sqlite_database& database, const sqlite_table_settings& settings, const row_layout& layout) {
  auto strict_query = database.prepare("SELECT type, strict FROM pragma_table_list(?) WHERE schema = 'main'");
  strict_query.with(settings.table);
  const bool found = strict_query.step();
  if (!found || strict_query.text(0) != "table")
    throw usage_error({table_text(settings), "a table", found ? "a " + std::string{strict_query.text(0)} : "nothing",
                       "name another table"});
  const bool strict = strict_query.integer(1) != 0;

  const auto there = columns_of(database, settings.table);
  std::vector<std::string> missing;
  std::vector<std::string> wrong;
  for (const auto& column : layout.columns) {
    const auto match = std::find_if(there.begin(), there.end(),
                                    [&](const found_column& each) { return same_name(each.name, column.name); });
    if (match == there.end())
      missing.push_back(column.name);
    else if (strict && !strict_type_fits(match->type, column.sql_type()))
      wrong.push_back(column.name + " of type " + match->type + " instead of " + std::string{column.sql_type()});
  }
  const std::string remedy = "change the table, name another one, or drop this one and have it made";
  if (!missing.empty())
    throw usage_error({table_text(settings), "the columns " + joined(missing), "a table without them", remedy});
  if (!wrong.empty())
    throw usage_error({table_text(settings), {}, "the column " + joined(wrong), remedy});
  for (const auto& column : there)
    if (column.needs_value && std::none_of(layout.columns.begin(), layout.columns.end(),
                                           [&](const row_column& ours) { return same_name(ours.name, column.name); }))
      throw usage_error({table_text(settings), "no other column that is NOT NULL", "the column " + column.name,
                         "give that column a default value, or name another table"});
}

} // namespace

std::string table_text(const sqlite_table_settings& settings) {
  return "the table " + settings.table + " in " + settings.path;
}

std::string insert_sql(const sqlite_table_settings& settings, const row_layout& layout) {
  std::vector<std::string> names;
  std::vector<std::string> parameters;
  std::vector<std::string> updates;
  for (const auto& column : layout.columns) {
    const auto name = quoted_name(column.name);
    names.push_back(name);
    parameters.emplace_back("?");
    if (!is_key(settings, column))
      updates.push_back(name + " = excluded." + name);
  }
  std::string sql =
      "INSERT INTO " + quoted_name(settings.table) + " (" + joined(names) + ") VALUES (" + joined(parameters) + ")";
  if (settings.upsert)
    sql += " ON CONFLICT (" + joined(quoted_names(settings.keys)) + ") DO " +
           (updates.empty() ? "NOTHING" : "UPDATE SET " + joined(updates));
  return sql;
}

void create_own_tables(sqlite_database& database) {
  // weir_targets: which run a table belongs to. weir_progress: what was committed last.
  // weir_stages: the rows of one subtask between two barriers; the checkpoint is NULL until they are prepared.
  // weir_given_up: up to which checkpoint the run goes on without what it had written, for that was not found.
  database.exec(R"(
    CREATE TABLE IF NOT EXISTS weir_targets (
      target TEXT NOT NULL COLLATE NOCASE PRIMARY KEY, run TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS weir_progress (
      target TEXT NOT NULL COLLATE NOCASE, run TEXT NOT NULL, operator TEXT NOT NULL, subtask INTEGER NOT NULL,
      checkpoint INTEGER NOT NULL, prepared TEXT NOT NULL,
      PRIMARY KEY (target, run, operator, subtask)) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS weir_stages (
      stage INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL COLLATE NOCASE, run TEXT NOT NULL,
      operator TEXT NOT NULL, subtask INTEGER NOT NULL, attempt INTEGER NOT NULL, checkpoint INTEGER) STRICT;
    CREATE TABLE IF NOT EXISTS weir_staged (
      stage INTEGER NOT NULL, part INTEGER NOT NULL, rows BLOB NOT NULL, checksum INTEGER NOT NULL,
      PRIMARY KEY (stage, part)) STRICT;
    CREATE TABLE IF NOT EXISTS weir_given_up (
      target TEXT NOT NULL COLLATE NOCASE PRIMARY KEY, run TEXT NOT NULL, checkpoint INTEGER NOT NULL) STRICT;
  )");
}

bool table_exists(sqlite_database& database, const std::string& name) {
  auto query =
      database.prepare("SELECT 1 FROM sqlite_schema WHERE name = ? COLLATE NOCASE AND type IN ('table', 'view')");
  query.with(name);
  return query.step();
}

void create_or_check_table(sqlite_database& database, const sqlite_table_settings& settings, const row_layout& layout) {
  if (!table_exists(database, settings.table)) {
    database.exec(create_sql(settings, layout));
    return;
  }
  check_columns(database, settings, layout);
  try {
    static_cast<void>(database.prepare(insert_sql(settings, layout)));
  } catch (const store_error& error) {
    if (!settings.upsert)
      throw;
    throw usage_error({table_text(settings), "a primary key or unique index over " + joined(settings.keys),
                       error.text().found, "make one, or drop the table and have it made"});
  }
}

} // namespace weir::inline v0
