// Reads any bytes as staged rows of a sink. What can be read is written with the same bytes again, value by value.
#include "allocation_limit.hpp"
#include "fuzz_check.hpp"
#include "fuzz_input.hpp"

#include <weir/operators/row_codec.hpp>
#include <weir/persistence/archive.hpp>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

namespace {

using namespace weir_fuzz;
using weir::column_value;
using weir::schema_kind;

template <class T, class Value>
void append(std::vector<std::byte>& to, Value value) {
  const auto bytes = weir::to_bytes(static_cast<T>(value));
  to.insert(to.end(), bytes.begin(), bytes.end());
}

/// The bytes of a value, by way of the archive; false for a NaN, which may have several.
bool append_value(std::vector<std::byte>& to, const weir::row_column& column, const column_value& value) {
  if (column.optional)
    append<bool>(to, value.what != column_value::kind::null);
  else
    require(value.what != column_value::kind::null, "only an optional column has a NULL");
  if (value.what == column_value::kind::null)
    return true;
  const bool is_text = column.kind == schema_kind::string;
  require(value.what == (is_text            ? column_value::kind::text
                         : column.is_real() ? column_value::kind::real
                                            : column_value::kind::integer),
          "a value is of its column's kind");
  switch (column.kind) {
  case schema_kind::boolean:
    require(value.integer == 0 || value.integer == 1, "a truth value is 0 or 1");
    append<bool>(to, value.integer);
    return true;
  case schema_kind::i8:
    append<std::int8_t>(to, value.integer);
    return true;
  case schema_kind::i16:
    append<std::int16_t>(to, value.integer);
    return true;
  case schema_kind::i32:
    append<std::int32_t>(to, value.integer);
    return true;
  case schema_kind::i64:
    append<std::int64_t>(to, value.integer);
    return true;
  case schema_kind::u8:
    append<std::uint8_t>(to, value.integer);
    return true;
  case schema_kind::u16:
    append<std::uint16_t>(to, value.integer);
    return true;
  case schema_kind::u32:
    append<std::uint32_t>(to, value.integer);
    return true;
  case schema_kind::u64:
    require(value.integer >= 0, "an unsigned number is not negative");
    append<std::uint64_t>(to, value.integer);
    return true;
  case schema_kind::f32:
    append<float>(to, value.real);
    return !std::isnan(value.real);
  case schema_kind::f64:
    append<double>(to, value.real);
    return !std::isnan(value.real);
  default:
    require(is_text, "a column is a number, a truth value or text");
    append<std::string>(to, value.text);
    return true;
  }
}

void check_row(const weir::row_layout& layout, const weir::row_reader& rows) {
  std::vector<std::byte> row;
  bool exact = true;
  for (std::size_t i = 0; i < layout.columns.size(); ++i) {
    std::vector<std::byte> value;
    if (append_value(value, layout.columns[i], rows.values()[i]))
      require(std::ranges::equal(value, rows.column(i)), "a column's bytes are those of its value");
    else
      exact = false;
    row.insert(row.end(), value.begin(), value.end());
  }
  require(row.size() == rows.row().size(), "a row is as long as its columns");
  if (exact)
    require(std::ranges::equal(row, rows.row()), "a row's bytes are those of its values");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = as_bytes(data, size);
  const allocation_limit limit{16384 + 512 * size};
  std::optional<weir::row_part> part;
  if (!accepts([&] { part = weir::decode_row_part(bytes, "staged rows"); }))
    return 0;
  require(!part->layout.columns.empty() && part->layout.problems.empty(), "rows have columns");

  // The schema stands before the rows, and all of it is written again.
  weir::input_archive header{bytes.subspan(1)};
  std::string json;
  header >> json;
  const auto record = weir::type_schema_from_json(json);
  require(std::ranges::equal(header.remaining() == 0 ? std::span<const std::byte>{} : bytes.last(header.remaining()),
                             part->rows),
          "the rows are what follows the schema");
  const auto written = weir::encode_row_part(record, part->rows);
  const auto again = weir::decode_row_part(written, "staged rows");
  require(std::ranges::equal(again.rows, part->rows) && weir::encode_row_part(record, again.rows) == written,
          "rows that were read are written");

  weir::row_reader rows{part->layout, part->rows, "staged rows"};
  std::size_t taken = 0;
  while (!rows.at_end()) {
    if (!accepts([&] { rows.next(); }))
      return 0;
    require(!rows.row().empty(), "a row takes bytes");
    taken += rows.row().size();
    check_row(part->layout, rows);
  }
  require(taken == part->rows.size(), "the rows are all that there is");
  return 0;
}
