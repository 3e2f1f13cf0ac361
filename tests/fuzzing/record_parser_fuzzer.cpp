// Reads any lines as JSON and as CSV; what is read is written, and read again.
#include "fuzz_check.hpp"

#include <weir/operators/csv_parser.hpp>
#include <weir/operators/json_parser.hpp>
#include <weir/operators/line_scanner.hpp>
#include <weir/operators/record_text.hpp>

#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <vector>

using namespace weir_fuzz;

namespace {

struct row {
  int whole = 0;
  std::optional<std::uint8_t> small;
  double real = 0;
  std::string text;
  std::optional<std::string> note;
  bool truth = false;
  char letter = ' ';
  weir::event_time at{};
  WEIR_FIELDS(whole, small, real, text, note, truth, letter, at)
  friend bool operator==(const row&, const row&) = default;
};

struct tree {
  std::string name;
  std::vector<tree> children;
  std::map<std::string, double> weights;
  std::array<int, 2> pair{};
  std::optional<row> data;
  WEIR_FIELDS(name, children, weights, pair, data)
  friend bool operator==(const tree&, const tree&) = default;
};

using outcome = weir::record_parser::outcome;

/// A line with the bytes behind it that a parser may look at.
class padded_line {
public:
  explicit padded_line(std::string_view line) : size_(line.size()), bytes_(line) {
    bytes_.append(weir::line_scanner::padding_bytes, '"');
  }
  [[nodiscard]] std::string_view get() const { return {bytes_.data(), size_}; }

private:
  std::size_t size_;
  std::string bytes_;
};

bool is_valid(const row& r) {
  return std::isfinite(r.real);
}

void read_json(std::string_view line) {
  const auto parser = weir::make_json_parser(weir::field_type_of<tree>(), {true, true});
  tree first;
  const padded_line padded{line};
  const auto found = parser->parse(padded.get(), &first);
  require(found != outcome::more, "a line of JSON ends");
  if (found == outcome::fault)
    require(!parser->fault().error.empty(), "a fault has a reason");
  if (found != outcome::record)
    return;
  std::string written;
  weir::append_json(written, weir::field_type_of<tree>(), &first);
  tree second;
  const padded_line again{written};
  require(parser->parse(again.get(), &second) == outcome::record, "what is written is read: " + written);
  require(first == second, "what is read again is what was read");
}

void read_csv(std::string_view text) {
  weir::csv_rules rules;
  for (const auto& field : weir::field_type_of<row>().fields)
    rules.columns.push_back(field.name);
  weir::text_range range; // that is not a file's beginning, so that no file is looked at
  range.first = 1;
  std::uint64_t begin = 0;
  const auto parser = weir::make_csv_parser(weir::field_type_of<row>(), rules, range, begin);
  row first;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const padded_line line{text.substr(0, end == std::string_view::npos ? end : end + 1)};
    text.remove_prefix(line.get().size());
    const auto found = parser->parse(line.get(), &first);
    if (found == outcome::fault || found == outcome::broken)
      require(!parser->fault().error.empty(), "a fault has a reason");
    if (found != outcome::record || !is_valid(first))
      continue;
    std::string written;
    weir::append_csv_row(written, weir::field_type_of<row>(), &first, ',', '"');
    written += '\n';
    const auto reader = weir::make_csv_parser(weir::field_type_of<row>(), rules, range, begin);
    row second;
    auto again = outcome::more;
    for (std::string_view left = written; !left.empty() && again == outcome::more;) {
      const padded_line part{left.substr(0, left.find('\n') + 1)};
      left.remove_prefix(part.get().size());
      again = reader->parse(part.get(), &second);
    }
    require(again == outcome::record, "what is written is read: " + written);
    require(first == second, "what is read again is what was read: " + written);
  }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0)
    return 0;
  const std::string_view text = as_text(as_bytes(data + 1, size - 1));
  if (data[0] % 2 == 0)
    read_json(text);
  else
    read_csv(text);
  return 0;
}
