// Encodes SQL's own values, and tells what was expected of those that do not fit.
#include "value_encoder.hpp"

#include "value_encoder_json.hpp"

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>

namespace weir::inline v0 {

namespace {

using detail::is_bytes_alone;
using detail::peeled_type;

bool is_opaque(const type_schema& type) {
  if (type.kind == schema_kind::length) // the elements that follow it were not recorded
    return true;
  for (const schema_field& each : type.parts)
    if (is_opaque(each.type))
      return true;
  return false;
}

// What SQL has a value for; the rest is JSON.
bool is_scalar(const type_schema& whole) {
  const type_schema& type = peeled_type(whole);
  switch (type.kind) {
  case schema_kind::duration:
  case schema_kind::time_point:
  case schema_kind::optional:
    return is_scalar(type.parts.front().type);
  case schema_kind::list:
  case schema_kind::array:
    return is_bytes_alone(type);
  default:
    return type.kind <= schema_kind::string || type.kind == schema_kind::nothing || type.kind == schema_kind::position;
  }
}

template <class Number>
bool parse(std::string_view text, Number& number) {
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  return parsed.ec == std::errc{} && parsed.ptr == end && !text.empty();
}

template <class Number>
std::optional<Number> whole_number(const decoded_value& value) {
  if (value.kind == value_kind::text) {
    Number number{};
    return parse(value.bytes, number) ? std::optional{number} : std::nullopt;
  }
  if (value.kind == value_kind::real && value.real >= -0x1p63 && value.real < 0x1p63 &&
      std::trunc(value.real) == value.real) {
    const auto number = static_cast<std::int64_t>(value.real);
    return std::in_range<Number>(number) ? std::optional{static_cast<Number>(number)} : std::nullopt;
  }
  if (value.kind == value_kind::integer && std::in_range<Number>(value.integer))
    return static_cast<Number>(value.integer);
  return {};
}

template <class Number>
bool append_whole(const decoded_value& value, byte_buffer& out) {
  const auto number = whole_number<Number>(value);
  if (number)
    detail::store_number(out.extend(sizeof(Number)), *number);
  return number.has_value();
}

template <class Float>
bool append_real(const decoded_value& value, byte_buffer& out) {
  double number = 0;
  switch (value.kind) {
  case value_kind::integer:
    number = static_cast<double>(value.integer);
    break;
  case value_kind::real:
    number = value.real;
    break;
  case value_kind::text:
    if (!parse(value.bytes, number)) // of "nan" too
      return false;
    break;
  default:
    return false;
  }
  return detail::append_float<Float>(number, out);
}

// False if it does not fit.
bool append_scalar(const type_schema& whole, const decoded_value& value, byte_buffer& out) {
  const type_schema& type = peeled_type(whole);
  switch (type.kind) {
  case schema_kind::boolean: {
    const auto number = whole_number<std::int64_t>(value);
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
    return append_whole<std::uint64_t>(value, out);
  case schema_kind::position: {
    const auto number = whole_number<std::uint64_t>(value);
    if (number)
      detail::store_position(out.extend(sizeof(std::uint64_t)), *number);
    return number.has_value();
  }
  case schema_kind::f32:
    return append_real<float>(value, out);
  case schema_kind::f64:
    return append_real<double>(value, out);
  case schema_kind::string:
    if (value.kind != value_kind::text && value.kind != value_kind::blob)
      return false;
    detail::append_varint(out, value.bytes.size());
    out.append(value.bytes.data(), value.bytes.size());
    return true;
  case schema_kind::duration:
  case schema_kind::time_point:
    return append_scalar(type.parts.front().type, value, out);
  case schema_kind::optional:
    out.append(static_cast<std::byte>(value.kind != value_kind::null));
    return value.kind == value_kind::null || append_scalar(type.parts.front().type, value, out);
  case schema_kind::list:
    if (value.kind != value_kind::blob)
      return false;
    detail::append_varint(out, value.bytes.size());
    out.append(value.bytes.data(), value.bytes.size());
    return true;
  case schema_kind::array:
    if (value.kind != value_kind::blob || value.bytes.size() != type.size)
      return false;
    out.append(value.bytes.data(), value.bytes.size());
    return true;
  default: // nothing
    return value.kind == value_kind::null;
  }
}

std::string found_text(const decoded_value& value) {
  switch (value.kind) {
  case value_kind::null:
    return "null";
  case value_kind::integer:
    return std::to_string(value.integer);
  case value_kind::real: {
    char text[64];
    return {text, std::to_chars(text, text + sizeof(text), value.real).ptr};
  }
  case value_kind::text:
    return "the text '" + detail::shortened(std::string{value.bytes}) + "'";
  case value_kind::blob:
    break;
  }
  return "a blob of " + std::to_string(value.bytes.size()) + " bytes";
}

} // namespace

value_encoder::value_encoder(type_schema schema, encoder_use use)
    : schema_(std::move(schema)), use_(use), opaque_(is_opaque(schema_)) {
  const type_schema* shown = &schema_;
  for (; shown->kind == schema_kind::structure && shown->parts.size() == 1 && shown->parts[0].name.empty();
       shown = &shown->parts[0].type)
    around_.push_back(shown);
  if (!opaque_ && (shown->kind == schema_kind::structure || shown->kind == schema_kind::tuple) &&
      !shown->parts.empty()) {
    if (shown->kind == schema_kind::structure)
      around_.push_back(shown);
    for (const schema_field& member : shown->parts)
      columns_.push_back({&member.type, is_scalar(member.type)});
  } else {
    columns_.push_back({shown, is_scalar(*shown)});
  }
}

void value_encoder::append(std::size_t column, const decoded_value& value, byte_buffer& out) const {
  const auto& [type, scalar] = columns_.at(column);
  if (opaque_)
    throw misfit_error{{"", "to be left as it is, since the parts of its type " + to_text(*type) + " are not known",
                        found_text(value), ""}};
  if (scalar) {
    if (!append_scalar(*type, value, out))
      throw misfit_error{{"", detail::expected_text(*type), found_text(value), ""}};
  } else if (value.kind == value_kind::text || value.kind == value_kind::null) {
    const bool null = value.kind == value_kind::null;
    detail::append_from_json(*type, around_, use_ == encoder_use::key, null ? "null" : value.bytes, out);
  } else {
    throw misfit_error{{"", detail::expected_text(*type), found_text(value), ""}};
  }
}

} // namespace weir::inline v0
