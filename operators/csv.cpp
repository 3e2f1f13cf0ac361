#include "csv.hpp"

#include "csv_parser.hpp"
#include "json_lines.hpp"

#include <algorithm>

namespace weir::inline v0 {

std::shared_ptr<const any_source> detail::make_csv_source(const csv_settings& settings, const record_access& access) {
  record_files files;
  files.files = {"csv", settings.pattern, settings.range_bytes, settings.quoted_newlines};
  files.on_error = settings.on_error;
  files.most_record_bytes = settings.most_row_bytes;
  files.access = &access;
  const csv_rules rules{settings.delimiter,       settings.quote,           settings.columns,
                        settings.quoted_newlines, settings.missing_allowed, settings.extra_allowed};
  files.make_parser = [&access, rules](const text_range& range, std::uint64_t& begin) {
    return make_csv_parser(access.type(), rules, range, begin);
  };
  return make_record_source(std::move(files));
}

std::vector<error_text> detail::csv_source_problems(const csv_settings& settings, const field_type& record) {
  std::vector<error_text> problems;
  if (settings.pattern.empty() || settings.pattern.find('\0') != std::string::npos)
    problems.push_back({"csv", "the path of a file, or a glob pattern",
                        settings.pattern.empty() ? "nothing" : "a zero byte in it", "name a file"});
  for (const auto& why : csv_problems(record))
    problems.push_back({"csv", "a record that is a row", why,
                        "use numbers, booleans, strings, times, durations and optional ones of these"});
  const auto is_line_end = [](char c) { return c == '\n' || c == '\r'; };
  if (settings.delimiter == settings.quote || is_line_end(settings.delimiter) || is_line_end(settings.quote))
    problems.push_back(
        {"csv", "a delimiter and a quote that differ and are no line ends", "others", "change .delimiter or .quote"});
  if (settings.range_bytes != 0 && settings.quoted_newlines)
    problems.push_back({"csv", "files that can be cut into ranges", "fields that may hold line ends",
                        "add .no_quoted_newlines() if there are none, or leave out .range_bytes"});
  auto names = settings.columns;
  std::sort(names.begin(), names.end());
  if (std::adjacent_find(names.begin(), names.end()) != names.end())
    problems.push_back({"csv", "each column once", "one that is named twice", "change .columns"});
  return problems;
}

std::string detail::csv_source_guarantee() {
  return record_source_guarantee();
}

} // namespace weir::inline v0
