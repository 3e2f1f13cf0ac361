// Makes a record of a row of CSV.
#pragma once

#include "record_source.hpp"

#include <memory>
#include <string>
#include <vector>

namespace weir::inline v0 {

/// How rows are written, and which columns must and may be there.
struct csv_rules {
  char delimiter = ',';
  char quote = '"';
  std::vector<std::string> columns; ///< of files without a first row of names; empty: there is one
  bool quoted_newlines = true;      ///< a quoted field may go over lines
  bool missing_allowed = false;
  bool extra_allowed = true;
};

/// A parser of the rows of one file, after a look at its first row. `begin` becomes the offset behind it if the range
/// is the file's first. Throws usage_error if the columns are not those that the record needs.
[[nodiscard]] std::unique_ptr<record_parser> make_csv_parser(const field_type& record, const csv_rules& rules,
                                                             const text_range& range, std::uint64_t& begin);

} // namespace weir::inline v0
