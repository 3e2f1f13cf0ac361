// Deduces from a user's function what it takes and what it emits.
#pragma once

#include "collector.hpp"

#include <cstddef>
#include <type_traits>

namespace weir::inline v0::detail {

/// The parameters of a function, by position.
template <class... A>
struct parameters {
  static constexpr std::size_t count = sizeof...(A);
};

template <std::size_t I, class Parameters>
struct parameter;
template <class First, class... Rest>
struct parameter<0, parameters<First, Rest...>> {
  using type = First;
};
template <std::size_t I, class First, class... Rest>
struct parameter<I, parameters<First, Rest...>> : parameter<I - 1, parameters<Rest...>> {};

/// The signature of a pointer to a function or member function.
template <class P>
struct signature {
  static constexpr bool known = false;
  static constexpr bool is_const = false;
  using parameter_types = parameters<>;
};
template <bool IsConst, class... A>
struct known_signature {
  static constexpr bool known = true;
  static constexpr bool is_const = IsConst;
  using parameter_types = parameters<A...>;
};
template <class R, class... A>
struct signature<R (*)(A...)> : known_signature<true, A...> {};
template <class R, class... A>
struct signature<R (*)(A...) noexcept> : known_signature<true, A...> {};
template <class R, class C, class... A>
struct signature<R (C::*)(A...)> : known_signature<false, A...> {};
template <class R, class C, class... A>
struct signature<R (C::*)(A...) noexcept> : known_signature<false, A...> {};
template <class R, class C, class... A>
struct signature<R (C::*)(A...) const> : known_signature<true, A...> {};
template <class R, class C, class... A>
struct signature<R (C::*)(A...) const noexcept> : known_signature<true, A...> {};

template <class F>
struct signature_of_object : signature<F> {};
template <class F>
requires requires {
  &F::operator();
}
struct signature_of_object<F> : signature<decltype(&F::operator())> {};

/// The signature of a function pointer, or of the one call operator of an object.
template <class F>
using signature_of = signature_of_object<std::remove_cvref_t<F>>;

template <class P>
struct collected {
  using type = void;
};
template <class T>
struct collected<collector<T>&> {
  using type = T;
};

template <class Parameters>
struct last_collected {
  using type = void;
};
template <class... A>
requires(sizeof...(A) > 0) struct last_collected<parameters<A...>> {
  using type = typename collected<typename parameter<sizeof...(A) - 1, parameters<A...>>::type>::type;
};

/// The record type of the `collector<Out>&` that is a function's last parameter, or void.
template <class Signature>
using collected_by = typename last_collected<typename Signature::parameter_types>::type;

/// Stands for an output type that is to be deduced.
struct deduced {};

template <class Out, class F>
struct flat_map_output {
  using type = Out;
};
template <class F>
struct flat_map_output<deduced, F> {
  using type = collected_by<signature_of<F>>;
};

} // namespace weir::inline v0::detail
