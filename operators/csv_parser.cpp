#include "csv_parser.hpp"

#include "../persistence/error.hpp"
#include "byte_input.hpp"
#include "field_text.hpp"
#include "line_scanner.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <string_view>

#include <csv.h>

namespace weir::inline v0 {

namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf"; // that some programs put before UTF-8

/// Splits rows into fields: those without a quote by itself, those with quotes by libcsv.
class csv_splitter {
public:
  /// A field, which is empty and null if nothing at all stands there.
  using field_function = void (*)(void* self, const char* text, std::size_t size);
  enum class result : std::uint8_t { row, blank, more, fault };

  csv_splitter(const csv_rules& rules, field_function on_field, void* self)
      : delimiter_(rules.delimiter), quote_(rules.quote), on_field_(on_field), self_(self) {
    if (::csv_init(&parser_, CSV_STRICT | CSV_REPALL_NL | CSV_EMPTY_IS_NULL) != 0)
      throw std::bad_alloc{};
    ::csv_set_delim(&parser_, static_cast<unsigned char>(delimiter_));
    ::csv_set_quote(&parser_, static_cast<unsigned char>(quote_));
    // Spaces belong to their fields; a carriage return at the end of a line does not.
    ::csv_set_space_func(&parser_, [](unsigned char c) -> int { return c == '\r' ? 1 : 0; });
    ::csv_set_term_func(&parser_, [](unsigned char c) -> int { return c == '\n' ? 1 : 0; });
  }
  csv_splitter(const csv_splitter&) = delete;
  csv_splitter& operator=(const csv_splitter&) = delete;
  ~csv_splitter() { ::csv_free(&parser_); }

  [[nodiscard]] bool inside() const noexcept { return inside_; }

  result take(std::string_view line) {
    if (!inside_ && std::memchr(line.data(), quote_, line.size()) == nullptr)
      return split(without_line_end(line));
    row_ended_ = false;
    inside_ = true;
    std::size_t taken = parse(line);
    if (taken == line.size() && !line.ends_with('\n')) // the last line of a file may have no end
      taken += parse("\n") - 1;
    if (taken != line.size()) {
      if (::csv_error(&parser_) == CSV_ENOMEM)
        throw std::bad_alloc{};
      return result::fault;
    }
    if (!row_ended_)
      return result::more;
    inside_ = false;
    return result::row;
  }

  /// Forgets an unfinished row.
  void reset() {
    if (!inside_)
      return;
    inside_ = false;
    parser_.pstate = 0;
    parser_.quoted = 0;
    parser_.spaces = 0;
    parser_.entry_pos = 0;
    parser_.status = CSV_SUCCESS;
  }

private:
  result split(std::string_view line) {
    if (line.empty())
      return result::blank;
    const char* at = line.data();
    const char* const end = at + line.size();
    for (;;) {
      const auto left = static_cast<std::size_t>(end - at);
      const auto* found = left == 0 ? nullptr : static_cast<const char*>(std::memchr(at, delimiter_, left));
      const char* stop = found ? found : end;
      on_field_(self_, stop == at ? nullptr : at, static_cast<std::size_t>(stop - at));
      if (!found)
        return result::row;
      at = found + 1;
    }
  }

  std::size_t parse(std::string_view text) {
    return ::csv_parse(
        &parser_, text.data(), text.size(),
        [](void* field, std::size_t size, void* self) {
          auto* splitter = static_cast<csv_splitter*>(self);
          splitter->on_field_(splitter->self_, static_cast<const char*>(field), size);
        },
        [](int, void* self) { static_cast<csv_splitter*>(self)->row_ended_ = true; }, this);
  }

  char delimiter_;
  char quote_;
  field_function on_field_;
  void* self_;
  csv_parser parser_{};
  bool row_ended_ = false;
  bool inside_ = false; // of a row that libcsv has begun
};

class csv_row_parser final : public record_parser {
public:
  struct column {
    std::string name;
    const field_type* type = nullptr; ///< of the value; none: the column is passed over
    const field_type* optional = nullptr;
    std::size_t offset = 0;
  };

  csv_row_parser(std::vector<column> columns, const csv_rules& rules)
      : columns_(std::move(columns)), rules_(rules), splitter_(rules, &on_field, this) {}

  outcome parse(std::string_view line, void* record) override {
    record_ = static_cast<char*>(record);
    if (!splitter_.inside()) {
      field_ = 0;
      faulty_ = false;
    }
    switch (splitter_.take(line)) {
    case csv_splitter::result::blank:
      return outcome::nothing;
    case csv_splitter::result::row:
      if (!faulty_ && field_ != columns_.size())
        refuse({}, "expected " + std::to_string(columns_.size()) + " fields, found " + std::to_string(field_));
      return faulty_ ? outcome::fault : outcome::record;
    case csv_splitter::result::more:
      if (rules_.quoted_newlines)
        return outcome::more;
      refuse({}, "expected the end of a quoted field, found the end of the line");
      break;
    case csv_splitter::result::fault:
      refuse(field_ < columns_.size() ? columns_[field_].name : std::string{},
             "expected a field that is in quotes as a whole or not at all, found a quote within it");
      break;
    }
    splitter_.reset();
    return outcome::broken;
  }

  void reset() override { splitter_.reset(); }

private:
  static void on_field(void* self, const char* text, std::size_t size) {
    static_cast<csv_row_parser*>(self)->take_field(text, size);
  }

  void take_field(const char* text, std::size_t size) {
    const std::size_t index = field_++;
    if (index >= columns_.size() || faulty_)
      return;
    const column& to = columns_[index];
    if (!to.type)
      return;
    void* place = record_ + to.offset;
    if (to.optional) {
      if (!text) {
        to.optional->clear(place);
        return;
      }
      place = to.optional->add(place);
    }
    const std::string_view found = text ? std::string_view{text, size} : std::string_view{};
    if (!store_text(*to.type, found, place))
      refuse(to.name,
             "expected " + to_text(*to.type) + ", found " + (found.empty() ? "nothing" : '"' + shortened(found) + '"'));
  }

  void refuse(std::string name, std::string error) {
    if (faulty_)
      return;
    faulty_ = true;
    fault_ = {std::move(name), std::move(error)};
  }

  std::vector<column> columns_;
  csv_rules rules_;
  csv_splitter splitter_;
  char* record_ = nullptr;
  std::size_t field_ = 0; // the next one
  bool faulty_ = false;
};

/// The names in the first row, and the offset behind it; no names if the file has no row.
std::vector<std::string> read_names(const text_range& range, const csv_rules& rules, std::uint64_t& end) {
  std::vector<std::string> names;
  csv_splitter splitter{rules,
                        [](void* all, const char* text, std::size_t size) {
                          static_cast<std::vector<std::string>*>(all)->emplace_back(text ? text : "", text ? size : 0);
                        },
                        &names};
  line_scanner scanner{open_file_input(range.path, range.size, 0, 0), 0, 4096};
  constexpr std::uint64_t most = 1024 * 1024;
  bool first = true;
  for (;;) {
    scanner.mark();
    std::string_view line;
    bool more = true;
    while (!scanner.next(line) && more && scanner.offset() + scanner.waiting_bytes() < most)
      more = scanner.fill();
    if (line.empty()) {
      if (scanner.at_end() && !splitter.inside())
        return {};
      throw usage_error({range.path, "a first row with the names of the columns",
                         "none within " + std::to_string(most) + " bytes", "name the columns with .columns({...})"});
    }
    end = scanner.offset();
    if (first && line.starts_with(byte_order_mark))
      line.remove_prefix(byte_order_mark.size());
    first = false;
    switch (splitter.take(line)) {
    case csv_splitter::result::row:
      return names;
    case csv_splitter::result::fault:
      throw usage_error({range.path, "a first row with the names of the columns",
                         "a row with a quote inside of a field: " + shortened(line),
                         "name the columns with .columns({...})"});
    default:
      break;
    }
  }
}

std::string joined(const std::vector<std::string>& names) {
  std::string all;
  for (const auto& name : names)
    all += (all.empty() ? "" : ", ") + name;
  return shortened(all);
}

/// Which column fills which member.
std::vector<csv_row_parser::column> match_columns(const field_type& record, const csv_rules& rules,
                                                  const std::vector<std::string>& names, const std::string& path) {
  std::vector<csv_row_parser::column> columns;
  std::vector<bool> filled(record.fields.size());
  std::string extra;
  for (const auto& name : names) {
    auto& column = columns.emplace_back();
    column.name = name;
    const auto found = std::find_if(record.fields.begin(), record.fields.end(),
                                    [&](const record_field& field) { return field.name == name; });
    if (found == record.fields.end()) {
      extra += (extra.empty() ? "" : ", ") + name;
      continue;
    }
    const auto index = static_cast<std::size_t>(found - record.fields.begin());
    if (filled[index])
      throw usage_error({path, "each column once", "two columns " + name, "rename one of them"});
    filled[index] = true;
    const field_type& type = found->type();
    column.offset = found->offset;
    column.optional = type.kind == field_kind::optional ? &type : nullptr;
    column.type = column.optional ? &type.inner() : &type;
  }
  std::string missing;
  for (std::size_t i = 0; i < filled.size(); ++i)
    if (!filled[i] && record.fields[i].type().kind != field_kind::optional)
      missing += (missing.empty() ? "" : ", ") + record.fields[i].name;
  if (!missing.empty() && !rules.missing_allowed)
    throw usage_error({path, "a column for each member that is not optional",
                       "none for " + missing + "; there are " + joined(names),
                       "mend the first row or the names of the members, check the delimiter, or use .allow_missing()"});
  if (!extra.empty() && !rules.extra_allowed)
    throw usage_error({path, "columns for members only", "also " + shortened(extra),
                       "add members for them, or leave out .refuse_extra()"});
  return columns;
}

} // namespace

std::unique_ptr<record_parser> make_csv_parser(const field_type& record, const csv_rules& rules,
                                               const text_range& range, std::uint64_t& begin) {
  std::vector<std::string> names = rules.columns;
  if (names.empty()) {
    std::uint64_t end = 0;
    names = read_names(range, rules, end);
    if (names.empty())
      return std::make_unique<csv_row_parser>(std::vector<csv_row_parser::column>{}, rules); // a file without a row
    if (range.first == 0)
      begin = end;
  } else if (range.first == 0) {
    char mark[3] = {};
    const auto input = open_file_input(range.path, range.size, 0, 0);
    std::size_t filled = 0;
    while (filled < sizeof mark) {
      const std::size_t got = input->read(mark + filled, sizeof mark - filled);
      if (got == 0)
        break;
      filled += got;
    }
    begin = std::string_view{mark, filled} == byte_order_mark ? filled : 0;
  }
  return std::make_unique<csv_row_parser>(match_columns(record, rules, names, range.path), rules);
}

} // namespace weir::inline v0
