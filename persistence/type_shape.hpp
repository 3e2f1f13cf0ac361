// Tells what kind of thing a type is, once for all archives: number, text, sequence, map, structure …
#pragma once

#include "access.hpp"
#include "encoding.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

namespace boost::serialization {
template <class T>
class nvp;
template <class T>
class array_wrapper;
class collection_size_type;
class item_version_type;
} // namespace boost::serialization

namespace weir::inline v0::detail {

/// How a type is stored. Standard types are told by their members, so that their headers need not be included here.
enum class shape : std::uint8_t {
  boolean,
  number,
  text,          ///< std::basic_string
  sequence,      ///< std::vector, deque, list
  set,           ///< std::set, multiset
  map,           ///< std::map, multimap
  unordered_set, ///< std::unordered_set, unordered_multiset
  unordered_map, ///< std::unordered_map, unordered_multimap
  tuple,         ///< std::pair, tuple
  array,         ///< std::array, T[n]
  optional,
  variant,
  duration,
  time_point,
  empty,         ///< std::monostate
  structure,     ///< has a `serialize`
  collection,    ///< weir::map_state, list_state: entries of a table of their own, no bytes of the struct
  name_value,    ///< boost::serialization::nvp
  boost_array,   ///< boost::serialization::array_wrapper
  boost_length,  ///< boost::serialization::collection_size_type
  boost_nothing, ///< boost::serialization::item_version_type: we store no versions
  // what cannot be stored
  pointer,
  view,
  wide_number, ///< long double, wchar_t: their width differs between machines
  polymorphic,
  unknown,
};

/// The compiler's name of a type.
template <class T>
constexpr auto type_name() {
  constexpr std::string_view whole = __PRETTY_FUNCTION__;
  constexpr std::size_t start = whole.find("T = ") + 4;
  return whole.substr(start, whole.rfind(']') - start);
}

/// Stands for any archive where only the presence of a `serialize` is asked for.
struct any_archive {
  using is_saving = std::true_type;
  using is_loading = std::false_type;
  template <class T>
  any_archive& operator&(T&&);
  template <class T>
  any_archive& operator<<(T&&);
  template <class T>
  any_archive& operator>>(T&&);
};

template <class T>
constexpr bool is_std_tuple_like = requires {
  std::tuple_size<T>::value;
};

template <class T>
constexpr shape shape_of_std_class() {
  if constexpr (requires(T & t) {
                  typename T::traits_type;
                  t.c_str();
                  t.clear();
                })
    return shape::text;
  else if constexpr (requires(T & t) {
                       typename T::key_type;
                       typename T::mapped_type;
                       t.emplace_hint(t.end());
                     })
    return requires {
      typename T::hasher;
    }
  ? shape::unordered_map : shape::map;
  else if constexpr (requires(T & t) {
                       typename T::key_type;
                       t.emplace_hint(t.end());
                     }) return requires {
    typename T::hasher;
  }
  ? shape::unordered_set : shape::set;
  else if constexpr (requires(T & t) {
                       typename T::value_type;
                       t.clear();
                       t.size();
                       t.begin();
                       t.emplace_back();
                     }) return shape::sequence;
  else if constexpr (requires(T & t) {
                       typename T::value_type;
                       t.size();
                       t.begin();
                       t.data();
                     } &&
                     is_std_tuple_like<T>) return shape::array;
  else if constexpr (is_std_tuple_like<T>) return shape::tuple;
  else if constexpr (requires(T & t) {
                       typename T::value_type;
                       t.has_value();
                       t.reset();
                       t.emplace();
                       *t;
                     }) return shape::optional;
  else if constexpr (requires(T & t) {
                       t.valueless_by_exception();
                       t.index();
                     }) return shape::variant;
  else if constexpr (requires(T & t) {
                       typename T::rep;
                       typename T::period;
                       t.count();
                     }) return shape::duration;
  else if constexpr (requires(T & t) {
                       typename T::clock;
                       typename T::duration;
                       t.time_since_epoch();
                     }) return shape::time_point;
  else if constexpr (requires(T & t) {
                       typename T::value_type;
                       t.data();
                       t.size();
                     }) return shape::view; // string_view, span: they own nothing
  else if constexpr (type_name<T>() == "std::monostate") return shape::empty;
  else return shape::unknown;
}

template <class T>
constexpr shape shape_of_class() {
  if constexpr (requires { typename T::weir_collection; })
    return shape::collection;
  else if constexpr (type_name<T>().starts_with("std::") && shape_of_std_class<T>() != shape::unknown)
    return shape_of_std_class<T>();
  else if constexpr (std::is_polymorphic_v<T>)
    return shape::polymorphic;
  else if constexpr (access::has_serialize<any_archive, T>())
    return shape::structure;
  else
    return shape::unknown;
}

template <class T>
struct shape_of_type {
  static constexpr shape get() {
    if constexpr (std::is_same_v<T, bool>)
      return shape::boolean;
    else if constexpr (std::is_enum_v<T> && !number<T>)
      return shape::boolean;
    else if constexpr (number<T>)
      return shape::number;
    else if constexpr (std::is_arithmetic_v<T>)
      return shape::wide_number;
    else if constexpr (std::is_array_v<T>)
      return shape::array;
    else if constexpr (std::is_class_v<T> || std::is_union_v<T>)
      return shape_of_class<T>();
    else
      return shape::pointer;
  }
  static constexpr shape value = get();
};
template <class T>
struct shape_of_type<boost::serialization::nvp<T>> {
  static constexpr shape value = shape::name_value;
};
template <class T>
struct shape_of_type<boost::serialization::array_wrapper<T>> {
  static constexpr shape value = shape::boost_array;
};
template <>
struct shape_of_type<boost::serialization::collection_size_type> {
  static constexpr shape value = shape::boost_length;
};
template <>
struct shape_of_type<boost::serialization::item_version_type> {
  static constexpr shape value = shape::boost_nothing;
};

/// The shape of T, whatever its const and volatile.
template <class T>
inline constexpr shape shape_of = shape_of_type<std::remove_cv_t<T>>::value;

/// A member of a keyed state that is stored entry by entry.
template <class T>
inline constexpr bool is_collection = shape_of<T> == shape::collection;

template <class Types>
struct any_collection;
template <class... Types>
struct any_collection<type_list<Types...>> {
  static constexpr bool value = (is_collection<Types> || ...);
};

/// Whether WEIR_FIELDS of T names a collection.
template <class T>
constexpr bool holds_collections() {
  if constexpr (shape_of<T> == shape::structure && access::has_fields<T>())
    return any_collection<fields_of<T>>::value;
  else
    return false;
}

/// The type and number of the elements of a std::array or T[n].
template <class T>
struct array_traits {
  using element = typename T::value_type;
  static constexpr std::size_t size = std::tuple_size<T>::value;
};
template <class T, std::size_t Size>
struct array_traits<T[Size]> {
  using element = T;
  static constexpr std::size_t size = Size;
};

/// The alternatives of a std::variant.
template <class T>
struct variant_traits;
template <template <class...> class Variant, class... Alternatives>
struct variant_traits<Variant<Alternatives...>> {
  using alternatives = type_list<Alternatives...>;
};

template <class... Types, class Function>
constexpr void for_each_type(type_list<Types...>, Function&& function) {
  (function.template operator()<Types>(), ...);
}

} // namespace weir::inline v0::detail
