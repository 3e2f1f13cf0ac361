#include "from_range.hpp"

#include "flat_json.hpp"
#include "split_ids.hpp"

namespace weir::inline v0::detail {

namespace {

constexpr const char* split_thing = "a split of from_range";

} // namespace

std::vector<source_split> number_splits(const std::string& first, std::uint64_t count, std::uint32_t parallelism) {
  std::vector<source_split> splits;
  if (count == index_range::unbounded) // all of 64 bits but one: no count that a range could have
    throw usage_error({"from_range", "fewer than 2^64 - 1 numbers", "all of them", "leave some out"});
  for (const auto& range : deal_indices(count, parallelism))
    splits.push_back({split_id(splits.size()), flat_json{}
                                                   .set("from", first)
                                                   .set("first", range.first)
                                                   .set("count", range.count)
                                                   .set("size", count)
                                                   .to_string()});
  return splits;
}

void check_number_splits(const std::string& first, std::uint64_t count, const std::vector<source_split>& splits) {
  for (const auto& split : splits) {
    const auto object = flat_json::parse(split.description, split_thing);
    if (object.text("from") != first || object.number("size") != count)
      throw usage_error({"from_range",
                         "the " + std::to_string(object.number("size")) + " numbers from " + object.text("from") +
                             " on, as when the run began",
                         std::to_string(count) + " from " + first, "give the same range, or begin anew with --fresh"});
  }
}

index_cursor number_cursor(const source_split& split, const std::string& position) {
  const auto object = flat_json::parse(split.description, split_thing);
  const index_range range{object.number("first"), 1, object.number("count")};
  if (range.first > object.number("size") || range.count > object.number("size") - range.first)
    throw damaged_error({split_thing, "numbers of the range", split.description, "begin anew with --fresh"});
  return index_cursor{range, position, "from_range"};
}

} // namespace weir::inline v0::detail
