// What the subtasks of an un-keyed operator had in a checkpoint, for the one that goes on from it.
#pragma once

#include "../persistence/ids.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::inline v0 {

namespace detail {

/// A list, whose elements are told apart by their places only.
template <class T>
concept sequence_container = requires(T& to, const typename T::value_type& element) {
  to.push_back(element);
};
/// A set: what two of them have in common is one element. Not a map, whose values would have to be put together.
template <class T>
concept set_container = requires(T& to, const typename T::key_type& element) {
  to.insert(element);
}
&&!requires {
  typename T::mapped_type;
};

} // namespace detail

/// The states of all subtasks of an un-keyed operator, in the order of their indices. `restore` of a process struct
/// gets it at every start from a checkpoint, and makes the state of one subtask of it. `dealt` follows the list state
/// of Flink's operators, `united` their union list state.
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
  /// elements of all, in their order. Every element goes to one subtask. `list` is a pointer to the member, or a
  /// function of a state.
  template <class Projection>
  [[nodiscard]] auto dealt(const Projection& list) const {
    using container = std::remove_cvref_t<std::invoke_result_t<const Projection&, const State&>>;
    constexpr bool is_list = detail::sequence_container<container>; // by itself, so that there is one error
    static_assert(is_list, "weir: a list can be dealt out, a set or map can't: their elements may be those of several "
                           "subtasks");
    if (const State* mine = own())
      return container(std::invoke(list, *mine));
    std::size_t total = 0;
    for (const State& each : states_)
      total += std::invoke(list, each).size();
    const std::size_t first = total * mine_.value / parallelism_;
    const std::size_t last = total * (mine_.value + std::size_t{1}) / parallelism_;
    container share;
    std::size_t before = 0;
    for (const State& each : states_) {
      const auto& elements = std::invoke(list, each);
      const std::size_t behind = before + elements.size();
      if (first < behind && before < last) {
        const auto place = [&](std::size_t at) {
          return std::next(elements.begin(), static_cast<std::ptrdiff_t>(at - before));
        };
        if constexpr (is_list)
          share.insert(share.end(), place(std::max(first, before)), place(std::min(last, behind)));
      }
      before = behind;
    }
    return share;
  }

  /// The elements of the sets of all subtasks, for every subtask, which then stores all of them.
  template <class Projection>
  [[nodiscard]] auto united(const Projection& set) const {
    using container = std::remove_cvref_t<std::invoke_result_t<const Projection&, const State&>>;
    constexpr bool is_set = detail::set_container<container>;
    static_assert(is_set, "weir: sets can be united; a list would grow with every start, as every subtask stores what "
                          "all have, and which value of a map counts is for restore to say, from the states that it is "
                          "given");
    container all;
    if constexpr (is_set)
      for (const State& each : states_) {
        const auto& elements = std::invoke(set, each);
        all.insert(elements.begin(), elements.end());
      }
    return all;
  }

private:
  std::vector<State> states_;
  subtask_index mine_;
  std::uint32_t parallelism_;
  bool same_subtasks_;
};

namespace detail {

/// How a struct puts the states of several subtasks together: `merge` two of them, or `restore` one from all. Into a
/// copy it would be lost.
template <class Op, class State>
concept merges_states = requires(const Op& op, State& into, const State& from) {
  op.merge(into, from);
}
&&!requires(const Op& op, const State& copied, const State& from) {
  op.merge(copied, from);
};
template <class Op, class State>
concept restores_states = requires(const Op& op, State& own, const restored_states<State>& stored) {
  op.restore(own, stored);
}
&&!requires(const Op& op, const State& copied, const restored_states<State>& stored) {
  op.restore(copied, stored);
};

} // namespace detail

} // namespace weir::inline v0
