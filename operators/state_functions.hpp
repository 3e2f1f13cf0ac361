// The process structs of map_with_state and the like: functions of a record and the state of its key.
#pragma once

#include "callable.hpp"
#include "concepts.hpp"
#include "context.hpp"
#include "state_collections.hpp"
#include "time_to_live.hpp"

#include <concepts>
#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>

namespace weir::inline v0::detail {

template <class State, class F>
struct function_state {
  using type = State;
};
template <class F>
requires(signature_of<F>::parameter_types::count >= 2) struct function_state<deduced, F> {
  using type = std::remove_cvref_t<typename parameter<1, typename signature_of<F>::parameter_types>::type>;
};
/// The state that a function takes as its second parameter; `deduced` if that cannot be told.
template <class State, class F>
using function_state_t = typename function_state<State, F>::type;

/// What can be wrong with a function of a record and a state.
enum class state_function_fault : std::uint8_t {
  none,
  unknown_state, ///< generic or overloaded: its state cannot be told
  wrong_call,    ///< not callable const with (const T&, State&, …)
  wrong_result,  ///< nothing where a value is needed, or no bool where one is
  state_unstorable
};

template <class State>
constexpr bool storable_state() {
  return keyed_state<State>;
}

/// Whether a function takes a copy of a state whose collections would be nobody's.
template <class F, class State>
constexpr bool copies_collections() {
  if constexpr (requires { signature_of<F>::parameter_types::count; }) {
    using actual = typename signature_of<F>::parameter_types;
    if constexpr (actual::count >= 2)
      return holds_collections<State>() && !std::is_reference_v<typename parameter<1, actual>::type>;
  }
  return false;
}

template <class F, class T, class State, class... More>
constexpr state_function_fault state_function_fault_of() {
  if constexpr (std::same_as<State, deduced>)
    return state_function_fault::unknown_state;
  else if constexpr (!std::is_invocable_v<const F&, const T&, State&, More...>)
    return state_function_fault::wrong_call;
  else if constexpr (!storable_state<State>())
    return state_function_fault::state_unstorable;
  else if constexpr (copies_collections<F, State>())
    return state_function_fault::wrong_call;
  else
    return state_function_fault::none;
}

template <class F, class T, class State>
constexpr state_function_fault map_with_state_fault() {
  constexpr auto fault = state_function_fault_of<F, T, State>();
  if constexpr (fault == state_function_fault::none)
    return std::is_void_v<std::invoke_result_t<const F&, const T&, State&>> ? state_function_fault::wrong_result
                                                                            : fault;
  else
    return fault;
}

template <class F, class T, class State>
constexpr state_function_fault filter_with_state_fault() {
  constexpr auto fault = state_function_fault_of<F, T, State>();
  if constexpr (fault == state_function_fault::none)
    return std::is_convertible_v<std::invoke_result_t<const F&, const T&, State&>, bool>
               ? fault
               : state_function_fault::wrong_result;
  else
    return fault;
}

/// Stops the compilation, with a sentence. True if all is well.
template <state_function_fault Fault>
constexpr bool require_state_function() {
  using enum state_function_fault;
  static_assert(Fault != unknown_state, "weir: the state of a generic or overloaded function can't be told; say it, as "
                                        "in map_with_state<State>(name, function)");
  static_assert(Fault != wrong_call, "weir: a function with state must be callable const with (const T& record, State& "
                                     "state), for a flat_map_with_state also with a weir::collector<Out>&");
  static_assert(Fault != wrong_result, "weir: the function given to map_with_state must return a record, and the one "
                                       "given to filter_with_state a bool");
  static_assert(Fault != state_unstorable, "weir: the state must be default constructible and storable; write "
                                           "WEIR_FIELDS(member, ...) into its class; a map_state or list_state can "
                                           "only be a member of the state itself");
  return Fault == none;
}

template <class K, class T, class State, class F, class Out>
struct map_with_state_function {
  using state = State;
  F function;
  void process(const T& record, State& s, keyed_context<K>&, collector<Out>& out) const {
    out(std::invoke(function, record, s));
  }
};

template <class K, class T, class State, class F>
struct filter_with_state_function {
  using state = State;
  F predicate;
  void process(const T& record, State& s, keyed_context<K>&, collector<T>& out) const {
    if (std::invoke(predicate, record, s))
      out(record);
  }
};

template <class K, class T, class State, class F, class Out>
struct flat_map_with_state_function {
  using state = State;
  F function;
  void process(const T& record, State& s, keyed_context<K>&, collector<Out>& out) const {
    std::invoke(function, record, s, out);
  }
};

/// Whether a key was seen.
struct seen_state : settling_state {
  bool seen = false;
  WEIR_FIELDS(seen)
  /// Later records change nothing, so they don't refresh it as writes do.
  [[nodiscard]] bool is_settled() const { return seen; }
};

struct is_first {
  template <class T>
  bool operator()(const T&, seen_state& s) const {
    return !std::exchange(s.seen, true);
  }
};

} // namespace weir::inline v0::detail
