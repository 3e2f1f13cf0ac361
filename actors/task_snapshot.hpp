// Takes the snapshots of all state tables of one subtask, in slices.
#pragma once

#include "../operators/any_state_table.hpp"
#include "aligner.hpp"
#include "messages.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace weir::inline v0 {

/// The snapshot of a subtask: freezes its tables when a barrier passes, encodes them in slices between steps, and
/// remembers on which checkpoint the next delta of each builds. One snapshot is open at a time.
class task_snapshot {
public:
  /// Adds a table. `late` tables are frozen by `mark_late`: a sink's, whose prepared output is known later.
  void add(std::string operator_name, any_state_table& table, bool late);

  /// Freezes all tables but the late ones.
  void begin(aligned_barrier due, monotonic_time now);
  /// Freezes the late ones.
  void mark_late();
  [[nodiscard]] bool open() const noexcept { return due_.has_value(); }
  [[nodiscard]] const aligned_barrier& due() const noexcept { return *due_; }

  /// Encodes up to about `max_entries`. Returns true when all that is frozen is encoded and nothing is late.
  bool encode(std::size_t max_entries);
  /// Whether `encode` has something to do now.
  [[nodiscard]] bool encoding() const noexcept;
  /// Bytes in the chunks that `take_chunks` would give.
  [[nodiscard]] std::size_t encoded_bytes() const noexcept { return bytes_; }

  /// The whole snapshot, when `encode` has returned true. Closes it.
  [[nodiscard]] subtask_snapshot finish(monotonic_time now);
  /// The store has refused a delta: the next snapshot of every table is a base.
  void require_bases();

  /// The tables in the order they were added, for loading.
  [[nodiscard]] std::size_t size() const noexcept { return tables_.size(); }
  [[nodiscard]] any_state_table& table(std::size_t i) noexcept { return *tables_[i].table; }
  [[nodiscard]] const std::string& operator_name(std::size_t i) const noexcept { return tables_[i].operator_name; }

private:
  struct entry {
    std::string operator_name;
    any_state_table* table;
    bool late = false;
    bool marked = false;
    bool encoded = false;
    std::optional<checkpoint_id> last; ///< of the latest snapshot of this table
  };

  void mark(entry& e);

  std::vector<entry> tables_;
  std::optional<aligned_barrier> due_;
  monotonic_time begun_{};
  subtask_snapshot snapshot_;
  std::size_t bytes_ = 0;
};

} // namespace weir::inline v0
