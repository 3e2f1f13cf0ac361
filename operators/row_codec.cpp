#include "row_codec.hpp"

#include "../persistence/encoding.hpp"
#include "../persistence/error.hpp"

#include <limits>

namespace weir::inline v0 {

namespace {

constexpr std::byte part_format{1};

bool is_scalar(schema_kind kind) {
  return kind <= schema_kind::string;
}

/// The column that a type becomes; `kind` stays `nothing` if it becomes none.
row_column column_of(std::string name, const type_schema& type) {
  row_column column{std::move(name), schema_kind::nothing, false};
  const type_schema* inner = &type;
  if (inner->kind == schema_kind::optional && inner->parts.size() == 1) {
    column.optional = true;
    inner = &inner->parts[0].type;
  }
  if ((inner->kind == schema_kind::duration || inner->kind == schema_kind::time_point) && inner->parts.size() == 1)
    inner = &inner->parts[0].type;
  if (is_scalar(inner->kind))
    column.kind = inner->kind;
  return column;
}

template <class T>
T number_at(const std::byte* at) {
  return detail::load_number<T>(at);
}

} // namespace

std::string_view row_column::sql_type() const {
  return kind == schema_kind::string ? "TEXT" : is_real() ? "REAL" : "INTEGER";
}

row_layout row_layout::of(const type_schema& record) {
  row_layout layout;
  if (record.kind != schema_kind::structure) {
    layout.columns.push_back(column_of("value", record));
    if (layout.columns[0].kind == schema_kind::nothing)
      layout.problems.push_back("a record of type " + to_text(record) + " is no row");
    return layout;
  }
  for (const auto& field : record.parts) {
    layout.columns.push_back(column_of(field.name, field.type));
    const row_column& column = layout.columns.back();
    if (column.name.empty())
      layout.problems.push_back("a member of " + record.name + " has no name");
    else if (column.kind == schema_kind::nothing)
      layout.problems.push_back("the member " + column.name + " is a " + to_text(field.type) + ", which is no column");
  }
  if (layout.columns.empty())
    layout.problems.push_back(record.name + " has no members");
  return layout;
}

row_reader::row_reader(const row_layout& layout, std::span<const std::byte> bytes, std::string_view thing)
    : layout_(&layout), bytes_(bytes), thing_(thing), values_(layout.columns.size()), ends_(layout.columns.size()) {}

void row_reader::damaged() const {
  throw damaged_error({std::string{thing_}, "whole rows", "bytes that are none, from " + std::to_string(begin_) + " on",
                       "restore the file from a copy, or begin anew with --fresh --replace-output"});
}

const std::byte* row_reader::take(std::size_t count) {
  if (count > bytes_.size() - at_)
    damaged();
  const std::byte* start = bytes_.data() + at_;
  at_ += count;
  return start;
}

void row_reader::next() {
  begin_ = at_;
  for (std::size_t i = 0; i < values_.size(); ++i) {
    read_value(layout_->columns[i], values_[i]);
    ends_[i] = at_;
  }
}

std::span<const std::byte> row_reader::column(std::size_t index) const noexcept {
  const std::size_t from = index == 0 ? begin_ : ends_[index - 1];
  return bytes_.subspan(from, ends_[index] - from);
}

void row_reader::read_value(const row_column& column, column_value& into) {
  const auto flag = [this] {
    const auto byte = std::to_integer<unsigned>(*take(1));
    if (byte > 1)
      damaged();
    return byte == 1;
  };
  const auto integer = [&into](auto value) {
    into.what = column_value::kind::integer;
    into.integer = static_cast<std::int64_t>(value); // NOLINT(bugprone-signed-char-misuse): -128 to 127 are meant
  };
  if (column.optional && !flag()) {
    into.what = column_value::kind::null;
    return;
  }
  switch (column.kind) {
  case schema_kind::boolean:
    return integer(flag() ? 1 : 0);
  case schema_kind::i8:
    return integer(number_at<std::int8_t>(take(1)));
  case schema_kind::i16:
    return integer(number_at<std::int16_t>(take(2)));
  case schema_kind::i32:
    return integer(number_at<std::int32_t>(take(4)));
  case schema_kind::i64:
    return integer(number_at<std::int64_t>(take(8)));
  case schema_kind::u8:
    return integer(number_at<std::uint8_t>(take(1)));
  case schema_kind::u16:
    return integer(number_at<std::uint16_t>(take(2)));
  case schema_kind::u32:
    return integer(number_at<std::uint32_t>(take(4)));
  case schema_kind::u64: {
    const auto value = number_at<std::uint64_t>(take(8));
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      throw usage_error({std::string{thing_} + ", column " + column.name, "an integer below 2^63",
                         std::to_string(value), "store such numbers as text or in a smaller unit"});
    return integer(value);
  }
  case schema_kind::f32:
    into.what = column_value::kind::real;
    into.real = static_cast<double>(number_at<float>(take(4)));
    return;
  case schema_kind::f64:
    into.what = column_value::kind::real;
    into.real = number_at<double>(take(8));
    return;
  case schema_kind::string: {
    const std::byte* at = bytes_.data() + at_;
    std::uint64_t size = 0;
    if (!detail::load_varint(at, bytes_.data() + bytes_.size(), size))
      damaged();
    at_ = static_cast<std::size_t>(at - bytes_.data());
    if (size > bytes_.size() - at_)
      damaged();
    into.what = column_value::kind::text;
    into.text = {reinterpret_cast<const char*>(take(static_cast<std::size_t>(size))), static_cast<std::size_t>(size)};
    return;
  }
  default:
    damaged();
  }
}

std::vector<std::byte> encode_row_part(const type_schema& record, std::span<const std::byte> rows) {
  const std::string json = to_json(record);
  byte_buffer out{json.size() + rows.size() + 1 + detail::max_varint_bytes};
  out.append(part_format);
  detail::append_varint(out, json.size());
  out.append(json.data(), json.size());
  out.append(rows);
  return out.take();
}

row_part decode_row_part(std::span<const std::byte> bytes, std::string_view thing) {
  const auto damaged = [&](const char* found) {
    return damaged_error({std::string{thing}, "staged rows of format 1", found,
                          "restore the file from a copy, or begin anew with --fresh --replace-output"});
  };
  if (bytes.empty() || bytes[0] != part_format)
    throw damaged("another format");
  const std::byte* at = bytes.data() + 1;
  const std::byte* end = bytes.data() + bytes.size();
  std::uint64_t size = 0;
  if (!detail::load_varint(at, end, size) || size > static_cast<std::uint64_t>(end - at))
    throw damaged("a length beyond the end");
  const std::string_view json{reinterpret_cast<const char*>(at), static_cast<std::size_t>(size)};
  at += size;
  row_part part{row_layout::of(type_schema_from_json(json)), {at, end}};
  if (!part.layout.problems.empty())
    throw damaged(part.layout.problems[0].c_str());
  return part;
}

} // namespace weir::inline v0
