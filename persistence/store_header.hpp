// Who a store belongs to, read from an open database file before anything else is believed.
#pragma once

#include "checkpoint_records.hpp"
#include "sqlite_database.hpp"
#include "store_kind.hpp"

#include <cstdint>
#include <string>

namespace weir::inline v0 {

/// The present run of a store.
struct store_header {
  std::int64_t run = 0; ///< key of the row in `runs`
  std::string uuid;
  std::string job;
  run_status status = run_status::running;
};

/// Checks that the file is a Weir store, or a savepoint, of this version. Throws store_error for an empty file, another
/// program's file or another version, damaged_error for a store that cannot be read.
[[nodiscard]] store_header read_store_header(sqlite_database& database, store_kind kind = store_kind::store);

} // namespace weir::inline v0
