// Compiles schemas into flat plans, and reads scalars and columns by them.
#include "value_decoder.hpp"

#include "error.hpp"
#include "json_text.hpp"
#include "value_cursor.hpp"

#include <limits>
#include <utility>

namespace weir::inline v0 {

using detail::varying;

namespace {

[[noreturn]] void throw_bad_schema(const std::string& found) {
  throw damaged_error{{"schema of a state table", "a description of stored types", found,
                       "restore from another checkpoint, and check the disk"}};
}

std::uint64_t bytes_of_number(schema_kind kind) {
  switch (kind) {
  case schema_kind::boolean:
  case schema_kind::i8:
  case schema_kind::u8:
    return 1;
  case schema_kind::i16:
  case schema_kind::u16:
    return 2;
  case schema_kind::i32:
  case schema_kind::u32:
  case schema_kind::f32:
    return 4;
  case schema_kind::i64:
  case schema_kind::u64:
  case schema_kind::f64:
  case schema_kind::position:
    return 8;
  case schema_kind::nothing:
    return 0;
  default:
    return varying;
  }
}

std::uint64_t add_fixed(std::uint64_t a, std::uint64_t b) {
  return a >= varying - b ? varying : a + b; // b is at most varying
}

std::uint64_t multiply_fixed(std::uint64_t each, std::uint64_t count) {
  if (each == 0 || count == 0)
    return 0;
  return each == varying || count > (varying - 1) / each ? varying : each * count;
}

std::string_view text_at(const std::byte* at, std::uint64_t length) {
  return {reinterpret_cast<const char*>(at), static_cast<std::size_t>(length)};
}

void set_integer(decoded_value& value, std::int64_t number) {
  value.kind = value_kind::integer;
  value.integer = number;
}

void set_bytes(decoded_value& value, value_kind kind, std::string_view bytes) {
  value.kind = kind;
  value.bytes = bytes;
}

} // namespace

/// The classes that are being compiled, innermost first.
struct value_decoder::scope {
  const std::string* name;
  std::uint32_t node;
  const scope* outer;
};

value_decoder::value_decoder(const type_schema& schema) {
  root_ = peeled(compile(schema, nullptr));
  const node& root = nodes_[root_];
  const type_schema* shown = &schema; // what `root` was made of
  while (shown->kind == schema_kind::structure && shown->parts.size() == 1 && shown->parts[0].name.empty())
    shown = &shown->parts[0].type;
  if (opaque_) {
    columns_.push_back({{}, "BLOB", to_text(schema)});
    column_nodes_.push_back(root_);
  } else if ((root.kind == schema_kind::structure || root.kind == schema_kind::tuple) && root.count != 0 &&
             shown->parts.size() == root.count) {
    for (std::uint32_t i = 0; i < root.count; ++i) {
      const std::uint32_t each = peeled(parts_[root.first + i].node);
      const schema_field& member = shown->parts[i];
      columns_.push_back(
          {member.name.empty() ? std::to_string(i + 1) : member.name, sql_type(each), to_text(member.type)});
      column_nodes_.push_back(each);
    }
  } else {
    columns_.push_back({{}, sql_type(root_), to_text(schema)});
    column_nodes_.push_back(root_);
  }
}

std::uint32_t value_decoder::compile(const type_schema& schema, const scope* outer) {
  const auto index = static_cast<std::uint32_t>(nodes_.size());
  nodes_.emplace_back();
  node made;
  made.kind = schema.kind;
  made.size = schema.size;
  made.fixed = bytes_of_number(schema.kind);
  if (schema.kind == schema_kind::length)
    opaque_ = true; // the elements that follow it were not recorded
  if (schema.kind == schema_kind::recursive) {
    const scope* each = outer;
    while (each != nullptr && *each->name != schema.name)
      each = each->outer;
    if (each == nullptr)
      throw_bad_schema("a class " + schema.name + " that is part of itself and is described nowhere");
    made.target = each->node;
  }

  const scope inner{&schema.name, index, outer};
  const bool is_class = schema.kind == schema_kind::structure;
  std::vector<part> parts;
  parts.reserve(schema.parts.size());
  made.all_named = is_class && !schema.parts.empty();
  std::uint64_t sum = 0;
  for (const schema_field& each : schema.parts) {
    part compiled;
    compiled.node = compile(each.type, is_class ? &inner : outer);
    if (each.name.empty()) {
      made.all_named = false;
    } else {
      detail::append_json_string(compiled.json_name, each.name);
      compiled.json_name += ':';
      name_bytes_ += compiled.json_name.size();
    }
    sum = add_fixed(sum, nodes_[compiled.node].fixed);
    parts.push_back(std::move(compiled));
  }
  made.first = static_cast<std::uint32_t>(parts_.size());
  made.count = static_cast<std::uint32_t>(parts.size());
  for (part& each : parts)
    parts_.push_back(std::move(each));
  switch (schema.kind) {
  case schema_kind::structure:
  case schema_kind::tuple:
  case schema_kind::duration:
  case schema_kind::time_point:
    made.fixed = sum;
    break;
  case schema_kind::array:
    made.fixed = multiply_fixed(sum, schema.size);
    break;
  default:
    break;
  }
  const auto needs = [&](std::size_t least) {
    if (parts_.size() - made.first < least)
      throw_bad_schema("a " + to_text(schema) + " without its parts");
  };
  if (schema.kind == schema_kind::map)
    needs(2);
  else if (schema.kind == schema_kind::list || schema.kind == schema_kind::set || schema.kind == schema_kind::array ||
           schema.kind == schema_kind::optional || schema.kind == schema_kind::duration ||
           schema.kind == schema_kind::time_point)
    needs(1);
  const bool counted = schema.kind == schema_kind::duration || schema.kind == schema_kind::time_point;
  if (counted && schema.parts.front().type.kind > schema_kind::f64)
    throw_bad_schema("a " + to_text(schema) + ", which is no count");
  nodes_[index] = made;
  return index;
}

const value_decoder::node& value_decoder::part_of(const node& of, std::uint32_t which) const {
  return nodes_[parts_[of.first + which].node];
}

// A class with one member that has no name is shown as that member.
std::uint32_t value_decoder::peeled(std::uint32_t index) const {
  for (std::size_t steps = 0; steps < nodes_.size(); ++steps) {
    const node& at = nodes_[index];
    if (at.kind == schema_kind::structure && at.count == 1 && !at.all_named)
      index = parts_[at.first].node;
    else if (at.kind == schema_kind::recursive)
      index = at.target;
    else
      return index;
  }
  throw_bad_schema("a class that consists of itself");
}

bool value_decoder::bytes_alone(const node& at) const {
  return (at.kind == schema_kind::list || at.kind == schema_kind::array) && part_of(at, 0).kind == schema_kind::u8;
}

// What is left when optionals and units are taken off too: of them a class that is part of itself makes no end.
const value_decoder::node& value_decoder::innermost(std::uint32_t index) const {
  for (std::size_t steps = 0; steps <= nodes_.size(); ++steps) {
    const node& at = nodes_[peeled(index)];
    if (at.kind != schema_kind::duration && at.kind != schema_kind::time_point && at.kind != schema_kind::optional)
      return at;
    index = parts_[at.first].node;
  }
  throw_bad_schema("an optional that consists of itself");
}

std::string value_decoder::sql_type(std::uint32_t index) const {
  const node& at = innermost(index);
  switch (at.kind) {
  case schema_kind::f32:
  case schema_kind::f64:
    return "REAL";
  case schema_kind::nothing:
    return {};
  case schema_kind::position:
    return "INTEGER";
  default:
    if (at.kind < schema_kind::f32)
      return "INTEGER";
    return bytes_alone(at) ? "BLOB" : "TEXT";
  }
}

decoded_value value_decoder::decode(std::span<const std::byte> value) {
  return decode_node(root_, value);
}

decoded_value value_decoder::decode_column(std::size_t column, std::span<const std::byte> bytes) {
  return decode_node(column_nodes_.at(column), bytes);
}

decoded_value value_decoder::decode_node(std::uint32_t index, std::span<const std::byte> value) {
  decoded_value decoded;
  if (opaque_) {
    set_bytes(decoded, value_kind::blob, text_at(value.data(), value.size()));
    return decoded;
  }
  cursor from{value};
  if (!read_scalar(index, from, decoded)) {
    scratch_.clear();
    from = cursor{value};
    write_whole(nodes_[index], from, scratch_);
    if (scratch_ != "null") {
      set_bytes(decoded, value_kind::text, scratch_);
      decoded.json = true;
    }
  }
  from.expect_end();
  return decoded;
}

// False, with the cursor anywhere, if the value is not one that SQL knows.
bool value_decoder::read_scalar(std::uint32_t index, cursor& from, decoded_value& value) {
  const node* at = &nodes_[index];
  for (;;) {
    switch (at->kind) {
    case schema_kind::boolean:
      set_integer(value, from.boolean() ? 1 : 0);
      return true;
    case schema_kind::i8:
      set_integer(value, from.number<std::int8_t>());
      return true;
    case schema_kind::i16:
      set_integer(value, from.number<std::int16_t>());
      return true;
    case schema_kind::i32:
      set_integer(value, from.number<std::int32_t>());
      return true;
    case schema_kind::i64:
      set_integer(value, from.number<std::int64_t>());
      return true;
    case schema_kind::u8:
      set_integer(value, from.number<std::uint8_t>());
      return true;
    case schema_kind::u16:
      set_integer(value, from.number<std::uint16_t>());
      return true;
    case schema_kind::u32:
      set_integer(value, from.number<std::uint32_t>());
      return true;
    case schema_kind::u64:
    case schema_kind::position: {
      const auto number = at->kind == schema_kind::u64 ? from.number<std::uint64_t>()
                                                       : detail::load_position(from.take(sizeof(std::uint64_t)));
      if (number <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) [[likely]] {
        set_integer(value, static_cast<std::int64_t>(number));
      } else {
        scratch_ = std::to_string(number);
        set_bytes(value, value_kind::text, scratch_);
      }
      return true;
    }
    case schema_kind::f32:
    case schema_kind::f64:
      value.kind = value_kind::real;
      value.real = at->kind == schema_kind::f32 ? from.number<float>() : from.number<double>();
      if (value.real != value.real) // a NaN, of which SQLite would make a null
        set_bytes(value, value_kind::text, "nan");
      return true;
    case schema_kind::string: {
      const std::uint64_t length = from.element_count();
      const auto text = text_at(from.take(length), length);
      set_bytes(value, detail::is_plain_text(text) ? value_kind::text : value_kind::blob, text);
      return true;
    }
    case schema_kind::nothing:
      return true;
    case schema_kind::optional:
      if (!from.boolean())
        return true;
      break;
    case schema_kind::duration:
    case schema_kind::time_point:
      break;
    case schema_kind::list:
    case schema_kind::array: {
      if (!bytes_alone(*at))
        return false;
      const std::uint64_t length = at->kind == schema_kind::list ? from.element_count() : at->size;
      set_bytes(value, value_kind::blob, text_at(from.take(length), length));
      return true;
    }
    default:
      return false;
    }
    at = &nodes_[peeled(parts_[at->first].node)];
  }
}

void value_decoder::split(std::span<const std::byte> value, std::vector<std::span<const std::byte>>& columns) const {
  columns.clear();
  if (columns_.size() == 1 && column_nodes_[0] == root_) {
    columns.push_back(value);
    return;
  }
  const node& root = nodes_[root_];
  cursor from{value};
  for (std::uint32_t i = 0; i < root.count; ++i) {
    const std::byte* start = from.at();
    skip(part_of(root, i), from);
    columns.emplace_back(start, from.at());
  }
  from.expect_end();
}

void value_decoder::skip(const node& at, cursor& from) const {
  if (at.fixed != varying) {
    from.take(at.fixed);
    return;
  }
  from.work();
  const cursor::nesting deeper{from};
  switch (at.kind) {
  case schema_kind::string: {
    from.take(from.element_count());
    break;
  }
  case schema_kind::list:
  case schema_kind::set:
  case schema_kind::map: {
    const std::uint64_t count = from.element_count();
    const std::byte* start = from.at();
    for (std::uint64_t i = 0; i < count; ++i)
      for (std::uint32_t each = 0; each < at.count; ++each)
        skip(part_of(at, each), from);
    from.skip_padding(start, count);
    break;
  }
  case schema_kind::array:
    for (std::uint64_t i = 0; i < at.size; ++i)
      skip(part_of(at, 0), from);
    break;
  case schema_kind::optional:
    if (from.boolean())
      skip(part_of(at, 0), from);
    break;
  case schema_kind::variant: {
    const std::uint64_t which = from.length_number();
    if (which >= at.count)
      detail::throw_bad_alternative(which, at.count);
    skip(part_of(at, static_cast<std::uint32_t>(which)), from);
    break;
  }
  case schema_kind::recursive:
    skip(nodes_[at.target], from);
    break;
  default: // classes and tuples
    for (std::uint32_t i = 0; i < at.count; ++i)
      skip(part_of(at, i), from);
    break;
  }
}

} // namespace weir::inline v0
