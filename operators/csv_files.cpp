#include "csv_files.hpp"

#include "record_text.hpp"

namespace weir::inline v0::detail {

append_records_function append_csv_records(const field_type& record, values_function values_of, std::size_t stride,
                                           char delimiter, char quote) {
  return [=, &record](const any_batch& records, std::size_t from, std::size_t to, std::string& out) {
    const auto* values = static_cast<const char*>(values_of(records));
    for (std::size_t i = from; i < to; ++i) {
      append_csv_row(out, record, values + i * stride, delimiter, quote);
      out += '\n';
    }
  };
}

std::string csv_files_header(const field_type& record, char delimiter, char quote) {
  return csv_header(record, delimiter, quote);
}

std::vector<error_text> csv_files_problems(const line_files_settings& settings, const element_type& records,
                                           const field_type& record, char delimiter, char quote) {
  auto problems = line_files_problems(settings, records);
  for (const auto& why : csv_problems(record))
    problems.push_back({"csv_files", "a record that is a row", why,
                        "use numbers, booleans, strings, times, durations and optional ones of these"});
  if (record.fields.size() == 1 && record.fields[0].type().kind == field_kind::optional)
    problems.push_back({"csv_files", "a row that can be told from an empty line",
                        "the only member, " + record.fields[0].name + ", is optional", "add a member"});
  // What numbers and times are made of could not be told from it.
  constexpr std::string_view ordinary = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-.:%\n\r";
  if (delimiter == quote || ordinary.find(delimiter) != std::string_view::npos ||
      ordinary.find(quote) != std::string_view::npos)
    problems.push_back({"csv_files", "a delimiter and a quote that differ and are no part of a number",
                        std::string{delimiter} + " and " + quote, "change .delimiter or .quote"});
  return problems;
}

} // namespace weir::inline v0::detail
