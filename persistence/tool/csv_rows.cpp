#include "csv_rows.hpp"

#include "../error.hpp"

#include <csv.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <new>
#include <utility>

namespace weir::tool {

/// libcsv's, and the rows that it has found and nobody has asked for.
struct csv_rows::parser {
  parser() {
    if (csv_init(&state, CSV_APPEND_NULL | CSV_EMPTY_IS_NULL | CSV_STRICT | CSV_STRICT_FINI) != 0)
      throw std::bad_alloc{};
  }
  parser(const parser&) = delete;
  parser& operator=(const parser&) = delete;
  ~parser() { csv_free(&state); }

  // No exception may go through libcsv: what is missing memory is said behind it.
  static void field(void* text, std::size_t size, void* self) noexcept {
    auto& at = *static_cast<parser*>(self);
    try {
      if (text == nullptr)
        at.row.emplace_back();
      else
        at.row.emplace_back(std::string{static_cast<const char*>(text), size});
    } catch (const std::bad_alloc&) {
      at.no_memory = true;
    }
  }
  static void end_of_row(int, void* self) noexcept {
    auto& at = *static_cast<parser*>(self);
    try {
      at.rows.push_back(std::exchange(at.row, {}));
    } catch (const std::bad_alloc&) {
      at.no_memory = true;
    }
  }

  csv_parser state{};
  std::vector<std::optional<std::string>> row;
  std::deque<std::vector<std::optional<std::string>>> rows;
  bool no_memory = false;
  bool ended = false;
};

csv_rows::csv_rows(const std::string& path)
    : path_(path), file_(std::fopen(path.c_str(), "rbe"), std::fclose), parser_(std::make_unique<parser>()) {
  if (!file_)
    throw path_error({"the file " + path, "a CSV file that can be read", std::strerror(errno), "check the path"});
  if (!fetch())
    throw usage_error({"the file " + path, "names of columns in its first row", "an empty file", ""});
  for (auto& name : row_)
    names_.push_back(name.value_or(""));
}

csv_rows::~csv_rows() = default;

bool csv_rows::fetch() {
  parser& at = *parser_;
  while (at.rows.empty() && !at.ended) {
    char bytes[1 << 16];
    const std::size_t count = std::fread(bytes, 1, sizeof bytes, file_.get());
    if (std::ferror(file_.get()) != 0)
      throw path_error({"the file " + path_, "a CSV file that can be read", std::strerror(errno), "check the path"});
    const std::size_t parsed = csv_parse(&at.state, bytes, count, parser::field, parser::end_of_row, &at);
    at.ended = count == 0;
    const bool whole =
        parsed == count && (!at.ended || csv_fini(&at.state, parser::field, parser::end_of_row, &at) == 0);
    if (at.no_memory)
      throw std::bad_alloc{};
    if (!whole)
      throw usage_error({"the file " + path_, "CSV", csv_strerror(csv_error(&at.state)),
                         "put fields with quotes in quotes, and double those within"});
  }
  if (at.rows.empty())
    return false;
  row_ = std::move(at.rows.front());
  at.rows.pop_front();
  ++number_;
  return true;
}

const std::vector<std::optional<std::string>>* csv_rows::next() {
  if (!fetch())
    return nullptr;
  if (row_.size() != names_.size())
    throw usage_error({"row " + std::to_string(number_) + " of " + path_, std::to_string(names_.size()) + " fields",
                       std::to_string(row_.size()), ""});
  return &row_;
}

} // namespace weir::tool
