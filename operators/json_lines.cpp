#include "json_lines.hpp"

#include "json_parser.hpp"

namespace weir::inline v0 {

std::shared_ptr<const any_source> detail::make_json_lines_source(const json_lines_settings& settings,
                                                                 const record_access& access) {
  record_files files;
  files.files = {"json_lines", settings.pattern, settings.range_bytes, false};
  files.on_error = settings.on_error;
  files.most_record_bytes = settings.most_line_bytes;
  files.access = &access;
  const json_rules rules{settings.missing_allowed, settings.extra_allowed};
  files.make_parser = [&access, rules](const text_range&, std::uint64_t&) {
    return make_json_parser(access.type(), rules);
  };
  return make_record_source(std::move(files));
}

std::vector<error_text> detail::json_lines_problems(const json_lines_settings& settings, const field_type& record) {
  std::vector<error_text> problems;
  if (settings.pattern.empty() || settings.pattern.find('\0') != std::string::npos)
    problems.push_back({"json_lines", "the path of a file, or a glob pattern",
                        settings.pattern.empty() ? "nothing" : "a zero byte in it", "name a file"});
  for (const auto& why : json_problems(record))
    problems.push_back({"json_lines", "a record that JSON can hold", why,
                        "use numbers, booleans, strings, times, lists, maps from strings, and classes of these"});
  return problems;
}

std::string detail::record_source_guarantee() {
  return "Each record is read once; after a failure reading goes on behind the last one that the checkpoint has. A bad "
         "line that is skipped is counted once.";
}

} // namespace weir::inline v0
