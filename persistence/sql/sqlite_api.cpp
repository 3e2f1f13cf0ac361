// Statements of the extension.
#include "sqlite_api.hpp"

#include "../error.hpp"

#include <new>
#include <utility>

namespace weir::inline v0 {

sql_statement::sql_statement(sqlite3* database, const std::string& text, std::string doing)
    : database_(database), doing_(std::move(doing)) {
  sqlite3_stmt* made = nullptr;
  if (sqlite3_prepare_v2(database_, text.c_str(), static_cast<int>(text.size()), &made, nullptr) != SQLITE_OK)
    throw_refused();
  statement_.reset(made);
}

void sql_statement::throw_refused() const {
  switch (const int code = sqlite3_errcode(database_); code & 0xff) {
  case SQLITE_INTERRUPT:
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    throw passing_refusal{code, sqlite3_errmsg(database_)};
  case SQLITE_NOMEM:
    throw std::bad_alloc{};
  default:
    break;
  }
  throw io_error{{doing_, "an answer of SQLite", sqlite3_errmsg(database_), ""}};
}

sql_statement& sql_statement::bind(std::int64_t value) {
  if (sqlite3_bind_int64(statement_.get(), ++bound_, value) != SQLITE_OK)
    throw_refused();
  return *this;
}

sql_statement& sql_statement::bind(std::string_view value) {
  const int length = static_cast<int>(value.size());
  const auto copied = SQLITE_TRANSIENT; // NOLINT: SQLite's macro
  if (sqlite3_bind_text(statement_.get(), ++bound_, value.data(), length, copied) != SQLITE_OK)
    throw_refused();
  return *this;
}

sql_statement& sql_statement::bind_held(std::span<const std::byte> value) {
  if (sqlite3_bind_blob64(statement_.get(), ++bound_, value.data(), value.size(), SQLITE_STATIC) != SQLITE_OK)
    throw_refused();
  return *this;
}

sql_statement& sql_statement::bind_null() {
  if (sqlite3_bind_null(statement_.get(), ++bound_) != SQLITE_OK)
    throw_refused();
  return *this;
}

bool sql_statement::step() {
  const int result = sqlite3_step(statement_.get());
  if (result != SQLITE_ROW && result != SQLITE_DONE)
    throw_refused();
  return result == SQLITE_ROW;
}

void sql_statement::reset() {
  sqlite3_reset(statement_.get());
  bound_ = 0;
}

std::int64_t sql_statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

bool sql_statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

std::string_view sql_statement::text(int column) const {
  const auto found = bytes(column);
  return {reinterpret_cast<const char*>(found.data()), found.size()};
}

std::span<const std::byte> sql_statement::bytes(int column) const {
  const void* found = sqlite3_column_blob(statement_.get(), column);
  const int length = sqlite3_column_bytes(statement_.get(), column);
  if (found == nullptr)
    return {};
  return {static_cast<const std::byte*>(found), static_cast<std::size_t>(length)};
}

std::string quoted(std::string_view name) {
  std::string text{'"'};
  for (const char each : name)
    text.append(each == '"' ? 2 : 1, each);
  return text += '"';
}

} // namespace weir::inline v0
