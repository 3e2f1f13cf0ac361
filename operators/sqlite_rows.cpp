#include "sqlite_rows.hpp"

#include "../persistence/sqlite_database.hpp"
#include "field_text.hpp"
#include "file_io.hpp"
#include "flat_json.hpp"
#include "poll_interval.hpp"
#include "split_ids.hpp"
#include "sql_names.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <system_error>
#include <variant>

namespace weir::inline v0 {

namespace {

/// A value of the column that gives the order.
using order_value = std::variant<std::int64_t, double, std::string>;

/// `i:-5`, `r:0.1`, `t:text`
std::string to_position_text(const order_value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value))
    return "i:" + std::to_string(*integer);
  if (const auto* real = std::get_if<double>(&value)) {
    char digits[40];
    return "r:" + std::string(digits, std::to_chars(digits, digits + sizeof digits, *real).ptr);
  }
  return "t:" + std::get<std::string>(value);
}

order_value parse_position_text(const std::string& text) {
  const char* first = text.data() + std::min<std::size_t>(2, text.size());
  const char* last = text.data() + text.size();
  if (text.starts_with("t:"))
    return text.substr(2);
  std::int64_t integer = 0;
  if (text.starts_with("i:"))
    if (const auto [end, fault] = std::from_chars(first, last, integer); fault == std::errc{} && end == last)
      return integer;
  double real = 0;
  if (text.starts_with("r:"))
    if (const auto [end, fault] = std::from_chars(first, last, real); fault == std::errc{} && end == last)
      return real;
  throw damaged_error({"the position of sqlite_rows", "a value of the column that gives the order", text,
                       "restore the store from a copy, or begin anew with --fresh"});
}

/// Reads the value of a column whose `typeof` stands behind it.
std::optional<order_value> value_at(const sqlite_statement& row, int column) {
  const std::string_view type = row.text(column + 1);
  if (type == "integer")
    return row.integer(column);
  if (type == "real")
    return row.real(column);
  if (type == "text")
    return std::string{row.text(column)};
  return std::nullopt;
}

void bind_value(sqlite_statement& statement, int at, const order_value& value) {
  std::visit([&](const auto& each) { statement.bind(at, each); }, value);
}

class rows_table {
public:
  rows_table(const sqlite_rows_settings& settings, const field_type& record)
      : settings_(settings), record_(record), file_(look_at(settings.path)), database_(open(settings.path)) {
    if (!look_at(settings.path).is_same(file_)) // so it is not known which of them was opened
      throw io_error({settings.path, "one SQLite file", "another one that takes its place just now", "try again"});
    check_columns();
  }

  [[nodiscard]] std::string thing() const { return settings_.path + ", table " + settings_.table; }
  [[nodiscard]] sqlite_database& database() { return database_; }
  [[nodiscard]] bool has(std::size_t member) const { return present_[member]; }
  /// The file that is open; its path may have become another one's.
  [[nodiscard]] const file_facts& file() const { return file_; }

  /// The greatest value; nothing if there are no rows.
  [[nodiscard]] std::optional<order_value> last() {
    auto row = database_.prepare("SELECT v, typeof(v) FROM (SELECT max(" + quoted_name(settings_.order) +
                                 ") AS v FROM " + quoted_name(settings_.table) + ")");
    row.with();
    return row.step() ? value_at(row, 0) : std::nullopt;
  }

  /// The last id that AUTOINCREMENT gave: no later row has one that is not greater. Nothing if the order is not by such
  /// ids.
  [[nodiscard]] std::optional<std::int64_t> last_id() {
    if (!counted_)
      return std::nullopt;
    // Without its own entry, as of an empty table, the last one is 0. A row whose id was changed counts while it is
    // there.
    auto row =
        database_.prepare("SELECT max(ifnull((SELECT seq FROM sqlite_sequence WHERE name = ?1 COLLATE NOCASE), 0), "
                          "ifnull((SELECT max(" +
                          quoted_name(settings_.order) + ") FROM " + quoted_name(settings_.table) + "), 0))");
    row.with(settings_.table);
    return row.step() ? std::optional{row.integer(0)} : std::nullopt;
  }

  /// The members' columns, each with its type, then the column of the order.
  [[nodiscard]] std::string query(bool after, bool until) const {
    const std::string order = quoted_name(settings_.order);
    std::string sql = "SELECT ";
    for (std::size_t i = 0; i < record_.fields.size(); ++i)
      if (present_[i])
        sql += quoted_name(record_.fields[i].name) + ", typeof(" + quoted_name(record_.fields[i].name) + "), ";
    sql += order + ", typeof(" + order + ") FROM " + quoted_name(settings_.table) + " WHERE " + order + " IS NOT NULL";
    if (after)
      sql += " AND " + order + " > ?1";
    if (until)
      sql += " AND " + order + " <= ?2";
    return sql + " ORDER BY " + order + " LIMIT ?3";
  }

private:
  static file_facts look_at(const std::string& path) {
    const auto found = look_at_file(path);
    if (!found || !found->regular)
      throw usage_error(
          {path, "a SQLite file", found ? "something that is no file" : "no file of this name", "name another path"});
    return *found;
  }
  static sqlite_database open(const std::string& path) { return sqlite_database::open(path, sqlite_access::read_only); }

  void check_columns() {
    std::map<std::string, bool> columns; // and whether it is the only column of the primary key
    auto info = database_.prepare("SELECT name, pk, (SELECT count(*) FROM pragma_table_xinfo(?1) WHERE pk > 0) "
                                  "FROM pragma_table_xinfo(?1)");
    info.with(settings_.table);
    std::string names;
    while (info.step()) {
      columns.emplace(info.text(0), info.integer(1) == 1 && info.integer(2) == 1);
      names += (names.empty() ? "" : ", ") + std::string{info.text(0)};
    }
    if (columns.empty())
      throw usage_error({settings_.path, "a table or view " + settings_.table, "none of this name", "name another"});
    std::string missing;
    for (const auto& field : record_.fields) {
      present_.push_back(columns.count(field.name) != 0);
      if (!present_.back() && field.type().kind != field_kind::optional)
        missing += (missing.empty() ? "" : ", ") + field.name;
    }
    if (!missing.empty())
      throw usage_error({thing(), "a column for each member that is not optional",
                         "none for " + missing + "; there are " + shortened(names),
                         "rename the members, make them optional, or read from a view"});
    const auto order = columns.find(settings_.order);
    const bool row_id = settings_.order == "rowid" && order == columns.end() && has_row_ids();
    if (order == columns.end() && !row_id)
      throw usage_error({thing(), "the column " + settings_.order + ", which gives the order",
                         "none of this name; there are " + shortened(names), "name one with .order_by"});
    if (!row_id && !order->second && !settings_.order_is_unique && !has_unique_index())
      throw usage_error({thing(), "values that differ in the column " + settings_.order,
                         "no primary key or unique index that sees to it",
                         "order by another column, add a unique index, or promise it with .order_is_unique()"});
    counted_ = (row_id || order->second) && has_ids_of_its_own();
    if (settings_.poll_interval.count() != 0 && !settings_.order_ascends && !counted_)
      throw usage_error({thing(), "later rows with greater values in the column " + settings_.order,
                         "no AUTOINCREMENT that sees to it: SQLite gives the ids of removed rows again",
                         "make the table with INTEGER PRIMARY KEY AUTOINCREMENT, or promise it with .order_ascends()"});
  }
  /// AUTOINCREMENT is possible only of a rowid, which a sole primary key of a table that has it is another name for.
  [[nodiscard]] bool has_ids_of_its_own() {
    auto table = database_.prepare("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE");
    table.with(settings_.table);
    return table.step() && has_autoincrement(table.text(0));
  }
  [[nodiscard]] bool has_row_ids() {
    auto list = database_.prepare("SELECT 1 FROM pragma_table_list(?1) WHERE type = 'table' AND NOT wr");
    list.with(settings_.table);
    return list.step();
  }
  [[nodiscard]] bool has_unique_index() {
    auto index = database_.prepare("SELECT 1 FROM pragma_index_list(?1) AS l WHERE l.\"unique\" AND NOT l.partial AND "
                                   "(SELECT group_concat(name) FROM pragma_index_info(l.name)) = ?2");
    index.with(settings_.table, settings_.order);
    return index.step();
  }

  const sqlite_rows_settings& settings_;
  const field_type& record_;
  file_facts file_;
  sqlite_database database_;
  std::vector<bool> present_;
  bool counted_ = false; // AUTOINCREMENT gives the values of the order
};

class rows_reader final : public split_reader {
public:
  rows_reader(const sqlite_rows_settings& settings, const record_access& access, std::optional<order_value> until,
              const std::string& position, processing_time now)
      : settings_(settings),
        access_(access),
        record_(access.type()),
        table_(std::in_place, settings_, record_),
        until_(std::move(until)),
        next_at_(now) {
    if (position.empty())
      return;
    const auto object = flat_json::parse(position, "the position in " + table_->thing());
    if (object.has("after"))
      after_ = parse_position_text(object.text("after"));
    skipped_ = object.has("skipped") ? object.number("skipped") : 0;
    if (!settings_.may_be_replaced && !is_of_this_file(object))
      refuse_other_file("another one of this name");
    check_ids();
  }

  read_status read(any_collector& out, std::size_t max_records) override {
    const std::size_t most = std::max<std::size_t>(max_records, 1);
    check_file();
    any_batch& batch = access_.open(out, most);
    std::size_t rows = 0;
    {
      // Short reads, each a transaction of its own: a long one would keep the writer's log from shrinking.
      auto row = table_->database().prepare(table_->query(after_.has_value(), until_.has_value()));
      row.with();
      if (after_)
        bind_value(row, 1, *after_);
      if (until_)
        bind_value(row, 2, *until_);
      row.bind(3, most);
      for (; row.step(); ++rows)
        take_row(row, batch);
    }
    access_.close(out);
    if (rows == most)
      return read_status::more;
    const bool ends = settings_.poll_interval.count() == 0;
    if (rows > 0 && !ends)
      return read_status::more;
    check_ids();
    if (ends)
      return read_status::end;
    next_at_ = next_poll(next_at_, settings_.poll_interval);
    return read_status::later;
  }

  [[nodiscard]] std::string position() const override {
    if (!after_ && skipped_ == 0)
      return {};
    flat_json object;
    if (after_)
      object.set("after", to_position_text(*after_));
    if (skipped_ > 0)
      object.set("skipped", skipped_);
    object.set("inode", table_->file().inode);
    if (const auto born_ns = table_->file().born_ns; born_ns != 0)
      object.set("born", static_cast<std::uint64_t>(born_ns));
    return object.to_string();
  }
  [[nodiscard]] processing_time next_at() const override { return next_at_; }

private:
  /// Whether a position was written of the file that is there: not by the device, which may have another number after a
  /// restart of the system. When the file was made tells an inode that is used again.
  [[nodiscard]] bool is_of_this_file(const flat_json& position) const {
    const file_facts& file = table_->file();
    if (position.has("inode") && position.number("inode") != file.inode)
      return false;
    return !position.has("born") || file.born_ns == 0 ||
           position.number("born") == static_cast<std::uint64_t>(file.born_ns);
  }
  /// Ids that begin again, in a new table under the old name, would be passed over as if they had been read.
  void check_ids() {
    const auto* after = after_ ? std::get_if<std::int64_t>(&*after_) : nullptr;
    if (!after || settings_.may_be_replaced)
      return;
    if (const auto last = table_->last_id(); last && *last < *after)
      throw io_error({table_->thing(), "the table whose rows were read up to the id " + std::to_string(*after),
                      "one whose last id is " + std::to_string(*last) +
                          ": it was made anew, or its entry in sqlite_sequence was changed",
                      "put the old one back; pass over the ids up to " + std::to_string(*after) +
                          " with .allow_replaced_file(); or begin anew with --fresh"});
  }
  /// A file that was replaced would be read for ever without anything new.
  void check_file() {
    const auto found = look_at_file(settings_.path);
    if (found && found->is_same(table_->file()))
      return;
    if (!settings_.may_be_replaced || !found)
      refuse_other_file(found ? "another one of this name" : "no file of this name");
    table_.emplace(settings_, record_);
  }
  [[noreturn]] void refuse_other_file(const std::string& found) const {
    throw io_error({settings_.path, "the file whose rows were read", found,
                    "put it back; go on behind the last row in the other one with .allow_replaced_file(); or begin "
                    "anew with --fresh"});
  }

  void take_row(const sqlite_statement& row, any_batch& batch) {
    void* record = access_.add(batch);
    int column = 0;
    const record_field* bad = nullptr;
    int bad_column = 0;
    for (std::size_t i = 0; i < record_.fields.size(); ++i) {
      if (!table_->has(i))
        continue;
      const auto& field = record_.fields[i];
      if (!bad && !take_value(row, column, field.type(), static_cast<char*>(record) + field.offset)) {
        bad = &field;
        bad_column = column;
      }
      column += 2;
    }
    auto key = value_at(row, column);
    if (!key)
      throw usage_error(
          {table_->thing(), "numbers or text in the column " + settings_.order, "bytes", "order by another column"});
    if (bad) {
      access_.drop(batch);
      if (settings_.on_error == bad_record::fail)
        fail(row, bad_column, *bad, *key);
      ++skipped_;
    }
    after_ = std::move(key);
  }

  [[noreturn]] void fail(const sqlite_statement& row, int column, const record_field& field,
                         const order_value& key) const {
    const std::string_view type = row.text(column + 1);
    const std::string found = type == "null"   ? "NULL"
                              : type == "blob" ? "bytes"
                                               : std::string{type} + " " + shortened(row.text(column));
    throw io_error({table_->thing() + ", the row with " + settings_.order + " = " + to_position_text(key).substr(2) +
                        ", \"" + field.name + "\"",
                    to_text(field.type()), found,
                    "mend the row, make the member optional, or go on with .on_error(weir::bad_record::skip)"});
  }

  static bool take_value(const sqlite_statement& row, int column, const field_type& type, void* into) {
    const std::string_view stored = row.text(column + 1);
    if (type.kind == field_kind::optional) {
      if (stored == "null") {
        type.clear(into);
        return true;
      }
      return take_value(row, column, type.inner(), type.add(into));
    }
    const bool is_text = type.kind == field_kind::text || type.kind == field_kind::character;
    if (stored == "text")
      return (is_text || (type.kind == field_kind::time && type.ticks_per_second != 0)) &&
             store_text(type, row.text(column), into);
    if (is_text)
      return false;
    if (stored == "real")
      return type.kind != field_kind::boolean && store_real(type, row.real(column), into);
    if (stored != "integer")
      return false;
    const std::int64_t number = row.integer(column);
    if (type.kind == field_kind::boolean)
      return (number == 0 || number == 1) && store_text(type, number == 1 ? "1" : "0", into);
    return store_whole(type, number, into);
  }

  sqlite_rows_settings settings_;
  const record_access& access_;
  const field_type& record_;
  std::optional<rows_table> table_;
  std::optional<order_value> until_;
  std::optional<order_value> after_;
  std::uint64_t skipped_ = 0;
  processing_time next_at_;
};

/// Nothing to read, and never anything.
class no_rows_reader final : public split_reader {
public:
  read_status read(any_collector&, std::size_t) override { return read_status::end; }
  [[nodiscard]] std::string position() const override { return {}; }
};

class sqlite_rows_source final : public any_source {
public:
  sqlite_rows_source(sqlite_rows_settings settings, const record_access& access)
      : settings_(std::move(settings)), access_(access) {}

  [[nodiscard]] bool blocking() const override { return true; }
  [[nodiscard]] std::vector<source_split> enumerate(std::uint32_t) const override {
    rows_table table{settings_, access_.type()};
    flat_json object;
    object.set("path", settings_.path).set("table", settings_.table).set("order", settings_.order);
    if (settings_.poll_interval.count() == 0)
      if (const auto last = table.last())
        object.set("last", to_position_text(*last));
    return {{split_id(0), object.to_string()}};
  }
  [[nodiscard]] std::vector<std::string> check_restored(const std::vector<source_split>& splits) const override {
    for (const auto& split : splits) {
      const auto object = flat_json::parse(split.description, "a split of sqlite_rows");
      if (object.text("path") != settings_.path)
        throw usage_error({"sqlite_rows " + settings_.path, "the file that this run reads, " + object.text("path"),
                           "another one", "name the same file, or begin anew with --fresh"});
      if (object.text("table") != settings_.table || object.text("order") != settings_.order)
        throw usage_error(
            {"sqlite_rows",
             "the table " + object.text("table") + " in order of " + object.text("order") + ", as when the run began",
             settings_.table + " in order of " + settings_.order,
             "name the same table and column, or begin anew with --fresh"});
      const rows_table table{settings_, access_.type()};
    }
    return {};
  }
  [[nodiscard]] std::unique_ptr<split_reader> open_split(const source_split& split, const std::string& position,
                                                         processing_time now) const override {
    const auto object = flat_json::parse(split.description, "a split of sqlite_rows");
    std::optional<order_value> until;
    if (settings_.poll_interval.count() == 0) {
      if (!object.has("last"))
        return std::make_unique<no_rows_reader>();
      until = parse_position_text(object.text("last"));
    }
    try {
      return std::make_unique<rows_reader>(settings_, access_, std::move(until), position, now);
    } catch (const usage_error& e) { // it was there when the run began: it may be there again
      throw io_error{e.text()};
    }
  }

private:
  sqlite_rows_settings settings_;
  const record_access& access_;
};

} // namespace

std::shared_ptr<const any_source> detail::make_sqlite_rows_source(const sqlite_rows_settings& settings,
                                                                  const record_access& access) {
  return std::make_shared<sqlite_rows_source>(settings, access);
}

std::vector<error_text> detail::sqlite_rows_problems(const sqlite_rows_settings& settings, const field_type& record) {
  std::vector<error_text> problems;
  if (settings.path.empty() || settings.path.find('\0') != std::string::npos)
    problems.push_back({"sqlite_rows", "the path of a SQLite file",
                        settings.path.empty() ? "nothing" : "a zero byte in it", "name a file"});
  if (settings.table.empty())
    problems.push_back({"sqlite_rows", "the name of a table", "nothing", "name a table"});
  if (settings.poll_interval.count() < 0)
    problems.push_back({"sqlite_rows", "a poll interval above zero", "another one", "change .keep_reading"});
  for (const auto& why : csv_problems(record))
    problems.push_back({"sqlite_rows", "a record that is a row", why,
                        "use numbers, booleans, strings, times, durations and optional ones of these"});
  return problems;
}

std::string detail::sqlite_rows_guarantee() {
  return "Each row is read once, as it is then; after a failure reading goes on behind the last one that the "
         "checkpoint has. A bad row that is skipped is counted once.";
}

} // namespace weir::inline v0
