// A look at a SQLite file from outside, as any reader has it.
#include "process/database.hpp"

#include <sqlite3.h>

#include <stdexcept>

namespace weir_test {

database::database(const std::string& path) {
  if (sqlite3_open_v2(path.c_str(), &connection_, SQLITE_OPEN_READONLY, nullptr) != SQLITE_OK) {
    const std::string why = sqlite3_errmsg(connection_);
    sqlite3_close(connection_);
    throw std::runtime_error{path + ": " + why};
  }
  sqlite3_busy_timeout(connection_, 10'000);
}

database::~database() {
  sqlite3_close(connection_);
}

std::vector<std::vector<std::string>> database::rows(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(connection_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK)
    throw std::runtime_error{sql + ": " + sqlite3_errmsg(connection_)};
  std::vector<std::vector<std::string>> all;
  int result = SQLITE_ROW;
  while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
    auto& row = all.emplace_back();
    for (int i = 0; i != sqlite3_column_count(statement); ++i) {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, i));
      row.emplace_back(text ? text : "");
    }
  }
  const std::string why = sqlite3_errmsg(connection_);
  sqlite3_finalize(statement);
  if (result != SQLITE_DONE)
    throw std::runtime_error{sql + ": " + why};
  return all;
}

std::string database::value(const std::string& sql) {
  const auto all = rows(sql);
  if (all.size() != 1 || all.front().size() != 1)
    throw std::runtime_error{sql + ": not one value, but " + std::to_string(all.size()) + " rows"};
  return all.front().front();
}

long long database::integer(const std::string& sql) {
  return std::stoll(value(sql));
}

std::map<std::string, long long, std::less<>> counts_in_table(const std::string& path, const std::string& table) {
  std::map<std::string, long long, std::less<>> counts;
  database file{path};
  for (const auto& row : file.rows("SELECT key, count FROM " + table))
    counts[row.at(0)] = std::stoll(row.at(1));
  return counts;
}

std::map<std::string, long long, std::less<>> count_words(const std::string& text) {
  std::map<std::string, long long, std::less<>> counts;
  std::string word;
  for (const char c : text + "\n") {
    const char small = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    if (small >= 'a' && small <= 'z')
      word += small;
    else if (!word.empty()) {
      ++counts[word];
      word.clear();
    }
  }
  return counts;
}

} // namespace weir_test
