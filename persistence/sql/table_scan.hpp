// Reads the state of one table at one checkpoint: bases, with the deltas upon them.
#pragma once

#include "../chunk.hpp"
#include "checkpoint_chunks.hpp"
#include "entry_index.hpp"
#include "table_decoders.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace weir::inline v0 {

/// An entry, and where it is from. Its bytes are those of a chunk that is held.
struct state_entry {
  chunk_entry entry;
  key_group group;
  const chunk_row* chunk = nullptr;
  std::uint64_t offset = 0;       ///< of its key in the chunk's bytes
  std::uint64_t before_chunk = 0; ///< how many entries of the table are stored before that chunk
  std::uint64_t number = 0;       ///< among all that are stored of the table, from 0 on
};

/// A column of a key, by the name that `value_decoder::columns` gives it, and what it has to be equal to.
struct wanted_column {
  std::string name;
  decoded_value value; ///< whose bytes outlive the scan
};

/// The archive bytes of a key with these columns. False if they are not all there, or not known.
[[nodiscard]] bool encode_wanted_key(const value_decoder& key, std::span<const wanted_column> wanted, byte_buffer& out);

/// Goes through the entries of a table that live in a checkpoint, in no defined order. Of the entries for the same
/// key the newest counts; tombstones remove. Reads one chunk of a base at a time, and holds a subtask's deltas. If all
/// columns of the key are wanted, only those chunks and sections are read that can have it; where their schema does not
/// allow to tell, all are.
class table_scan {
public:
  table_scan(sqlite3* connection, const open_store& store, schema_decoders& schemas, const table_chunks& table,
             std::vector<wanted_column> wanted_key = {});

  /// Moves to the next entry; false at the end.
  [[nodiscard]] bool next();
  [[nodiscard]] const state_entry& current() const { return *current_; }
  /// Of the current entry's schema.
  [[nodiscard]] table_decoders& decoders() const { return *decoders_; }

private:
  struct wanted { // in the chunks of one schema
    std::optional<std::vector<std::byte>> key;
    key_group_range groups{0, UINT32_MAX};
  };

  [[nodiscard]] bool may_hold(const chunk_row& row);
  const wanted& wanted_in(const chunk_row& row);
  [[nodiscard]] bool next_in_base();
  [[nodiscard]] bool next_subtask();
  void load_delta(const chunk_row& row);
  void open(const chunk_row& row);
  [[nodiscard]] std::uint64_t entries_before(const chunk_row& row) const;
  bool take(chunk_reader& reader, const held_chunk& from, const wanted& filter, state_entry& entry);
  void find_distribution();

  sqlite3* connection_;
  const open_store* store_;
  schema_decoders* schemas_;
  std::span<const chunk_row> all_rows_;
  std::span<const chunk_row> rows_; // of the subtasks that are left
  std::vector<wanted_column> wanted_key_;
  bool by_key_group_ = true;
  std::map<std::optional<std::int64_t>, wanted> wanted_; // by schema

  std::span<const chunk_row> base_left_; // of the present subtask
  std::optional<held_chunk> held_;
  std::optional<chunk_reader> reader_;
  const wanted* filter_ = nullptr;
  state_entry in_base_;

  std::vector<held_chunk> held_deltas_;
  std::vector<state_entry> deltas_;
  entry_index newest_;
  std::size_t next_delta_ = 0;

  const state_entry* current_ = nullptr;
  const chunk_row* decoders_of_ = nullptr;
  table_decoders* decoders_ = nullptr;
};

} // namespace weir::inline v0
