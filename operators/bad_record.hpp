// Input that is no record: what is known of it, and what is to become of it.
#pragma once

#include "../persistence/error.hpp"
#include "../persistence/fields.hpp"
#include "collector.hpp"
#include "context.hpp"
#include "side_output.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

namespace weir::inline v0 {

/// What a source does with input that it can't make a record of.
enum class bad_record : std::uint8_t {
  fail, ///< throws `bad_record_error`; the region is restarted, and fails again until the input is mended
  skip  ///< goes on behind it; the split's position counts it as `skipped`
};

/// A line that is no record, or several lines of a quoted one.
struct bad_line {
  std::string file;
  std::uint64_t line = 0; ///< from 1; of the record's first line
  std::string column;     ///< the column or member that is at fault; empty: the line as a whole
  std::string text;       ///< the line, shortened to 200 bytes, with control characters as `?`
  std::string error;      ///< what was expected and what was found
  WEIR_FIELDS(file, line, column, text, error)

  friend bool operator==(const bad_line&, const bad_line&) = default;
};

/// Thrown for a bad line under `bad_record::fail`.
class bad_record_error : public error {
public:
  explicit bad_record_error(bad_line line);
  [[nodiscard]] const bad_line& line() const noexcept { return line_; }

private:
  bad_line line_;
};

/// A record, or the line that is none: what a source emits that was told to keep bad lines.
template <class T>
struct parsed {
  std::optional<T> record;
  std::optional<bad_line> bad;
  WEIR_FIELDS(record, bad)
};

/// Sends records on and bad lines to a side output, a dead-letter stream.
///
///     weir::side_output<weir::bad_line> rejected{"rejected"};
///     auto quakes = job.source("file", weir::csv<quake>{"quakes.csv"}.keep_bad_lines())
///                      .process("good", weir::good_records<quake>{rejected});
///     quakes.side(rejected).sink("rejected", weir::json_lines_files{"rejected/"});
template <class T>
class good_records {
public:
  explicit good_records(side_output<bad_line> bad) : bad_(std::move(bad)) {}

  [[nodiscard]] auto side_outputs() const { return std::tuple{bad_}; }
  void process(const parsed<T>& line, context& ctx, collector<T>& out) const {
    if (line.record)
      out(*line.record);
    else if (line.bad)
      ctx.emit(bad_, *line.bad);
  }

private:
  side_output<bad_line> bad_;
};

} // namespace weir::inline v0
