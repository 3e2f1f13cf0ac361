#include "index_range.hpp"

#include "../persistence/error.hpp"
#include "flat_json.hpp"

namespace weir::inline v0 {

std::vector<index_range> deal_indices(std::uint64_t count, std::uint32_t parallelism) {
  const std::uint64_t parts = std::max<std::uint32_t>(parallelism, 1);
  std::vector<index_range> ranges;
  if (count == index_range::unbounded) {
    for (std::uint64_t i = 0; i < parts; ++i)
      ranges.push_back({i, parts, index_range::unbounded});
    return ranges;
  }
  std::uint64_t first = 0;
  for (std::uint64_t i = 0; i < parts && first < count; ++i) {
    const std::uint64_t share = count / parts + (i < count % parts ? 1 : 0);
    ranges.push_back({first, 1, share});
    first += share;
  }
  return ranges;
}

index_cursor::index_cursor(const index_range& range, const std::string& position, const char* thing) : range_(range) {
  if (position.empty())
    return;
  next_ = flat_json::parse(position, std::string{"the position of "} + thing).number("next");
  if (next_ > range_.count)
    throw damaged_error({std::string{"the position of "} + thing, "at most " + std::to_string(range_.count),
                         std::to_string(next_), "begin anew with --fresh"});
}

std::string index_cursor::position() const {
  return json_number("next", next_);
}

} // namespace weir::inline v0
