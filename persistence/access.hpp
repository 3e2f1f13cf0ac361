// How the library reaches a class's `serialize`: member or free function, public or befriended.
#pragma once

#include <boost/serialization/access.hpp>
#include <boost/serialization/version.hpp>

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

/// Has `boost::serialization::version`'s number for a class, 0 if none was given.
template <class T>
inline constexpr unsigned class_version_of = static_cast<unsigned>(boost::serialization::version<T>::value);

namespace detail {

template <class... Fields>
struct type_list {
  static constexpr std::size_t size = sizeof...(Fields);
};

/// The types of the fields that WEIR_FIELDS was given.
template <class... Fields>
constexpr type_list<Fields...> field_types_of(const Fields&...) {
  return {};
}

struct serialize_name {
  int serialize;
};
template <class T>
struct with_serialize_name : T, serialize_name {};

/// True if T has a member of the name `serialize`, whoever may call it.
template <class T>
constexpr bool names_serialize() {
  if constexpr (std::is_class_v<T> && !std::is_final_v<T>)
    return !requires {
      &with_serialize_name<T>::serialize;
    }; // ambiguous if T has one, too
  else
    return false;
}

template <class Class, class R, class... A>
Class class_of_member(R (Class::*)(A...));

} // namespace detail

// Free functions are found by argument-dependent lookup: in the class's namespace, and in boost::serialization, which
// the tag below makes associated. The generic function here loses against every specific one and is ambiguous with
// Boost's own catch-all, and that is how "there is none" can be told.
namespace serialize_lookup {

struct not_found {};
template <class Archive, class T>
not_found serialize(Archive&, T&, const unsigned int);

template <class Tag>
struct version_argument {
  unsigned value;
  constexpr operator unsigned int() const { return value; }
};
using version_for_lookup = version_argument<boost::serialization::access>;

template <class R>
concept found = !std::same_as<R, not_found>;

template <class Archive, class T>
concept has_free_serialize = requires(Archive& archive, T& value, version_for_lookup version) {
  { serialize(archive, value, version) } -> found;
};

template <class Archive, class T>
void call_free_serialize(Archive& archive, T& value, unsigned version) {
  serialize(archive, value, version_for_lookup{version});
}

} // namespace serialize_lookup

/// The friend of classes whose `serialize` is private. WEIR_FIELDS befriends it by itself.
class access {
public:
  /// True if T was given its fields by WEIR_FIELDS.
  template <class T>
  static constexpr bool has_fields() {
    return requires(const T& value) {
      value.weir_field_types();
    };
  }
  /// The `detail::type_list` of T's fields.
  template <class T>
  static constexpr auto fields() {
    return decltype(std::declval<const T&>().weir_field_types()){};
  }

  /// True if `serialize(archive, value, version)` reaches something that was written for T.
  template <class Archive, class T>
  static constexpr bool has_serialize() {
    if constexpr (has_fields<T>())
      return true;
    else
      return serialize_lookup::has_free_serialize<Archive, T> || has_member<Archive, T>() ||
             detail::names_serialize<T>();
  }

  /// True if T's `serialize` is that of a base class: what T adds would be lost.
  template <class Archive, class T>
  static constexpr bool inherits_serialize() {
    if constexpr (!has_fields<T>() && serialize_lookup::has_free_serialize<Archive, T>) {
      return false;
    } else {
      using owner = decltype(owner_of_serialize<Archive, T>(0));
      return !std::same_as<owner, T> && !std::same_as<owner, void>;
    }
  }

  /// Calls T's `serialize`; a free function written for T goes before a member, as with Boost.
  template <class Archive, class T>
  static void serialize(Archive& archive, T& value, unsigned version) {
    if constexpr (has_fields<T>())
      value.serialize(archive, version);
    else if constexpr (serialize_lookup::has_free_serialize<Archive, T>)
      serialize_lookup::call_free_serialize(archive, value, version);
    else if constexpr (has_member<Archive, T>())
      value.serialize(archive, version);
    else
      boost::serialization::access::serialize(archive, value, version);
  }

private:
  template <class Archive, class T>
  static constexpr bool has_member() {
    return requires(Archive & archive, T & value) {
      value.serialize(archive, 0U);
    };
  }

  template <class Archive, class T>
  static auto owner_of_serialize(int) -> decltype(detail::class_of_member(&T::template serialize<Archive>));
  template <class Archive, class T>
  static void owner_of_serialize(...);
};

namespace detail {
template <class T>
using fields_of = decltype(access::fields<T>());
}

} // namespace weir::inline v0
