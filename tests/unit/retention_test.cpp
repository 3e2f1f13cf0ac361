// Which checkpoints keep their state.
#include <weir/persistence/retention.hpp>

#include <catch2/catch.hpp>

#include <map>

using namespace weir;

namespace {

std::vector<checkpoint_id> ids(std::initializer_list<std::uint64_t> values) {
  std::vector<checkpoint_id> result;
  for (const auto v : values)
    result.emplace_back(v);
  return result;
}

} // namespace

TEST_CASE("nothing complete keeps nothing", "[retention]") {
  CHECK(kept_checkpoints({}, 3, {}).empty());
}

TEST_CASE("the newest are kept, and at least one", "[retention]") {
  const auto complete = ids({1, 2, 3, 4});
  CHECK(kept_checkpoints(complete, 10, checkpoint_id{4}) == complete);
  CHECK(kept_checkpoints(ids({4}), 0, checkpoint_id{4}) == ids({4}));
}

TEST_CASE("the newest checkpoint that shares no chunk with the newest is kept, and its heir", "[retention]") {
  // The newest has chunks from 6 on: 5 shares none, 7 does and will be next.
  CHECK(kept_checkpoints(ids({2, 3, 5, 7, 8, 9}), 2, checkpoint_id{6}) == ids({5, 7, 8, 9}));
}

TEST_CASE("without an independent checkpoint the oldest is kept as the heir", "[retention]") {
  CHECK(kept_checkpoints(ids({2, 3, 5, 7, 8}), 2, checkpoint_id{1}) == ids({2, 7, 8}));
}

TEST_CASE("a checkpoint without chunks shares none with the one before", "[retention]") {
  CHECK(kept_checkpoints(ids({2, 3, 5}), 1, {}) == ids({3, 5}));
}

TEST_CASE("a chunk is needed by the kept checkpoints that it lives in", "[retention]") {
  const auto kept = ids({5, 9});
  CHECK(is_needed({checkpoint_id{1}, {}}, kept));
  CHECK(is_needed({checkpoint_id{5}, checkpoint_id{6}}, kept));
  CHECK(is_needed({checkpoint_id{1}, checkpoint_id{6}}, kept));
  CHECK_FALSE(is_needed({checkpoint_id{1}, checkpoint_id{5}}, kept));
  CHECK_FALSE(is_needed({checkpoint_id{6}, checkpoint_id{9}}, kept));
  CHECK_FALSE(is_needed({checkpoint_id{10}, checkpoint_id{11}}, kept));
}

TEST_CASE("tables that get their bases at different times do not pin a generation for ever", "[retention]") {
  // Table a gets a base every 10 checkpoints, table b every 10 too, 5 later; deltas between.
  std::vector<checkpoint_id> kept;
  for (std::uint64_t n = 1; n <= 200; ++n) {
    kept.emplace_back(n);
    const auto base_a = n < 10 ? 1 : n - n % 10;
    const auto base_b = n < 15 ? 1 : n - (n + 5) % 10;
    kept = kept_checkpoints(kept, 2, checkpoint_id{std::min(base_a, base_b)});
    CHECK(kept.size() <= 4);
    if (n > 40) {
      CAPTURE(n);
      CHECK(kept.front().value < std::min(base_a, base_b)); // independent
      CHECK(kept.front().value + 40 > n);                   // and not ancient
    }
  }
}
