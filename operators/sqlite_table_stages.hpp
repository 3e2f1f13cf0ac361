// The staged rows and the progress of a sqlite_table sink, each function one part of a transaction.
#pragma once

#include "row_codec.hpp"
#include "sink.hpp"
#include "sqlite_table.hpp"

#include <cstdint>
#include <span>
#include <string>

namespace weir::inline v0 {

class sqlite_database;

/// What one subtask has staged since the last barrier. Its number is never used again in the file.
struct row_stage {
  std::int64_t number = 0; ///< 0: none yet
  std::uint64_t parts = 0;
};

/// Adds a part to a stage, which is begun if it is none. Throws io_error if a later attempt has removed it.
void stage_rows(sqlite_database& database, const sqlite_table_settings& settings, const operator_identity& identity,
                row_stage& stage, std::span<const std::byte> part);
/// Makes a stage the prepared output of a checkpoint, and returns the id for `commit_stage`.
[[nodiscard]] std::string prepare_stage(sqlite_database& database, const operator_identity& identity,
                                        const row_stage& stage, checkpoint_id checkpoint);
/// Moves prepared rows into the table and notes the progress; nothing happens if that was done before. Throws io_error
/// if the rows are missing, damaged_error if they are not what was staged.
void commit_stage(sqlite_database& database, const sqlite_table_settings& settings, const operator_identity& identity,
                  const prepared_output& prepared);

/// Makes the file ready for an attempt that starts at the restored checkpoint: refuses another run's output, or removes
/// it; refuses output beyond the restored checkpoint; removes staged rows beyond it; makes or checks the table.
/// Throws usage_error.
void claim_table(sqlite_database& database, const sqlite_table_settings& settings, const row_layout& layout,
                 const sink_start& start);

} // namespace weir::inline v0
