// The stores that a SQL connection has open, and what their checkpoints are.
#pragma once

#include "../ids.hpp"
#include "sqlite_api.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::inline v0 {

/// A store that is open in a connection, and its newest run.
struct open_store {
  std::string database; ///< "main", or the name under which it is attached
  std::int64_t run = 0;
  std::string uuid;
  std::string job;
  std::uint32_t max_parallelism = 1;
  bool savepoint = false; ///< rather than the store of a job
};

/// The path of its file; the database's name if it has none.
[[nodiscard]] std::string path_of(sqlite3* connection, const open_store& store);

/// The store of a job, given as "job", or as "database.job" where two open stores are of one job. Throws usage_error
/// with the jobs there are.
[[nodiscard]] open_store find_store(sqlite3* connection, std::string_view job);

/// A complete checkpoint whose state is kept.
struct kept_checkpoint {
  checkpoint_id id;
  std::uint64_t manifest = 0;
  std::uint64_t chunks = 0;
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
};

/// The checkpoint, or the newest one. Throws usage_error with those there are.
[[nodiscard]] kept_checkpoint find_checkpoint(sqlite3* connection, const open_store& store,
                                              std::optional<std::int64_t> id);

/// One state table of a run, in whatever checkpoint.
struct known_table {
  std::string operator_name;
  std::string table;
  std::int64_t newest_schema = 0; ///< `schemas.id`; of the plan, if the plan has the table
};

/// All state tables of the run, by operator and table.
[[nodiscard]] std::vector<known_table> known_tables(sqlite3* connection, const open_store& store);

/// Throws usage_error with the names there are unless `tables` has such ones. An empty name fits all.
void require_known(const open_store& store, const std::vector<known_table>& tables, std::string_view operator_name,
                   std::string_view table);

} // namespace weir::inline v0
