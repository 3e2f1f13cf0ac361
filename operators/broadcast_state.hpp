// The state of which every subtask of an operator has the same copy.
#pragma once

#include "list_state_table.hpp"
#include "operator_context.hpp"

#include <string>
#include <utility>

namespace weir::inline v0::detail {

/// One subtask's copy of a broadcast state. All subtasks are sent the same records, so that their copies are equal; the
/// first subtask's is the one that a checkpoint has, and every subtask, however many there are, restores it.
template <class State>
class broadcast_copy {
public:
  void open(const operator_identity& identity) {
    table_.configure(identity.key_groups, identity.max_parallelism, identity.checkpointing);
    stored_ = identity.subtask.value == 0;
  }
  void ready() {
    State restored{};
    if (State* stored = table_.find_for_write(item_name))
      restored = std::move(*stored);
    table_.erase(item_name);
    current_ = stored_ ? &table_.put(item_name) : &own_;
    *current_ = std::move(restored);
  }
  [[nodiscard]] any_state_table& table() noexcept { return table_; }

  [[nodiscard]] const State& get() const noexcept { return *current_; }
  /// For writing until the next snapshot.
  [[nodiscard]] State& get_for_write() {
    if (stored_)
      table_.put(item_name); // notes the change; items stay where they are
    return *current_;
  }

private:
  static constexpr const char* item_name = "all";

  list_state_table<State> table_{"broadcast"};
  State own_{};
  State* current_ = &own_;
  bool stored_ = false;
};

} // namespace weir::inline v0::detail
