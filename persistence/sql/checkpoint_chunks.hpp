// The chunks that live in a checkpoint, as a SQL connection reads them: their list, and their verified bytes.
#pragma once

#include "../checkpoint_manifest.hpp"
#include "open_stores.hpp"
#include "sqlite_api.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::inline v0 {

/// Keeps the store as it is now while it lives: what is read in between is of one moment. Holds the log; short-lived.
class store_view {
public:
  store_view(sqlite3* connection, const open_store& store);

private:
  sql_statement held_;
};

/// A row of `chunk_row_columns`.
[[nodiscard]] chunk_row chunk_row_of(const sql_statement& query);

/// The chunks of one state table, oldest first within each subtask.
struct table_chunks {
  std::string_view operator_name;
  std::string_view table;
  std::span<const chunk_row> rows;
};

/// All chunks of one checkpoint. What lives in a checkpoint never changes, so a list may be kept.
class checkpoint_chunks {
public:
  /// Throws damaged_error if they are not those that the checkpoint was completed with.
  checkpoint_chunks(sqlite3* connection, const open_store& store, const kept_checkpoint& checkpoint);

  [[nodiscard]] checkpoint_id id() const { return checkpoint_.id; }
  [[nodiscard]] bool is(const open_store& store, const kept_checkpoint& checkpoint) const;
  /// By operator and table; an empty name fits all.
  [[nodiscard]] std::vector<table_chunks> tables(std::string_view operator_name, std::string_view table) const;
  /// A number of its own, below `places`, for each byte of the chunks, unpacked; the row is one that `tables` gave.
  [[nodiscard]] std::uint64_t place_of(const chunk_row& row, std::uint64_t offset) const;
  /// Whether the row is one of this list, not an equal one of another.
  [[nodiscard]] bool has(const chunk_row& row) const;
  [[nodiscard]] std::uint64_t places() const { return places_; }
  /// What tells it from every other list of a connection.
  [[nodiscard]] std::string name() const;

private:
  std::string database_;
  std::string uuid_;
  kept_checkpoint checkpoint_;
  std::vector<chunk_row> rows_;            // by operator, table, subtask and age
  std::vector<std::uint64_t> first_place_; // of each row
  std::uint64_t places_ = 0;
};

/// The bytes of one chunk, unpacked if it is stored compressed; held by the statement that read them.
class held_chunk {
public:
  /// Throws damaged_error, naming the chunk and the checkpoints it is part of, unless length and checksum are right.
  held_chunk(sqlite3* connection, const open_store& store, const chunk_row& row);

  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

private:
  std::unique_ptr<sql_statement> statement_;
  std::vector<std::byte> unpacked_;
  std::span<const std::byte> bytes_;
};

/// Throws a damaged_error that names the chunk, its operator and table, and the checkpoints that it is part of.
[[noreturn]] void throw_damaged_chunk(sqlite3* connection, const open_store& store, const chunk_row& row,
                                      const std::string& what);

} // namespace weir::inline v0
