// Tests of the receiving end of channels: numbers, attempts, turns and grants.
#include "sink_harness.hpp"

#include <weir/actors/input_channels.hpp>
#include <weir/persistence/error.hpp>

#include <catch2/catch.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace {

using weir::attempt_id;
using weir::channel_id;
using weir::region_id;
using weir::sequence_number;

constexpr std::uint64_t present = 5;

weir::channel_message message(std::uint32_t channel, std::uint64_t sequence, weir::channel_payload payload,
                              std::uint64_t attempt = present, std::uint32_t region = 1) {
  return {region_id{region}, attempt_id{attempt}, channel_id{channel}, sequence_number{sequence}, std::move(payload)};
}
weir::channel_message batch(std::uint32_t channel, std::uint64_t sequence) {
  return message(channel, sequence, weir_test::batch_of<int>({1}));
}
weir::channel_message control(std::uint32_t channel, std::uint64_t sequence) {
  return message(channel, sequence, weir::end_of_stream{});
}

/// Channels 10, 11 and 12, with indices 0, 1 and 2.
weir::input_channels three(std::uint64_t window) {
  return {region_id{1},
          attempt_id{present},
          {{channel_id{10}, 0, "a/0"}, {channel_id{11}, 0, "a/1"}, {channel_id{12}, 1, "b/0"}},
          window};
}

bool none_held(std::size_t) {
  return false;
}

} // namespace

TEST_CASE("messages of a channel are taken in their order") {
  auto in = three(4);
  CHECK(in.push(batch(10, 1)));
  CHECK(in.push(control(10, 2)));
  REQUIRE(in.next(none_held) == 0U);
  CHECK(in.take(0).sequence == sequence_number{1});
  REQUIRE(in.next(none_held) == 0U);
  CHECK(in.take(0).sequence == sequence_number{2});
  CHECK(in.next(none_held) == std::nullopt);
}

TEST_CASE("a message that is missing on a channel is an error that names the channel and both numbers") {
  auto in = three(4);
  in.push(batch(11, 1));
  CHECK_THROWS_WITH(in.push(batch(11, 3)), Catch::Contains("channel 11") && Catch::Contains("a/1") &&
                                               Catch::Contains("message 2") && Catch::Contains("3") &&
                                               Catch::Contains("lost"));
}

TEST_CASE("a channel whose first message is not number 1 has lost some") {
  auto in = three(4);
  CHECK_THROWS_AS(in.push(batch(10, 2)), weir::error);
}

TEST_CASE("a message that comes twice is an error") {
  auto in = three(4);
  in.push(batch(10, 1));
  in.push(batch(10, 2));
  CHECK_THROWS_WITH(in.push(batch(10, 2)), Catch::Contains("twice"));
  CHECK_THROWS_WITH(in.push(batch(10, 1)), Catch::Contains("twice"));
}

TEST_CASE("channels are numbered each for itself") {
  auto in = three(4);
  CHECK(in.push(batch(10, 1)));
  CHECK(in.push(batch(11, 1)));
  CHECK(in.push(batch(10, 2)));
}

TEST_CASE("a message of an older attempt or of another region is dropped, and counts for nothing") {
  auto in = three(4);
  CHECK_FALSE(in.push(message(10, 1, weir::end_of_stream{}, present - 1)));
  CHECK_FALSE(in.push(message(10, 9, weir::end_of_stream{}, present - 1)));
  CHECK_FALSE(in.push(message(10, 1, weir::end_of_stream{}, present, 2)));
  CHECK(in.next(none_held) == std::nullopt);
  CHECK(in.push(batch(10, 1)));
}

TEST_CASE("a message of a newer attempt is an error: this subtask should be gone") {
  auto in = three(4);
  CHECK_THROWS_WITH(in.push(message(10, 1, weir::end_of_stream{}, present + 1)), Catch::Contains("attempt 6"));
}

TEST_CASE("a message on a channel that is not ours is an error") {
  auto in = three(4);
  CHECK_THROWS_WITH(in.push(batch(13, 1)), Catch::Contains("channel 13"));
}

TEST_CASE("channels take turns") {
  auto in = three(8);
  for (std::uint64_t i = 1; i <= 3; ++i) {
    in.push(batch(10, i));
    in.push(batch(11, i));
  }
  in.push(batch(12, 1));
  std::vector<std::size_t> order;
  while (const auto channel = in.next(none_held)) {
    order.push_back(*channel);
    static_cast<void>(in.take(*channel));
  }
  CHECK(order == std::vector<std::size_t>{0, 1, 2, 0, 1, 0, 1});
}

TEST_CASE("a held channel is passed over and keeps its messages") {
  auto in = three(8);
  in.push(batch(10, 1));
  in.push(batch(11, 1));
  const auto first_held = [](std::size_t i) { return i == 0; };
  REQUIRE(in.next(first_held) == 1U);
  static_cast<void>(in.take(1));
  CHECK(in.next(first_held) == std::nullopt);
  CHECK(in.next(none_held) == 0U);
}

TEST_CASE("credit is granted again for half a window at a time") {
  auto in = three(4);
  for (std::uint64_t i = 1; i <= 4; ++i)
    in.push(batch(10, i));
  static_cast<void>(in.take(0));
  CHECK_FALSE(in.due_grant(0));
  static_cast<void>(in.take(0));
  const auto grant = in.due_grant(0);
  REQUIRE(grant);
  CHECK(grant->limit == 6);
  CHECK(grant->channel == channel_id{10});
  CHECK(grant->attempt == attempt_id{present});
  CHECK(grant->received_through == sequence_number{4});
  CHECK_FALSE(in.due_grant(0)); // said once
}

TEST_CASE("with a window of one every batch that is taken is granted again") {
  auto in = three(1);
  in.push(batch(10, 1));
  CHECK_FALSE(in.due_grant(0));
  static_cast<void>(in.take(0));
  const auto grant = in.due_grant(0);
  REQUIRE(grant);
  CHECK(grant->limit == 2);
}

TEST_CASE("control messages use no credit and give none") {
  auto in = three(2);
  for (std::uint64_t i = 1; i <= 5; ++i) {
    in.push(control(10, i));
    static_cast<void>(in.take(0));
  }
  CHECK_FALSE(in.due_grant(0));
}

TEST_CASE("only batches count as queued") {
  auto in = three(4);
  in.push(batch(10, 1));
  in.push(control(10, 2));
  in.push(batch(12, 1));
  CHECK(in.queued() == 2);
  static_cast<void>(in.take(0));
  CHECK(in.queued() == 1);
}

namespace {

weir::channel_probe probe(std::uint32_t channel, std::uint64_t sent_through, std::uint64_t attempt = present) {
  return {region_id{1}, attempt_id{attempt}, channel_id{channel}, sequence_number{sent_through}};
}

} // namespace

TEST_CASE("a probe is answered with the credit that there is and the number of the last message") {
  auto in = three(4);
  for (std::uint64_t i = 1; i != 4; ++i)
    CHECK(in.push(batch(10, i)));
  static_cast<void>(in.take(0)); // too little for a grant by itself
  CHECK(in.due_grant(0) == std::nullopt);
  const auto answer = in.on_probe(probe(10, 3));
  REQUIRE(answer);
  CHECK(answer->channel == channel_id{10});
  CHECK(answer->limit == 5);
  CHECK(answer->received_through == sequence_number{3});
  CHECK(in.on_probe(probe(10, 2))); // an old question
}

TEST_CASE("a probe shows that the last message was lost") {
  auto in = three(4);
  CHECK(in.push(batch(10, 1)));
  CHECK_THROWS_WITH(in.on_probe(probe(10, 2)), Catch::Contains("a/0") && Catch::Contains("lost on the way"));
}

TEST_CASE("a probe of another attempt or channel is nobody's") {
  auto in = three(4);
  CHECK(in.on_probe(probe(10, 9, present - 1)) == std::nullopt);
  CHECK(in.on_probe(probe(99, 9)) == std::nullopt);
}

TEST_CASE("barriers are found in the queues, and the batches that wait before them") {
  const auto mark = [](std::uint32_t channel, std::uint64_t sequence, std::uint64_t checkpoint) {
    return message(channel, sequence, weir::barrier{weir::checkpoint_id{checkpoint}, false, {}});
  };
  auto in = three(4);
  in.push(batch(10, 1));
  in.push(control(10, 2));
  in.push(batch(10, 3));
  in.push(mark(10, 4, 7));
  in.push(batch(10, 5));
  in.push(mark(11, 1, 6));
  in.push(batch(12, 1));
  const weir::checkpoint_id seven{7};
  CHECK(in.barriers_of(seven) ==
        std::vector<sequence_number>{sequence_number{4}, sequence_number{0}, sequence_number{0}});
  CHECK(in.batches_before(0, sequence_number{4}).size() == 2);
  CHECK(in.batches_before(0, sequence_number{0}).size() == 3); // its barrier has not come: all that waits
  CHECK(in.batches_before(2, sequence_number{0}).size() == 1);
  // Taken from the front, the barrier has nothing before it any more.
  for (int i = 0; i != 4; ++i)
    in.take(0);
  CHECK(in.batches_before(0, sequence_number{4}).empty());
  CHECK(in.barriers_of(seven)[0] == sequence_number{0});
  CHECK(in.index_of(channel_id{11}) == std::size_t{1});
  CHECK_FALSE(in.index_of(channel_id{13}));
}
