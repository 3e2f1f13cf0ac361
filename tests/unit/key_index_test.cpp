// The index of a key group, against a map.
#include <weir/operators/key_index.hpp>

#include <catch2/catch.hpp>

#include <cstdint>
#include <map>
#include <random>
#include <vector>

namespace {

using weir::detail::key_index;

// Entries are numbers; what tells those of one tag apart is the number itself.
std::uint32_t find(const key_index& index, std::uint32_t tag, std::uint32_t number) {
  return index.find(tag, [&](std::uint32_t each) { return each == number; });
}

} // namespace

TEST_CASE("an index finds what was inserted and not removed, however the tags collide", "[key_index]") {
  for (const std::uint32_t tags : {3U, 40U, 1000U, UINT32_MAX}) {
    std::mt19937_64 random{tags};
    key_index index;
    std::map<std::uint32_t, std::uint32_t> tag_of;
    std::uint32_t next = 0;
    for (int step = 0; step < 6'000; ++step) {
      if (tag_of.empty() || random() % 5 < 3) {
        // the upper bits choose the bucket: few tags crowd a few buckets, also the last one, which goes on at the first
        const std::uint32_t tag = tags == UINT32_MAX ? static_cast<std::uint32_t>(random())
                                                     : UINT32_MAX - static_cast<std::uint32_t>(random() % tags);
        index.insert(tag, next);
        tag_of[next++] = tag;
      } else {
        auto victim = tag_of.lower_bound(static_cast<std::uint32_t>(random() % next));
        if (victim == tag_of.end())
          victim = tag_of.begin();
        index.remove(victim->second, victim->first);
        REQUIRE(find(index, victim->second, victim->first) == key_index::none);
        tag_of.erase(victim);
      }
      if (step % 500 == 0)
        for (const auto& [number, tag] : tag_of)
          REQUIRE(find(index, tag, number) == number);
    }
    for (const auto& [number, tag] : tag_of)
      REQUIRE(find(index, tag, number) == number);
  }
}

TEST_CASE("a tag of zero is not taken for an empty slot", "[key_index]") {
  key_index index;
  CHECK(index.likely(0) == key_index::none);
  CHECK(find(index, 0, 0) == key_index::none);
  index.insert(0, 0);
  CHECK(index.likely(0) == 0);
  CHECK(find(index, 0, 0) == 0);
  CHECK(find(index, 0, 1) == key_index::none);
}
