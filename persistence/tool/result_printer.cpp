#include "result_printer.hpp"

#include "../error.hpp"
#include "../terminal_text.hpp"

#include <nlohmann/json.hpp>

#include <csv.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

namespace weir::tool {

namespace {

/// What a terminal shows in so many columns, more or less: one for each code point.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

class file_printer : public result_printer {
public:
  file_printer(std::FILE* to, bool may_be_left) : to_(to), may_be_left_(may_be_left) {}

  void end() override {
    if (!left_ && (std::fflush(to_) != 0 || std::ferror(to_) != 0))
      failed();
  }
  [[nodiscard]] bool wants_more() const override { return !left_; }

protected:
  void put(std::string_view text) {
    if (!left_ && std::fwrite(text.data(), 1, text.size(), to_) != text.size())
      failed();
  }

private:
  void failed() {
    if (!may_be_left_ || errno != EPIPE)
      throw io_error({"the output", "to be written", std::strerror(errno), "check where it goes"});
    left_ = true;
  }

  std::FILE* to_;
  bool may_be_left_;
  bool left_ = false;
};

class table_printer final : public file_printer {
public:
  table_printer(std::FILE* to, bool may_be_left, bool colours) : file_printer(to, may_be_left), colours_(colours) {}

  void begin(std::vector<std::string> columns) override {
    columns_ = std::move(columns);
    widths_.clear();
    for (std::string& name : columns_) {
      name = terminal_text(name);
      widths_.push_back(width_of(name));
    }
  }
  void row(const std::vector<cell>& cells) override {
    std::vector<cell>& kept = rows_.emplace_back(cells);
    for (std::size_t i = 0; i != kept.size(); ++i) {
      kept[i].text = terminal_text(kept[i].text);
      widths_[i] = std::max(widths_[i], width_of(kept[i].text));
    }
  }
  void end() override {
    std::string line;
    for (std::size_t i = 0; i != columns_.size(); ++i)
      add(line, i, columns_[i], false);
    put(colours_ ? "\x1b[1m" + line + "\x1b[0m\n" : line + "\n");
    for (const std::vector<cell>& cells : std::exchange(rows_, {})) {
      line.clear();
      for (std::size_t i = 0; i != cells.size(); ++i)
        add(line, i, cells[i].text, cells[i].what == cell::kind::number);
      line.erase(line.find_last_not_of(' ') + 1);
      put(line + "\n");
    }
    file_printer::end();
  }

private:
  /// Numbers stand to the right. Nothing stands behind the last column.
  void add(std::string& line, std::size_t column, const std::string& text, bool right) const {
    const std::string space(widths_[column] - std::min(widths_[column], width_of(text)), ' ');
    line += column == 0 ? "" : "  ";
    line += right ? space + text : column + 1 == widths_.size() ? text : text + space;
  }

  bool colours_;
  std::vector<std::string> columns_;
  std::vector<std::size_t> widths_;
  std::vector<std::vector<cell>> rows_;
};

class json_printer final : public file_printer {
public:
  using file_printer::file_printer;

  void begin(std::vector<std::string> columns) override { columns_ = std::move(columns); }
  void row(const std::vector<cell>& cells) override {
    std::string line = "{";
    for (std::size_t i = 0; i != cells.size(); ++i) {
      line += (i == 0 ? "" : ",") + quoted(columns_[i]) + ":";
      switch (cells[i].what) {
      case cell::kind::null:
        line += "null";
        break;
      case cell::kind::number:
      case cell::kind::json:
        line += cells[i].text;
        break;
      case cell::kind::text:
      case cell::kind::bytes:
        line += quoted(cells[i].text);
        break;
      }
    }
    put(line + "}\n");
  }

private:
  static std::string quoted(const std::string& text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }

  std::vector<std::string> columns_;
};

class csv_printer final : public file_printer {
public:
  using file_printer::file_printer;

  void begin(std::vector<std::string> columns) override {
    std::string line;
    for (std::size_t i = 0; i != columns.size(); ++i)
      line += (i == 0 ? "" : ",") + quoted(columns[i]);
    put(line + "\n");
  }
  void row(const std::vector<cell>& cells) override {
    std::string line;
    for (std::size_t i = 0; i != cells.size(); ++i)
      line += (i == 0 ? "" : ",") + (cells[i].what == cell::kind::null ? std::string{} : quoted(cells[i].text));
    put(line + "\n");
  }

private:
  /// In quotes only where it must be; an empty text is, to tell it from null.
  static std::string quoted(const std::string& text) {
    if (!text.empty() && text.find_first_of(",\"\r\n") == std::string::npos && text.front() != ' ' &&
        text.back() != ' ')
      return text;
    std::string out(csv_write(nullptr, 0, text.data(), text.size()), '\0');
    csv_write(out.data(), out.size(), text.data(), text.size());
    return out;
  }
};

} // namespace

std::optional<output_format> output_format_from(std::string_view word) {
  if (word == "table")
    return output_format::table;
  if (word == "json")
    return output_format::json;
  if (word == "csv")
    return output_format::csv;
  return std::nullopt;
}

std::unique_ptr<result_printer> make_printer(output_format format, std::FILE* to, bool colours, bool may_be_left) {
  switch (format) {
  case output_format::json:
    return std::make_unique<json_printer>(to, may_be_left);
  case output_format::csv:
    return std::make_unique<csv_printer>(to, may_be_left);
  case output_format::table:
    break;
  }
  return std::make_unique<table_printer>(to, may_be_left, colours);
}

} // namespace weir::tool
