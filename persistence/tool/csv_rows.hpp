// Reads a CSV file row by row, as `export` writes it.
#pragma once

#include <cstddef>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weir::tool {

/// A file with a row a line, and names in the first one. Errors: path_error for a file that can't be read, usage_error
/// for one without names and for a row of another length.
class csv_rows {
public:
  explicit csv_rows(const std::string& path);
  csv_rows(const csv_rows&) = delete;
  csv_rows& operator=(const csv_rows&) = delete;
  ~csv_rows();

  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  /// The next row, as long as the names; null at the end. A field that is empty and not in quotes has no value.
  [[nodiscard]] const std::vector<std::optional<std::string>>* next();
  /// The number of the row that `next` gave; that of the names is 1.
  [[nodiscard]] std::size_t number() const { return number_; }

private:
  struct parser;
  [[nodiscard]] bool fetch();

  std::string path_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
  std::unique_ptr<parser> parser_;
  std::vector<std::string> names_;
  std::vector<std::optional<std::string>> row_;
  std::size_t number_ = 0;
};

} // namespace weir::tool
