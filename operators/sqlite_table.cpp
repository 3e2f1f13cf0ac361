#include "sqlite_table.hpp"

#include "../persistence/failpoint.hpp"
#include "../persistence/sqlite_database.hpp"
#include "row_coalescer.hpp"
#include "sink_database.hpp"
#include "sqlite_table_sql.hpp"
#include "sqlite_table_stages.hpp"
#include "writer_guard.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace weir::inline v0 {

namespace {

constexpr const char* sqlite_table_guarantee =
    "Exactly once: the rows of a checkpoint and its progress are one transaction; each subtask commits by itself.";
// So much is kept in memory before it is staged, and so large a staged blob is.
constexpr std::size_t stage_bytes = 4 * 1024 * 1024;

class sqlite_table_writer final : public sink_writer {
public:
  sqlite_table_writer(const sqlite_table_settings& settings, const row_type& type, const row_layout& layout,
                      const sink_start& start)
      : settings_(settings),
        type_(type),
        layout_(layout),
        identity_(start.identity),
        thing_(table_text(settings)),
        guard_(thing_),
        database_(settings.path) {
    for (const auto& key : settings_.keys)
      for (std::size_t i = 0; i < layout_.columns.size(); ++i)
        if (same_name(key, layout_.columns[i].name))
          key_columns_.push_back(i);
    commit(start.pending);
  }

  void write(any_batch& records) override {
    guard_.run([&] { add(records); });
  }

  std::string prepare(checkpoint_id checkpoint) override {
    std::string id;
    guard_.run([&] {
      if (stage_.number == 0 && rows_.empty() && newest_.size() == 0)
        return;
      in_transaction([&](sqlite_database& database) {
        stage(database);
        id = prepare_stage(database, identity_, stage_, checkpoint);
        WEIR_FAILPOINT("sqlite_table.prepare.before");
      });
      WEIR_FAILPOINT("sqlite_table.prepare.after");
      stage_ = {};
    });
    return id;
  }

  void commit(const std::vector<prepared_output>& prepared) override {
    if (prepared.empty())
      return;
    in_transaction([&](sqlite_database& database) {
      for (const auto& each : prepared)
        commit_stage(database, settings_, identity_, each);
      WEIR_FAILPOINT("sqlite_table.commit.before");
    });
    WEIR_FAILPOINT("sqlite_table.commit.after");
  }

private:
  void add(any_batch& records) {
    scratch_.clear();
    type_.append_rows(records, scratch_);
    row_reader rows{layout_, scratch_.bytes(), thing_};
    while (!rows.at_end()) {
      rows.next(); // finds what a table cannot hold now, not when it is committed
      if (settings_.upsert)
        newest_.put(key_of(rows), rows.row());
    }
    if (!settings_.upsert)
      rows_.append(scratch_.bytes());
    if (rows_.size() + newest_.bytes() >= stage_bytes)
      in_transaction([this](sqlite_database& database) { stage(database); });
  }

  void in_transaction(const std::function<void(sqlite_database&)>& work) {
    database_.use([&](sqlite_database& database) {
      sqlite_transaction transaction{database};
      work(database);
      transaction.commit();
    });
  }

  void stage(sqlite_database& database) {
    newest_.append_to(rows_);
    newest_.clear();
    if (rows_.empty())
      return;
    stage_rows(database, settings_, identity_, stage_, encode_row_part(type_.schema, rows_.bytes()));
    rows_.clear();
  }

  std::string_view key_of(const row_reader& row) {
    key_.clear();
    for (const auto index : key_columns_) {
      const auto bytes = row.column(index);
      key_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    return key_;
  }

  sqlite_table_settings settings_;
  row_type type_;
  row_layout layout_;
  operator_identity identity_;
  std::string thing_;
  writer_guard guard_;
  sink_database database_;
  std::vector<std::size_t> key_columns_;
  byte_buffer scratch_;  // the rows of one batch
  byte_buffer rows_;     // not staged yet, in order
  row_coalescer newest_; // the same for upserts
  row_stage stage_;
  std::string key_;
};

class sqlite_table_sink final : public any_sink {
public:
  sqlite_table_sink(sqlite_table_settings settings, row_type type)
      : settings_(std::move(settings)), type_(std::move(type)), layout_(row_layout::of(type_.schema)) {}

  [[nodiscard]] bool blocking() const override { return true; }
  [[nodiscard]] bool two_phase() const override { return true; }
  [[nodiscard]] std::string guarantee() const override { return sqlite_table_guarantee; }
  [[nodiscard]] std::vector<std::string> files() const override { return {settings_.path}; }

  void check_output(const sink_start& start) const override {
    check_path();
    std::error_code fault;
    if (!std::filesystem::exists(settings_.path, fault) && !start.restored)
      return; // it will be made
    sink_database database{settings_.path};
    database.use([&](sqlite_database& connection) {
      sqlite_transaction transaction{connection}; // that is not committed
      claim_table(connection, settings_, layout_, start);
    });
  }
  void prepare_output(const sink_start& start) const override {
    check_path();
    sink_database database{settings_.path};
    database.use([&](sqlite_database& connection) {
      sqlite_transaction transaction{connection};
      claim_table(connection, settings_, layout_, start);
      WEIR_FAILPOINT("sqlite_table.claim.before");
      transaction.commit();
      WEIR_FAILPOINT("sqlite_table.claim.after");
    });
  }
  [[nodiscard]] std::unique_ptr<sink_writer> open_writer(const sink_start& start) const override {
    return std::make_unique<sqlite_table_writer>(settings_, type_, layout_, start);
  }

private:
  void check_path() const {
    std::error_code fault;
    const std::filesystem::path path{settings_.path};
    if (std::filesystem::is_directory(path, fault))
      throw usage_error(
          {settings_.path, "a SQLite file, or a name under which one can be made", "a directory", "name a file"});
    if (!path.parent_path().empty() && !std::filesystem::is_directory(path.parent_path(), fault))
      throw usage_error({settings_.path, "a file in a folder that is there", "no folder " + path.parent_path().string(),
                         "make the folder, or name another path"});
  }

  sqlite_table_settings settings_;
  row_type type_;
  row_layout layout_;
};

void find_key_problems(const sqlite_table_settings& settings, const row_layout& layout, const std::string& thing,
                       std::vector<error_text>& problems) {
  if (settings.keys.empty())
    problems.push_back({thing, "at least one key column", "none", "write .upsert(\"column\")"});
  for (auto key = settings.keys.begin(); key != settings.keys.end(); ++key) {
    if (std::any_of(settings.keys.begin(), key, [&](const std::string& other) { return same_name(other, *key); }))
      problems.push_back({thing, "each key column once", "the column " + *key + " twice", "remove one"});
    const auto column = std::find_if(layout.columns.begin(), layout.columns.end(),
                                     [&](const row_column& each) { return same_name(each.name, *key); });
    std::string names;
    for (const auto& each : layout.columns)
      names += (names.empty() ? "" : ", ") + each.name;
    if (column == layout.columns.end())
      problems.push_back({thing, "a key column among " + names, *key, "name one of them in .upsert()"});
    else if (column->optional || column->is_real())
      problems.push_back({thing, "a key column that is always there and exact",
                          "the column " + column->name + ", which " +
                              (column->optional ? "may be missing" : "is a floating-point number"),
                          "name another one in .upsert()"});
  }
}

} // namespace

std::shared_ptr<const any_sink> detail::make_sqlite_table_sink(sqlite_table_settings settings, row_type type) {
  return std::make_shared<sqlite_table_sink>(std::move(settings), std::move(type));
}

std::vector<error_text> detail::sqlite_table_problems(const sqlite_table_settings& settings,
                                                      const type_schema& record) {
  const std::string thing = "sqlite_table \"" + settings.table + "\"";
  std::vector<error_text> problems;
  if (settings.path.empty() || settings.path.front() == ':' || settings.path.find('\0') != std::string::npos)
    problems.push_back({thing, "the path of a file", "\"" + settings.path + "\"", "name a file"});
  const std::string_view table = settings.table;
  if (table.empty() || table.find('\0') != std::string_view::npos || same_name(table.substr(0, 7), "sqlite_") ||
      same_name(table.substr(0, 5), "weir_"))
    problems.push_back({thing, "a table name that is not empty and begins with neither sqlite_ nor weir_",
                        "\"" + settings.table + "\"", "name another table"});
  const auto layout = row_layout::of(record);
  for (const auto& sentence : layout.problems)
    problems.push_back({thing, "numbers, booleans, strings, times, durations, and optional ones as columns", sentence,
                        "map the record to a structure with such members and WEIR_FIELDS before this sink"});
  for (auto column = layout.columns.begin(); column != layout.columns.end(); ++column)
    if (!column->name.empty() && std::any_of(layout.columns.begin(), column, [&](const row_column& other) {
          return same_name(other.name, column->name);
        }))
      problems.push_back(
          {thing, "column names that differ by more than upper and lower case", column->name, "rename the member"});
  if (settings.upsert && layout.problems.empty())
    find_key_problems(settings, layout, thing, problems);
  return problems;
}

std::string sqlite_table::guarantee() const {
  return sqlite_table_guarantee;
}

} // namespace weir::inline v0
