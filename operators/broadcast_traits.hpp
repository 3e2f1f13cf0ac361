// Takes apart a process struct with broadcast state, and says what is wrong with it.
#pragma once

#include "process_traits.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace weir::inline v0 {

class context;

namespace detail {

struct process_broadcast_member {
  template <class Op>
  static auto pointer() -> decltype(&Op::process_broadcast);
};

/// What can be wrong with a process struct for a broadcast.
enum class broadcast_fault : std::uint8_t {
  none,
  no_state,               ///< no `struct broadcast_state`
  no_members,             ///< no `process` and `process_broadcast`, or overloaded or templated ones
  not_const,              ///< one of them is not const
  no_collector,           ///< the last parameter of one of them is no collector<Out>&
  wrong_process,          ///< the parameters of `process`
  wrong_broadcast,        ///< the parameters of `process_broadcast`
  two_outputs,            ///< they do not emit the same type
  state_unstorable,       ///< one of the states cannot be stored, or not made by default
  merge_not_callable,     ///< as of a process
  collection_without_key, ///< as of a process
};

template <class Op, class T, class Context>
constexpr bool takes_broadcast_state() {
  using actual = typename process_signature<process_member, Op>::parameter_types;
  constexpr std::size_t count = has_state<Op> ? 5 : 4;
  if constexpr (actual::count != count) {
    return false;
  } else {
    constexpr bool others =
        std::is_convertible_v<const T&, typename parameter<0, actual>::type> &&
        std::is_convertible_v<const typename Op::broadcast_state&, typename parameter<count - 3, actual>::type> &&
        std::is_convertible_v<Context&, typename parameter<count - 2, actual>::type>;
    if constexpr (others && has_state<Op>)
      return std::is_convertible_v<state_of_t<Op>&, typename parameter<1, actual>::type>;
    else
      return others;
  }
}

template <class Op, class Rule>
constexpr bool takes_broadcast_record() {
  using actual = typename process_signature<process_broadcast_member, Op>::parameter_types;
  if constexpr (actual::count != 4)
    return false;
  else
    return std::is_convertible_v<const Rule&, typename parameter<0, actual>::type> &&
           std::is_convertible_v<typename Op::broadcast_state&, typename parameter<1, actual>::type> &&
           std::is_convertible_v<context&, typename parameter<2, actual>::type>;
}

template <class Op, class T, class Rule, class Context>
constexpr broadcast_fault broadcast_fault_of() {
  using data = process_signature<process_member, Op>;
  using rules = process_signature<process_broadcast_member, Op>;
  if constexpr (!requires { typename Op::broadcast_state; })
    return broadcast_fault::no_state;
  else if constexpr (!data::known || !rules::known)
    return broadcast_fault::no_members;
  else if constexpr (!data::is_const || !rules::is_const)
    return broadcast_fault::not_const;
  else if constexpr (std::is_void_v<collected_by<data>> || std::is_void_v<collected_by<rules>>)
    return broadcast_fault::no_collector;
  else if constexpr (!takes_broadcast_state<Op, T, Context>())
    return broadcast_fault::wrong_process;
  else if constexpr (!takes_broadcast_record<Op, Rule>())
    return broadcast_fault::wrong_broadcast;
  else if constexpr (!std::same_as<collected_by<data>, collected_by<rules>>)
    return broadcast_fault::two_outputs;
  else if constexpr (state_fault<Op, Context>() == process_fault::merge_not_callable)
    return broadcast_fault::merge_not_callable;
  else if constexpr (state_fault<Op, Context>() == process_fault::collection_without_key)
    return broadcast_fault::collection_without_key;
  else if constexpr (state_fault<Op, Context>() != process_fault::none ||
                     !std::default_initializable<typename Op::broadcast_state> ||
                     !serializable<typename Op::broadcast_state>)
    return broadcast_fault::state_unstorable;
  else
    return broadcast_fault::none;
}

/// Stops the compilation, with a sentence.
template <broadcast_fault Fault, bool Keyed>
constexpr void require_broadcast() {
  using enum broadcast_fault;
  static_assert(Fault != no_state, "weir: process on a broadcast needs a struct with a `struct broadcast_state` in it");
  static_assert(Fault != no_members, "weir: process on a broadcast needs a struct with one `process` and one "
                                     "`process_broadcast`, neither overloaded nor templates");
  static_assert(Fault != not_const, "weir: process and process_broadcast must be const; what changes belongs into the "
                                    "states");
  static_assert(Fault != no_collector, "weir: the last parameter of process and process_broadcast must be a "
                                       "weir::collector<Out>&");
  static_assert(Fault != wrong_process || Keyed,
                "weir: with a broadcast, process takes (const T& record, state& if there is a struct state, const "
                "broadcast_state&, weir::context&, weir::collector<Out>&)");
  static_assert(Fault != wrong_process || !Keyed,
                "weir: with a broadcast, process takes (const T& record, state& if there is a struct state, const "
                "broadcast_state&, weir::keyed_context<K>&, weir::collector<Out>&)");
  static_assert(Fault != wrong_broadcast, "weir: process_broadcast takes (const Rule& record, broadcast_state&, "
                                          "weir::context&, weir::collector<Out>&)");
  static_assert(Fault != two_outputs, "weir: process and process_broadcast must emit the same type; emit the other one "
                                      "to a side output");
  static_assert(Fault != state_unstorable,
                "weir: the struct state and the struct broadcast_state must be default constructible and storable; "
                "write WEIR_FIELDS(member, ...) into them and into the classes that they hold");
  static_assert(Fault != merge_not_callable,
                "weir: merge takes (state& into, const state& from), restore takes (state& own, const "
                "weir::restored_states<state>& stored); both are public, const, and need a `struct state`");
  static_assert(Fault != collection_without_key,
                "weir: map_state and list_state are kept by key, and the state of an un-keyed process has none; use a "
                "std::map or std::vector, or call key_by first");
}

} // namespace detail
} // namespace weir::inline v0
