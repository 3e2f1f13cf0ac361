// What the tool does, command by command.
#pragma once

#include "result_printer.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace weir::tool {

/// What `state` and `export` look at.
struct state_choice {
  std::string operator_name; ///< empty: all
  std::string table;         ///< empty: all of the operator
  std::optional<std::uint64_t> checkpoint;
  std::optional<std::string> key;
  std::uint64_t limit = 0; ///< 0: none
};

/// Every checkpoint of the run, the given-up ones included.
void list_checkpoints(const std::string& store, result_printer& to);
/// The job, one checkpoint's acknowledgements, and the state tables.
void show(const std::string& store, std::optional<std::uint64_t> checkpoint, result_printer& to);
/// The entries of state tables, in typed columns if there is one table.
void print_state(const std::string& store, const state_choice& choice, result_printer& to);
/// Keys that were added, removed or changed between two checkpoints, with old and new values.
void print_difference(const std::string& store, std::uint64_t from, std::uint64_t until,
                      const std::string& operator_name, result_printer& to);
/// Reads all that the store keeps: schemas, and every chunk of every kept checkpoint, whose checksum, contents and key
/// groups are looked at. Returns whether all is well.
[[nodiscard]] bool verify(const std::string& store, result_printer& to);
/// Writes a checkpoint, the newest unless one is named, to a file of its own.
void make_savepoint(const std::string& store, std::optional<std::uint64_t> checkpoint, const std::string& to,
                    bool compress);
/// What `export` writes.
enum class export_format : std::uint8_t { csv, json, sqlite };
/// Writes each state table: a file in the folder `to`, or a table in the new SQLite file `to`. All of it or nothing.
void export_state(const std::string& store, const state_choice& choice, export_format format, const std::string& to);
/// What `import` changes besides.
struct import_choice {
  std::string operator_name;
  std::string table; ///< empty: the operator's only one
  bool keep = false; ///< the entries that are there
  bool anew = false; ///< sources forget their positions
};
/// Writes a new savepoint, `to`: a copy of another one, with the rows of a CSV file as an operator's state.
void import_state(const std::string& savepoint, const std::string& csv, const std::string& to,
                  const import_choice& choice);
/// Discards all but the newest checkpoints of a store whose job is not running, and gives the room back.
void prune(const std::string& store, std::uint32_t retain);
/// Runs SQL with a table for each state table; without any, what standard input has. `edit`: it may change the state of
/// a savepoint.
void run_sql(const std::string& store, const std::string& sql, bool edit, result_printer& to);

} // namespace weir::tool
