#include "sql_connection.hpp"

#include <sqlite3.h>

#include <cstdint>
#include <stdexcept>

namespace sql_test {

namespace {

std::string shown(sqlite3_stmt* statement, int column) {
  const int length = sqlite3_column_bytes(statement, column);
  switch (sqlite3_column_type(statement, column)) {
  case SQLITE_NULL:
    return "null";
  case SQLITE_BLOB: {
    const auto* bytes = static_cast<const unsigned char*>(sqlite3_column_blob(statement, column));
    std::string text = "x'";
    for (int i = 0; i < length; ++i) {
      text += "0123456789ABCDEF"[bytes[i] >> 4];
      text += "0123456789ABCDEF"[bytes[i] & 15];
    }
    return text + "'";
  }
  default: {
    const auto* text = sqlite3_column_text(statement, column);
    return {reinterpret_cast<const char*>(text), static_cast<std::size_t>(sqlite3_column_bytes(statement, column))};
  }
  }
}

} // namespace

std::filesystem::path extension() {
  return std::filesystem::path{WEIR_BINARY_DIR} / "lib/weir_sql.so";
}

sql_connection::sql_connection(const std::filesystem::path& path, use as) {
  const int flags = as == use::read ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  if (sqlite3_open_v2(path.c_str(), &handle_, flags, nullptr) != SQLITE_OK)
    throw std::runtime_error(sqlite3_errmsg(handle_));
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, nullptr);
  char* message = nullptr;
  if (sqlite3_load_extension(handle_, extension().c_str(), nullptr, &message) != SQLITE_OK) {
    const std::string said = message == nullptr ? "no extension" : message;
    sqlite3_free(message);
    sqlite3_close(handle_);
    throw std::runtime_error(said);
  }
}

sql_connection::~sql_connection() {
  sqlite3_close(handle_);
}

std::vector<std::string> sql_connection::rows(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK)
    throw std::runtime_error(sqlite3_errmsg(handle_));
  std::vector<std::string> found;
  int result = sqlite3_step(statement);
  for (; result == SQLITE_ROW; result = sqlite3_step(statement)) {
    std::string row;
    for (int column = 0; column < sqlite3_column_count(statement); ++column)
      row += (column == 0 ? "" : "|") + shown(statement, column);
    found.push_back(std::move(row));
  }
  const std::string message = sqlite3_errmsg(handle_);
  sqlite3_finalize(statement);
  if (result != SQLITE_DONE)
    throw std::runtime_error(message);
  return found;
}

std::string sql_connection::one(const std::string& sql) {
  const auto found = rows(sql);
  if (found.size() != 1)
    throw std::runtime_error(std::to_string(found.size()) + " rows instead of one: " + sql);
  return found.front();
}

std::string sql_connection::error(const std::string& sql) {
  try {
    static_cast<void>(rows(sql));
    return {};
  } catch (const std::runtime_error& problem) {
    return problem.what();
  }
}

std::string sql_connection::error_when_interrupted(const std::string& sql, int steps) {
  sqlite3_progress_handler(
      handle_, steps, [](void*) { return 1; }, nullptr);
  std::string said = error(sql);
  sqlite3_progress_handler(handle_, 0, nullptr, nullptr);
  return said;
}

void change_file(const std::filesystem::path& path, const std::string& sql) {
  sqlite3* handle = nullptr;
  char* message = nullptr;
  int result = sqlite3_open(path.c_str(), &handle);
  // The function without which the triggers refuse.
  sqlite3_create_function(
      handle, "weir_store_writer", 0, SQLITE_UTF8, nullptr,
      [](sqlite3_context* context, int, sqlite3_value**) { sqlite3_result_null(context); }, nullptr, nullptr);
  if (result == SQLITE_OK)
    result = sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, &message);
  const std::string said = message == nullptr ? "" : message;
  sqlite3_free(message);
  sqlite3_close(handle);
  if (result != SQLITE_OK)
    throw std::runtime_error(said);
}

} // namespace sql_test
