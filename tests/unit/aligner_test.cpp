// Tests of what a barrier does to a subtask with several input channels.
#include <weir/actors/aligner.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <vector>

namespace {

using weir::aligned_barrier;
using weir::checkpoint_id;
using weir::delivery_mode;
using weir::sequence_number;

weir::monotonic_time at_us(std::int64_t us) {
  return weir::monotonic_time{std::chrono::microseconds{us}};
}

/// An aligner whose barriers have the sequence number 100 × checkpoint + channel.
struct channels {
  channels(std::size_t count, delivery_mode mode) : decides(count, mode), number(count) {}

  std::optional<aligned_barrier> barrier(std::size_t channel, std::uint64_t checkpoint, std::int64_t us = 0) {
    return decides.on_barrier(channel, {checkpoint_id{checkpoint}, false, at_us(0)},
                              sequence_number{100 * checkpoint + channel}, at_us(us));
  }
  std::vector<bool> held() const {
    std::vector<bool> all;
    for (std::size_t i = 0; i != number; ++i)
      all.push_back(decides.held(i));
    return all;
  }

  weir::aligner decides;
  std::size_t number;
};

using held = std::vector<bool>;

} // namespace

TEST_CASE("in exactly-once a barrier holds back the channel it came on until the others' have come") {
  channels in{3, delivery_mode::exactly_once};
  CHECK_FALSE(in.barrier(1, 1));
  CHECK(in.held() == held{false, true, false});
  CHECK(in.decides.aligning() == checkpoint_id{1});
  CHECK_FALSE(in.barrier(0, 1));
  CHECK(in.held() == held{true, true, false});
  CHECK(in.barrier(2, 1));
  CHECK(in.decides.aligning() == std::nullopt);
}

TEST_CASE("in exactly-once all channels stay held until the snapshot is taken") {
  channels in{2, delivery_mode::exactly_once};
  in.barrier(0, 1);
  REQUIRE(in.barrier(1, 1));
  CHECK(in.held() == held{true, true});
  in.decides.release(checkpoint_id{1});
  CHECK(in.held() == held{false, false});
}

TEST_CASE("a subtask with one channel has its snapshot due at the first barrier") {
  channels in{1, delivery_mode::exactly_once};
  CHECK(in.barrier(0, 1));
  CHECK(in.held() == held{true});
}

TEST_CASE("in at-least-once no channel is held, and the last barrier makes the snapshot due") {
  channels in{2, delivery_mode::at_least_once};
  CHECK_FALSE(in.barrier(0, 1));
  CHECK(in.held() == held{false, false});
  CHECK(in.barrier(1, 1));
  CHECK(in.held() == held{false, false});
}

TEST_CASE("an aligned barrier says when its first and last barrier came, and with which number on each channel") {
  channels in{2, delivery_mode::exactly_once};
  in.barrier(1, 4, 70);
  const auto due = in.barrier(0, 4, 95);
  REQUIRE(due);
  CHECK(due->mark.checkpoint == checkpoint_id{4});
  CHECK(due->first_arrival == at_us(70));
  CHECK(due->last_arrival == at_us(95));
  CHECK(due->received == std::vector{sequence_number{400}, sequence_number{401}});
}

TEST_CASE("a repeated barrier is not counted twice") {
  const auto mode = GENERATE(delivery_mode::exactly_once, delivery_mode::at_least_once);
  channels in{2, mode};
  CHECK_FALSE(in.barrier(0, 1));
  CHECK_FALSE(in.barrier(0, 1));
  REQUIRE(in.barrier(1, 1));
  in.decides.release(checkpoint_id{1});
  CHECK_FALSE(in.barrier(0, 1));
  CHECK_FALSE(in.barrier(1, 1));
  CHECK(in.held() == held{false, false});
}

TEST_CASE("a later barrier on any channel cancels an earlier alignment and lets its channels go") {
  channels in{3, delivery_mode::exactly_once};
  in.barrier(0, 1);
  CHECK_FALSE(in.barrier(1, 2));
  CHECK(in.held() == held{false, true, false});
  CHECK(in.decides.aligning() == checkpoint_id{2});
  CHECK_FALSE(in.barrier(0, 2));
  const auto due = in.barrier(2, 2);
  REQUIRE(due);
  CHECK(due->mark.checkpoint == checkpoint_id{2});
}

TEST_CASE("a barrier of a cancelled alignment that still comes holds nothing") {
  channels in{3, delivery_mode::exactly_once};
  in.barrier(0, 1);
  in.barrier(1, 2);
  CHECK_FALSE(in.barrier(2, 1)); // if it were held, its barrier 2 would never be read
  CHECK(in.held() == held{false, true, false});
  in.decides.abort(checkpoint_id{1});
  CHECK(in.held() == held{false, true, false}); // the alignment of 2 goes on
  in.barrier(2, 2);
  CHECK(in.barrier(0, 2));
}

TEST_CASE("an earlier barrier that comes for the first time behind a later one holds nothing") {
  channels in{2, delivery_mode::exactly_once};
  in.barrier(0, 2);
  CHECK_FALSE(in.barrier(1, 1));
  CHECK(in.held() == held{true, false});
  CHECK(in.barrier(1, 2));
}

TEST_CASE("an abort lets held channels go and skips the barriers that are still to come") {
  channels in{2, delivery_mode::exactly_once};
  in.barrier(0, 1);
  in.decides.abort(checkpoint_id{1});
  CHECK(in.held() == held{false, false});
  CHECK(in.decides.aligning() == std::nullopt);
  CHECK_FALSE(in.barrier(1, 1));
  CHECK(in.held() == held{false, false});
  in.barrier(0, 2);
  CHECK(in.barrier(1, 2));
}

TEST_CASE("an abort before the first barrier skips them all") {
  channels in{2, delivery_mode::exactly_once};
  in.decides.abort(checkpoint_id{1});
  CHECK_FALSE(in.barrier(0, 1));
  CHECK_FALSE(in.barrier(1, 1));
  CHECK(in.held() == held{false, false});
}

TEST_CASE("the abort of a later checkpoint does not touch an earlier one") {
  SECTION("that is being aligned") {
    channels in{2, delivery_mode::exactly_once};
    in.barrier(0, 1);
    in.decides.abort(checkpoint_id{2});
    CHECK(in.held() == held{true, false});
    CHECK(in.barrier(1, 1));
    in.decides.release(checkpoint_id{1});
    CHECK_FALSE(in.barrier(0, 2));
    CHECK(in.held() == held{false, false});
  }
  SECTION("whose barriers have not come") {
    channels in{2, delivery_mode::exactly_once};
    in.decides.abort(checkpoint_id{2});
    CHECK_FALSE(in.barrier(0, 1));
    CHECK(in.held() == held{true, false});
    CHECK(in.barrier(1, 1));
  }
  SECTION("whose alignment its skipped barrier meets") {
    channels in{3, delivery_mode::exactly_once};
    in.decides.abort(checkpoint_id{2});
    in.barrier(0, 1);
    CHECK_FALSE(in.barrier(1, 2)); // this channel's source had declined 1, say
    CHECK(in.held() == held{true, false, false});
  }
}

TEST_CASE("the abort of a checkpoint that is aligned already changes nothing") {
  channels in{2, delivery_mode::exactly_once};
  in.barrier(0, 1);
  REQUIRE(in.barrier(1, 1));
  in.decides.abort(checkpoint_id{1});
  CHECK(in.held() == held{true, true}); // released with its snapshot
}

TEST_CASE("in at-least-once several checkpoints are aligned at a time") {
  channels in{2, delivery_mode::at_least_once};
  CHECK_FALSE(in.barrier(0, 1));
  CHECK_FALSE(in.barrier(0, 2));
  CHECK_FALSE(in.barrier(0, 3));
  CHECK(in.decides.aligning() == checkpoint_id{1});
  in.decides.abort(checkpoint_id{2});
  const auto first = in.barrier(1, 1);
  REQUIRE(first);
  CHECK(first->mark.checkpoint == checkpoint_id{1});
  CHECK_FALSE(in.barrier(1, 2));
  CHECK(in.barrier(1, 3));
}

TEST_CASE("in at-least-once an alignment that lost a barrier ends when a later one is complete") {
  channels in{2, delivery_mode::at_least_once};
  in.barrier(0, 1);
  in.barrier(0, 2);
  CHECK(in.barrier(1, 2)); // channel 1 never had barrier 1
  CHECK(in.decides.aligning() == std::nullopt);
  CHECK_FALSE(in.barrier(1, 1));
}

namespace {

/// Numbers of the barriers of a checkpoint that wait in the queues of so many channels; 0: none.
std::vector<sequence_number> queued(std::initializer_list<std::uint64_t> numbers) {
  std::vector<sequence_number> all;
  for (const std::uint64_t n : numbers)
    all.emplace_back(n);
  return all;
}

weir::barrier mark_of(std::uint64_t checkpoint) {
  return {checkpoint_id{checkpoint}, false, at_us(0)};
}

} // namespace

TEST_CASE("the first barrier that overtakes is due at once, and holds nothing") {
  channels in{3, delivery_mode::exactly_once};
  const auto due = in.decides.overtake(mark_of(1), queued({0, 7, 0}), at_us(5));
  REQUIRE(due);
  CHECK(due->mark.overtakes);
  CHECK(due->received == queued({0, 7, 0}));
  CHECK(in.held() == held{false, false, false});
  CHECK(in.decides.overtaking(checkpoint_id{1}));
  CHECK_FALSE(in.decides.overtake(mark_of(1), queued({4, 7, 0}), at_us(6))); // once
}

TEST_CASE("a checkpoint overtakes until the last of its barriers has come into a queue") {
  channels in{3, delivery_mode::exactly_once};
  REQUIRE(in.decides.overtake(mark_of(1), queued({0, 7, 0}), at_us(5)));
  in.decides.arrived(0, checkpoint_id{1}, sequence_number{9});
  in.decides.arrived(0, checkpoint_id{1}, sequence_number{9}); // counts once
  CHECK(in.decides.overtaking(checkpoint_id{1}));
  in.decides.arrived(2, checkpoint_id{1}, sequence_number{3});
  CHECK_FALSE(in.decides.overtaking(checkpoint_id{1}));
  // At the front of their queues they are nothing any more.
  for (std::size_t i = 0; i != 3; ++i)
    CHECK_FALSE(in.barrier(i, 1));
  CHECK(in.held() == held{false, false, false});
}

TEST_CASE("a barrier that overtakes is nothing at the front of its queue while others are still to come") {
  channels in{2, delivery_mode::exactly_once};
  REQUIRE(in.decides.overtake(mark_of(1), queued({5, 0}), at_us(5)));
  CHECK_FALSE(in.barrier(0, 1));
  CHECK(in.held() == held{false, false});
  CHECK(in.decides.overtaking(checkpoint_id{1}));
}

TEST_CASE("an alignment that begins to overtake lets its channels go, and knows whose barriers have come") {
  channels in{4, delivery_mode::exactly_once};
  in.barrier(0, 1, 3);
  REQUIRE(in.held() == held{true, false, false, false});
  const auto due = in.decides.overtake(mark_of(1), queued({0, 0, 44, 0}), at_us(9));
  REQUIRE(due);
  CHECK(due->received == queued({100, 0, 44, 0}));
  CHECK(due->first_arrival == at_us(3));
  CHECK(in.held() == held{false, false, false, false});
  in.decides.arrived(1, checkpoint_id{1}, sequence_number{8});
  in.decides.arrived(3, checkpoint_id{1}, sequence_number{8});
  CHECK_FALSE(in.decides.overtaking(checkpoint_id{1}));
}

TEST_CASE("a single channel's barrier has nothing to wait for when it overtakes") {
  channels in{1, delivery_mode::exactly_once};
  CHECK(in.decides.overtake(mark_of(1), queued({2}), at_us(1)));
  CHECK_FALSE(in.decides.overtaking(checkpoint_id{1}));
  CHECK_FALSE(in.decides.overtake(mark_of(1), queued({2}), at_us(1)));
}

TEST_CASE("an aborted or past checkpoint does not overtake, and a later one cancels it") {
  channels in{2, delivery_mode::exactly_once};
  in.decides.abort(checkpoint_id{1});
  CHECK_FALSE(in.decides.overtake(mark_of(1), queued({1, 0}), at_us(1)));
  REQUIRE(in.decides.overtake(mark_of(2), queued({1, 0}), at_us(1)));
  in.decides.abort(checkpoint_id{2});
  CHECK_FALSE(in.decides.overtaking(checkpoint_id{2}));
  REQUIRE(in.decides.overtake(mark_of(3), queued({1, 0}), at_us(1)));
  REQUIRE(in.decides.overtake(mark_of(4), queued({2, 0}), at_us(1)));
  CHECK_FALSE(in.decides.overtaking(checkpoint_id{3}));
  CHECK_FALSE(in.decides.overtake(mark_of(3), queued({1, 1}), at_us(1)));
}

TEST_CASE("where a barrier is aligned, it is said whether one of them overtakes further on") {
  channels in{2, delivery_mode::exactly_once};
  weir::barrier overtaking = mark_of(1);
  overtaking.overtakes = true;
  CHECK_FALSE(in.decides.on_barrier(0, mark_of(1), sequence_number{1}, at_us(0)));
  const auto due = in.decides.on_barrier(1, overtaking, sequence_number{1}, at_us(0));
  REQUIRE(due);
  CHECK(due->mark.overtakes);
}

TEST_CASE("a barrier is late from its timeout on, and never without one") {
  weir::barrier mark{checkpoint_id{1}, false, at_us(100)};
  CHECK_FALSE(weir::is_late(mark, at_us(1'000'000'000)));
  mark.alignment_timeout = std::chrono::microseconds{50};
  CHECK_FALSE(weir::is_late(mark, at_us(149)));
  CHECK(weir::is_late(mark, at_us(150)));
}
