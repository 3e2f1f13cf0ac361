// Writes stored values as JSON.
#include "error.hpp"
#include "json_text.hpp"
#include "value_cursor.hpp"
#include "value_decoder.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace weir::inline v0 {

namespace {

// The longest text that SQLite takes.
constexpr std::uint64_t max_json_bytes = 1'000'000'000;
// JSON is longer than what it is made of, by names and digits; beyond this it is what a crafted schema makes of
// nothing.
constexpr std::uint64_t json_bytes_for_nothing = 1'000'000;
constexpr std::uint64_t json_bytes_for_a_byte = 256;

template <class Number>
void append_integer(std::string& out, Number number) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof(text), number).ptr);
}

std::string_view read_text(detail::value_cursor& from) {
  const std::uint64_t length = from.element_count();
  return {reinterpret_cast<const char*>(from.take(length)), static_cast<std::size_t>(length)};
}

} // namespace

void value_decoder::append_json(std::span<const std::byte> value, std::string& out) const {
  if (opaque_) {
    out += "\"x'";
    for (const std::byte each : value) {
      constexpr auto digits = "0123456789ABCDEF";
      out += digits[std::to_integer<unsigned>(each) >> 4];
      out += digits[std::to_integer<unsigned>(each) & 15];
    }
    out += "'\"";
    return;
  }
  cursor from{value};
  write_whole(nodes_[root_], from, out);
  from.expect_end();
}

void value_decoder::write_whole(const node& at, cursor& from, std::string& out) const {
  const std::uint64_t bytes = std::min(from.left() + name_bytes_, max_json_bytes);
  from.limit_text(out.size() + std::min(max_json_bytes, json_bytes_for_nothing + json_bytes_for_a_byte * bytes));
  write_json(at, from, out);
}

void value_decoder::write_json(const node& at, cursor& from, std::string& out) const {
  from.work();
  from.check_text(out.size());
  const cursor::nesting deeper{from};
  switch (at.kind) {
  case schema_kind::boolean:
    out += from.boolean() ? "true" : "false";
    break;
  case schema_kind::i8:
    append_integer(out, from.number<std::int8_t>());
    break;
  case schema_kind::i16:
    append_integer(out, from.number<std::int16_t>());
    break;
  case schema_kind::i32:
    append_integer(out, from.number<std::int32_t>());
    break;
  case schema_kind::i64:
    append_integer(out, from.number<std::int64_t>());
    break;
  case schema_kind::u8:
    append_integer(out, from.number<std::uint8_t>());
    break;
  case schema_kind::u16:
    append_integer(out, from.number<std::uint16_t>());
    break;
  case schema_kind::u32:
    append_integer(out, from.number<std::uint32_t>());
    break;
  case schema_kind::u64:
    append_integer(out, from.number<std::uint64_t>());
    break;
  case schema_kind::position:
    append_integer(out, detail::load_position(from.take(sizeof(std::uint64_t))));
    break;
  case schema_kind::f32:
    detail::append_json_number(out, from.number<float>());
    break;
  case schema_kind::f64:
    detail::append_json_number(out, from.number<double>());
    break;
  case schema_kind::string:
    detail::append_json_string(out, read_text(from));
    break;
  case schema_kind::length: // never: such a value is opaque
    append_integer(out, from.length_number());
    break;
  case schema_kind::nothing:
    out += "null";
    break;
  case schema_kind::list:
  case schema_kind::set: {
    const std::uint64_t count = from.element_count();
    const std::byte* start = from.at();
    write_elements(at, count, from, out);
    from.skip_padding(start, count);
    break;
  }
  case schema_kind::array:
    write_elements(at, at.size, from, out);
    break;
  case schema_kind::map:
    write_map(at, from, out);
    break;
  case schema_kind::optional:
    if (from.boolean())
      write_json(part_of(at, 0), from, out);
    else
      out += "null";
    break;
  case schema_kind::variant: {
    const std::uint64_t which = from.length_number();
    if (which >= at.count)
      detail::throw_bad_alternative(which, at.count);
    out += "{\"index\":";
    append_integer(out, which);
    out += ",\"value\":";
    write_json(part_of(at, static_cast<std::uint32_t>(which)), from, out);
    out += '}';
    break;
  }
  case schema_kind::duration:
  case schema_kind::time_point:
    write_json(part_of(at, 0), from, out);
    break;
  case schema_kind::recursive:
    write_json(nodes_[at.target], from, out);
    break;
  case schema_kind::tuple:
  case schema_kind::structure: {
    if (at.kind == schema_kind::structure && at.count == 1 && !at.all_named) {
      write_json(part_of(at, 0), from, out);
      break;
    }
    const bool object = at.all_named || (at.kind == schema_kind::structure && at.count == 0);
    out += object ? '{' : '[';
    for (std::uint32_t i = 0; i < at.count; ++i) {
      if (i != 0)
        out += ',';
      if (object)
        out += parts_[at.first + i].json_name;
      write_json(part_of(at, i), from, out);
    }
    out += object ? '}' : ']';
    break;
  }
  }
}

void value_decoder::write_elements(const node& at, std::uint64_t count, cursor& from, std::string& out) const {
  out += '[';
  for (std::uint64_t i = 0; i < count; ++i) {
    if (i != 0)
      out += ',';
    write_json(part_of(at, 0), from, out);
  }
  out += ']';
}

void value_decoder::write_map(const node& at, cursor& from, std::string& out) const {
  const std::uint64_t count = from.element_count();
  const std::byte* start = from.at();
  const std::size_t length = out.size();
  const bool text_keys = nodes_[peeled(parts_[at.first].node)].kind == schema_kind::string;
  if (!text_keys || !write_object(at, count, from, out)) {
    out.resize(length);
    from.rewind(start);
    write_pairs(at, count, from, out);
  }
  from.skip_padding(start, count);
}

// False, with anything written, if a key comes twice: equal keys of a multimap are beside each other.
bool value_decoder::write_object(const node& at, std::uint64_t count, cursor& from, std::string& out) const {
  std::string_view before;
  out += '{';
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto key = read_text(from);
    if (i != 0) {
      if (key == before)
        return false;
      out += ',';
    }
    before = key;
    detail::append_json_string(out, key);
    out += ':';
    write_json(part_of(at, 1), from, out);
  }
  out += '}';
  return true;
}

void value_decoder::write_pairs(const node& at, std::uint64_t count, cursor& from, std::string& out) const {
  out += '[';
  for (std::uint64_t i = 0; i < count; ++i) {
    out += i == 0 ? "[" : ",[";
    write_json(part_of(at, 0), from, out);
    out += ',';
    write_json(part_of(at, 1), from, out);
    out += ']';
  }
  out += ']';
}

} // namespace weir::inline v0
