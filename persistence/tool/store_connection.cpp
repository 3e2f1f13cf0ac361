#include "store_connection.hpp"

#include "../error.hpp"
#include "../json_text.hpp"
#include "../savepoint.hpp"
#include "../sql/typed_table.hpp"
#include "../sql/weir_sql.hpp"
#include "../store_tables.hpp"
#include "../store_tables_check.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <system_error>
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

std::vector<std::byte> bytes_from(const std::string& typed, bool& good) {
  std::vector<std::byte> bytes;
  good = typed.size() % 2 == 0;
  for (std::size_t i = 0; good && i != typed.size(); i += 2) {
    unsigned byte = 0;
    const char* end = typed.data() + i + 2;
    good = std::from_chars(typed.data() + i, end, byte, 16).ptr == end;
    bytes.push_back(static_cast<std::byte>(byte));
  }
  return bytes;
}

void bind(sqlite3_stmt* to, int at, const sql_value& value) {
  const auto copied = SQLITE_TRANSIENT; // NOLINT: SQLite's macro
  if (const auto* number = std::get_if<std::int64_t>(&value))
    sqlite3_bind_int64(to, at, *number);
  else if (const auto* real = std::get_if<double>(&value))
    sqlite3_bind_double(to, at, *real);
  else if (const auto* text = std::get_if<std::string>(&value))
    sqlite3_bind_text64(to, at, text->data(), text->size(), copied, SQLITE_UTF8);
  else if (const auto* bytes = std::get_if<std::vector<std::byte>>(&value); bytes->empty())
    sqlite3_bind_zeroblob(to, at, 0);
  else
    sqlite3_bind_blob64(to, at, bytes->data(), bytes->size(), copied);
}

/// The shortest text that is read back as the same number; infinities are words, which JSON has no number for.
cell cell_of_real(double value) {
  std::string text;
  detail::append_json_number(text, value);
  if (text.front() != '"')
    return {cell::kind::number, std::move(text)};
  return {cell::kind::text, text.substr(1, text.size() - 2)};
}

cell cell_of(sqlite3_stmt* row, int column) {
  switch (sqlite3_column_type(row, column)) {
  case SQLITE_NULL:
    return {};
  case SQLITE_FLOAT:
    return cell_of_real(sqlite3_column_double(row, column));
  case SQLITE_INTEGER:
    return {cell::kind::number,
            reinterpret_cast<const char*>(sqlite3_column_text(row, column))}; // NOLINT: SQLite's type
  case SQLITE_BLOB:
    return {cell::kind::bytes, hexadecimal(sqlite3_column_blob(row, column), sqlite3_column_bytes(row, column))};
  default:
    break;
  }
  const char* text = reinterpret_cast<const char*>(sqlite3_column_text(row, column)); // NOLINT: SQLite's type
  constexpr unsigned json_subtype = 'J'; // as the extension and SQLite's own functions mark it
  return {sqlite3_value_subtype(sqlite3_column_value(row, column)) == json_subtype ? cell::kind::json
                                                                                   : cell::kind::text,
          {text, static_cast<std::size_t>(sqlite3_column_bytes(row, column))}};
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
  undo_interrupted_edit(path);
  open(path, SQLITE_OPEN_READONLY);
  look_at(path, "main");
}

store_connection store_connection::beside_scratch(const std::string& path) {
  require_file(path);
  undo_interrupted_edit(path);
  store_connection made;
  made.path_ = path;
  made.open(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI);
  made.run("ATTACH ? AS store", {text_value(read_only_uri(path))});
  made.look_at(path, "store");
  return made;
}

store_connection store_connection::to_edit(const std::string& path) {
  if (const store_connection looked{path}; !looked.is_savepoint())
    throw usage_error({"the store " + path + " of the job " + looked.job(), "a savepoint, whose state can be changed",
                       "a job's store, which its job alone writes",
                       "make a savepoint of it first, weir savepoint " + path + " FILE, and change that"});
  store_connection made;
  made.path_ = path;
  made.open(path, SQLITE_OPEN_READWRITE);
  // Its tables, triggers and checks have been looked at: they are ours to the letter. To write, SQLite compiles them.
  sqlite3_db_config(made.connection_.get(), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 1, nullptr);
  made.look_at(path, "main");
  constexpr int longest_value_bytes = 1'000'000'000;
  sqlite3_limit(made.connection_.get(), SQLITE_LIMIT_LENGTH, longest_value_bytes);
  return made;
}

void store_connection::open(const std::string& path, int flags) {
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &opened, flags, nullptr);
  connection_.reset(opened);
  if (code != SQLITE_OK)
    refuse(code);
  sqlite3_extended_result_codes(opened, 1);
  sqlite3_busy_timeout(opened, 10'000); // a job that starts has its store for a moment
  // Another program may have put anything into the schema.
  sqlite3_db_config(opened, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  if (const int registered = register_weir_sql(opened); registered != SQLITE_OK)
    refuse(registered);
}

void store_connection::look_at(const std::string& path, const std::string& schema) {
  const std::string application = column("PRAGMA " + schema + ".application_id").front();
  savepoint_ = application == std::to_string(savepoint_application_id);
  if (savepoint_) { // nobody writes to it: no value is longer, nor by much what is made of one
    std::error_code ignored;
    const std::uintmax_t bytes = std::filesystem::file_size(path, ignored);
    constexpr std::uintmax_t least = 64'000'000;
    constexpr std::uintmax_t most = 1'000'000'000;
    sqlite3_limit(connection_.get(), SQLITE_LIMIT_LENGTH,
                  static_cast<int>(std::clamp(std::min(bytes, most) * 4, least, most)));
  }
  if (!savepoint_ && application != std::to_string(store_application_id))
    throw store_error({"the file " + path, "a Weir store or savepoint", "something else", "name another path"});
  if (const std::string version = column("PRAGMA " + schema + ".user_version").front();
      version != std::to_string(store_version))
    throw store_error({"the store " + path, "format version " + std::to_string(store_version), "version " + version,
                       "use the tool of the program that wrote it"});
  const store_kind kind = savepoint_ ? store_kind::savepoint : store_kind::store;
  if (const std::string fault = store_objects_fault(column(store_objects_sql(schema, kind)), kind); !fault.empty())
    throw store_error({"the file " + path, "the tables of a Weir store", fault, "name another file"});
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
    if (code == SQLITE_CORRUPT_VTAB) // the extension's own words
      throw damaged_error({"the store " + path_, "", said, ""});
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

void store_connection::run(const std::string& sql, result_printer& to, const std::vector<sql_value>& parameters) {
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
        bind(run.get(), static_cast<int>(i) + 1, parameters[i]);
    const int columns = sqlite3_column_count(run.get());
    std::vector<std::string> names;
    for (int i = 0; i != columns; ++i)
      names.emplace_back(sqlite3_column_name(run.get(), i));
    if (columns != 0)
      to.begin(std::move(names));
    std::vector<cell> cells;
    int code = SQLITE_ROW;
    while (to.wants_more() && (code = sqlite3_step(run.get())) == SQLITE_ROW) {
      cells.clear();
      for (int i = 0; i != columns; ++i)
        cells.push_back(cell_of(run.get(), i));
      to.row(cells);
    }
    if (!to.wants_more())
      return;
    if (code != SQLITE_DONE)
      refuse(code);
    if (columns != 0)
      to.end();
  }
}

void store_connection::run(const std::string& sql, const std::vector<sql_value>& parameters) {
  first_column ignored;
  run(sql, ignored, parameters);
}

void store_connection::run_each(const std::string& sql, const std::function<const std::vector<cell>*()>& next) {
  sqlite3_stmt* compiled = nullptr;
  if (const int code = sqlite3_prepare_v2(connection_.get(), sql.c_str(), -1, &compiled, nullptr); code != SQLITE_OK)
    refuse(code);
  const statement run{compiled};
  while (const std::vector<cell>* parameters = next()) {
    for (std::size_t i = 0; i != parameters->size(); ++i) {
      const cell& each = (*parameters)[i];
      const int number = static_cast<int>(i) + 1;
      const int bytes = static_cast<int>(each.text.size());
      if (each.what == cell::kind::null)
        sqlite3_bind_null(run.get(), number);
      else if (each.what == cell::kind::bytes)
        sqlite3_bind_blob(run.get(), number, each.text.data(), bytes, SQLITE_STATIC);
      else
        sqlite3_bind_text(run.get(), number, each.text.data(), bytes, SQLITE_STATIC);
    }
    if (const int code = sqlite3_step(run.get()); code != SQLITE_DONE)
      refuse(code);
    sqlite3_reset(run.get());
  }
}

std::vector<std::string> store_connection::column(const std::string& sql, const std::vector<sql_value>& parameters) {
  first_column kept;
  run(sql, kept, parameters);
  return std::move(kept.found);
}

std::vector<key_column> store_connection::key_columns(const std::string& operator_name, const std::string& table) {
  std::vector<key_column> found;
  const open_store store = find_store(connection_.get(), job_);
  schema_decoders schemas{connection_.get(), store};
  for (const known_table& each : known_tables(connection_.get(), store))
    if (each.operator_name == operator_name && each.table == table)
      for (typed_column& column : typed_columns(schemas.of(each.newest_schema)))
        if (column.part == entry_part::key)
          found.push_back({std::move(column.name), std::move(column.sql_type)});
  return found;
}

std::optional<sql_value> value_from(const std::string& typed, std::string_view sql_type) {
  const char* end = typed.data() + typed.size();
  if (sql_type == "INTEGER") {
    std::int64_t number = 0;
    if (const auto parsed = std::from_chars(typed.data(), end, number); parsed.ec == std::errc{} && parsed.ptr == end)
      return number;
    std::uint64_t large = 0; // which is a text there
    if (const auto parsed = std::from_chars(typed.data(), end, large); parsed.ec == std::errc{} && parsed.ptr == end)
      return text_value(std::to_string(large));
    return std::nullopt;
  }
  if (sql_type == "REAL") {
    double number = 0;
    if (const auto parsed = std::from_chars(typed.data(), end, number); parsed.ec == std::errc{} && parsed.ptr == end)
      return number;
    return std::nullopt;
  }
  if (sql_type == "BLOB") {
    bool good = false;
    std::vector<std::byte> bytes = bytes_from(typed, good);
    return good ? std::optional<sql_value>{std::move(bytes)} : std::nullopt;
  }
  return text_value(typed);
}

std::string quoted_name(std::string_view name) {
  std::string text = "\"";
  for (const char c : name)
    text += c == '"' ? "\"\"" : std::string(1, c);
  return text + "\"";
}

} // namespace weir::tool
