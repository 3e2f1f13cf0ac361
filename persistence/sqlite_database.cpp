// The SQLite calls behind sqlite_database.hpp, and what their errors become.
#include "sqlite_database.hpp"

#include "paced_files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <unordered_map>
#include <vector>

#include <sqlite3.h>

namespace weir::inline v0 {

namespace {

constexpr std::size_t most_idle_statements = 256;

bool is_failed_write(int code) {
  switch (code) {
  case SQLITE_IOERR_WRITE:
  case SQLITE_IOERR_FSYNC:
  case SQLITE_IOERR_DIR_FSYNC:
  case SQLITE_IOERR_TRUNCATE:
  case SQLITE_IOERR_DELETE:
  case SQLITE_IOERR_CLOSE:
  case SQLITE_IOERR_COMMIT_ATOMIC:
  case SQLITE_IOERR_BEGIN_ATOMIC:
    return true;
  default:
    return false;
  }
}

} // namespace

/// What a database and its statements share: the handle, the idle statements, the first fatal cause.
class sqlite_connection {
public:
  explicit sqlite_connection(std::string file) : path(std::move(file)) {}
  sqlite_connection(const sqlite_connection&) = delete;
  sqlite_connection& operator=(const sqlite_connection&) = delete;

  ~sqlite_connection() {
    for (auto& [sql, statements] : idle)
      for (auto* statement : statements)
        sqlite3_finalize(statement);
    if (failed && handle)
      sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    sqlite3_close_v2(handle);
  }

  void refuse_if_failed() const {
    if (failed)
      throw io_error(*failed);
  }

  void check(int code, std::string_view doing) {
    if (code != SQLITE_OK)
      fail(code, doing);
  }

  [[noreturn]] void fail(int code, std::string_view doing) {
    std::string said = handle ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
    const int system_error = handle ? sqlite3_system_errno(handle) : 0;
    if (system_error != 0 && (code & 0xff) != SQLITE_CORRUPT && (code & 0xff) != SQLITE_CONSTRAINT)
      said += " (" + std::string{std::strerror(system_error)} + ")";
    const std::string thing = "the file " + path;
    const std::string while_doing = doing.empty() ? std::string{} : " while it was to " + std::string{doing};
    switch (code & 0xff) {
    case SQLITE_FULL:
      throw io_error({thing, "room on the disk", "none" + while_doing + ": " + said,
                      "free space there and start again; what was complete is kept"});
    case SQLITE_IOERR: {
      error_text text{thing,
                      {},
                      "the system refused" + while_doing + ": " + said,
                      "check the disk, then start again; what was complete is verified before it is used"};
      if (is_failed_write(code) && !failed)
        failed = text;
      throw io_error(std::move(text));
    }
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH: {
      const bool gone = opening && system_error == ENOENT;
      error_text text{thing, gone ? "a file" : "a file and a folder that can be read and written", said + while_doing,
                      gone ? "put it there, or name another path"
                           : "change their permissions or owner, or name another path"};
      if (opening)
        throw path_error(std::move(text));
      throw io_error(std::move(text));
    }
    case SQLITE_NOTADB:
      throw store_error({thing, "a SQLite database", "something else", "name another path, or move the file away"});
    case SQLITE_CORRUPT:
      throw damaged_error({thing, "an undamaged SQLite database", said + while_doing,
                           "check the disk and restore the file from a copy, or move it away"});
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw store_error({thing, "no other writer", said + while_doing,
                         "end the other program's transaction; read with `sqlite3 -readonly`"});
    case SQLITE_NOMEM:
      throw std::bad_alloc();
    default:
      throw store_error({thing, {}, said + while_doing, {}});
    }
  }

  sqlite3_stmt* take(std::string_view sql) {
    refuse_if_failed();
    if (auto found = idle.find(std::string{sql}); found != idle.end() && !found->second.empty()) {
      auto* statement = found->second.back();
      found->second.pop_back();
      --idle_count;
      return statement;
    }
    sqlite3_stmt* statement = nullptr;
    check(sqlite3_prepare_v3(handle, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement,
                             nullptr),
          sql.substr(0, 80));
    return statement;
  }

  void give_back(sqlite3_stmt* statement, std::string&& sql) noexcept {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    if (!failed && idle_count < most_idle_statements) {
      try {
        idle[std::move(sql)].push_back(statement);
        ++idle_count;
        return;
      } catch (...) { // no memory to keep it: it is compiled again
      }
    }
    sqlite3_finalize(statement);
  }

  std::string path;
  sqlite3* handle = nullptr;
  std::unordered_map<std::string, std::vector<sqlite3_stmt*>> idle;
  std::size_t idle_count = 0;
  std::optional<error_text> failed;
  bool opening = true; // until then a path that can't be used is the asker's fault, later a failure
  int depth = 0;
  std::int64_t log_pages = 0;
  std::int64_t page_bytes = 0;
  std::unique_ptr<paced_files> paced; // must outlive the handle, which the destructor closes
};

// --- statements

sqlite_statement::sqlite_statement(sqlite_connection& connection, sqlite3_stmt* handle, std::string_view sql)
    : connection_(&connection), handle_(handle), sql_(sql) {}

sqlite_statement::sqlite_statement(sqlite_statement&& other) noexcept
    : connection_(other.connection_), handle_(std::exchange(other.handle_, nullptr)), sql_(std::move(other.sql_)) {}

sqlite_statement::~sqlite_statement() {
  if (handle_)
    connection_->give_back(handle_, std::move(sql_));
}

void sqlite_statement::restart() {
  sqlite3_reset(handle_);
}

bool sqlite_statement::step() {
  connection_->refuse_if_failed();
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW)
    return true;
  if (code == SQLITE_DONE)
    return false;
  connection_->fail(code, std::string_view{sql_}.substr(0, 80));
}

void sqlite_statement::bind(int at, std::nullptr_t) {
  connection_->check(sqlite3_bind_null(handle_, at), "bind");
}

void sqlite_statement::bind(int at, std::string_view text) {
  // A null pointer would be bound as NULL.
  connection_->check(
      sqlite3_bind_text64(handle_, at, text.empty() ? "" : text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8),
      "bind");
}

void sqlite_statement::bind(int at, std::span<const std::byte> bytes) {
  const int code = bytes.empty() ? sqlite3_bind_zeroblob(handle_, at, 0)
                                 : sqlite3_bind_blob64(handle_, at, bytes.data(), bytes.size(), SQLITE_STATIC);
  connection_->check(code, "bind");
}

void sqlite_statement::bind(int at, double value) {
  connection_->check(sqlite3_bind_double(handle_, at, value), "bind");
}

void sqlite_statement::bind_integer(int at, std::int64_t value) {
  connection_->check(sqlite3_bind_int64(handle_, at, value), "bind");
}

void sqlite_statement::bind_count(int at, std::uint64_t value) {
  if (!std::in_range<std::int64_t>(value))
    throw usage_error(
        {"parameter " + std::to_string(at) + " of a statement", "an integer below 2^63", "a larger one", {}});
  bind_integer(at, static_cast<std::int64_t>(value));
}

bool sqlite_statement::is_null(int column) const {
  return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

std::int64_t sqlite_statement::integer(int column) const {
  return sqlite3_column_int64(handle_, column);
}

std::uint64_t sqlite_statement::count(int column) const {
  const auto value = sqlite3_column_int64(handle_, column);
  if (value < 0)
    throw damaged_error(
        {"the file " + connection_->path, "a number from 0", std::to_string(value), "restore the file from a copy"});
  return static_cast<std::uint64_t>(value);
}

std::uint32_t sqlite_statement::count32(int column) const {
  const auto value = count(column);
  if (value > std::numeric_limits<std::uint32_t>::max())
    throw damaged_error({"the file " + connection_->path, "a number below 2^32", std::to_string(value),
                         "restore the file from a copy"});
  return static_cast<std::uint32_t>(value);
}

std::string_view sqlite_statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
  return {data ? data : "", static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

std::span<const std::byte> sqlite_statement::bytes(int column) const {
  const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(handle_, column));
  const int code = sqlite3_errcode(connection_->handle);
  if (!data && (code & 0xff) == SQLITE_NOMEM)
    throw std::bad_alloc();
  return {data, data ? static_cast<std::size_t>(sqlite3_column_bytes(handle_, column)) : 0};
}

double sqlite_statement::real(int column) const {
  return sqlite3_column_double(handle_, column);
}

// --- the database

sqlite_database::sqlite_database(std::unique_ptr<sqlite_connection> connection) : connection_(std::move(connection)) {}
sqlite_database::sqlite_database(sqlite_database&&) noexcept = default;
sqlite_database& sqlite_database::operator=(sqlite_database&&) noexcept = default;
sqlite_database::~sqlite_database() = default;

sqlite_database sqlite_database::open(const std::string& path, sqlite_access access, const std::string& vfs) {
  auto connection = std::make_unique<sqlite_connection>(path);
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  switch (access) {
  case sqlite_access::read_only:
    flags |= SQLITE_OPEN_READONLY;
    break;
  case sqlite_access::read_write:
    flags |= SQLITE_OPEN_READWRITE;
    break;
  case sqlite_access::create:
    flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    break;
  }
  const int code = sqlite3_open_v2(path.c_str(), &connection->handle, flags, vfs.empty() ? nullptr : vfs.c_str());
  connection->check(code, "open");
  sqlite3_busy_timeout(connection->handle, 10'000);
  // Another program may have put anything into the schema.
  sqlite3_db_config(connection->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite_database database{std::move(connection)};
  database.exec("PRAGMA temp_store = MEMORY");
  database.connection_->opening = false;
  return database;
}

sqlite_database sqlite_database::in_memory() {
  return open(":memory:", sqlite_access::create);
}

void sqlite_database::distrust(std::uint64_t longest_value_bytes) {
  constexpr std::uint64_t least = 1'000'000; // for what is no row of the file, such as text that is put together
  constexpr std::uint64_t most = 1'000'000'000;
  sqlite3_db_config(connection_->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_limit(connection_->handle, SQLITE_LIMIT_LENGTH,
                static_cast<int>(std::clamp(longest_value_bytes, least, most)));
}

void sqlite_database::exec(std::string_view sql) {
  connection_->refuse_if_failed();
  const std::string copy{sql};
  connection_->check(sqlite3_exec(connection_->handle, copy.c_str(), nullptr, nullptr, nullptr), sql.substr(0, 80));
}

sqlite_statement sqlite_database::prepare(std::string_view sql) {
  return sqlite_statement{*connection_, connection_->take(sql), sql};
}

std::int64_t sqlite_database::integer(std::string_view sql) {
  auto query = prepare(sql);
  if (!query.step())
    throw damaged_error({"the file " + path(), "a row for " + std::string{sql}, "none", "restore it from a copy"});
  return query.integer(0);
}

std::string sqlite_database::text(std::string_view sql) {
  auto query = prepare(sql);
  if (!query.step())
    throw damaged_error({"the file " + path(), "a row for " + std::string{sql}, "none", "restore it from a copy"});
  return std::string{query.text(0)};
}

std::int64_t sqlite_database::changes() const {
  return sqlite3_changes64(connection_->handle);
}

std::int64_t sqlite_database::last_row_id() const {
  return sqlite3_last_insert_rowid(connection_->handle);
}

void sqlite_database::add_marker_function(const std::string& name) {
  const auto one = [](sqlite3_context* context, int, sqlite3_value**) { sqlite3_result_int(context, 1); };
  connection_->check(sqlite3_create_function_v2(connection_->handle, name.c_str(), 0,
                                                SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, nullptr, one,
                                                nullptr, nullptr, nullptr),
                     "register a function");
}

void sqlite_database::use_write_ahead_log(std::int64_t size_limit_bytes) {
  if (const auto mode = text("PRAGMA journal_mode = WAL"); mode != "wal")
    throw io_error({"the file " + path(), "a file system on which a write-ahead log works", "journal mode " + mode,
                    "put the file on a local disk"});
  exec("PRAGMA synchronous = FULL");
  // SQLite's own checkpoints swallow a failed sync, and the log is then written over: ours report it.
  exec("PRAGMA wal_autocheckpoint = 0");
  (void)integer("PRAGMA journal_size_limit = " + std::to_string(size_limit_bytes));
  connection_->page_bytes = integer("PRAGMA page_size");
  sqlite3_wal_hook(
      connection_->handle,
      [](void* state, sqlite3*, const char*, int pages) {
        static_cast<sqlite_connection*>(state)->log_pages = pages;
        return SQLITE_OK;
      },
      connection_.get());
  if (!connection_->paced) {
    (void)integer("PRAGMA schema_version"); // which opens the log
    connection_->paced = std::make_unique<paced_files>(connection_->handle);
  }
}

std::int64_t sqlite_database::log_bytes() const {
  return connection_->log_pages * connection_->page_bytes;
}

bool sqlite_database::checkpoint_log() {
  connection_->refuse_if_failed();
  int in_log = 0;
  int copied = 0;
  const int code = sqlite3_wal_checkpoint_v2(connection_->handle, nullptr, SQLITE_CHECKPOINT_PASSIVE, &in_log, &copied);
  if ((code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED)
    return false;
  connection_->check(code, "copy the log into the file");
  return in_log == copied;
}

const std::string& sqlite_database::path() const {
  return connection_->path;
}

bool sqlite_database::is_read_only() const {
  return sqlite3_db_readonly(connection_->handle, "main") == 1;
}

bool sqlite_database::has_failed() const {
  return connection_->failed.has_value();
}

// --- transactions

sqlite_transaction::sqlite_transaction(sqlite_database& database, kind k)
    : database_(database), depth_(database.connection_->depth) {
  auto& connection = *database_.connection_;
  if (depth_ > 0) {
    if (sqlite3_get_autocommit(connection.handle) != 0)
      throw io_error({"the file " + connection.path, "the transaction that was begun", "it was undone after an error",
                      "begin it again"});
    database_.run("SAVEPOINT part");
  } else {
    database_.run(k == kind::write ? "BEGIN IMMEDIATE" : "BEGIN");
  }
  ++connection.depth;
}

sqlite_transaction::~sqlite_transaction() {
  auto& connection = *database_.connection_;
  connection.depth = depth_;
  // After some errors SQLite has undone everything itself. Not through the cache: this must work after a failure too.
  if (open_ && sqlite3_get_autocommit(connection.handle) == 0)
    sqlite3_exec(connection.handle, depth_ > 0 ? "ROLLBACK TO part; RELEASE part" : "ROLLBACK", nullptr, nullptr,
                 nullptr);
}

bool sqlite_transaction::is_open() const {
  return open_ && sqlite3_get_autocommit(database_.connection_->handle) == 0;
}

void sqlite_transaction::commit() {
  auto& connection = *database_.connection_;
  connection.refuse_if_failed();
  if (sqlite3_get_autocommit(connection.handle) != 0)
    throw io_error({"the file " + connection.path, "the transaction that was begun", "it was undone after an error",
                    "begin it again"});
  if (depth_ > 0)
    database_.run("RELEASE part");
  else
    database_.run("COMMIT");
  open_ = false;
}

} // namespace weir::inline v0
