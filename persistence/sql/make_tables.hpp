// weir_views(job): typed tables for all the state of a job.
#pragma once

#include "sqlite_api.hpp"

#include <string>
#include <string_view>

namespace weir::inline v0 {

struct sql_session;

/// Creates a temporary virtual table for each state table of the job's newest run, and gives a line for each: its name
/// and columns. Names are `operator_table`, with `_` for what is no letter or digit, and a number behind it if the name
/// is taken by something else. What is there already stays.
[[nodiscard]] std::string make_typed_tables(const sql_session& session, std::string_view job);

} // namespace weir::inline v0
