// Reads any text as a split of a source, and as a position in it: of text files, of generators, of vectors. A reader
// that goes on from a position gives what it would have given without the stop.
#include "allocation_limit.hpp"
#include "fuzz_check.hpp"
#include "fuzz_input.hpp"
#include "scratch_place.hpp"

#include <weir/operators/flat_json.hpp>
#include <weir/operators/from_vector.hpp>
#include <weir/operators/generator_cursor.hpp>
#include <weir/operators/text_range.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace weir_fuzz;

constexpr std::size_t most_steps = 10'000;

// ---- text files ----

class line_list final : public weir::batch_receiver {
public:
  bool accept(weir::batch_ptr batch) override {
    const auto& values = weir::as<std::string>(*batch).values;
    lines.insert(lines.end(), values.begin(), values.end());
    return true;
  }
  std::vector<std::string> lines;
};

const std::string& text_file() {
  static const scratch_place place;
  static const std::string path = place.write("text", "one\ntwo\r\n\nfour is a longer line\nfive\r\n\r\n\rseven\nlast");
  return path;
}

/// The lines from a position on; none if it is refused. With `stops`, begun anew after every line or two.
std::optional<std::vector<std::string>> lines_of(const weir::text_range& range, const std::string& position,
                                                 std::size_t block_bytes, bool stops) {
  line_list list;
  const bool read = accepts([&] {
    weir::collector<std::string> out;
    out.connect(list, 3);
    auto reader = weir::read_text_range(range, position, block_bytes);
    std::size_t steps = 0;
    while (reader->read(out, 2) != weir::read_status::end) {
      require(++steps < most_steps, "a reader comes to an end");
      if (stops && !reader->position().empty())
        reader = weir::read_text_range(range, reader->position(), block_bytes);
    }
    require(!reader->position().empty(), "the end is a position");
    out.flush();
  });
  return read ? std::optional{std::move(list.lines)} : std::nullopt;
}

void check_text_range(const std::string& description, const std::string& position) {
  std::optional<weir::text_range> range;
  {
    const allocation_limit limit{16384 + 512 * description.size()};
    if (!accepts([&] { range = weir::text_range::parse(description); }))
      return;
  }
  require(range->first <= range->last && range->last <= range->size, "a range is within its file");
  require(range->path == range->path.c_str(), "a path is what the system takes for it");
  const std::string written = range->to_json();
  require(weir::text_range::parse(written).to_json() == written, "a split that was read is written");

  range->path = text_file();
  const allocation_limit limit{65536 + 512 * position.size()};
  const auto whole = lines_of(*range, position, 1024, false);
  if (!whole)
    return;
  require(whole->size() <= range->last - range->first + 1, "a range has no more lines than bytes");
  require(lines_of(*range, position, 1, false) == whole, "the size of the blocks does not matter");
  require(lines_of(*range, position, 5, true) == whole, "a reader goes on where it stopped");
}

// ---- generators ----

void check_generator(bool limited, const std::string& description, const std::string& position) {
  const allocation_limit limit{16384 + 512 * (description.size() + position.size())};
  const weir::processing_time now{std::chrono::seconds{1'700'000'000}};
  const weir::generator_settings settings{100, 7, limited, 1e6};
  const weir::source_split split{"00000000", description};
  std::optional<weir::generator_cursor> cursor;
  if (!accepts([&] { cursor.emplace(settings, split, position, now); }))
    return;
  static_cast<void>(weir::check_generator_splits(settings, {split}));
  const auto object = weir::flat_json::parse(description, "a split");
  const std::uint64_t total = object.has("count") ? object.number("total") : weir::index_range::unbounded;
  for (std::size_t step = 0; step < 20 && cursor->status() != weir::read_status::end; ++step) {
    if (cursor->status() == weir::read_status::later)
      require(cursor->next_at() >= now, "a reader waits for what is to come");
    const std::size_t available = cursor->available(10);
    require(available <= 10 && (limited || available != 0), "a reader gives records or waits");
    require(total == weir::index_range::unbounded || cursor->index() < total, "a generator makes its own records only");
    require(cursor->step() != 0, "a generator goes on");
    const std::uint64_t expected = cursor->index() + available * cursor->step();
    cursor->advance(available);
    require(cursor->index() == expected, "a reader goes on by steps");
    weir::generator_cursor again{settings, split, cursor->position(), now};
    require(again.index() == cursor->index() && again.position() == cursor->position(),
            "a reader goes on where it stopped");
    require((again.status() == weir::read_status::end) == (cursor->status() == weir::read_status::end),
            "the end is the same");
  }
}

// ---- vectors ----

void check_vector(const std::string& description, const std::string& position) {
  const allocation_limit limit{16384 + 512 * (description.size() + position.size())};
  constexpr std::size_t size = 10;
  const weir::source_split split{"00000000", description};
  std::optional<weir::index_cursor> cursor;
  if (!accepts([&] { cursor = weir::detail::vector_cursor(size, split, position); }))
    return;
  weir::detail::check_vector_splits(size, {split});
  const std::size_t available = cursor->available(100);
  require(cursor->index() <= size && available <= size - cursor->index(), "a split is within its vector");
  cursor->advance(available);
  require(cursor->at_end(), "what is available is all that is left");
  require(weir::detail::vector_cursor(size, split, cursor->position()).at_end(), "the end is a position");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // The kind, the description, and on another line the position.
  fuzz_input input{as_bytes(data, size)};
  const unsigned kind = input.byte();
  const std::string_view text = as_text(input.rest());
  const std::size_t line = text.find('\n');
  const std::string description{text.substr(0, line)};
  const std::string position{line == std::string_view::npos ? std::string_view{} : text.substr(line + 1)};
  switch (kind) {
  case 't':
    check_text_range(description, position);
    return 0;
  case 'g':
    check_generator(false, description, position);
    return 0;
  case 'r':
    check_generator(true, description, position);
    return 0;
  case 'v':
    check_vector(description, position);
    return 0;
  default:
    return -1;
  }
}
