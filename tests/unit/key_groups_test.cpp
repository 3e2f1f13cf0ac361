// The arithmetic of key groups.
#include <weir/persistence/key_groups.hpp>

#include <catch2/catch.hpp>

#include <cstdint>

TEST_CASE("the ranges of the subtasks cover every key group once, evenly", "[key_groups]") {
  for (const std::uint32_t max : {1U, 2U, 7U, 100U, 128U, 1000U})
    for (std::uint32_t parallelism = 1; parallelism <= max;
         parallelism = parallelism < 20 ? parallelism + 1 : parallelism * 2) {
      const weir::key_groups groups{max};
      std::uint32_t next = 0;
      for (std::uint32_t i = 0; i < parallelism; ++i) {
        const auto range = groups.range_of(weir::subtask_index{i}, parallelism);
        REQUIRE(range.first == next);
        REQUIRE(range.size() >= max / parallelism);
        REQUIRE(range.size() <= max / parallelism + 1);
        for (std::uint32_t g = range.first; g != range.last; ++g)
          REQUIRE(groups.subtask_of(weir::key_group{g}, parallelism) == weir::subtask_index{i});
        next = range.last;
      }
      REQUIRE(next == max);
    }
}

TEST_CASE("the key group is the hash modulo the number of groups", "[key_groups]") {
  for (const std::uint32_t max : {1U, 2U, 3U, 100U, 128U, 32768U})
    for (const std::uint64_t hash : {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128}, ~std::uint64_t{0},
                                     std::uint64_t{0x9e3779b97f4a7c15}})
      CHECK(weir::key_groups{max}.of(hash).value == hash % max);
}

TEST_CASE("the ranges are those of Flink's KeyGroupRangeAssignment", "[key_groups]") {
  const weir::key_groups groups{128};
  CHECK(groups.range_of(weir::subtask_index{0}, 3) == weir::key_group_range{0, 43});
  CHECK(groups.range_of(weir::subtask_index{1}, 3) == weir::key_group_range{43, 86});
  CHECK(groups.range_of(weir::subtask_index{2}, 3) == weir::key_group_range{86, 128});
}
