#include "commands.hpp"

#include "../checkpoint_reader.hpp"
#include "../checkpoint_store.hpp"
#include "../error.hpp"
#include "../savepoint.hpp"
#include "../sqlite_database.hpp"
#include "../terminal_text.hpp"
#include "new_files.hpp"
#include "store_connection.hpp"

#include <sqlite3.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iostream>
#include <set>
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

/// Names of files and tables: each once, whatever letters are large.
class plain_names {
public:
  std::string of(const std::string& operator_name, const std::string& table) {
    const std::string stem = plain_name(operator_name) + "_" + plain_name(table);
    std::string name = stem;
    for (int number = 2; !taken_.insert(small_letters(name)).second; ++number)
      name = stem + "_" + std::to_string(number);
    return name;
  }

private:
  static std::string small_letters(std::string name) {
    for (char& c : name)
      c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return name;
  }
  std::set<std::string> taken_;
};

/// Throws usage_error, with the names that there are, for one that is not.
std::vector<chosen_table> tables_of(store_connection& store, const state_choice& choice, std::uint64_t checkpoint) {
  const std::string live = " FROM chunks k WHERE k.run = (SELECT max(id) FROM runs) AND k.created_in <= ?1 AND "
                           "(k.dropped_in IS NULL OR k.dropped_in > ?1)";
  const std::vector<sql_value> at{whole(checkpoint)};
  std::vector<chosen_table> found;
  std::vector<std::string> all;
  plain_names names;
  const std::vector<std::string> operators =
      store.column("SELECT DISTINCT k.operator" + live + " ORDER BY k.operator", at);
  bool known = choice.operator_name.empty();
  for (const std::string& name : operators) {
    known = known || name == choice.operator_name;
    const std::vector<std::string> tables =
        store.column("SELECT DISTINCT k.table_name" + live + " AND k.operator = ?2 ORDER BY k.table_name",
                     {at.front(), text_value(name)});
    for (const std::string& table : tables) {
      all.push_back(name + "/" + table);
      const std::string file_name = names.of(name, table); // also of what is not chosen, so that a choice changes none
      if ((choice.operator_name.empty() || choice.operator_name == name) &&
          (choice.table.empty() || choice.table == table))
        found.push_back({name, table, file_name});
    }
    if (found.empty() && choice.operator_name == name)
      throw usage_error({"the table \"" + choice.table + "\" of operator " + name, "one of those with state",
                         listed(tables), "name one of them"});
  }
  if (!known)
    throw usage_error({"the operator \"" + choice.operator_name + "\"", "one of those with state", listed(operators),
                       "name one of them"});
  if (found.empty() && !choice.table.empty())
    throw usage_error(
        {"the table \"" + choice.table + "\"", "one of those with state", listed(all), "name one of them"});
  return found;
}

std::string literal(const std::string& text) {
  std::string made = "'";
  for (const char c : text)
    made.append(c == '\'' ? 2 : 1, c);
  return made + "'";
}

/// A question for one table, and its parameters.
struct table_query {
  std::string sql;
  std::vector<sql_value> parameters;
};

/// What a key is compared with: of the type that the schema gives it, so that it is found by its key group.
sql_value wanted_key(store_connection& store, const chosen_table& table, const std::string& key, std::string& column) {
  const std::vector<key_column> columns = store.key_columns(table.operator_name, table.table);
  const std::string name = table.operator_name + "/" + table.table;
  if (columns.size() != 1) {
    std::string wanted;
    for (const key_column& each : columns)
      wanted += (wanted.empty() ? "" : " AND ") + quoted_name(each.name) + " = …";
    throw usage_error({"--key for " + name, "a table with a key of one column",
                       "one of " + std::to_string(columns.size()),
                       "ask with weir sql: SELECT * FROM " + table.file_name + " WHERE " + wanted});
  }
  column = columns.front().name;
  if (auto value = value_from(key, columns.front().sql_type))
    return std::move(*value);
  throw usage_error({"the key \"" + key + "\" of " + name,
                     columns.front().sql_type == "INTEGER" ? "a whole number"
                     : columns.front().sql_type == "REAL"  ? "a number"
                                                           : "bytes in hexadecimal",
                     "something else", "write it as weir state prints it"});
}

table_query query_of(store_connection& store, const chosen_table& table, const state_choice& choice,
                     std::uint64_t checkpoint) {
  const std::string name = "temp." + quoted_name("weir tool " + table.file_name);
  store.run("CREATE VIRTUAL TABLE " + name + " USING weir_table(" + literal(store.job()) + ", " +
            literal(table.operator_name) + ", " + literal(table.table) + ")");
  table_query made{"SELECT * FROM " + name + " WHERE checkpoint = ?", {whole(checkpoint)}};
  if (choice.key) {
    std::string column;
    made.parameters.push_back(wanted_key(store, table, *choice.key, column));
    made.sql += " AND " + quoted_name(column) + " = ?";
  }
  if (choice.limit != 0)
    made.sql += " LIMIT " + std::to_string(choice.limit);
  return made;
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
  const sql_value id = whole(checkpoint_of(open, checkpoint));
  open.run("SELECT task, subtask, attempt, acknowledged, after_ms, start_delay_ms, alignment_ms, wait_ms, encode_ms, "
           "write_ms, bytes, entries FROM acknowledgement_overview WHERE checkpoint = ?",
           to, {id});
  open.run("SELECT operator, table_name, parallelism, count(*) AS chunks, sum(entries) AS stored_entries, sum(length) "
           "AS bytes "
           "FROM chunks WHERE run = (SELECT max(id) FROM runs) AND created_in <= ?1 AND (dropped_in IS NULL OR "
           "dropped_in > ?1) GROUP BY operator, table_name, parallelism ORDER BY operator, table_name",
           to, {id});
}

void print_state(const std::string& store, const state_choice& choice, result_printer& to) {
  store_connection open{store};
  const std::uint64_t checkpoint = checkpoint_of(open, choice.checkpoint);
  const std::vector<chosen_table> tables = tables_of(open, choice, checkpoint);
  bool asked = tables.empty();
  std::exception_ptr refused;
  for (const chosen_table& table : tables) {
    if (!to.wants_more())
      return;
    std::optional<table_query> query;
    try {
      query = query_of(open, table, choice, checkpoint);
    } catch (const usage_error&) {
      if (!choice.key)
        throw;
      refused = std::current_exception(); // a key of this kind may be another table's
      continue;
    }
    asked = true;
    open.run(query->sql, to, query->parameters);
  }
  if (!asked && refused)
    std::rethrow_exception(refused);
}

void print_difference(const std::string& store, std::uint64_t from, std::uint64_t until,
                      const std::string& operator_name, result_printer& to) {
  store_connection open{store};
  static_cast<void>(checkpoint_of(open, from));
  static_cast<void>(checkpoint_of(open, until));
  if (!operator_name.empty())
    static_cast<void>(tables_of(open, {operator_name, {}, {}, {}, 0}, until));
  open.run("SELECT change, operator, table_name, key, old_value, new_value FROM weir_diff(?1, nullif(?2, ''), "
           "?3, ?4)",
           to, {text_value(open.job()), text_value(operator_name), whole(from), whole(until)});
}

void make_savepoint(const std::string& store, std::optional<std::uint64_t> checkpoint, const std::string& to,
                    bool compress) {
  std::optional<checkpoint_id> id;
  if (checkpoint) {
    store_connection open{store};
    id = checkpoint_id{checkpoint_of(open, checkpoint)};
  }
  const written_savepoint written = write_savepoint(store, id, to, now(), compress);
  std::printf("%s: checkpoint %s of job %s, %llu entries, %llu bytes of state\n", to.c_str(),
              to_string(written.checkpoint).c_str(), terminal_text(written.job).c_str(),
              static_cast<unsigned long long>(written.entries), static_cast<unsigned long long>(written.bytes));
}

void export_state(const std::string& store, const state_choice& choice, export_format format, const std::string& to) {
  store_connection open = store_connection::beside_scratch(store);
  const std::uint64_t checkpoint = checkpoint_of(open, choice.checkpoint);
  const std::vector<chosen_table> tables = tables_of(open, choice, checkpoint);
  new_files made;
  if (format == export_format::sqlite) {
    open.run("ATTACH ? AS exported", {text_value(fs::absolute(made.draft_of(to)).string())});
    open.run("BEGIN");
    for (const chosen_table& table : tables) {
      const table_query query = query_of(open, table, choice, checkpoint);
      // A statement with parameters can't make a table: its rows come behind.
      open.run("CREATE TABLE exported." + quoted_name(table.file_name) + " AS SELECT * FROM temp." +
               quoted_name("weir tool " + table.file_name) + " WHERE 0");
      open.run("INSERT INTO exported." + quoted_name(table.file_name) + " " + query.sql, query.parameters);
    }
    open.run("COMMIT");
    open.run("DETACH exported");
  } else {
    made.make_folder(to);
    for (const chosen_table& table : tables) {
      open_file file{made.draft_of(to + "/" + table.file_name + (format == export_format::csv ? ".csv" : ".jsonl"))};
      const auto printer =
          make_printer(format == export_format::csv ? output_format::csv : output_format::json, file.get());
      const table_query query = query_of(open, table, choice, checkpoint);
      open.run(query.sql, *printer, query.parameters);
      file.close();
    }
  }
  made.commit();
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

void run_sql(const std::string& store, const std::string& sql, bool edit, result_printer& to) {
  store_connection open = edit ? store_connection::to_edit(store) : store_connection{store};
  const std::vector<std::string> made = open.column("SELECT weir_views(?)", {text_value(open.job())});
  if (!sql.empty())
    return open.run(sql, to);
  const bool terminal = ::isatty(STDIN_FILENO) != 0;
  if (terminal)
    std::fprintf(stderr, "%s\nend a statement with ; and the input with Ctrl-D\n",
                 made.empty() ? "" : terminal_text(made.front()).c_str());
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
      std::fprintf(stderr, "%s\n", terminal_text(problem.what()).c_str());
    }
  }
  if (statement.find_first_not_of(" \t\r\n") != std::string::npos)
    open.run(statement, to);
}

} // namespace weir::tool
