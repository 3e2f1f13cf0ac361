// A SQL connection with the extension loaded, for tests: rows as text, errors as text.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

struct sqlite3;

namespace sql_test {

/// The extension that was built.
std::filesystem::path extension();

class sql_connection {
public:
  enum class use { read, edit };
  /// Opens a file for reading, as `sqlite3 -readonly` does, or for writing too, and loads the extension.
  explicit sql_connection(const std::filesystem::path& path, use as = use::read);
  sql_connection(const sql_connection&) = delete;
  sql_connection& operator=(const sql_connection&) = delete;
  ~sql_connection();

  /// The rows, columns with a | between, as the `sqlite3` program shows them. Blobs are x'0A', nulls "null". Throws
  /// std::runtime_error with SQLite's message.
  std::vector<std::string> rows(const std::string& sql);
  /// The one row of one column.
  std::string one(const std::string& sql);
  /// The message of a statement that fails; empty if it does not.
  std::string error(const std::string& sql);
  /// The same, interrupted as by Ctrl-C after so many steps of SQLite, its own statements' and the extension's.
  std::string error_when_interrupted(const std::string& sql, int steps);

private:
  sqlite3* handle_ = nullptr;
};

/// Changes a store behind its back.
void change_file(const std::filesystem::path& path, const std::string& sql);

} // namespace sql_test
