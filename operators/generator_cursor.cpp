#include "generator_cursor.hpp"

#include "flat_json.hpp"
#include "split_ids.hpp"

#include <chrono>
#include <cmath>

namespace weir::inline v0 {

struct generator_split {
  index_range range;
  std::uint64_t total = index_range::unbounded;
  std::uint64_t parts = 1; // splits of the whole generator: each has its share of the rate
  std::uint64_t seed = 0;
};

namespace {

constexpr const char* split_thing = "a split of a generator";
constexpr double group_us = 1000;

std::string to_json(const generator_split& split) {
  flat_json object;
  object.set("first", split.range.first).set("step", split.range.step);
  if (split.total != index_range::unbounded)
    object.set("count", split.range.count).set("total", split.total);
  return object.set("parts", split.parts).set("seed", split.seed).to_string();
}

/// Whether a range is one of a generator of `total` records.
bool is_within(const index_range& range, std::uint64_t total) {
  if (range.step == 0)
    return false;
  if (total == index_range::unbounded || range.count == 0)
    return true;
  return range.first < total && range.count - 1 <= (total - 1 - range.first) / range.step;
}

generator_split parse(const source_split& split) {
  const auto object = flat_json::parse(split.description, split_thing);
  generator_split found;
  found.range.first = object.number("first");
  found.range.step = object.number("step");
  if (object.has("count")) {
    found.range.count = object.number("count");
    found.total = object.number("total");
  }
  found.parts = object.number("parts");
  found.seed = object.number("seed");
  if (found.parts == 0 || !is_within(found.range, found.total))
    throw damaged_error({split_thing, "records of the generator, in steps of at least 1, and at least one part",
                         split.description, "begin anew with --fresh"});
  return found;
}

std::string count_text(std::uint64_t count) {
  return count == index_range::unbounded ? "records without end" : std::to_string(count) + " records";
}

} // namespace

std::vector<error_text> generator_problems(const generator_settings& settings) {
  if (!settings.limited || (std::isfinite(settings.rate_per_second) && settings.rate_per_second > 0))
    return {};
  return {{"generator", "a rate above 0 records a second", std::to_string(settings.rate_per_second),
           "give .rate() a number above 0, or leave it out"}};
}

std::vector<source_split> generator_splits(const generator_settings& settings, std::uint32_t parallelism) {
  const auto ranges = deal_indices(settings.count, parallelism);
  std::vector<source_split> splits;
  for (const auto& range : ranges)
    splits.push_back(
        {split_id(splits.size()), to_json({range, settings.count, std::uint64_t{ranges.size()}, settings.seed})});
  return splits;
}

std::vector<std::string> check_generator_splits(const generator_settings& settings,
                                                const std::vector<source_split>& splits) {
  std::vector<std::string> notes;
  if (splits.empty())
    return notes;
  const auto first = parse(splits.front());
  if (first.total != settings.count)
    notes.push_back("The generator is now asked for " + count_text(settings.count) + "; this run goes on to make " +
                    count_text(first.total) + "; --fresh begins anew.");
  if (first.seed != settings.seed)
    notes.push_back("The generator's seed is now " + std::to_string(settings.seed) + "; this run goes on with " +
                    std::to_string(first.seed) + "; --fresh begins anew.");
  return notes;
}

std::size_t generator_rate::available(std::uint64_t done, std::size_t most) {
  if (waiting(done)) {
    const double per_us = per_second_ / 1e6;
    const auto elapsed_us = static_cast<double>((next_at_ - start_).count());
    const double due = std::min(elapsed_us * per_us, 1e18);
    let_go_ = std::max(done, static_cast<std::uint64_t>(due)) + 1;
    const double next_us = std::max(std::ceil(static_cast<double>(let_go_) / per_us), elapsed_us + group_us);
    // Whole microseconds, and far from the end of time.
    next_at_ = start_ + std::chrono::microseconds{static_cast<std::int64_t>(std::min(next_us, 1e18))};
  }
  return static_cast<std::size_t>(std::min<std::uint64_t>(most, let_go_ - done));
}

generator_cursor::generator_cursor(const generator_settings& settings, const source_split& split,
                                   const std::string& position, processing_time now)
    : generator_cursor(settings, parse(split), position, now) {}

generator_cursor::generator_cursor(const generator_settings& settings, const generator_split& split,
                                   const std::string& position, processing_time now)
    : place_(split.range, position, "a generator"),
      seed_(split.seed),
      begun_(place_.done()),
      limited_(settings.limited) {
  if (limited_)
    limit_ = generator_rate{settings.rate_per_second / static_cast<double>(split.parts), now};
}

} // namespace weir::inline v0
