// Rows of a table: which columns a record type has, and how rows travel from a sink's buffer into the table.
#pragma once

#include "../persistence/byte_buffer.hpp"
#include "../persistence/output_archive.hpp"
#include "../persistence/schema.hpp"
#include "batch.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::inline v0 {

/// A column that a record type fills.
struct row_column {
  std::string name;
  schema_kind kind = schema_kind::nothing; ///< a number, boolean or string; of a duration or time point its ticks
  bool optional = false;

  [[nodiscard]] bool is_real() const { return kind == schema_kind::f32 || kind == schema_kind::f64; }
  /// INTEGER, REAL or TEXT.
  [[nodiscard]] std::string_view sql_type() const;
};

/// The columns of a record type: the members of a structure, or one column `value`.
struct row_layout {
  std::vector<row_column> columns;
  std::vector<std::string> problems; ///< why the type is no row; a sentence each

  [[nodiscard]] static row_layout of(const type_schema& record);
};

/// One value of a row. Text belongs to the bytes that were read.
struct column_value {
  enum class kind : std::uint8_t { null, integer, real, text };
  kind what = kind::null;
  std::int64_t integer = 0;
  double real = 0;
  std::string_view text;
};

/// Reads rows that are archive bytes, one behind the other. `layout`, `bytes` and `thing` must outlive it.
class row_reader {
public:
  row_reader(const row_layout& layout, std::span<const std::byte> bytes, std::string_view thing);

  [[nodiscard]] bool at_end() const noexcept { return at_ == bytes_.size(); }
  /// Reads the next row. Throws damaged_error if the bytes are none, usage_error if a number is too large for a table.
  void next();
  [[nodiscard]] const std::vector<column_value>& values() const noexcept { return values_; }
  /// The bytes of the row, and of one of its columns.
  [[nodiscard]] std::span<const std::byte> row() const noexcept { return bytes_.subspan(begin_, at_ - begin_); }
  [[nodiscard]] std::span<const std::byte> column(std::size_t index) const noexcept;

private:
  [[noreturn]] void damaged() const;
  [[nodiscard]] const std::byte* take(std::size_t count);
  void read_value(const row_column& column, column_value& into);

  const row_layout* layout_;
  std::span<const std::byte> bytes_;
  std::string_view thing_;
  std::size_t at_ = 0;
  std::size_t begin_ = 0;
  std::vector<column_value> values_;
  std::vector<std::size_t> ends_;
};

/// A run of staged rows as it is stored: format version, the schema of the record, the rows.
[[nodiscard]] std::vector<std::byte> encode_row_part(const type_schema& record, std::span<const std::byte> rows);
struct row_part {
  row_layout layout;
  std::span<const std::byte> rows; ///< within the bytes that were given
};
/// Throws damaged_error.
[[nodiscard]] row_part decode_row_part(std::span<const std::byte> bytes, std::string_view thing);

/// Appends the rows of a batch to a buffer.
using append_rows_function = void (*)(const any_batch& records, byte_buffer& rows);

/// A record type, as a table needs to know it.
struct row_type {
  type_schema schema;
  append_rows_function append_rows = nullptr;
};

/// What a table needs to know of T.
template <class T>
[[nodiscard]] row_type row_type_of() {
  return {schema_of<T>(), [](const any_batch& records, byte_buffer& rows) {
            output_archive archive{rows};
            for (const T& record : as<T>(records).values)
              archive << record;
          }};
}

} // namespace weir::inline v0
