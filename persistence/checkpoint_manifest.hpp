// The checksum over the chunks that a checkpoint consists of.
#pragma once

#include "checkpoint_records.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace weir::inline v0 {

class sqlite_statement;

/// What the store knows of a chunk besides its bytes.
struct chunk_row {
  chunk_id id;
  std::string operator_name;
  std::string table;
  subtask_index subtask;
  std::uint32_t parallelism = 1;
  checkpoint_id made_in;
  snapshot_kind kind = snapshot_kind::base;
  key_group first;
  key_group last; ///< inclusive
  std::uint64_t entries = 0;
  std::uint64_t length = 0;
  std::uint64_t checksum = 0;
  std::optional<std::int64_t> schema;
};

/// The columns of table `chunks` (as `c`) in the order in which `read_chunk_row` wants them, from column 0.
inline constexpr const char* chunk_row_columns =
    "c.id, c.operator, c.table_name, c.subtask, c.parallelism, c.made_in, c.kind, c.key_group_first, c.key_group_last, "
    "c.entries, c.length, c.checksum, c.schema";
inline constexpr int chunk_row_column_count = 13;
/// The chunks that live in a checkpoint; the parameters are the run and, twice, the checkpoint.
inline constexpr const char* chunk_lives =
    "c.run = ? AND c.created_in <= ? AND (c.dropped_in IS NULL OR c.dropped_in > ?)";

/// Reuses the strings of `row`.
void read_chunk_row(const sqlite_statement& from, chunk_row& row);

/// Sums up chunks, given in the order of their ids. Begins with the run and the checkpoint, so that it also vouches for
/// their names.
class checkpoint_manifest {
public:
  checkpoint_manifest(std::string_view run_uuid, checkpoint_id checkpoint);

  void add(const chunk_row& row);

  [[nodiscard]] std::uint64_t checksum() const noexcept { return hash_; }
  [[nodiscard]] std::uint64_t chunks() const noexcept { return chunks_; }
  [[nodiscard]] std::uint64_t entries() const noexcept { return entries_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

private:
  std::uint64_t hash_ = 0;
  std::uint64_t chunks_ = 0;
  std::uint64_t entries_ = 0;
  std::uint64_t bytes_ = 0;
  std::string scratch_;
};

/// XXH3-64 (seed 0): the checksum of a chunk's bytes.
[[nodiscard]] std::uint64_t checksum_of_bytes(std::span<const std::byte> bytes);
/// XXH3-64 (seed 0) of operator, table and JSON, each after its length.
[[nodiscard]] std::uint64_t checksum_of_schema(const schema_record& schema);

} // namespace weir::inline v0
