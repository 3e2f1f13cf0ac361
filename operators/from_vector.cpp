#include "from_vector.hpp"

#include "flat_json.hpp"
#include "split_ids.hpp"

namespace weir::inline v0::detail {

namespace {

constexpr const char* split_thing = "a split of from_vector";

void check_size(std::size_t size, std::uint64_t then) {
  if (then != size)
    throw usage_error({"from_vector", "the " + std::to_string(then) + " elements it had when the run began",
                       std::to_string(size) + " elements", "give the same vector, or begin anew with --fresh"});
}

} // namespace

std::vector<source_split> vector_splits(std::size_t size, std::uint32_t parallelism) {
  std::vector<source_split> splits;
  for (const auto& range : deal_indices(size, parallelism))
    splits.push_back({split_id(splits.size()),
                      flat_json{}.set("first", range.first).set("count", range.count).set("size", size).to_string()});
  return splits;
}

void check_vector_splits(std::size_t size, const std::vector<source_split>& splits) {
  for (const auto& split : splits)
    check_size(size, flat_json::parse(split.description, split_thing).number("size"));
}

index_cursor vector_cursor(std::size_t size, const source_split& split, const std::string& position) {
  const auto object = flat_json::parse(split.description, split_thing);
  check_size(size, object.number("size"));
  const index_range range{object.number("first"), 1, object.number("count")};
  if (range.first > size || range.count > size - range.first)
    throw damaged_error({split_thing, "elements of the vector", split.description, "begin anew with --fresh"});
  return index_cursor{range, position, "from_vector"};
}

} // namespace weir::inline v0::detail
