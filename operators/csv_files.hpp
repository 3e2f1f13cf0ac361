// The sink that writes CSV files, each of which appears whole.
#pragma once

#include "line_files.hpp"
#include "record_fields.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::inline v0 {

namespace detail {

/// An `append_records_function` for records that lie `stride` bytes apart, at what `values_of` says.
using values_function = const void* (*)(const any_batch& records);
[[nodiscard]] append_records_function append_csv_records(const field_type& record, values_function values_of,
                                                         std::size_t stride, char delimiter, char quote);
[[nodiscard]] std::string csv_files_header(const field_type& record, char delimiter, char quote);
[[nodiscard]] std::vector<error_text> csv_files_problems(const line_files_settings& settings,
                                                         const element_type& records, const field_type& record,
                                                         char delimiter, char quote);
template <class T>
const void* values_of(const any_batch& records) {
  return as<T>(records).values.data();
}

} // namespace detail

/// Writes each record as a row of CSV (RFC 4180, lines end in LF), exactly once, in files and folders as `text_files`
/// does: `part-<subtask>-<checkpoint>.csv`. Each begins with the names of the columns: the members that WEIR_FIELDS
/// names, which are numbers, booleans, strings, times, durations and optional ones. `weir::csv` reads what this writes.
class csv_files : public detail::line_files_options<csv_files> {
public:
  static constexpr std::string_view kind_name = "csv_files";

  explicit csv_files(std::string directory) : line_files_options("csv_files", std::move(directory), ".csv") {}

  /// What stands between fields; a comma unless said.
  [[nodiscard]] csv_files delimiter(char c) const {
    csv_files copy = *this;
    copy.delimiter_ = c;
    return copy;
  }
  [[nodiscard]] csv_files quote(char c) const {
    csv_files copy = *this;
    copy.quote_ = c;
    return copy;
  }
  /// Files do not begin with the names of the columns.
  [[nodiscard]] csv_files no_header() const {
    csv_files copy = *this;
    copy.header_ = false;
    return copy;
  }

  template <class T>
  [[nodiscard]] std::shared_ptr<const any_sink> sink() const {
    check_type<T>();
    line_files_settings settings = settings_;
    settings.append =
        detail::append_csv_records(field_type_of<T>(), &detail::values_of<T>, sizeof(T), delimiter_, quote_);
    if (header_)
      settings.header = detail::csv_files_header(field_type_of<T>(), delimiter_, quote_);
    return make_line_files_sink(std::move(settings));
  }
  template <class T>
  [[nodiscard]] std::vector<error_text> problems() const {
    check_type<T>();
    return detail::csv_files_problems(settings_, element_type_of<T>(), field_type_of<T>(), delimiter_, quote_);
  }

private:
  template <class T>
  static constexpr void check_type() {
    static_assert(serializable<T> && std::is_default_constructible_v<T>,
                  "weir: csv_files needs records that have members by name and can be made without arguments: write "
                  "WEIR_FIELDS(member, ...) into the class");
  }

  char delimiter_ = ',';
  char quote_ = '"';
  bool header_ = true;
};

} // namespace weir::inline v0
