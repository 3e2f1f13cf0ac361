#include "sql_names.hpp"

#include <algorithm>

namespace weir::inline v0 {

namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_of_word(char c) {
  return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || c == '_' || c == '$' ||
         (static_cast<unsigned char>(c) & 0x80) != 0;
}

/// The offset behind the quoted text or comment that begins at `at`; `at` if none does.
std::size_t behind_quotes(std::string_view sql, std::size_t at) {
  const auto behind = [&](std::string_view end, std::size_t from) {
    const auto found = sql.find(end, from);
    return found == std::string_view::npos ? sql.size() : found + end.size();
  };
  const std::string_view rest = sql.substr(at);
  if (rest.starts_with("--"))
    return behind("\n", at + 2);
  if (rest.starts_with("/*"))
    return behind("*/", at + 2);
  switch (rest.front()) {
  case '\'':
  case '"':
  case '`':
    return behind(rest.substr(0, 1), at + 1); // a doubled quote within begins the next one
  case '[':
    return behind("]", at + 1);
  default:
    return at;
  }
}

} // namespace

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string quoted_name(std::string_view name) {
  std::string text = "\"";
  for (const char c : name)
    text += c == '"' ? std::string{"\"\""} : std::string{c};
  return text + '"';
}

bool has_autoincrement(std::string_view create_table) {
  for (std::size_t at = 0; at < create_table.size();) {
    if (const auto behind = behind_quotes(create_table, at); behind != at) {
      at = behind;
      continue;
    }
    std::size_t end = at;
    while (end < create_table.size() && is_of_word(create_table[end]))
      ++end;
    if (same_name(create_table.substr(at, end - at), "autoincrement"))
      return true;
    at = std::max(end, at + 1);
  }
  return false;
}

} // namespace weir::inline v0
