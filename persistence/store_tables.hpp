// The SQL that makes a checkpoint store: tables, indexes, views for people, and the triggers that keep others from
// writing.
#pragma once

#include <cstdint>
#include <string>

namespace weir::inline v0 {

/// "WEIR", in the header of every store.
inline constexpr std::int64_t store_application_id = 0x57454952;
/// "WEIS", in the header of every savepoint.
inline constexpr std::int64_t savepoint_application_id = 0x57454953;
/// The version of tables and chunks, in the header of every store.
inline constexpr std::int64_t store_version = 1;
/// The function that every trigger calls and only the store registers.
inline constexpr const char* store_writer_function = "weir_store_writer";

/// All statements that make an empty store, in order. Needs `store_writer_function` for nothing: triggers compile
/// later.
[[nodiscard]] std::string store_tables_sql();

} // namespace weir::inline v0
