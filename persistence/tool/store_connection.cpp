#include "store_connection.hpp"

#include "../error.hpp"
#include "../sql/weir_sql.hpp"
#include "../store_tables.hpp"

#include <sqlite3.h>

#include <cstddef>
#include <filesystem>
#include <utility>

namespace weir::tool {

namespace {

struct statement_closer {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using statement = std::unique_ptr<sqlite3_stmt, statement_closer>;

std::string hexadecimal(const void* bytes, int count) {
  constexpr const char* digits = "0123456789abcdef";
  std::string text;
  for (int i = 0; i != count; ++i) {
    const auto byte = static_cast<const unsigned char*>(bytes)[i];
    text += digits[byte >> 4U];
    text += digits[byte & 0xfU];
  }
  return text;
}

cell cell_of(sqlite3_stmt* row, int column) {
  switch (sqlite3_column_type(row, column)) {
  case SQLITE_NULL:
    return {};
  case SQLITE_INTEGER:
  case SQLITE_FLOAT:
    return {cell::kind::number,
            reinterpret_cast<const char*>(sqlite3_column_text(row, column))}; // NOLINT: SQLite's type
  case SQLITE_BLOB:
    return {cell::kind::bytes, hexadecimal(sqlite3_column_blob(row, column), sqlite3_column_bytes(row, column))};
  default:
    break;
  }
  const char* text = reinterpret_cast<const char*>(sqlite3_column_text(row, column)); // NOLINT: SQLite's type
  return {cell::kind::text, {text, static_cast<std::size_t>(sqlite3_column_bytes(row, column))}};
}

/// Keeps rows for `column`.
class first_column final : public result_printer {
public:
  void begin(std::vector<std::string>) override {}
  void row(const std::vector<cell>& cells) override { found.push_back(cells.front().text); }
  void end() override {}
  std::vector<std::string> found;
};

void require_file(const std::string& path) {
  std::error_code failed;
  if (!std::filesystem::exists(path, failed))
    throw path_error({"the store " + path, "a file", "nothing", "check the path"});
  if (!std::filesystem::is_regular_file(path, failed))
    throw path_error({"the store " + path, "a file", "something else", "check the path"});
}

/// A path as a URI that SQLite takes apart again.
std::string read_only_uri(const std::string& path) {
  std::string uri = "file:";
  for (const char c : std::filesystem::absolute(path).string())
    if (c == '?' || c == '#' || c == '%')
      uri += "%" + hexadecimal(&c, 1);
    else
      uri += c;
  return uri + "?mode=ro";
}

} // namespace

void store_connection::closer::operator()(sqlite3* connection) const {
  sqlite3_close_v2(connection);
}

store_connection::store_connection(const std::string& path) : path_(path) {
  require_file(path);
  open(path, SQLITE_OPEN_READONLY);
  look_at(path, "main");
}

store_connection store_connection::beside_scratch(const std::string& path) {
  require_file(path);
  store_connection made;
  made.path_ = path;
  made.open(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI);
  made.run("ATTACH ? AS store", {read_only_uri(path)});
  made.look_at(path, "store");
  return made;
}

void store_connection::open(const std::string& path, int flags) {
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &opened, flags, nullptr);
  connection_.reset(opened);
  if (code != SQLITE_OK)
    refuse(code);
  sqlite3_busy_timeout(opened, 10'000); // a job that starts has its store for a moment
  // Another program may have put anything into the schema.
  sqlite3_db_config(opened, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  if (const int registered = register_weir_sql(opened); registered != SQLITE_OK)
    refuse(registered);
}

void store_connection::look_at(const std::string& path, const std::string& schema) {
  const std::string application = column("PRAGMA " + schema + ".application_id").front();
  savepoint_ = application == std::to_string(savepoint_application_id);
  if (!savepoint_ && application != std::to_string(store_application_id))
    throw store_error({"the file " + path, "a Weir store or savepoint", "something else", "name another path"});
  if (const std::string version = column("PRAGMA " + schema + ".user_version").front();
      version != std::to_string(store_version))
    throw store_error({"the store " + path, "format version " + std::to_string(store_version), "version " + version,
                       "use the tool of the program that wrote it"});
  const std::vector<std::string> jobs = column("SELECT job FROM " + schema + ".runs ORDER BY id DESC LIMIT 1");
  if (jobs.empty())
    throw damaged_error({"the store " + path, "a run", "none", "restore the file from a copy"});
  job_ = jobs.front();
}

void store_connection::refuse(int code) {
  const std::string said = connection_ ? sqlite3_errmsg(connection_.get()) : sqlite3_errstr(code);
  // The function that the store's triggers ask for.
  const bool writes = (code & 0xff) == SQLITE_READONLY || said.find("weir_store_writer") != std::string::npos;
  if (writes)
    throw usage_error({"the store " + path_, "only questions", said, "a store is written by its job alone"});
  switch (code & 0xff) {
  case SQLITE_NOTADB:
    throw store_error({"the file " + path_, "a Weir store or savepoint", "something else", "name another path"});
  case SQLITE_CORRUPT:
    throw damaged_error({"the store " + path_, "an undamaged SQLite database", said, "restore the file from a copy"});
  case SQLITE_IOERR:
  case SQLITE_FULL:
  case SQLITE_NOMEM:
    throw io_error({"the store " + path_, "", said, "check the disk"});
  case SQLITE_CANTOPEN:
  case SQLITE_PERM:
  case SQLITE_AUTH:
    throw path_error({"the store " + path_, "a file that can be read", said, "check its permissions"});
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    throw io_error({"the store " + path_, "", said, "ask again"});
  default:
    throw usage_error({"SQL", "", said, ""});
  }
}

std::int64_t store_connection::newest_checkpoint() {
  const std::vector<std::string> found = column("SELECT id FROM checkpoint_overview WHERE restorable ORDER BY id DESC");
  if (found.empty())
    throw store_error(
        {"the store " + path_, "a complete checkpoint", "none yet", "let the job run until its first one"});
  return std::stoll(found.front());
}

void store_connection::run(const std::string& sql, result_printer& to, const std::vector<std::string>& parameters) {
  const char* rest = sql.c_str();
  bool first = true;
  while (rest && *rest != '\0') {
    sqlite3_stmt* compiled = nullptr;
    if (const int code = sqlite3_prepare_v2(connection_.get(), rest, -1, &compiled, &rest); code != SQLITE_OK)
      refuse(code);
    const statement run{compiled};
    if (!run)
      continue; // a comment, or space
    if (std::exchange(first, false))
      for (std::size_t i = 0; i != parameters.size(); ++i)
        sqlite3_bind_text(run.get(), static_cast<int>(i) + 1, parameters[i].data(),
                          static_cast<int>(parameters[i].size()), SQLITE_TRANSIENT); // NOLINT: SQLite's macro
    const int columns = sqlite3_column_count(run.get());
    std::vector<std::string> names;
    for (int i = 0; i != columns; ++i)
      names.emplace_back(sqlite3_column_name(run.get(), i));
    if (columns != 0)
      to.begin(std::move(names));
    std::vector<cell> cells;
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(run.get())) == SQLITE_ROW) {
      cells.clear();
      for (int i = 0; i != columns; ++i)
        cells.push_back(cell_of(run.get(), i));
      to.row(cells);
    }
    if (code != SQLITE_DONE)
      refuse(code);
    if (columns != 0)
      to.end();
  }
}

void store_connection::run(const std::string& sql, const std::vector<std::string>& parameters) {
  first_column ignored;
  run(sql, ignored, parameters);
}

std::vector<std::string> store_connection::column(const std::string& sql, const std::vector<std::string>& parameters) {
  first_column kept;
  run(sql, kept, parameters);
  return std::move(kept.found);
}

std::string quoted_name(std::string_view name) {
  std::string text = "\"";
  for (const char c : name)
    text += c == '"' ? "\"\"" : std::string(1, c);
  return text + "\"";
}

} // namespace weir::tool
