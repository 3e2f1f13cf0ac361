// The model of credits complains where it should, and only there.
#include "simulation/credit_model.hpp"

#include <catch2/catch.hpp>

#include <memory>

namespace {

constexpr weir::channel_id channel{0};
constexpr weir::attempt_id attempt{3};

weir::channel_message batch(std::uint64_t sequence, weir::attempt_id of = attempt) {
  return {weir::region_id{0}, of, channel, weir::sequence_number{sequence}, weir::batch_ptr{}};
}

weir::credit_grant grant(std::uint64_t limit, std::uint64_t through) {
  return {weir::region_id{0}, attempt, channel, limit, weir::sequence_number{through}};
}

/// One with a window of 4, to which so many batches have come.
simulation::credit_model model_with(std::uint64_t batches) {
  simulation::credit_model model{1, 4};
  for (std::uint64_t i = 1; i <= batches; ++i)
    REQUIRE_FALSE(model.arrives(batch(i)));
  return model;
}

} // namespace

TEST_CASE("batches come as long as there is credit") {
  auto model = model_with(4);
  SECTION("and no longer") {
    CHECK(model.arrives(batch(5)));
  }
  SECTION("a grant makes room for more") {
    CHECK_FALSE(model.granted(grant(6, 4)));
    CHECK_FALSE(model.arrives(batch(5)));
    CHECK_FALSE(model.arrives(batch(6)));
    CHECK(model.arrives(batch(7)));
  }
  SECTION("control messages need none") {
    auto end = batch(5);
    end.payload = weir::end_of_stream{};
    CHECK_FALSE(model.arrives(end));
  }
  SECTION("a repeat takes none") {
    CHECK_FALSE(model.arrives(batch(4)));
  }
  SECTION("a later attempt begins anew, and an earlier one is not heard") {
    CHECK_FALSE(model.arrives(batch(1, weir::attempt_id{4})));
    CHECK_FALSE(model.arrives(batch(5)));
  }
}

TEST_CASE("a grant is no more than the window, is not taken back, and is not late") {
  auto model = model_with(3);
  CHECK(model.granted(grant(8, 3)));
  CHECK(model.granted(grant(6, 4)));
  CHECK_FALSE(model.granted(grant(6, 3)));
  CHECK_FALSE(model.granted(grant(6, 3)));
  CHECK(model.granted(grant(5, 3)));
  CHECK(model.granted(grant(6, 2)));
  SECTION("half a window is due at once") {
    REQUIRE_FALSE(model.arrives(batch(4)));
    REQUIRE_FALSE(model.arrives(batch(5)));
    REQUIRE_FALSE(model.arrives(batch(6)));
    CHECK(model.granted(grant(9, 6)));
  }
  SECTION("but grants that are lost or late may come in any order") {
    model.disturbed(grant(6, 3));
    CHECK_FALSE(model.granted(grant(5, 2)));
    REQUIRE_FALSE(model.arrives(batch(4)));
    REQUIRE_FALSE(model.arrives(batch(5)));
    CHECK_FALSE(model.granted(grant(9, 5)));
    CHECK(model.granted(grant(10, 5)));
  }
}
