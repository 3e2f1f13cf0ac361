// Prints the rows of a query: as a table, as JSON lines or as CSV.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::tool {

enum class output_format : std::uint8_t { table, json, csv };
/// None for a word that is none of theirs.
[[nodiscard]] std::optional<output_format> output_format_from(std::string_view word);

/// One value of a row.
struct cell {
  enum class kind : std::uint8_t { null, number, text, json, bytes } what = kind::null;
  std::string text; ///< of bytes: hexadecimal
};

/// Writes rows to a file. JSON and CSV go out row by row; a table is held until `end`, for the widths of its columns.
class result_printer {
public:
  virtual ~result_printer() = default;
  virtual void begin(std::vector<std::string> columns) = 0;
  virtual void row(const std::vector<cell>& cells) = 0;
  /// Throws io_error if something could not be written.
  virtual void end() = 0;
  /// False if nobody reads it any more.
  [[nodiscard]] virtual bool wants_more() const { return true; }
};

/// `colours`: names of columns in bold. `may_be_left`: that the other end of a pipe is closed is no error.
[[nodiscard]] std::unique_ptr<result_printer> make_printer(output_format format, std::FILE* to, bool colours = false,
                                                           bool may_be_left = false);

} // namespace weir::tool
