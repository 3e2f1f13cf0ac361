// What the subtasks of an un-keyed operator had in a checkpoint, for the one that goes on from it.
#pragma once

#include "../persistence/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// The states of all subtasks of an un-keyed operator, in the order of their indices. `restore` of a process struct
/// gets it at every start from a checkpoint, and makes the state of one subtask of it. `dealt` and `united` are the
/// list state and the union list state of Flink's operators.
template <class State>
class restored_states {
public:
  using const_iterator = typename std::vector<State>::const_iterator;

  /// `same_subtasks`: there are as many now as stored them. Then state `mine` was this subtask's.
  restored_states(std::vector<State> states, subtask_index mine, std::uint32_t parallelism, bool same_subtasks)
      : states_(std::move(states)), mine_(mine), parallelism_(parallelism), same_subtasks_(same_subtasks) {}

  [[nodiscard]] const_iterator begin() const { return states_.begin(); }
  [[nodiscard]] const_iterator end() const { return states_.end(); }
  /// How many subtasks stored a state; at least 1.
  [[nodiscard]] std::size_t size() const { return states_.size(); }

  /// The subtask that goes on, and how many there are now.
  [[nodiscard]] subtask_index subtask() const { return mine_; }
  [[nodiscard]] std::uint32_t parallelism() const { return parallelism_; }
  /// What this subtask had; null if the parallelism is another one.
  [[nodiscard]] const State* own() const { return same_subtasks_ ? &states_[mine_.value] : nullptr; }

  /// This subtask's share of a list of every state: what it had, or, at another parallelism, an even part of the
  /// elements of all, in their order. Every element goes to one subtask.
  template <class Container>
  [[nodiscard]] Container dealt(Container State::*list) const {
    if (const State* mine = own())
      return mine->*list;
    std::size_t total = 0;
    for (const State& each : states_)
      total += (each.*list).size();
    const std::size_t first = total * mine_.value / parallelism_;
    const std::size_t last = total * (mine_.value + std::size_t{1}) / parallelism_;
    Container share;
    std::size_t at = 0;
    for (const State& each : states_)
      for (const auto& element : each.*list) {
        if (at >= first && at < last)
          share.insert(share.end(), element);
        ++at;
      }
    return share;
  }

  /// The elements of all subtasks, for every subtask. They become part of its state: what all of them have is stored
  /// by all, so a list that is united at every start grows unless its elements are told apart; a set or a map does not.
  template <class Container>
  [[nodiscard]] Container united(Container State::*container) const {
    Container all;
    for (const State& each : states_)
      for (const auto& element : each.*container)
        all.insert(all.end(), element);
    return all;
  }

private:
  std::vector<State> states_;
  subtask_index mine_;
  std::uint32_t parallelism_;
  bool same_subtasks_;
};

namespace detail {

/// How a struct puts the states of several subtasks together: `merge` two of them, or `restore` one from all.
template <class Op, class State>
concept merges_states = requires(const Op& op, State& into, const State& from) {
  op.merge(into, from);
};
template <class Op, class State>
concept restores_states = requires(const Op& op, State& own, const restored_states<State>& stored) {
  op.restore(own, stored);
};

} // namespace detail

} // namespace weir::inline v0
