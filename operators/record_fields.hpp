// The members of a record type, found by running its `serialize` once: how text formats fill and read records.
#pragma once

#include "../persistence/fields.hpp"
#include "../persistence/serializable.hpp"

#include <boost/core/nvp.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// What a text format makes of a type.
enum class field_kind : std::uint8_t {
  boolean,
  whole,     ///< a signed integer
  natural,   ///< an unsigned integer
  real,      ///< a float or double
  character, ///< `char`: one byte of text
  text,      ///< std::string
  duration,  ///< its ticks
  time,      ///< a time point: ISO 8601 in UTC if it is of the system's clock, else its ticks
  optional,
  list,       ///< std::vector, deque, list
  array,      ///< std::array, T[n]
  dictionary, ///< a map from std::string
  structure,
  other ///< nothing that text formats know
};

struct field_type;
/// A type's description; made at the first call and never changed.
using field_type_getter = const field_type& (*)();

/// A named member: where in its structure it lies, and what it is.
struct record_field {
  std::string name;
  std::size_t offset = 0;
  field_type_getter type = nullptr;
};

/// A type without its C++ type. Which members mean something depends on the kind.
struct field_type {
  field_kind kind = field_kind::other;
  std::string name; ///< the C++ name
  // numbers, and the ticks of durations and times
  field_kind ticks = field_kind::whole; ///< whole, natural or real
  std::uint8_t bytes = 0;               ///< 1, 2, 4 or 8
  std::uint64_t ticks_per_second = 0;   ///< of a time of the system's clock; 0: written as its ticks
  // what has parts
  std::vector<record_field> fields;
  std::vector<std::string> problems; ///< why members of the structure have no name or place; a sentence each
  field_type_getter inner = nullptr;
  /// The value of an optional, made if there is none; a new last element of a list.
  void* (*add)(void* container) = nullptr;
  /// The value of a key, made if there is none.
  void* (*add_named)(void* container, std::string_view key) = nullptr;
  void (*clear)(void* container) = nullptr;
  /// An array's element, and how many there are; also of a const one, which is not changed.
  void* (*at)(void* container, std::size_t index) = nullptr;
  std::size_t count = 0;
  /// Calls a function with each value, and its key if there are keys.
  using visitor = void (*)(void* context, const std::string* key, const void* value);
  void (*visit)(const void* container, void* context, visitor each) = nullptr;
};

/// The description of T. A structure is default-constructed once, to run its `serialize`.
template <class T>
[[nodiscard]] const field_type& field_type_of();

/// Why records of a type can't be rows of columns (csv), or JSON values; a sentence each.
[[nodiscard]] std::vector<std::string> csv_problems(const field_type& record);
[[nodiscard]] std::vector<std::string> json_problems(const field_type& record);

/// What a value has to be, for messages: "a whole number from 0 to 255".
[[nodiscard]] std::string to_text(const field_type& type);

namespace detail {

/// Runs a `serialize` as a saving archive would, and notes where the members are.
class field_archive {
public:
  using is_saving = std::true_type;
  using is_loading = std::false_type;

  field_archive(field_type& into, const void* object, std::size_t size)
      : into_(&into), object_(static_cast<const char*>(object)), size_(size) {}

  template <class T>
  field_archive& operator<<(const T& value) {
    record({}, value);
    return *this;
  }
  template <class T>
  field_archive& operator&(const T& value) {
    record({}, value);
    return *this;
  }
  template <std::size_t Size, class... Fields>
  void fields(const char (&names)[Size], const Fields&... fields) {
    [[maybe_unused]] split_names<Size> each{names};
    (record(each.next(), fields), ...);
  }
  void save_binary(const void*, std::size_t) {
    into_->problems.emplace_back("it stores raw bytes, which have no name");
  }
  [[nodiscard]] unsigned get_library_version() const { return 18; }
  template <class T>
  void register_type(const T* = nullptr) {}

private:
  template <class T>
  void record(std::string_view name, const T& value) {
    constexpr shape kind = shape_of<T>;
    if constexpr (kind == shape::name_value)
      record(value.name(), value.const_value());
    else if constexpr (kind != shape::boost_nothing)
      note(name, &value, &field_type_of<std::remove_cv_t<T>>);
  }
  void note(std::string_view name, const void* member, field_type_getter type);

  field_type* into_;
  const char* object_;
  std::size_t size_;
};

template <class T>
void describe_number(field_type& type) {
  if constexpr (std::is_enum_v<T>) {
    describe_number<std::underlying_type_t<T>>(type);
  } else {
    type.kind = std::is_floating_point_v<T> ? field_kind::real
                : std::is_signed_v<T>       ? field_kind::whole
                                            : field_kind::natural;
    type.bytes = sizeof(T);
    if (std::is_same_v<T, char>)
      type.kind = field_kind::character;
  }
}

template <class T>
void describe_list(field_type& type) {
  using element = typename T::value_type;
  if constexpr (!std::is_same_v<T, std::vector<bool>>) { // whose elements have no address
    type.kind = field_kind::list;
    type.inner = &field_type_of<std::remove_cv_t<element>>;
    type.add = [](void* list) -> void* { return &static_cast<T*>(list)->emplace_back(); };
    type.clear = [](void* list) { static_cast<T*>(list)->clear(); };
    type.visit = [](const void* list, void* context, field_type::visitor each) {
      for (const element& value : *static_cast<const T*>(list))
        each(context, nullptr, &value);
    };
  }
}

template <class T>
void describe_dictionary(field_type& type) {
  if constexpr (std::is_same_v<typename T::key_type, std::string> && requires(T & map) { map[std::string{}]; }) {
    type.kind = field_kind::dictionary;
    type.inner = &field_type_of<std::remove_cv_t<typename T::mapped_type>>;
    type.add_named = [](void* map, std::string_view key) -> void* {
      return &(*static_cast<T*>(map))[std::string{key}];
    };
    type.clear = [](void* map) { static_cast<T*>(map)->clear(); };
    type.visit = [](const void* map, void* context, field_type::visitor each) {
      for (const auto& [key, value] : *static_cast<const T*>(map))
        each(context, &key, &value);
    };
  }
}

template <class T>
void describe_array(field_type& type) {
  using element = typename array_traits<T>::element;
  type.kind = field_kind::array;
  type.inner = &field_type_of<std::remove_cv_t<element>>;
  type.count = array_traits<T>::size;
  type.at = [](void* array, std::size_t index) -> void* { return &(*static_cast<T*>(array))[index]; };
}

template <class T>
void describe_optional(field_type& type) {
  type.kind = field_kind::optional;
  type.inner = &field_type_of<std::remove_cv_t<typename T::value_type>>;
  type.add = [](void* optional) -> void* { return &static_cast<T*>(optional)->emplace(); };
  type.clear = [](void* optional) { static_cast<T*>(optional)->reset(); };
  type.visit = [](const void* optional, void* context, field_type::visitor each) {
    if (const T& value = *static_cast<const T*>(optional); value.has_value())
      each(context, nullptr, &*value);
  };
}

template <class T>
void describe_ticks(field_type& type, field_kind kind) {
  // A duration is its count and nothing else, so that the count can be copied in and out.
  if constexpr (std::is_trivially_copyable_v<T> && std::is_arithmetic_v<typename T::rep> &&
                sizeof(T) == sizeof(typename T::rep) && sizeof(T) <= 8) {
    describe_number<typename T::rep>(type);
    type.ticks = type.kind;
    type.kind = kind;
  }
}

template <class T>
[[nodiscard]] field_type make_field_type() {
  constexpr shape kind = shape_of<T>;
  field_type type;
  type.name = std::string{type_name<T>()};
  if constexpr (kind == shape::boolean) {
    if constexpr (std::is_same_v<T, bool>)
      type.kind = field_kind::boolean;
  } else if constexpr (kind == shape::number) {
    describe_number<T>(type);
  } else if constexpr (kind == shape::text) {
    if (std::is_same_v<T, std::string>)
      type.kind = field_kind::text;
  } else if constexpr (kind == shape::sequence) {
    describe_list<T>(type);
  } else if constexpr (kind == shape::map || kind == shape::unordered_map) {
    describe_dictionary<T>(type);
  } else if constexpr (kind == shape::array) {
    describe_array<T>(type);
  } else if constexpr (kind == shape::optional) {
    describe_optional<T>(type);
  } else if constexpr (kind == shape::duration) {
    describe_ticks<T>(type, field_kind::duration);
  } else if constexpr (kind == shape::time_point) {
    describe_ticks<T>(type, field_kind::time);
    if constexpr (type_name<typename T::clock>() == "std::chrono::_V2::system_clock" ||
                  type_name<typename T::clock>() == "std::chrono::system_clock")
      if constexpr (std::is_integral_v<typename T::rep> && T::period::num == 1)
        type.ticks_per_second = static_cast<std::uint64_t>(T::period::den);
  } else if constexpr (kind == shape::structure) {
    type.kind = field_kind::structure;
    T object{};
    field_archive archive{type, &object, sizeof(T)};
    access::serialize(archive, object, class_version_of<T>);
  }
  return type;
}

} // namespace detail

template <class T>
const field_type& field_type_of() {
  static const field_type type = detail::make_field_type<T>();
  return type;
}

} // namespace weir::inline v0
