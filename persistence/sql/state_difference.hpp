// What differs in one state table between two checkpoints.
#pragma once

#include "checkpoint_chunks.hpp"
#include "entry_index.hpp"
#include "table_scan.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// An entry before and after. Without `before` it was added, without `after` removed. Chunks are null where absent.
struct changed_entry {
  state_entry before;
  state_entry after;
};

/// Compares the state of a table at two checkpoints. Changed keys are looked for only in chunks that are not part of
/// both; the others are read for the old values of those keys, and of their key groups only. Holds the former chunks.
class state_difference {
public:
  state_difference(sqlite3* connection, const open_store& store, std::span<const chunk_row> before,
                   std::span<const chunk_row> after);

  /// In the order in which they were found.
  [[nodiscard]] const std::vector<changed_entry>& changes() const { return changes_; }

private:
  struct candidate {
    state_entry place; // whose key it is
    state_entry before;
    state_entry after;
  };
  enum class side : std::uint8_t { before, after, both };

  void find_candidates(std::span<const chunk_row> rows, const std::set<chunk_id>& common);
  void apply(const chunk_row& row, side to);
  template <class Use>
  void each_entry(const chunk_row& row, std::span<const std::byte> bytes, Use use);
  [[nodiscard]] bool touched(const chunk_row& row) const;
  entry_index& index_of(const chunk_row& row, distribution distributed_by);
  [[nodiscard]] state_entry kept(const state_entry& entry);

  sqlite3* connection_;
  const open_store* store_;
  std::map<chunk_id, held_chunk> held_;
  std::map<std::uint32_t, entry_index> indices_; // one for each subtask of a list, else one
  std::vector<candidate> candidates_;
  std::set<std::uint32_t> groups_;          // of the candidates
  std::deque<std::vector<std::byte>> kept_; // old values out of chunks that are not held
  std::vector<changed_entry> changes_;
};

} // namespace weir::inline v0
