// Makes the archive bytes of a key out of SQL values: for the key group, and for comparing bytes.
#include "output_archive.hpp"
#include "value_cursor.hpp"
#include "value_decoder.hpp"

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace weir::inline v0 {

namespace {

// The integer that SQL takes the value for.
std::optional<std::int64_t> whole_number(const decoded_value& value) {
  if (value.kind == value_kind::integer)
    return value.integer;
  if (value.kind == value_kind::real && value.real >= -0x1p63 && value.real < 0x1p63 &&
      std::trunc(value.real) == value.real)
    return static_cast<std::int64_t>(value.real);
  return {};
}

template <class Number>
bool append_whole(const decoded_value& value, byte_buffer& out) {
  const auto number = whole_number(value);
  if (!number || !std::in_range<Number>(*number))
    return false;
  detail::store_number(out.extend(sizeof(Number)), static_cast<Number>(*number));
  return true;
}

bool append_u64(const decoded_value& value, byte_buffer& out) {
  if (value.kind != value_kind::text)
    return append_whole<std::uint64_t>(value, out);
  std::uint64_t number = 0;
  const char* end = value.bytes.data() + value.bytes.size();
  const auto parsed = std::from_chars(value.bytes.data(), end, number);
  if (parsed.ec != std::errc{} || parsed.ptr != end || number <= INT64_MAX)
    return false;
  detail::store_number(out.extend(sizeof(number)), number);
  return true;
}

} // namespace

bool value_decoder::encode(std::span<const decoded_value> columns, byte_buffer& out) const {
  if (opaque_ || columns.size() != column_nodes_.size())
    return false;
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (!encode_scalar(column_nodes_[i], columns[i], out))
      return false;
  return true;
}

bool value_decoder::encode_scalar(std::uint32_t index, const decoded_value& value, byte_buffer& out) const {
  const node& at = nodes_[peeled(index)];
  switch (at.kind) {
  case schema_kind::boolean: {
    const auto number = whole_number(value);
    if (!number || *number < 0 || *number > 1)
      return false;
    out.append(static_cast<std::byte>(*number));
    return true;
  }
  case schema_kind::i8:
    return append_whole<std::int8_t>(value, out);
  case schema_kind::i16:
    return append_whole<std::int16_t>(value, out);
  case schema_kind::i32:
    return append_whole<std::int32_t>(value, out);
  case schema_kind::i64:
    return append_whole<std::int64_t>(value, out);
  case schema_kind::u8:
    return append_whole<std::uint8_t>(value, out);
  case schema_kind::u16:
    return append_whole<std::uint16_t>(value, out);
  case schema_kind::u32:
    return append_whole<std::uint32_t>(value, out);
  case schema_kind::u64:
    return append_u64(value, out);
  case schema_kind::string:
    if (value.kind != value_kind::text && value.kind != value_kind::blob)
      return false;
    detail::append_varint(out, value.bytes.size());
    out.append(value.bytes.data(), value.bytes.size());
    return true;
  case schema_kind::duration:
  case schema_kind::time_point:
    return encode_scalar(parts_[at.first].node, value, out);
  case schema_kind::optional: // of columns, which have an innermost part
    if (value.kind == value_kind::null)
      return false;
    out.append(std::byte{1});
    return encode_scalar(parts_[at.first].node, value, out);
  case schema_kind::list:
  case schema_kind::array:
    if (!bytes_alone(at) || value.kind != value_kind::blob)
      return false;
    if (at.kind == schema_kind::list)
      detail::append_varint(out, value.bytes.size());
    else if (value.bytes.size() != at.size)
      return false;
    out.append(value.bytes.data(), value.bytes.size());
    return true;
  default: // floating-point numbers are no keys; the rest is shown as JSON
    return false;
  }
}

} // namespace weir::inline v0
