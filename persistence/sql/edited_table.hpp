// One state table of a savepoint in memory, while it is being edited.
#pragma once

#include "../chunk.hpp"
#include "checkpoint_chunks.hpp"
#include "entry_index.hpp"
#include "table_decoders.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace weir::inline v0 {

/// The rows of a table of state by key. A row keeps its number: it is the number of its entry in the savepoint, as
/// `state_entry::number` has it, or comes after all of those. A row that is not alive was deleted. Takes the
/// memory of the table's chunks, some 100 bytes a row, and that of new keys and values.
class edited_table {
public:
  struct row {
    std::span<const std::byte> key;
    std::span<const std::byte> sub_key;
    std::span<const std::byte> value;
    key_group group;
    bool alive = false;
    std::optional<stored_time> time = std::nullopt; ///< of its last refresh, in a table with a time to live

    [[nodiscard]] std::span<const std::byte> part(entry_part which) const {
      return which == entry_part::key ? key : which == entry_part::sub_key ? sub_key : value;
    }
  };
  static constexpr std::uint32_t none = entry_index::none;

  /// Reads the table. Throws usage_error for a table that is not to be edited, damaged_error for one that is not as it
  /// was written. `name` is what people call it, `entries` what its schema says that it has.
  edited_table(sqlite3* connection, const open_store& store, const table_chunks& table, const std::string& name,
               entry_kind entries);
  edited_table(const edited_table&) = delete;
  edited_table& operator=(const edited_table&) = delete;

  [[nodiscard]] const std::string& database() const { return database_; }
  [[nodiscard]] const std::string& operator_name() const { return operator_; }
  [[nodiscard]] const std::string& table() const { return table_; }
  [[nodiscard]] std::optional<std::int64_t> schema() const { return schema_; }
  [[nodiscard]] entry_kind entries() const { return entries_; }
  [[nodiscard]] std::uint32_t parallelism() const { return parallelism_; }
  /// The positions of a source: they can be deleted as a whole, and then it begins anew; nothing else.
  [[nodiscard]] bool is_all_or_none() const { return all_or_none_; }
  [[nodiscard]] std::uint32_t count_alive() const;

  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(rows_.size()); }
  [[nodiscard]] const row& at(std::uint32_t number) const { return rows_[number]; }
  /// The number of the row that is alive and has this key and sub-key, which is empty if the table has none; else
  /// `none`.
  [[nodiscard]] std::uint32_t find(std::span<const std::byte> key, std::span<const std::byte> sub_key) const;
  /// The number of the row with these, alive or not; a new one, not alive, if there was none.
  [[nodiscard]] std::uint32_t row_for(std::span<const std::byte> key, std::span<const std::byte> sub_key);
  /// Bytes that stay as long as the table.
  [[nodiscard]] std::span<const std::byte> keep(std::span<const std::byte> bytes);
  /// Gives a row a value, or none. The value stays as long as the table. If entries have times, the row has none
  /// any more, and counts as of the start of the job: nobody here knows its clock.
  void set(std::uint32_t number, std::optional<std::span<const std::byte>> value);
  /// Gives a row back what it was.
  void restore(std::uint32_t number, const row& former);

  /// All rows that are alive as the bases of one subtask of `parallelism`. Equal rows give equal chunks.
  [[nodiscard]] std::vector<encoded_chunk> encode(subtask_index subtask) const;
  /// Changed since the last `written`.
  [[nodiscard]] bool is_changed() const { return changed_; }
  void written() { changed_ = false; }

private:
  void load(sqlite3* connection, const open_store& store, const chunk_row& chunk, const std::string& name);
  [[nodiscard]] chunk_entry entry_at(std::uint32_t number) const {
    return {entries_, false, rows_[number].key, rows_[number].sub_key, {}};
  }

  std::string database_;
  std::string operator_;
  std::string table_;
  std::optional<std::int64_t> schema_;
  entry_kind entries_;
  std::uint32_t parallelism_ = 1;
  std::uint32_t max_parallelism_ = 1;
  bool all_or_none_ = false;
  bool changed_ = false;
  std::optional<stored_time> clock_; // if the table has a time to live

  std::vector<std::vector<std::byte>> chunks_; // of the savepoint
  std::vector<std::vector<std::byte>> blocks_; // of new keys and values
  std::size_t block_used_ = 0;                 // of the last block
  std::deque<row> rows_;
  entry_index index_;
};

} // namespace weir::inline v0
