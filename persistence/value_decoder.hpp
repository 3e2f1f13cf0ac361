// Decodes stored values by their schema, without the program that wrote them: to typed scalars, or to JSON.
#pragma once

#include "byte_buffer.hpp"
#include "schema.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::inline v0 {

namespace detail {
class value_cursor;
}

enum class value_kind : std::uint8_t { null, integer, real, text, blob };

/// One value as SQL knows it. `bytes` is what `text` and `blob` consist of: it points into the decoded bytes or into
/// the decoder, and is valid until the decoder's next call.
struct decoded_value {
  value_kind kind = value_kind::null;
  bool json = false; ///< the text is JSON
  std::int64_t integer = 0;
  double real = 0;
  std::string_view bytes;
};

/// A part of a value that can be read alone: a member of a class, an element of a tuple, or the whole value.
struct value_column {
  std::string name;     ///< of the member, or its place from 1 on; empty for the whole value
  std::string sql_type; ///< INTEGER, REAL, TEXT, BLOB, or empty if its values differ in type
  std::string type;     ///< as `to_text` of the schema says it
};

/// Reads archive bytes of one type. Nothing is trusted: a length never allocates more than the bytes that are left,
/// nesting, work and the length of JSON are bounded, bytes left over are an error; all of these throw `damaged_error`.
/// One thread at a time.
///
/// Scalars: integers, enums, truth values (0, 1), durations and time points (their count) are integers or reals. A
/// u64 above the greatest i64 is the text of its digits; a NaN is the text "nan". Text that is no UTF-8 or has zero
/// bytes is a blob. An empty optional is null. A class with one member that has no name is as that member. Bytes
/// alone (a list or array of u8) are a blob.
///
/// All else is JSON: a class is an object, or an array if members have no names; lists, sets, arrays and tuples are
/// arrays; a map with text keys is an object (an array of [key, value] if a key recurs), another map an array of
/// [key, value]; a variant is {"index": 0, "value": …}. Infinite numbers and NaN are "inf", "-inf" and "nan". Text
/// that is no UTF-8 or has zero bytes is "x'0A0B'".
///
/// A value with a container that a class stores through Boost's own code has no full schema: it is a blob as a whole.
class value_decoder {
public:
  /// Throws `damaged_error` for a schema that makes no sense.
  explicit value_decoder(const type_schema& schema);

  /// The whole value.
  [[nodiscard]] decoded_value decode(std::span<const std::byte> value);
  /// Appends the whole value as JSON, scalars too.
  void append_json(std::span<const std::byte> value, std::string& out) const;

  /// At least one.
  [[nodiscard]] const std::vector<value_column>& columns() const { return columns_; }
  /// Finds the bytes of each column.
  void split(std::span<const std::byte> value, std::vector<std::span<const std::byte>>& columns) const;
  /// Decodes what `split` gave for a column.
  [[nodiscard]] decoded_value decode_column(std::size_t column, std::span<const std::byte> bytes);

  /// Appends the archive bytes of the value whose columns are equal to these, as SQL compares. False, with `out` in any
  /// state, if that is not known: a column is no scalar, or its value is of another type.
  [[nodiscard]] bool encode(std::span<const decoded_value> columns, byte_buffer& out) const;

private:
  struct node {
    schema_kind kind = schema_kind::nothing;
    bool all_named = false;   // of a class
    std::uint32_t first = 0;  // in parts_
    std::uint32_t count = 0;  // of parts
    std::uint64_t size = 0;   // of an array
    std::uint64_t fixed = 0;  // bytes of each value, or varying
    std::uint32_t target = 0; // of a recursive one: the class
  };
  struct part {
    std::uint32_t node = 0;
    std::string json_name; // with its quotes and colon
  };
  struct scope;
  using cursor = detail::value_cursor;

  std::uint32_t compile(const type_schema& schema, const scope* outer);
  [[nodiscard]] std::uint32_t peeled(std::uint32_t index) const;
  [[nodiscard]] const node& part_of(const node& of, std::uint32_t which) const;
  [[nodiscard]] const node& innermost(std::uint32_t index) const;
  [[nodiscard]] std::string sql_type(std::uint32_t index) const;
  [[nodiscard]] bool bytes_alone(const node& at) const;

  [[nodiscard]] decoded_value decode_node(std::uint32_t index, std::span<const std::byte> value);
  [[nodiscard]] bool read_scalar(std::uint32_t index, cursor& from, decoded_value& value);
  void write_whole(const node& at, cursor& from, std::string& out) const;
  void write_json(const node& at, cursor& from, std::string& out) const;
  void write_elements(const node& at, std::uint64_t count, cursor& from, std::string& out) const;
  void write_map(const node& at, cursor& from, std::string& out) const;
  void write_pairs(const node& at, std::uint64_t count, cursor& from, std::string& out) const;
  [[nodiscard]] bool write_object(const node& at, std::uint64_t count, cursor& from, std::string& out) const;
  void skip(const node& at, cursor& from) const;
  [[nodiscard]] bool encode_scalar(std::uint32_t index, const decoded_value& value, byte_buffer& out) const;

  std::vector<node> nodes_;
  std::vector<part> parts_;
  std::uint32_t root_ = 0;
  bool opaque_ = false;
  std::uint64_t name_bytes_ = 0; // of all members, as JSON has them
  std::vector<std::uint32_t> column_nodes_;
  std::vector<value_column> columns_;
  std::string scratch_;
};

} // namespace weir::inline v0
