#include "async_map_operator.hpp"

#include <charconv>

namespace weir::inline v0::detail {

namespace {

std::string padded(std::uint64_t number, std::size_t digits) {
  std::string text = std::to_string(number);
  return text.size() < digits ? std::string(digits - text.size(), '0') + text : text;
}

constexpr std::size_t longest_record_text = 200;

} // namespace

std::string pending_name(std::uint32_t subtask, std::uint64_t number) {
  return padded(subtask, 10) + "/" + padded(number, 20);
}

std::uint64_t pending_number(const std::string& name) {
  std::uint64_t number = 0;
  const std::size_t slash = name.find('/');
  const char* last = name.data() + name.size();
  if (slash != std::string::npos)
    if (const auto [end, fault] = std::from_chars(name.data() + slash + 1, last, number);
        fault == std::errc{} && end == last)
      return number;
  throw damaged_error({"a pending request", "a name such as 0000000000/00000000000000000001", name,
                       "restore the store from a copy, or begin anew with --fresh"});
}

void throw_async_failure(const std::string& operator_name, std::uint64_t number, const std::string& record,
                         const std::string& why) {
  throw error({"async_map \"" + operator_name + "\", record " + std::to_string(number) + " of its subtask, " +
                   (record.size() <= longest_record_text ? record : record.substr(0, longest_record_text) + "…"),
               "an answer", why, "allow more retries, or give the operator a poison policy"});
}

std::vector<error_text> async_problems(const async_options& options) {
  std::vector<error_text> problems;
  if (options.capacity == 0)
    problems.push_back({"async_map's capacity", "at least 1", "0", "say how many requests may be under way"});
  if (options.timeout.count() < 0)
    problems.push_back({"async_map's timeout", "a time, or 0 for none", "less than 0", ""});
  if (options.retry_delay.count() < 0)
    problems.push_back({"async_map's retry_delay", "a time, or 0 for none", "less than 0", ""});
  return problems;
}

} // namespace weir::inline v0::detail
