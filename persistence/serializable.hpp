// The question "can this type be stored?", answered truthfully, and the reasons when it cannot.
#pragma once

#include "type_shape.hpp"

#include <concepts>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {
namespace detail {

template <class T, class... Seen>
constexpr bool is_serializable();

template <class Types, class... Seen>
struct all_serializable;
template <class... Types, class... Seen>
struct all_serializable<type_list<Types...>, Seen...> {
  static constexpr bool value = (is_serializable<std::remove_cv_t<Types>, Seen...>() && ...);
};

template <class T, class... Seen, std::size_t... I>
constexpr bool is_serializable_tuple(std::index_sequence<I...>) {
  return (is_serializable<std::remove_cv_t<std::tuple_element_t<I, T>>, Seen...>() && ...);
}

// `Seen` are the structures that are being looked at: a structure may hold a sequence of its own kind.
template <class T, class... Seen>
constexpr bool is_serializable() {
  constexpr shape kind = shape_of<T>;
  if constexpr (kind == shape::boolean || kind == shape::number || kind == shape::text || kind == shape::empty)
    return true;
  else if constexpr (kind == shape::sequence || kind == shape::set || kind == shape::unordered_set ||
                     kind == shape::optional)
    return is_serializable<typename T::value_type, Seen...>();
  else if constexpr (kind == shape::map || kind == shape::unordered_map)
    return is_serializable<typename T::key_type, Seen...>() && is_serializable<typename T::mapped_type, Seen...>();
  else if constexpr (kind == shape::tuple)
    return is_serializable_tuple<T, Seen...>(std::make_index_sequence<std::tuple_size<T>::value>{});
  else if constexpr (kind == shape::array)
    return is_serializable<typename array_traits<T>::element, Seen...>();
  else if constexpr (kind == shape::variant)
    return all_serializable<typename variant_traits<T>::alternatives, Seen...>::value;
  else if constexpr (kind == shape::duration || kind == shape::time_point)
    return is_serializable<typename T::rep, Seen...>();
  else if constexpr (kind == shape::structure) {
    if constexpr ((std::same_as<T, Seen> || ...))
      return true;
    else if constexpr (access::inherits_serialize<any_archive, T>())
      return false;
    else if constexpr (access::has_fields<T>())
      return all_serializable<fields_of<T>, T, Seen...>::value;
    else
      return true; // what a hand-written serialize does is checked where it is used
  } else {
    return false;
  }
}

/// Stops the compilation, with a sentence, at a type that cannot be stored.
template <class T>
constexpr void require_storable() {
  constexpr shape kind = shape_of<T>;
  static_assert(kind != shape::pointer, "weir: pointers and references cannot be stored; store the value itself, "
                                        "a std::optional or a container of values");
  static_assert(kind != shape::view, "weir: string_view and span own no memory and cannot be stored; use std::string "
                                     "or std::vector");
  static_assert(kind != shape::wide_number, "weir: long double and wchar_t differ in size between machines and cannot "
                                            "be stored; use double or char32_t");
  static_assert(kind != shape::polymorphic, "weir: a class with virtual functions cannot be stored; use a std::variant "
                                            "of the concrete classes");
  static_assert(kind != shape::collection && !holds_collections<T>(),
                "weir: map_state and list_state are members of the struct state of a keyed operator, named in its "
                "WEIR_FIELDS; not of records, accumulators, un-keyed state or what is inside of these");
  static_assert(kind != shape::unknown,
                "weir: this type has no serialize; write WEIR_FIELDS(member, …) into the class, "
                "or a serialize that is public or befriends weir::access");
  if constexpr (kind == shape::structure)
    static_assert(!access::inherits_serialize<any_archive, T>(),
                  "weir: this class inherits serialize from its base and would lose its own members; give it its own");
}

} // namespace detail

/// True for types that the archives can store: numbers, bool, enums, strings, standard containers, optional, variant,
/// tuple, chrono, and classes with a `serialize` (member or free). False, not an error, for all others.
template <class T>
concept serializable = detail::is_serializable<std::remove_cv_t<T>>();

} // namespace weir::inline v0
