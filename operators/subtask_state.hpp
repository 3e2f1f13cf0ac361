// The un-keyed state of a process operator: one struct a subtask.
#pragma once

#include "../persistence/error.hpp"
#include "list_state_table.hpp"
#include "operator_context.hpp"
#include "restored_states.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// What to do about the state of `stored` subtasks, for an operator that has another number of them and can't put
/// states together.
[[nodiscard]] std::string remedy_for_parallelism(std::uint64_t stored);

} // namespace weir::inline v0

namespace weir::inline v0::detail {

[[noreturn]] void throw_state_of_other_parallelism(const operator_identity& identity, std::size_t stored);
/// The index of the subtask that stored an item; throws `damaged_error` if the item's name is no index.
[[nodiscard]] std::uint32_t stored_subtask(const operator_identity& identity, const std::string& item);

/// Keeps the state of one subtask under its index. At a start from a checkpoint `restore` makes it from the states of
/// all subtasks; it begins with what this subtask had, or, at another parallelism, with a default. Without `restore`,
/// subtasks get their own back; after a change of parallelism the states of the former subtasks are dealt out in the
/// order of their indices, and those that one subtask gets are merged.
template <class Op, class State>
class subtask_state {
public:
  subtask_state() {
    if constexpr (!merges_states<Op, State> && !restores_states<Op, State>)
      table_.keep_parallelism();
  }

  void open(const operator_identity& identity) {
    table_.configure(identity.key_groups, identity.max_parallelism, identity.checkpointing);
    own_name_ = std::to_string(identity.subtask.value);
  }

  /// Takes this subtask's part of what was restored. Throws `usage_error` if the parallelism differs and the operator
  /// can neither merge nor restore states.
  void ready(const Op& op, const operator_identity& identity) {
    std::map<std::uint32_t, State*> stored; // "10" comes before "9" in the table
    for (const auto& [item, state] : table_)
      stored.emplace(stored_subtask(identity, item), table_.find_for_write(item));
    const bool same_subtasks = stored.size() == identity.parallelism && stored.rbegin()->first + 1 == stored.size();
    State own{};
    if (!stored.empty()) {
      if constexpr (restores_states<Op, State>) {
        const restored_states<State> all = all_of(stored, identity, same_subtasks);
        if (all.own() != nullptr)
          own = *all.own();
        op.restore(own, all);
      } else if (same_subtasks) {
        own = std::move(*stored.at(identity.subtask.value));
      } else if constexpr (merges_states<Op, State>) {
        own = merge_share(op, stored, identity);
      } else {
        throw_state_of_other_parallelism(identity, stored.size());
      }
    }
    while (!table_.empty())
      table_.erase(std::string{table_.begin()->first});
    table_.put(own_name_) = std::move(own);
  }

  /// The state, for writing until the next snapshot.
  [[nodiscard]] State& get() { return table_.put(own_name_); }
  [[nodiscard]] any_state_table& table() noexcept { return table_; }

private:
  static restored_states<State> all_of(const std::map<std::uint32_t, State*>& stored, const operator_identity& identity,
                                       bool same_subtasks) {
    std::vector<State> states;
    for (const auto& [index, state] : stored)
      states.push_back(std::move(*state));
    return {std::move(states), identity.subtask, identity.parallelism, same_subtasks};
  }
  static State merge_share(const Op& op, const std::map<std::uint32_t, State*>& stored,
                           const operator_identity& identity) {
    State own{};
    bool first = true;
    std::uint32_t ordinal = 0;
    for (const auto& [index, state] : stored)
      if (ordinal++ % identity.parallelism == identity.subtask.value) {
        if (std::exchange(first, false))
          own = std::move(*state);
        else
          op.merge(own, std::as_const(*state));
      }
    return own;
  }

  list_state_table<State> table_{"state"};
  std::string own_name_;
};

} // namespace weir::inline v0::detail
