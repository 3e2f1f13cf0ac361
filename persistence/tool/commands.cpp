#include "commands.hpp"

#include "../checkpoint_reader.hpp"
#include "../checkpoint_store.hpp"
#include "../error.hpp"
#include "../savepoint.hpp"
#include "../sqlite_database.hpp"
#include "../store_tables.hpp"
#include "store_connection.hpp"

#include <sqlite3.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <utility>
#include <vector>

#include <unistd.h>

namespace weir::tool {

namespace {

namespace fs = std::filesystem;

wall_time now() {
  return {std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
              .count()};
}

/// A state table that a choice takes in.
struct chosen_table {
  std::string operator_name;
  std::string table;
  std::string file_name; ///< of letters, digits and _
};

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names)
    text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "none" : text;
}

std::string plain_name(std::string name) {
  for (char& c : name)
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')))
      c = '_';
  return name;
}

/// Throws usage_error, with the names that there are, for one that is not.
std::vector<chosen_table> tables_of(store_connection& store, const state_choice& choice, std::uint64_t checkpoint) {
  const std::string live = " FROM chunks k WHERE k.run = (SELECT max(id) FROM runs) AND k.created_in <= ?1 AND "
                           "(k.dropped_in IS NULL OR k.dropped_in > ?1)";
  const std::vector<std::string> at{std::to_string(checkpoint)};
  std::vector<chosen_table> found;
  const std::vector<std::string> operators =
      store.column("SELECT DISTINCT k.operator" + live + " ORDER BY k.operator", at);
  bool known = choice.operator_name.empty();
  for (const std::string& name : operators) {
    known = known || name == choice.operator_name;
    if (!choice.operator_name.empty() && name != choice.operator_name)
      continue;
    const std::vector<std::string> tables = store.column(
        "SELECT DISTINCT k.table_name" + live + " AND k.operator = ?2 ORDER BY k.table_name", {at.front(), name});
    for (const std::string& table : tables)
      if (choice.table.empty() || choice.table == table)
        found.push_back({name, table, plain_name(name) + "_" + plain_name(table)});
    if (found.empty() && !choice.operator_name.empty())
      throw usage_error({"the table \"" + choice.table + "\" of operator " + name, "one of those with state",
                         listed(tables), "name one of them"});
  }
  if (!known)
    throw usage_error({"the operator \"" + choice.operator_name + "\"", "one of those with state", listed(operators),
                       "name one of them"});
  return found;
}

/// The question for one table, and its parameters.
std::pair<std::string, std::vector<std::string>> query_of(store_connection& store, const chosen_table& table,
                                                          const state_choice& choice, std::uint64_t checkpoint) {
  const std::string name = "temp." + quoted_name("weir tool " + table.file_name);
  const auto text = [](const std::string& t) { return "'" + t + "'"; }; // names of operators have no quotes
  store.run("CREATE VIRTUAL TABLE IF NOT EXISTS " + name + " USING weir_table(" + text(store.job()) + ", " +
            text(table.operator_name) + ", " + text(table.table) + ")");
  std::string sql = "SELECT * FROM " + name + " WHERE checkpoint = CAST(? AS INTEGER)";
  std::vector<std::string> parameters{std::to_string(checkpoint)};
  if (choice.key) {
    // As text or as a number, whichever the key is: a comparison without affinity finds only its own kind.
    const std::vector<std::string> columns =
        store.column("SELECT name FROM pragma_table_info(?)", {"weir tool " + table.file_name});
    const std::string key = columns.empty() ? "\"key\"" : quoted_name(columns.front());
    sql += " AND (" + key + " = ? OR " + key + " = CAST(? AS NUMERIC))";
    parameters.insert(parameters.end(), {*choice.key, *choice.key});
  }
  if (choice.limit != 0)
    sql += " LIMIT " + std::to_string(choice.limit);
  return {std::move(sql), std::move(parameters)};
}

std::uint64_t checkpoint_of(store_connection& store, std::optional<std::uint64_t> asked) {
  if (!asked)
    return static_cast<std::uint64_t>(store.newest_checkpoint());
  const std::vector<std::string> kept = store.column("SELECT id FROM checkpoint_overview WHERE restorable ORDER BY id");
  for (const std::string& id : kept)
    if (id == std::to_string(*asked))
      return *asked;
  throw usage_error(
      {"checkpoint " + std::to_string(*asked), "one whose state is kept", listed(kept), "name one of them"});
}

/// A new file that must not be there yet.
class new_file {
public:
  explicit new_file(const std::string& path) : path_(path), file_(std::fopen(path.c_str(), "wxe")) {
    if (!file_)
      throw path_error(
          {"the file " + path, "a path where a file can be made", "it can't, or one is there", "name another path"});
  }
  new_file(const new_file&) = delete;
  new_file& operator=(const new_file&) = delete;
  ~new_file() {
    if (file_)
      std::fclose(file_);
  }
  [[nodiscard]] std::FILE* get() const { return file_; }
  void close() {
    if (std::fclose(std::exchange(file_, nullptr)) != 0)
      throw io_error({"the file " + path_, "to be written", "the system refused", "check the disk"});
  }

private:
  std::string path_;
  std::FILE* file_;
};

} // namespace

void list_checkpoints(const std::string& store, result_printer& to) {
  store_connection open{store};
  open.run("SELECT id, \"trigger\", status, started, duration_ms, commit_ms, bytes, entries, subtasks, state_bytes, "
           "restorable, late, reason FROM checkpoint_overview",
           to);
}

void show(const std::string& store, std::optional<std::uint64_t> checkpoint, result_printer& to) {
  store_connection open{store};
  open.run("SELECT job, run, status, started, ended, max_parallelism, newest_complete, complete_checkpoints, "
           "failed_checkpoints, failures, recoveries FROM job_overview",
           to);
  const std::string id = std::to_string(checkpoint_of(open, checkpoint));
  open.run("SELECT task, subtask, attempt, acknowledged, after_ms, start_delay_ms, alignment_ms, wait_ms, encode_ms, "
           "write_ms, bytes, entries FROM acknowledgement_overview WHERE checkpoint = CAST(? AS INTEGER)",
           to, {id});
  open.run(
      "SELECT operator, table_name, parallelism, count(*) AS chunks, sum(entries) AS entries, sum(length) AS bytes "
      "FROM chunks WHERE run = (SELECT max(id) FROM runs) AND created_in <= ?1 AND (dropped_in IS NULL OR "
      "dropped_in > CAST(?1 AS INTEGER)) GROUP BY operator, table_name, parallelism ORDER BY operator, table_name",
      to, {id});
}

void print_state(const std::string& store, const state_choice& choice, result_printer& to) {
  store_connection open{store};
  const std::uint64_t checkpoint = checkpoint_of(open, choice.checkpoint);
  for (const chosen_table& table : tables_of(open, choice, checkpoint)) {
    const auto [sql, parameters] = query_of(open, table, choice, checkpoint);
    open.run(sql, to, parameters);
  }
}

void print_difference(const std::string& store, std::uint64_t from, std::uint64_t until,
                      const std::string& operator_name, result_printer& to) {
  store_connection open{store};
  static_cast<void>(checkpoint_of(open, from));
  static_cast<void>(checkpoint_of(open, until));
  if (!operator_name.empty())
    static_cast<void>(tables_of(open, {operator_name, {}, {}, {}, 0}, until));
  open.run("SELECT change, operator, table_name, key, old_value, new_value FROM weir_diff(?1, nullif(?2, ''), "
           "CAST(?3 AS INTEGER), CAST(?4 AS INTEGER))",
           to, {open.job(), operator_name, std::to_string(from), std::to_string(until)});
}

bool verify(const std::string& store, result_printer& to) {
  const store_kind kind = store_connection{store}.is_savepoint() ? store_kind::savepoint : store_kind::store;
  const checkpoint_reader reader = checkpoint_reader::open(store, kind);
  bool well = true;
  to.begin({"checkpoint", "result", "chunks", "entries", "bytes", "problem"});
  const auto number = [](std::uint64_t n) { return cell{cell::kind::number, std::to_string(n)}; };
  const auto kept = reader.complete_checkpoints();
  for (const complete_checkpoint& each : kept) {
    const std::vector<checkpoint_problem> problems = reader.verify(each.id);
    if (problems.empty())
      to.row({number(each.id.value),
              {cell::kind::text, "well"},
              number(each.state_chunks),
              number(each.state_entries),
              number(each.state_bytes),
              {}});
    for (const checkpoint_problem& problem : problems)
      to.row({number(each.id.value),
              {cell::kind::text, "damaged"},
              number(each.state_chunks),
              number(each.state_entries),
              number(each.state_bytes),
              {cell::kind::text, problem.what}});
    well = well && problems.empty();
  }
  // A row that is gone would otherwise be passed over without a word.
  if (const auto recorded = reader.recorded_newest(); recorded && (kept.empty() || kept.back().id != *recorded)) {
    to.row({number(recorded->value),
            {cell::kind::text, "damaged"},
            {},
            {},
            {},
            {cell::kind::text, "it was the newest complete one, and the store does not have it any more"}});
    well = false;
  }
  to.end();
  return well;
}

void make_savepoint(const std::string& store, std::optional<std::uint64_t> checkpoint, const std::string& to) {
  std::optional<checkpoint_id> id;
  if (checkpoint) {
    store_connection open{store};
    id = checkpoint_id{checkpoint_of(open, checkpoint)};
  }
  const written_savepoint written = write_savepoint(store, id, to, now());
  std::printf("%s: checkpoint %s of job %s, %llu entries, %llu bytes of state\n", to.c_str(),
              to_string(written.checkpoint).c_str(), written.job.c_str(),
              static_cast<unsigned long long>(written.entries), static_cast<unsigned long long>(written.bytes));
}

void export_state(const std::string& store, const state_choice& choice, export_format format, const std::string& to) {
  store_connection open = store_connection::beside_scratch(store);
  const std::uint64_t checkpoint = checkpoint_of(open, choice.checkpoint);
  const std::vector<chosen_table> tables = tables_of(open, choice, checkpoint);
  if (format == export_format::sqlite) {
    new_file{to}.close();
    open.run("ATTACH ? AS exported", {to});
    open.run("BEGIN");
    for (const chosen_table& table : tables) {
      const auto [sql, parameters] = query_of(open, table, choice, checkpoint);
      // A statement with parameters can't make a table: its rows come behind.
      open.run("CREATE TABLE exported." + quoted_name(table.file_name) + " AS SELECT * FROM temp." +
               quoted_name("weir tool " + table.file_name) + " WHERE 0");
      open.run("INSERT INTO exported." + quoted_name(table.file_name) + " " + sql, parameters);
    }
    open.run("COMMIT");
  } else {
    std::error_code failed;
    fs::create_directory(to, failed);
    if (!fs::is_directory(to, failed))
      throw path_error({"the folder " + to, "a folder, or a place for one", "something else", "name another path"});
    for (const chosen_table& table : tables) {
      new_file file{to + "/" + table.file_name + (format == export_format::csv ? ".csv" : ".jsonl")};
      const auto printer =
          make_printer(format == export_format::csv ? output_format::csv : output_format::json, file.get());
      const auto [sql, parameters] = query_of(open, table, choice, checkpoint);
      open.run(sql, *printer, parameters);
      file.close();
    }
  }
  std::printf("%s: %zu tables of checkpoint %llu\n", to.c_str(), tables.size(),
              static_cast<unsigned long long>(checkpoint));
}

void prune(const std::string& store, std::uint32_t retain) {
  store_options options;
  options.path = store;
  {
    const store_connection open{store};
    if (open.is_savepoint())
      throw usage_error(
          {"the savepoint " + store, "a job's store", "a savepoint, which has one checkpoint", "leave it"});
    options.job = open.job();
  }
  options.now = now();
  std::uint64_t discarded = 0;
  const auto size_before = fs::file_size(store);
  {
    checkpoint_store opened = checkpoint_store::open(options); // refused while a job has it
    bool more = true;
    while (more) {
      const prune_result result = opened.prune(retain, now());
      discarded += result.discarded_checkpoints;
      more = result.more;
    }
  }
  {
    const file_lock lock{fs::weakly_canonical(store)};
    auto database = sqlite_database::open(store, sqlite_access::read_write);
    database.exec("VACUUM");
    static_cast<void>(database.checkpoint_log());
  }
  std::printf("%s: %llu checkpoints discarded, %llu bytes before, %llu now\n", store.c_str(),
              static_cast<unsigned long long>(discarded), static_cast<unsigned long long>(size_before),
              static_cast<unsigned long long>(fs::file_size(store)));
}

void run_sql(const std::string& store, const std::string& sql, result_printer& to) {
  store_connection open{store};
  const std::vector<std::string> made = open.column("SELECT weir_views(?)", {open.job()});
  if (!sql.empty())
    return open.run(sql, to);
  const bool terminal = ::isatty(STDIN_FILENO) != 0;
  if (terminal)
    std::fprintf(stderr, "%s\nend a statement with ; and the input with Ctrl-D\n",
                 made.empty() ? "" : made.front().c_str());
  std::string statement;
  const auto prompt = [&] {
    if (terminal)
      std::fputs(statement.empty() ? "weir> " : "   ...> ", stderr);
  };
  prompt();
  for (std::string line; std::getline(std::cin, line); prompt()) {
    statement += line + "\n";
    if (sqlite3_complete(statement.c_str()) == 0)
      continue;
    try {
      open.run(std::exchange(statement, {}), to);
    } catch (const usage_error& problem) {
      if (!terminal)
        throw;
      std::fprintf(stderr, "%s\n", problem.what());
    }
  }
  if (statement.find_first_not_of(" \t\r\n") != std::string::npos)
    open.run(statement, to);
}

} // namespace weir::tool
