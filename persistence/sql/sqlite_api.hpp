// SQLite as a loaded extension sees it: through the pointer that the loading program hands over, never by linking.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <sqlite3ext.h>

SQLITE_EXTENSION_INIT3

namespace weir::inline v0 {

/// SQLite's refusal that says nothing of the store: an interrupt, or a file that another one is using.
class passing_refusal : public std::exception {
public:
  passing_refusal(int code, std::string said) : code_(code), said_(std::move(said)) {}
  [[nodiscard]] int code() const noexcept { return code_; }
  [[nodiscard]] const char* what() const noexcept override { return said_.c_str(); }

private:
  int code_;
  std::string said_;
};

/// A statement on the connection that the extension was loaded in. One thread at a time; throws passing_refusal,
/// std::bad_alloc, or io_error for what else SQLite refuses, with what was being done.
class sql_statement {
public:
  sql_statement(sqlite3* database, const std::string& text, std::string doing = "reading the store");

  sql_statement& bind(std::int64_t value);
  sql_statement& bind(std::string_view value);
  /// The bytes outlive the next step.
  sql_statement& bind_held(std::span<const std::byte> value);
  sql_statement& bind_null();
  /// True if there is a row.
  bool step();
  /// Ready for other parameters.
  void reset();

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] bool is_null(int column) const;
  /// Valid until the next step.
  [[nodiscard]] std::string_view text(int column) const;
  [[nodiscard]] std::span<const std::byte> bytes(int column) const;

private:
  struct finalizer {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  [[noreturn]] void throw_refused() const;

  sqlite3* database_;
  std::string doing_;
  std::unique_ptr<sqlite3_stmt, finalizer> statement_;
  int bound_ = 0;
};

/// The name in double quotes.
[[nodiscard]] std::string quoted(std::string_view name);

} // namespace weir::inline v0
