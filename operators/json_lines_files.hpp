// The sink that writes files of JSON lines, each of which appears whole.
#pragma once

#include "csv_files.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::inline v0 {

namespace detail {

[[nodiscard]] append_records_function append_json_records(const field_type& record, values_function values_of,
                                                          std::size_t stride);
[[nodiscard]] std::vector<error_text> json_lines_files_problems(const line_files_settings& settings,
                                                                const element_type& records, const field_type& record);

} // namespace detail

/// Writes each record as one line of JSON, exactly once, in files and folders as `text_files` does:
/// `part-<subtask>-<checkpoint>.jsonl`. Classes become objects of the members that WEIR_FIELDS names; times are ISO
/// 8601 in UTC, durations their ticks; what is infinite or no number is `null`. `weir::json_lines` reads what this
/// writes.
class json_lines_files : public detail::line_files_options<json_lines_files> {
public:
  static constexpr std::string_view kind_name = "json_lines_files";

  explicit json_lines_files(std::string directory)
      : line_files_options("json_lines_files", std::move(directory), ".jsonl") {}

  template <class T>
  [[nodiscard]] std::shared_ptr<const any_sink> sink() const {
    check_type<T>();
    line_files_settings settings = settings_;
    settings.append = detail::append_json_records(field_type_of<T>(), &detail::values_of<T>, sizeof(T));
    return make_line_files_sink(std::move(settings));
  }
  template <class T>
  [[nodiscard]] std::vector<error_text> problems() const {
    check_type<T>();
    return detail::json_lines_files_problems(settings_, element_type_of<T>(), field_type_of<T>());
  }

private:
  template <class T>
  static constexpr void check_type() {
    static_assert(serializable<T> && std::is_default_constructible_v<T>,
                  "weir: json_lines_files needs records that have members by name and can be made without arguments: "
                  "write WEIR_FIELDS(member, ...) into the class");
  }
};

} // namespace weir::inline v0
