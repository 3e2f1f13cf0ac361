// Takes a user's process struct apart: its record, its state, what it emits, and what is wrong with it.
#pragma once

#include "callable.hpp"
#include "concepts.hpp"
#include "event_time.hpp"
#include "restored_states.hpp"
#include "state_collections.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace weir::inline v0::detail {

/// Stands for the state of an operator that has none.
struct no_state {};

template <class Op>
struct state_of {
  using type = no_state;
};
template <class Op>
requires requires {
  typename Op::state;
}
struct state_of<Op> {
  using type = typename Op::state;
};
template <class Op>
using state_of_t = typename state_of<Op>::type;
template <class Op>
inline constexpr bool has_state = !std::same_as<state_of_t<Op>, no_state>;

/// What can be wrong with a process struct.
enum class process_fault : std::uint8_t {
  none,
  no_member,        ///< no `process`, or an overloaded or templated one
  not_const,        ///< `process` is not const
  no_collector,     ///< its last parameter is no collector<Out>&
  wrong_parameters, ///< its parameters are not (record, [state,] context, collector)
  state_not_default_constructible,
  state_not_serializable,
  collection_without_key, ///< a map_state or list_state in the state of a subtask
  merge_not_callable,     ///< a `merge` or `restore` that is not for the states of subtasks
};

/// The names of the members that handle a record: `process`, `process_left`, `process_right`. Each gives the type of
/// the pointer to the member, and calls it.
struct process_member {
  template <class Op>
  static auto pointer() -> decltype(&Op::process);
  template <class Op, class... A>
  static void call(const Op& op, A&&... arguments) {
    op.process(std::forward<A>(arguments)...);
  }
};
struct process_left_member {
  template <class Op>
  static auto pointer() -> decltype(&Op::process_left);
  template <class Op, class... A>
  static void call(const Op& op, A&&... arguments) {
    op.process_left(std::forward<A>(arguments)...);
  }
};
struct process_right_member {
  template <class Op>
  static auto pointer() -> decltype(&Op::process_right);
  template <class Op, class... A>
  static void call(const Op& op, A&&... arguments) {
    op.process_right(std::forward<A>(arguments)...);
  }
};

template <class Member, class Op>
struct process_signature {
  static constexpr bool known = false;
  static constexpr bool is_const = false;
  using parameter_types = parameters<>;
};
template <class Member, class Op>
requires requires {
  Member::template pointer<Op>();
}
struct process_signature<Member, Op> : signature<decltype(Member::template pointer<Op>())> {};

/// What a member of a process struct emits, or void.
template <class Member, class Op>
using process_output = collected_by<process_signature<Member, Op>>;

/// Whether a parameter can be given the state of a key. The collections of a copy would be nobody's.
template <class State, class Parameter>
constexpr bool takes_state() {
  return std::is_convertible_v<State&, Parameter> && (std::is_reference_v<Parameter> || !holds_collections<State>());
}

template <class Member, class Op, class T, class Context, class Out>
constexpr bool takes_parameters() {
  using actual = typename process_signature<Member, Op>::parameter_types;
  constexpr std::size_t count = has_state<Op> ? 4 : 3;
  if constexpr (actual::count != count) {
    return false;
  } else {
    using record = typename parameter<0, actual>::type;
    using context = typename parameter<count - 2, actual>::type;
    if constexpr (!std::is_convertible_v<const T&, record> || !std::is_convertible_v<Context&, context>)
      return false;
    else if constexpr (has_state<Op>)
      return takes_state<state_of_t<Op>, typename parameter<1, actual>::type>();
    else
      return true;
  }
}

/// Whether a process struct is given keys.
template <class Context>
inline constexpr bool is_keyed_context = requires(const Context& context) {
  context.key();
};

// A name that both bases have is ambiguous: this finds members that are private, overloaded or templates, too.
struct names_of_merging {
  int merge;
  int restore;
};
template <class Op>
struct beside_names_of_merging : Op, names_of_merging {};

/// Whether the struct of an un-keyed process has a `merge` or `restore` that the runtime would not call.
template <class Op>
constexpr bool has_stray_merge() {
  if constexpr (std::is_final_v<Op>) {
    return false;
  } else {
    constexpr bool merge = !requires {
      &beside_names_of_merging<Op>::merge;
    };
    constexpr bool restore = !requires {
      &beside_names_of_merging<Op>::restore;
    };
    return (merge && !merges_states<Op, state_of_t<Op>>) || (restore && !restores_states<Op, state_of_t<Op>>);
  }
}

template <class Op, class Context>
constexpr process_fault state_fault() {
  if constexpr (!has_state<Op> && !is_keyed_context<Context> && has_stray_merge<Op>())
    return process_fault::merge_not_callable;
  else if constexpr (!has_state<Op>)
    return process_fault::none;
  else if constexpr (!std::default_initializable<state_of_t<Op>>)
    return process_fault::state_not_default_constructible;
  else if constexpr (!is_keyed_context<Context> && holds_collections<state_of_t<Op>>())
    return process_fault::collection_without_key;
  else if constexpr (!keyed_state<state_of_t<Op>>)
    return process_fault::state_not_serializable;
  else if constexpr (!is_keyed_context<Context> && has_stray_merge<Op>())
    return process_fault::merge_not_callable;
  else
    return process_fault::none;
}

/// The fault of one member and of the state.
template <class Member, class Op, class T, class Context>
constexpr process_fault process_fault_of() {
  using found = process_signature<Member, Op>;
  using Out = process_output<Member, Op>;
  if constexpr (!found::known)
    return process_fault::no_member;
  else if constexpr (!found::is_const)
    return process_fault::not_const;
  else if constexpr (std::is_void_v<Out>)
    return process_fault::no_collector;
  else if constexpr (!takes_parameters<Member, Op, T, Context, Out>())
    return process_fault::wrong_parameters;
  else
    return state_fault<Op, Context>();
}

/// Stops the compilation, with a sentence, for a struct that was given to `process`.
template <process_fault Fault, bool Keyed>
constexpr void require_process() {
  using enum process_fault;
  static_assert(Fault != no_member, "weir: process needs a struct with one member function `process`, neither "
                                    "overloaded nor a template");
  static_assert(Fault != not_const, "weir: the member function `process` must be const; what changes belongs into a "
                                    "`struct state`");
  static_assert(Fault != no_collector, "weir: the last parameter of `process` must be a weir::collector<Out>&");
  static_assert(Fault != wrong_parameters || Keyed,
                "weir: on an un-keyed stream, process takes (const T& record, state& if there is a struct state, "
                "weir::context&, weir::collector<Out>&); for a keyed_context, call key_by first");
  static_assert(Fault != wrong_parameters || !Keyed,
                "weir: on a keyed stream, process takes (const T& record, state& if there is a struct state, "
                "weir::keyed_context<K>&, weir::collector<Out>&)");
  static_assert(Fault != state_not_default_constructible, "weir: the struct state must be default constructible");
  static_assert(Fault != state_not_serializable,
                "weir: the struct state can't be stored; write WEIR_FIELDS(member, ...) "
                "into it and into the classes that it holds; a map_state or list_state can only be a member of the "
                "struct state itself");
  static_assert(Fault != collection_without_key,
                "weir: map_state and list_state are kept by key, and the state of an un-keyed process has none; use a "
                "std::map or std::vector, or call key_by first");
  static_assert(Fault != merge_not_callable,
                "weir: merge takes (state& into, const state& from), restore takes (state& own, const "
                "weir::restored_states<state>& stored); both are public, const, and need a `struct state`");
}

/// The same for a struct with `process_left` and `process_right`.
template <process_fault Fault, bool Keyed, bool EmitsOneType>
constexpr void require_two_input_process() {
  using enum process_fault;
  static_assert(Fault != no_member, "weir: process on connected streams needs a struct with one process_left and one "
                                    "process_right, neither overloaded nor templates");
  static_assert(Fault != not_const, "weir: process_left and process_right must be const; what changes belongs into a "
                                    "`struct state`");
  static_assert(Fault != no_collector, "weir: the last parameter of process_left and process_right must be a "
                                       "weir::collector<Out>&");
  static_assert(Fault != wrong_parameters || Keyed,
                "weir: on un-keyed streams, process_left and process_right take (const T& record, state& if there is a "
                "struct state, weir::context&, weir::collector<Out>&)");
  static_assert(Fault != wrong_parameters || !Keyed,
                "weir: on keyed streams, process_left and process_right take (const T& record, state& if there is a "
                "struct state, weir::keyed_context<K>&, weir::collector<Out>&)");
  static_assert(Fault != state_not_default_constructible, "weir: the struct state must be default constructible");
  static_assert(Fault != state_not_serializable,
                "weir: the struct state can't be stored; write WEIR_FIELDS(member, ...) "
                "into it and into the classes that it holds; a map_state or list_state can only be a member of the "
                "struct state itself");
  static_assert(Fault != collection_without_key,
                "weir: map_state and list_state are kept by key, and the state of an un-keyed process has none; use a "
                "std::map or std::vector, or call key_by first");
  static_assert(Fault != merge_not_callable,
                "weir: merge takes (state& into, const state& from), restore takes (state& own, const "
                "weir::restored_states<state>& stored); both are public, const, and need a `struct state`");
  static_assert(Fault != none || EmitsOneType, "weir: process_left and process_right must emit the same type; emit the "
                                               "other one to a side output");
}

/// The fault of a struct with `process_left` and `process_right`, the left one first.
template <class Op, class Left, class Right, class Context>
constexpr process_fault two_input_fault() {
  constexpr auto left = process_fault_of<process_left_member, Op, Left, Context>();
  constexpr auto right = process_fault_of<process_right_member, Op, Right, Context>();
  return left != process_fault::none ? left : right;
}

template <class Op>
inline constexpr bool emits_one_type =
    std::same_as<process_output<process_left_member, Op>, process_output<process_right_member, Op>>;

/// Whether a process struct has one member `on_timer`, with whatever parameters.
template <class Op>
inline constexpr bool names_on_timer = requires {
  &Op::on_timer;
};

struct on_timer_member {
  template <class Op>
  static auto pointer() -> decltype(&Op::on_timer);
};

template <class Op, class Context, class Out>
constexpr bool takes_timers() {
  using actual = typename process_signature<on_timer_member, Op>::parameter_types;
  if constexpr (has_state<Op> && actual::count == 4)
    return takes_state<state_of_t<Op>, typename parameter<1, actual>::type>() &&
           requires(const Op& op, processing_time at, state_of_t<Op>& state, Context& ctx, collector<Out>& out) {
      op.on_timer(at, state, ctx, out);
    };
  else if constexpr (has_state<Op>)
    return false;
  else
    return requires(const Op& op, processing_time at, Context& ctx, collector<Out>& out) {
      op.on_timer(at, ctx, out);
    };
}

/// Whether a member takes the state by `const state&` or by value: it only reads it.
template <class Member, class Op>
constexpr bool reads_state() {
  using actual = typename process_signature<Member, Op>::parameter_types;
  if constexpr (has_state<Op> && actual::count >= 2)
    return std::is_convertible_v<const state_of_t<Op>&, typename parameter<1, actual>::type>;
  else
    return false;
}

/// Stops the compilation, with a sentence, for a struct whose `on_timer` cannot be called. True if all is well.
template <class Op, class Context, class Out>
constexpr bool require_timers() {
  constexpr bool right = !names_on_timer<Op> || takes_timers<Op, Context, Out>();
  static_assert(right, "weir: on_timer takes (weir::processing_time at, state& if there is a struct state, "
                       "weir::keyed_context<K>&, weir::collector<Out>&) as process does, and is const");
  return right;
}

} // namespace weir::inline v0::detail
