// A look at a SQLite file from outside, as any reader has it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

struct sqlite3;

namespace weir_test {

/// A read-only connection. Throws std::runtime_error for whatever SQLite refuses.
class database {
public:
  explicit database(const std::string& path);
  database(const database&) = delete;
  database& operator=(const database&) = delete;
  ~database();

  /// All rows of a query, as text; NULL is an empty string.
  [[nodiscard]] std::vector<std::vector<std::string>> rows(const std::string& sql);
  /// The one value that a query gives, as text.
  [[nodiscard]] std::string value(const std::string& sql);
  [[nodiscard]] long long integer(const std::string& sql);

private:
  sqlite3* connection_ = nullptr;
};

/// The table (key, count) of a SQLite file.
std::map<std::string, long long, std::less<>> counts_in_table(const std::string& path, const std::string& table);

/// The words of a text, a run of letters each, in small letters, with their number.
std::map<std::string, long long, std::less<>> count_words(const std::string& text);

} // namespace weir_test
