// Takes the snapshots of all state tables of one subtask, in slices.
#pragma once

#include "../operators/any_state_table.hpp"
#include "../operators/in_flight_table.hpp"
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

  /// Adds a table of in-flight batches. It is part of a snapshot that has some, and from then on of all; `stored`: of
  /// all from the first, as the checkpoint that was restored has it.
  void add_in_flight(std::string operator_name, any_in_flight_table& table, bool stored);

  /// Freezes all tables but the late ones. In-flight batches may be recorded until `close_recording`.
  void begin(aligned_barrier due, monotonic_time now);
  /// Freezes the late ones.
  void mark_late();
  /// The snapshot has all of its in-flight batches.
  void close_recording(monotonic_time now);
  [[nodiscard]] bool open() const noexcept { return due_.has_value(); }
  [[nodiscard]] const aligned_barrier& due() const noexcept { return *due_; }

  /// Encodes up to about `max_entries`, or as many in-flight records. Returns true when all that is frozen is encoded
  /// and nothing is late.
  bool encode(std::size_t max_entries);
  /// Whether `encode` has something to do now.
  [[nodiscard]] bool encoding() const noexcept;
  /// Whether in-flight batches may still come.
  [[nodiscard]] bool recording() const noexcept { return recording_; }
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

  struct in_flight_entry {
    std::string operator_name;
    any_in_flight_table* table;
    bool named = false; ///< the store may have chunks of it
  };

  void mark(entry& e);
  void take(const std::string& operator_name, const any_state_table& table, std::vector<encoded_chunk> chunks);

  std::vector<entry> tables_;
  std::vector<in_flight_entry> in_flight_;
  bool recording_ = false;
  std::optional<aligned_barrier> due_;
  monotonic_time begun_{};
  std::chrono::microseconds recorded_for_{};
  subtask_snapshot snapshot_;
  std::size_t bytes_ = 0;
};

} // namespace weir::inline v0
