// Records as JSON and as rows of CSV.
#pragma once

#include "batch.hpp"
#include "record_fields.hpp"

#include <cstddef>
#include <string>

namespace weir::inline v0 {

/// Appends a value as JSON on one line: times as ISO 8601 text in UTC, durations as their ticks, empty optionals and
/// numbers that are infinite or none as `null`. Bytes that are no UTF-8 become U+FFFD.
void append_json(std::string& out, const field_type& type, const void* value);

/// Appends a row without its line end: members in their order; an empty optional is nothing at all, an empty text in an
/// optional is two quotes.
void append_csv_row(std::string& out, const field_type& record, const void* value, char delimiter, char quote);
/// The row of names, with its line end.
[[nodiscard]] std::string csv_header(const field_type& record, char delimiter, char quote);

} // namespace weir::inline v0
