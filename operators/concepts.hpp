// What user functions are asked at compile time, before anything is instantiated with them.
#pragma once

#include "../persistence/hash.hpp"
#include "../persistence/serializable.hpp"
#include "collector.hpp"

#include <concepts>
#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

/// What a stream carries after a call that does not compile: it takes any further call, so that there is one error.
struct wrong {};

namespace detail {

/// False, but only once a template is instantiated.
template <class...>
inline constexpr bool never = false;

/// What can be wrong with a function that a user gives.
enum class function_fault : std::uint8_t {
  none,
  wrong_argument,  ///< cannot be called with the stream's record
  not_const,       ///< could be called if it was not const
  returns_nothing, ///< void where a value is needed
  returns_view,    ///< a string_view, span or pointer: it would outlive what it points to
  wrong_result,    ///< some other type than needed
  no_collector,    ///< takes no collector<Out>&
  unknown_output   ///< generic or overloaded: what it emits cannot be told
};

/// Whether a function can be called with a record of a batch, moved or not, and further arguments.
template <class F, class T, class... More>
concept takes_record = std::is_invocable_v<F, const T&, More...> || std::is_invocable_v<F, T&&, More...>;

template <class F, class T, class... More>
struct record_result : std::invoke_result<F, T&&, More...> {};
template <class F, class T, class... More>
requires std::is_invocable_v<F, const T&, More...>
struct record_result<F, T, More...> : std::invoke_result<F, const T&, More...> {
};

/// What a function makes of a record, as a value.
template <class F, class T>
using result_of = std::remove_cvref_t<typename record_result<const F&, T>::type>;

/// The fault of a function that cannot be called const with a record.
template <class F, class T, class... More>
constexpr function_fault argument_fault() {
  if constexpr (takes_record<const F&, T, More...>)
    return function_fault::none;
  else
    return takes_record<F&, T, More...> ? function_fault::not_const : function_fault::wrong_argument;
}

template <class F, class T>
constexpr function_fault map_fault() {
  if constexpr (argument_fault<F, T>() != function_fault::none)
    return argument_fault<F, T>();
  else if constexpr (std::is_void_v<result_of<F, T>>)
    return function_fault::returns_nothing;
  else if constexpr (shape_of<result_of<F, T>> == shape::view || std::is_pointer_v<result_of<F, T>>)
    return function_fault::returns_view;
  else
    return function_fault::none;
}

template <class F, class T>
constexpr function_fault filter_fault() {
  if constexpr (std::is_invocable_v<const F&, const T&>)
    return std::is_convertible_v<std::invoke_result_t<const F&, const T&>, bool> ? function_fault::none
                                                                                 : function_fault::wrong_result;
  else
    return std::is_invocable_v<F&, const T&> ? function_fault::not_const : function_fault::wrong_argument;
}

template <class F, class T>
constexpr function_fault key_function_fault() {
  if constexpr (!std::is_invocable_v<const F&, const T&>)
    return std::is_invocable_v<F&, const T&> ? function_fault::not_const : function_fault::wrong_argument;
  else if constexpr (std::is_void_v<std::invoke_result_t<const F&, const T&>>)
    return function_fault::returns_nothing;
  else if constexpr (shape_of<std::remove_cvref_t<std::invoke_result_t<const F&, const T&>>> == shape::view)
    return function_fault::returns_view;
  else
    return function_fault::none;
}

/// The key that a projection makes of a record.
template <class F, class T>
using key_of = std::remove_cvref_t<std::invoke_result_t<const F&, const T&>>;

/// Calls a user's function with a record, which it may keep if `Move`; the result is a value.
template <bool Move, class F, class T, class... More>
auto call(const F& function, T& record, More&... more) {
  if constexpr (Move && std::is_invocable_v<const F&, T&&, More&...>)
    return std::invoke(function, std::move(record), more...);
  else if constexpr (std::is_invocable_v<const F&, const T&, More&...>)
    return std::invoke(function, std::as_const(record), more...);
  else
    return std::invoke(function, T(record), more...);
}

/// How an operator holds a small function in a loop over a batch: a local copy lets the compiler keep what the function
/// captured in registers.
template <class F>
using in_loop = std::conditional_t<std::is_trivially_copyable_v<F> && sizeof(F) <= 64, const F, const F&>;

/// Whether records of this type may be written into uninitialized memory of a batch.
template <class T>
inline constexpr bool written_in_place = std::is_trivially_copyable_v<T>&& std::is_trivially_default_constructible_v<T>;

} // namespace detail
} // namespace weir::inline v0
