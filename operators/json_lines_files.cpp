#include "json_lines_files.hpp"

#include "record_text.hpp"

namespace weir::inline v0::detail {

append_records_function append_json_records(const field_type& record, values_function values_of, std::size_t stride) {
  return [=, &record](const any_batch& records, std::size_t from, std::size_t to, std::string& out) {
    const auto* values = static_cast<const char*>(values_of(records));
    for (std::size_t i = from; i < to; ++i) {
      append_json(out, record, values + i * stride);
      out += '\n';
    }
  };
}

std::vector<error_text> json_lines_files_problems(const line_files_settings& settings, const element_type& records,
                                                  const field_type& record) {
  auto problems = line_files_problems(settings, records);
  for (const auto& why : json_problems(record))
    problems.push_back({"json_lines_files", "a record that JSON can hold", why,
                        "use numbers, booleans, strings, times, lists, maps from strings, and classes of these"});
  return problems;
}

} // namespace weir::inline v0::detail
