// A SQLite file with owned handles, cached statements, transactions that nest, and errors that say what to do.
#pragma once

#include "error.hpp"
#include "ids.hpp"
#include "wall_time.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

struct sqlite3;
struct sqlite3_stmt;

namespace weir::inline v0 {

class sqlite_connection;

/// How a file is opened. Only `create` makes a file that is not there.
enum class sqlite_access : std::uint8_t { read_only, read_write, create };

/// One statement of a database, taken from its cache and given back when this object goes.
/// Belongs to the thread that uses the database, and must go before it. Parameters and columns count as in SQLite:
/// parameters from 1, columns from 0. Errors: as `sqlite_database`.
class sqlite_statement {
public:
  sqlite_statement(sqlite_connection& connection, sqlite3_stmt* handle, std::string_view sql);
  sqlite_statement(sqlite_statement&& other) noexcept;
  sqlite_statement& operator=(sqlite_statement&&) = delete;
  ~sqlite_statement();

  /// Binds all parameters, in order. Text is copied; bytes are not, and must live until the statement has run.
  template <class... Args>
  sqlite_statement& with(const Args&... args) {
    restart();
    int at = 0;
    (bind(++at, args), ...);
    return *this;
  }

  /// Binds, runs to the end, and makes the statement ready for the next run.
  template <class... Args>
  void run(const Args&... args) {
    with(args...);
    while (step()) {
    }
    restart();
  }

  /// Goes to the next row; false at the end.
  bool step();

  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] std::int64_t integer(int column) const;
  /// An integer that cannot be negative. Throws damaged_error if it is.
  [[nodiscard]] std::uint64_t count(int column) const;
  /// The same, and it must fit.
  [[nodiscard]] std::uint32_t count32(int column) const;
  /// Valid until the next step.
  [[nodiscard]] std::string_view text(int column) const;
  /// Valid until the next step.
  [[nodiscard]] std::span<const std::byte> bytes(int column) const;
  [[nodiscard]] double real(int column) const;

  template <class Id>
  [[nodiscard]] Id id(int column) const {
    if constexpr (sizeof(typename Id::rep) <= sizeof(std::uint32_t))
      return Id{static_cast<typename Id::rep>(count32(column))};
    else
      return Id{count(column)};
  }
  template <class Id>
  [[nodiscard]] std::optional<Id> optional_id(int column) const {
    return is_null(column) ? std::nullopt : std::optional<Id>{id<Id>(column)};
  }
  [[nodiscard]] wall_time time(int column) const { return wall_time{integer(column)}; }

  void bind(int at, std::nullptr_t);
  void bind(int at, std::string_view text);
  void bind(int at, const std::string& text) { bind(at, std::string_view{text}); }
  void bind(int at, const char* text) { bind(at, std::string_view{text}); }
  void bind(int at, std::span<const std::byte> bytes);
  void bind(int at, double value);
  void bind(int at, wall_time value) { bind_integer(at, value.unix_microseconds); }
  void bind(int at, std::chrono::microseconds value) { bind_integer(at, value.count()); }
  template <class Int>
  requires std::is_integral_v<Int>
  void bind(int at, Int value) {
    if constexpr (std::is_unsigned_v<Int>)
      bind_count(at, value);
    else
      bind_integer(at, value);
  }
  template <class Tag, class Rep>
  void bind(int at, strong_id<Tag, Rep> value) {
    bind(at, value.value);
  }
  template <class T>
  void bind(int at, const std::optional<T>& value) {
    if (value)
      bind(at, *value);
    else
      bind(at, nullptr);
  }

private:
  void restart();
  void bind_integer(int at, std::int64_t value);
  void bind_count(int at, std::uint64_t value);

  sqlite_connection* connection_;
  sqlite3_stmt* handle_;
  std::string sql_;
};

/// One connection to a SQLite file. One thread at a time.
///
/// Errors: `io_error` when the system refused (a full disk, a read-only folder, a failed read or write),
/// `damaged_error` when the file is not what SQLite wrote, `store_error` for the rest (locked, another program's write,
/// a constraint). A write or sync that failed below SQLite is final: the connection then refuses everything with that
/// first cause, because what the disk holds is not known any more; close, open and verify. A full disk is not final:
/// the transaction is undone.
class sqlite_database {
public:
  /// Opens a file; `vfs` names a SQLite VFS, and is empty for the system's.
  static sqlite_database open(const std::string& path, sqlite_access access, const std::string& vfs = {});
  static sqlite_database in_memory();

  sqlite_database(sqlite_database&&) noexcept;
  sqlite_database& operator=(sqlite_database&&) noexcept;
  ~sqlite_database();

  /// For a file that somebody else may have made: its views and triggers call nothing but harmless functions, and no
  /// value may be longer than this.
  void distrust(std::uint64_t longest_value_bytes);

  /// Runs one or several statements that return nothing.
  void exec(std::string_view sql);
  /// A statement, compiled or from the cache.
  [[nodiscard]] sqlite_statement prepare(std::string_view sql);
  /// Prepares, binds and runs one statement that returns nothing.
  template <class... Args>
  void run(std::string_view sql, const Args&... args) {
    prepare(sql).run(args...);
  }
  /// The first column of the only row of a query without parameters. Throws damaged_error if there is no row.
  [[nodiscard]] std::int64_t integer(std::string_view sql);
  [[nodiscard]] std::string text(std::string_view sql);
  /// How many rows the last statement changed.
  [[nodiscard]] std::int64_t changes() const;
  [[nodiscard]] std::int64_t last_row_id() const;

  /// Makes `name()` known to this connection as a function without parameters that returns 1.
  void add_marker_function(const std::string& name);

  /// Write-ahead log, synced at each commit, checkpointed only by `checkpoint_log`, never by SQLite itself. From
  /// now on a thread that has a `thread_pace` rests between the pages that it writes and reads.
  void use_write_ahead_log(std::int64_t size_limit_bytes);
  /// The bytes in the log after the last commit of this connection.
  [[nodiscard]] std::int64_t log_bytes() const;
  /// Copies what no reader holds back from the log into the file, without waiting for anybody. True if all of it went.
  bool checkpoint_log();

  [[nodiscard]] const std::string& path() const;
  /// Whether the file could only be opened for reading.
  [[nodiscard]] bool is_read_only() const;
  /// Whether a write or a sync failed for good.
  [[nodiscard]] bool has_failed() const;

private:
  friend class sqlite_transaction;
  explicit sqlite_database(std::unique_ptr<sqlite_connection> connection);

  std::unique_ptr<sqlite_connection> connection_;
};

/// A transaction: undone unless committed. Inside another one it is a part that can be undone alone.
class sqlite_transaction {
public:
  enum class kind : std::uint8_t { write, read };
  explicit sqlite_transaction(sqlite_database& database, kind k = kind::write);
  sqlite_transaction(const sqlite_transaction&) = delete;
  sqlite_transaction& operator=(const sqlite_transaction&) = delete;
  ~sqlite_transaction();

  /// False once it is committed, or SQLite has undone it after an error.
  [[nodiscard]] bool is_open() const;
  /// Durable when it returns, if it is the outermost one.
  void commit();

private:
  sqlite_database& database_;
  int depth_;
  bool open_ = true;
};

} // namespace weir::inline v0
