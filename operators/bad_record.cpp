#include "bad_record.hpp"

namespace weir::inline v0 {

namespace {

error_text text_of(const bad_line& line) {
  std::string thing = line.file + ", line " + std::to_string(line.line);
  if (!line.column.empty())
    thing += ", \"" + line.column + "\"";
  return {thing,
          {},
          line.error + "; the line is: " + line.text,
          "mend the line, or let the source go on with .on_error(weir::bad_record::skip) or .keep_bad_lines()"};
}

} // namespace

bad_record_error::bad_record_error(bad_line line) : error(text_of(line)), line_(std::move(line)) {}

} // namespace weir::inline v0
