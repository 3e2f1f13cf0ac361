// The program `weir`: looks into stores and savepoints, and makes savepoints.
#include "commands.hpp"
#include "pager.hpp"

#include "../error.hpp"
#include "../terminal_text.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace {

using namespace weir::tool;

/// What the command line says.
struct arguments {
  std::string store;
  std::string format = "table";
  std::optional<std::uint64_t> checkpoint;
  std::uint64_t from = 0;
  std::uint64_t until = 0;
  std::uint32_t retain = 1;
  bool compress = false;
  state_choice choice;
  std::string to;
  std::string csv;
  import_choice imported;
  std::string sql;
  bool edit = false;
};

int run(int argc, char** argv) {
  CLI::App app{"Looks into the stores and savepoints of Weir's jobs."};
  app.require_subcommand(1);
  app.set_version_flag("--version", "weir " WEIR_VERSION);
  arguments a;
  int code = 0;
  // Commands run when all is read, with the pager and the printer that they need.
  std::function<void()> command;
  const auto print = [&](bool paged, const std::function<void(result_printer&)>& work) {
    command = [&a, paged, work] {
      const auto format = output_format_from(a.format);
      const pager out{paged && *format == output_format::table};
      const auto printer = make_printer(*format, out.file(), out.on_terminal(), out.is_pager());
      work(*printer);
    };
  };
  const auto add = [&](const char* name, const char* help) {
    CLI::App* sub = app.add_subcommand(name, help);
    sub->add_option("store", a.store, "a store or a savepoint")->required()->type_name("FILE");
    return sub;
  };
  const auto with_format = [&](CLI::App* sub) {
    sub->add_option("--format", a.format, "table, json (lines) or csv")
        ->check(CLI::IsMember({"table", "json", "csv"}))
        ->type_name("FORMAT")
        ->capture_default_str();
  };
  const auto with_choice = [&](CLI::App* sub) {
    sub->add_option("operator", a.choice.operator_name, "whose state; all if none is named")->type_name("OPERATOR");
    sub->add_option("--table", a.choice.table, "one of its state tables")->type_name("TABLE");
    sub->add_option("--checkpoint", a.choice.checkpoint, "as of this one; the newest if none is named")->type_name("N");
  };

  CLI::App* sub = add("checkpoints", "list the checkpoints");
  with_format(sub);
  sub->callback([&] { print(true, [&](result_printer& to) { list_checkpoints(a.store, to); }); });

  sub = add("show", "show the job, and what a checkpoint cost");
  sub->add_option("checkpoint", a.checkpoint, "the newest if none is named")->type_name("N");
  with_format(sub);
  sub->callback([&] { print(true, [&](result_printer& to) { show(a.store, a.checkpoint, to); }); });

  sub = add("state", "print the state of an operator");
  with_choice(sub);
  sub->add_option("--key", a.choice.key, "only this key")->type_name("KEY");
  sub->add_option("--limit", a.choice.limit, "at most so many entries of a table")->type_name("N");
  with_format(sub);
  sub->callback([&] { print(true, [&](result_printer& to) { print_state(a.store, a.choice, to); }); });

  sub = add("diff", "print what changed from one checkpoint to another");
  sub->add_option("from", a.from, "a checkpoint")->required()->type_name("N");
  sub->add_option("until", a.until, "a later one")->required()->type_name("N");
  sub->add_option("operator", a.choice.operator_name, "whose state; all if none is named")->type_name("OPERATOR");
  with_format(sub);
  sub->callback([&] {
    print(true, [&](result_printer& to) { print_difference(a.store, a.from, a.until, a.choice.operator_name, to); });
  });

  sub = add("verify", "look for damage; exit status 1 if there is some");
  with_format(sub);
  sub->callback([&] { print(false, [&](result_printer& to) { code = verify(a.store, to) ? 0 : 1; }); });

  sub = add("savepoint", "write a checkpoint to a file of its own");
  sub->add_option("file", a.to, "a new file")->required()->type_name("FILE");
  sub->add_option("--checkpoint", a.checkpoint, "the newest if none is named")->type_name("N");
  sub->add_flag("--compress", a.compress, "compress its chunks with zstd");
  sub->callback([&] { command = [&] { make_savepoint(a.store, a.checkpoint, a.to, a.compress); }; });

  sub = add("export", "write state to CSV, JSON lines or a plain SQLite file");
  sub->add_option("to", a.to, "a folder for CSV and JSON lines, a new file for SQLite")->required()->type_name("PATH");
  with_choice(sub);
  sub->add_option("--as", a.format, "csv, json or sqlite")
      ->check(CLI::IsMember({"csv", "json", "sqlite"}))
      ->type_name("FORMAT")
      ->required();
  sub->callback([&] {
    command = [&] {
      const export_format format = a.format == "csv"    ? export_format::csv
                                   : a.format == "json" ? export_format::json
                                                        : export_format::sqlite;
      export_state(a.store, a.choice, format, a.to);
    };
  });

  sub = app.add_subcommand("import", "make a savepoint of another one and a CSV file");
  sub->add_option("savepoint", a.store, "a savepoint of the job, for the schemas")->required()->type_name("FILE");
  sub->add_option("csv", a.csv, "rows, with names of columns in the first one")->required()->type_name("CSV");
  sub->add_option("file", a.to, "a new file")->required()->type_name("FILE");
  sub->add_option("operator", a.imported.operator_name, "whose state it is")->required()->type_name("OPERATOR");
  sub->add_option("--table", a.imported.table, "one of its state tables")->type_name("TABLE");
  sub->add_flag("--keep", a.imported.keep, "keep the entries that are there");
  sub->add_flag("--anew", a.imported.anew, "sources forget where they were");
  sub->callback([&] { command = [&] { import_state(a.store, a.csv, a.to, a.imported); }; });

  sub = add("prune", "discard old checkpoints of a job that is not running");
  sub->add_option("--retain", a.retain, "how many to keep")
      ->check(CLI::PositiveNumber)
      ->type_name("N")
      ->capture_default_str();
  sub->callback([&] { command = [&] { prune(a.store, a.retain); }; });

  sub = add("sql", "ask with SQL: every state table is a table");
  sub->add_option("sql", a.sql, "the statements; read from standard input if there are none")->type_name("SQL");
  sub->add_flag("--edit", a.edit, "insert, update and delete the state of a savepoint");
  with_format(sub);
  sub->callback([&] { print(!a.sql.empty(), [&](result_printer& to) { run_sql(a.store, a.sql, a.edit, to); }); });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& fault) {
    if (fault.get_exit_code() == 0)
      return app.exit(fault);
    std::fprintf(stderr, "weir: %s; see weir --help\n", fault.what());
    return 2;
  }
  command();
  return code;
}

} // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const weir::error& problem) {
    std::fprintf(stderr, "weir: %s\n", weir::terminal_text(problem.what()).c_str());
    return problem.exit_code();
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "weir: %s\n", weir::terminal_text(problem.what()).c_str());
    return 1;
  }
}
