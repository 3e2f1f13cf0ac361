// The schema: names, types and class versions of stored values, recorded by running `serialize` once.
#pragma once

#include "class_versions.hpp"
#include "encoded_size.hpp"
#include "entry_kind.hpp"

#include <boost/core/nvp.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// What a stored type is. The first ones are whole by themselves; the others have parts.
enum class schema_kind : std::uint8_t {
  boolean,
  i8,
  i16,
  i32,
  i64,
  u8,
  u16,
  u32,
  u64,
  f32,
  f64,
  string,
  length,  ///< a LEB128 number, written by Boost's containers
  nothing, ///< takes no bytes
  list,
  set,
  map,
  array,
  tuple,
  optional,
  variant,
  duration,
  time_point,
  structure,
  recursive, ///< the class of this name, which this is a part of
  position,  ///< of a list's element: 8 bytes, the highest first; only the sub-key of a table; whole
};

struct schema_field;

/// One stored type, as a value. Equal schemas mean equal bytes.
struct type_schema {
  schema_kind kind = schema_kind::nothing;
  std::string name;                ///< of a class; the unit of a duration in seconds, "1/1000"
  unsigned version = 0;            ///< of a class
  std::uint64_t size = 0;          ///< of an array
  std::vector<schema_field> parts; ///< members of a class, or the types inside, which have no names

  friend bool operator==(const type_schema&, const type_schema&);
};

/// A member; without a name it is known by its position alone.
struct schema_field {
  std::string name;
  type_schema type;
  friend bool operator==(const schema_field&, const schema_field&) = default;
};

/// What a state table stores.
struct table_schema {
  type_schema key;
  type_schema value;
  std::optional<type_schema> sub_key{}; ///< of the entries of a collection; `position` if it is a list

  /// What kind of entries the table has.
  [[nodiscard]] entry_kind entries() const {
    if (!sub_key)
      return entry_kind::value;
    return sub_key->kind == schema_kind::position ? entry_kind::list_entry : entry_kind::map_entry;
  }
  friend bool operator==(const table_schema&, const table_schema&) = default;
};

/// The answer to "can what was stored be loaded?". `why_not` is one sentence about the first difference.
struct schema_match {
  std::string why_not;
  explicit operator bool() const { return why_not.empty(); }
};

/// A type in a few words, for people: `map<string, list<u64>>`.
[[nodiscard]] std::string to_text(const type_schema& schema);
/// The canonical, compact JSON text of a schema: equal schemas give equal text.
[[nodiscard]] std::string to_json(const type_schema& schema);
[[nodiscard]] std::string to_json(const table_schema& schema);
/// The schema that such a text describes; throws `damaged_error` if it is not one.
[[nodiscard]] type_schema type_schema_from_json(std::string_view text);
[[nodiscard]] table_schema table_schema_from_json(std::string_view text);

/// Whether values stored as `stored` can be loaded as `current`. Members must have the same names, types and order,
/// except in classes whose version is higher now than it was: their `serialize` is given the stored version.
[[nodiscard]] schema_match compatible(const type_schema& stored, const type_schema& current);
[[nodiscard]] schema_match compatible(const table_schema& stored, const table_schema& current);

/// The stored versions of the classes of `current`, where they differ from the present ones: for `input_archive`.
[[nodiscard]] class_versions stored_versions(const table_schema& stored, const table_schema& current);

namespace detail {

/// The classes that are being described, innermost first.
struct schema_scope {
  const void* type;
  const schema_scope* outer;
};

template <class T>
inline constexpr char type_mark = 0; // its address stands for T

template <class T>
type_schema describe(const T& value, const schema_scope* scope);

template <class T>
type_schema describe_default(const schema_scope* scope) {
  const T value{};
  return describe<T>(value, scope);
}

template <class T>
constexpr schema_kind schema_kind_of_number() {
  if constexpr (std::is_enum_v<T>)
    return schema_kind_of_number<std::underlying_type_t<T>>();
  else if constexpr (std::is_floating_point_v<T>)
    return sizeof(T) == 4 ? schema_kind::f32 : schema_kind::f64;
  else {
    constexpr auto first = std::is_signed_v<T> || std::is_same_v<T, char> ? schema_kind::i8 : schema_kind::u8;
    return static_cast<schema_kind>(static_cast<int>(first) + std::bit_width(sizeof(T)) - 1);
  }
}

/// Splits "a, b, c" and takes the names one by one.
std::string_view next_name(std::string_view& names);
std::string unit_text(std::intmax_t numerator, std::intmax_t denominator);

} // namespace detail

/// Runs a `serialize` as a saving archive would, and records what it is given.
class schema_archive {
public:
  using is_saving = std::true_type;
  using is_loading = std::false_type;

  schema_archive(std::vector<schema_field>& fields, const detail::schema_scope* scope)
      : fields_(&fields), scope_(scope) {}

  template <class T>
  schema_archive& operator<<(const T& value) {
    record({}, value);
    return *this;
  }
  template <class T>
  schema_archive& operator&(const T& value) {
    record({}, value);
    return *this;
  }
  template <std::size_t Size, class... Fields>
  void fields(const char (&names)[Size], const Fields&... fields) {
    [[maybe_unused]] std::string_view left{names, Size - 1};
    (record_field(detail::next_name(left), fields), ...);
  }
  void save_binary(const void*, std::size_t count) {
    fields_->push_back({{}, {schema_kind::array, {}, 0, count, {{{}, {schema_kind::u8, {}, 0, 0, {}}}}}});
  }
  [[nodiscard]] unsigned get_library_version() const { return 18; }
  template <class T>
  void register_type(const T* = nullptr) {}

private:
  // A collection is no part of the value: it has a table, and that one a schema.
  template <class T>
  void record_field(std::string_view name, const T& value) {
    if constexpr (!detail::is_collection<T>)
      record(name, value);
  }

  template <class T>
  void record(std::string_view name, const T& value) {
    using detail::shape;
    detail::require_storable<T>();
    constexpr shape kind = detail::shape_of<T>;
    if constexpr (kind == shape::name_value) {
      record(value.name(), value.const_value());
    } else if constexpr (kind == shape::boost_array) {
      for (std::size_t i = 0; i < value.count(); ++i)
        record({}, value.address()[i]);
    } else if constexpr (kind == shape::boost_length) {
      fields_->push_back({std::string{name}, {schema_kind::length, {}, 0, 0, {}}});
    } else if constexpr (kind != shape::boost_nothing) {
      fields_->push_back({std::string{name}, detail::describe<std::remove_cv_t<T>>(value, scope_)});
    }
  }

  std::vector<schema_field>* fields_;
  const detail::schema_scope* scope_;
};

namespace detail {

template <class... Types>
void add_parts(type_schema& schema, type_list<Types...>, [[maybe_unused]] const schema_scope* scope) {
  (schema.parts.push_back({{}, describe_default<std::remove_cv_t<Types>>(scope)}), ...);
}

template <class T>
type_schema describe(const T& value, const schema_scope* scope) {
  constexpr shape kind = shape_of<T>;
  type_schema schema;
  if constexpr (kind == shape::boolean) {
    schema.kind = schema_kind::boolean;
  } else if constexpr (kind == shape::number) {
    schema.kind = schema_kind_of_number<T>();
  } else if constexpr (kind == shape::text || kind == shape::sequence) {
    if (kind == shape::text && sizeof(typename T::value_type) == 1) {
      schema.kind = schema_kind::string;
    } else {
      schema.kind = schema_kind::list;
      add_parts(schema, type_list<typename T::value_type>{}, scope);
    }
  } else if constexpr (kind == shape::set || kind == shape::unordered_set) {
    schema.kind = schema_kind::set;
    add_parts(schema, type_list<typename T::key_type>{}, scope);
  } else if constexpr (kind == shape::map || kind == shape::unordered_map) {
    schema.kind = schema_kind::map;
    add_parts(schema, type_list<typename T::key_type, typename T::mapped_type>{}, scope);
  } else if constexpr (kind == shape::array) {
    schema.kind = schema_kind::array;
    schema.size = array_traits<T>::size;
    add_parts(schema, type_list<typename array_traits<T>::element>{}, scope);
  } else if constexpr (kind == shape::tuple) {
    schema.kind = schema_kind::tuple;
    add_parts(schema, typename tuple_types<T>::type{}, scope);
  } else if constexpr (kind == shape::optional) {
    schema.kind = schema_kind::optional;
    add_parts(schema, type_list<typename T::value_type>{}, scope);
  } else if constexpr (kind == shape::variant) {
    schema.kind = schema_kind::variant;
    add_parts(schema, typename variant_traits<T>::alternatives{}, scope);
  } else if constexpr (kind == shape::duration) {
    schema.kind = schema_kind::duration;
    schema.name = unit_text(T::period::num, T::period::den);
    add_parts(schema, type_list<typename T::rep>{}, scope);
  } else if constexpr (kind == shape::time_point) {
    schema = describe_default<typename T::duration>(scope);
    schema.kind = schema_kind::time_point;
  } else if constexpr (kind == shape::structure) {
    schema.kind = schema_kind::structure;
    schema.name = class_name<T>();
    schema.version = class_version_of<T>;
    for (const schema_scope* each = scope; each != nullptr; each = each->outer)
      if (each->type == &type_mark<T>) {
        schema.kind = schema_kind::recursive;
        return schema;
      }
    const schema_scope inner{&type_mark<T>, scope};
    schema_archive archive{schema.parts, &inner};
    access::serialize(archive, const_cast<T&>(value), class_version_of<T>);
  }
  return schema;
}

} // namespace detail

/// The schema of T. Runs T's `serialize` on a default-constructed value.
template <serializable T>
[[nodiscard]] type_schema schema_of() {
  return detail::describe_default<T>(nullptr);
}

} // namespace weir::inline v0
