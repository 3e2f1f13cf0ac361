// What is asked of the functions given to reduce, aggregate and top_k.
#pragma once

#include "concepts.hpp"

#include <concepts>
#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>

namespace weir::inline v0::detail {

/// What can be wrong with an aggregator.
enum class aggregator_fault : std::uint8_t {
  none,
  no_accumulator,
  no_add,
  no_result,
  not_default_constructible,
  not_serializable
};

template <class A, class T>
constexpr aggregator_fault aggregator_fault_of() {
  if constexpr (!requires { typename A::accumulator; })
    return aggregator_fault::no_accumulator;
  else if constexpr (!requires(const A& a, typename A::accumulator& into, const T& record) { a.add(into, record); })
    return aggregator_fault::no_add;
  else if constexpr (!requires(const A& a, const typename A::accumulator& from) {
                       { a.result(from) } -> std::copyable;
                     })
    return aggregator_fault::no_result;
  else if constexpr (!std::default_initializable<typename A::accumulator>)
    return aggregator_fault::not_default_constructible;
  else if constexpr (!serializable<typename A::accumulator>)
    return aggregator_fault::not_serializable;
  else
    return aggregator_fault::none;
}

/// Stops the compilation, with a sentence. True if all is well.
template <aggregator_fault Fault>
constexpr bool require_aggregator() {
  using enum aggregator_fault;
  static_assert(Fault != no_accumulator, "weir: aggregate needs a struct with a `struct accumulator` in it");
  static_assert(Fault != no_add, "weir: the aggregator needs `void add(accumulator&, const T& record) const` for this "
                                 "stream's record");
  static_assert(Fault != no_result, "weir: the aggregator needs `R result(const accumulator&) const`");
  static_assert(Fault != not_default_constructible, "weir: the struct accumulator must be default constructible");
  static_assert(Fault != not_serializable, "weir: the struct accumulator can't be stored; write WEIR_FIELDS(member, "
                                           "...) into it and into the classes that it holds; a map_state or list_state "
                                           "can only be in the state of a process");
  return Fault == none;
}

/// The same for the function and the record of a reduce.
template <class F, class T>
constexpr bool require_reduce() {
  constexpr bool reduces = std::is_invocable_r_v<T, const F&, T, const T&>;
  static_assert(reduces, "weir: the function given to reduce must be callable const with (T so_far, const T& record) "
                         "and return a T");
  static_assert(!reduces || serializable<T>, "weir: reduce keeps records as state, so that they must be storable; "
                                             "write WEIR_FIELDS(member, ...) into the record's class");
  return reduces && serializable<T>;
}

/// Whether a function says which of two records ranks higher.
template <class F, class T>
concept comparison_of = std::is_invocable_r_v<bool, const F&, const T&, const T&>;

/// Whether a function or pointer to a member gives what records are ranked by.
template <class F, class T>
concept projection_of = requires(const F& f, const T& record) {
  { std::invoke(f, record) < std::invoke(f, record) } -> std::convertible_to<bool>;
};

/// The same for the function and the record of a top_k.
template <class F, class T>
constexpr bool require_top_k() {
  constexpr bool ranks = comparison_of<F, T> || projection_of<F, T>;
  static_assert(ranks, "weir: top_k needs a function or pointer to a member that gives what records are ranked by, or "
                       "a function (const T& a, const T& b) that says whether a ranks higher");
  static_assert(!ranks || serializable<T>, "weir: top_k keeps records as state, so that they must be storable; write "
                                           "WEIR_FIELDS(member, ...) into the record's class");
  return ranks && serializable<T>;
}

} // namespace weir::inline v0::detail
