// Tests of the sending end of channels: credit, order, watermarks, and what makes an edge full.
#include "sink_harness.hpp"

#include <weir/actors/output_edge.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace {

using weir::barrier;
using weir::batch_ptr;
using weir::channel_id;
using weir::checkpoint_id;
using weir::end_of_stream;
using weir::event_time;
using weir::sequence_number;
using weir::watermark;
using weir_test::batch_of;

batch_ptr one(int value) {
  return batch_of<int>({value});
}
watermark mark_at(int ms) {
  return watermark{event_time{std::chrono::milliseconds{ms}}};
}
barrier barrier_of(std::uint64_t id) {
  return barrier{checkpoint_id{id}, false, {}};
}

/// "3:[7 8]" for message 3 with a batch of 7 and 8; "4:barrier 1", "5:watermark 20", "6:end".
std::string to_text(const weir::channel_message& message) {
  std::string text = to_string(message.sequence) + ":";
  if (const auto* batch = std::get_if<batch_ptr>(&message.payload)) {
    text += "[";
    for (const int value : weir::as<int>(**batch).values)
      text += (text.back() == '[' ? "" : " ") + std::to_string(value);
    return text + "]";
  }
  if (const auto* mark = std::get_if<barrier>(&message.payload))
    return text + "barrier " + to_string(mark->checkpoint);
  if (const auto* reached = std::get_if<watermark>(&message.payload))
    return text + "watermark " + std::to_string(reached->time.time_since_epoch().count());
  return text + "end";
}

using sent = std::vector<std::string>;

weir::output_channel channel_into(sent& log, std::uint64_t credit, std::uint32_t id = 7) {
  return {weir::region_id{1}, weir::attempt_id{3}, channel_id{id}, credit,
          [&log](weir::channel_message message) { log.push_back(to_text(message)); }};
}

weir::credit_grant grant_of(std::uint64_t limit, std::uint32_t id = 7) {
  return {weir::region_id{1}, weir::attempt_id{3}, channel_id{id}, limit, sequence_number{0}};
}

/// An edge to two subtasks that deals every batch to both.
struct broadcast_edge {
  explicit broadcast_edge(std::uint64_t credit, std::size_t batch_size = 4)
      : edge(weir::make_partitioner(weir::partitioning::broadcast, 0), channels(credit), batch_size, 128) {}

  std::vector<weir::output_channel> channels(std::uint64_t credit) {
    std::vector<weir::output_channel> all;
    all.push_back(channel_into(first, credit, 0));
    all.push_back(channel_into(second, credit, 1));
    return all;
  }

  sent first;
  sent second;
  weir::output_edge edge;
};

} // namespace

TEST_CASE("a channel numbers its messages from 1 and says where they belong") {
  std::vector<weir::channel_message> log;
  weir::output_channel channel{weir::region_id{1}, weir::attempt_id{3}, channel_id{7}, 4,
                               [&log](weir::channel_message message) { log.push_back(std::move(message)); }};
  CHECK(channel.push(one(1)) == sequence_number{1});
  CHECK(channel.push(barrier_of(1)) == sequence_number{2});
  REQUIRE(log.size() == 2);
  CHECK(log[1].region == weir::region_id{1});
  CHECK(log[1].attempt == weir::attempt_id{3});
  CHECK(log[1].channel == channel_id{7});
  CHECK(log[1].sequence == sequence_number{2});
}

TEST_CASE("batches beyond the credit wait until there is more") {
  sent log;
  auto channel = channel_into(log, 2);
  for (int i = 1; i <= 4; ++i)
    channel.push(one(i));
  CHECK(log == sent{"1:[1]", "2:[2]"});
  CHECK(channel.waiting() == 2);
  channel.grant(grant_of(3));
  CHECK(log == sent{"1:[1]", "2:[2]", "3:[3]"});
  channel.grant(grant_of(9));
  CHECK(log == sent{"1:[1]", "2:[2]", "3:[3]", "4:[4]"});
  CHECK(channel.waiting() == 0);
  CHECK(channel.batches_sent() == 4);
}

TEST_CASE("a grant is absolute, so that a repeated or an older one gives nothing") {
  sent log;
  auto channel = channel_into(log, 1);
  for (int i = 1; i <= 5; ++i)
    channel.push(one(i));
  channel.grant(grant_of(3));
  channel.grant(grant_of(3));
  CHECK(log.size() == 3);
  channel.grant(grant_of(2));
  channel.grant(grant_of(0));
  CHECK(log.size() == 3);
  channel.grant(grant_of(7));
  CHECK(log.size() == 5);
  channel.grant(grant_of(2)); // takes nothing back
  channel.push(one(6));
  CHECK(log.size() == 6);
}

TEST_CASE("control messages need no credit") {
  sent log;
  auto channel = channel_into(log, 0);
  channel.push(mark_at(5));
  channel.push(barrier_of(1));
  channel.push(end_of_stream{});
  CHECK(log == sent{"1:watermark 5", "2:barrier 1", "3:end"});
  CHECK(channel.batches_sent() == 0);
}

TEST_CASE("control messages keep their place behind batches that wait") {
  sent log;
  auto channel = channel_into(log, 1);
  channel.push(one(1));
  channel.push(one(2));
  CHECK(channel.push(barrier_of(1)) == sequence_number{3});
  channel.push(one(3));
  channel.push(end_of_stream{});
  CHECK(log == sent{"1:[1]"});
  channel.grant(grant_of(2));
  CHECK(log == sent{"1:[1]", "2:[2]", "3:barrier 1"});
  channel.grant(grant_of(3));
  CHECK(log == sent{"1:[1]", "2:[2]", "3:barrier 1", "4:[3]", "5:end"});
}

TEST_CASE("watermarks that wait behind one another become one, and no number is left out") {
  sent log;
  auto channel = channel_into(log, 0);
  channel.push(one(1));
  CHECK(channel.push(mark_at(10)) == sequence_number{2});
  CHECK(channel.push(mark_at(20)) == sequence_number{2});
  CHECK(channel.push(barrier_of(1)) == sequence_number{3});
  channel.push(mark_at(30)); // not past the barrier
  CHECK(channel.waiting() == 4);
  channel.grant(grant_of(1));
  CHECK(log == sent{"1:[1]", "2:watermark 20", "3:barrier 1", "4:watermark 30"});
}

TEST_CASE("an edge is full when a channel has batches waiting, and not before") {
  broadcast_edge to{1};
  CHECK(to.edge.accept(batch_of<int>({1, 2, 3, 4})));
  CHECK(to.edge.accept(batch_of<int>({5, 6, 7, 8})));
  CHECK_FALSE(to.edge.full());
  CHECK_FALSE(to.edge.accept(batch_of<int>({9, 10, 11, 12})));
  CHECK(to.edge.full());
  CHECK(to.edge.grant(grant_of(2, 0)));
  CHECK(to.edge.full()); // the other channel still is
  CHECK(to.edge.grant(grant_of(2, 1)));
  CHECK_FALSE(to.edge.full());
}

TEST_CASE("an edge knows its channels") {
  broadcast_edge to{1};
  CHECK(to.edge.grant(grant_of(5, 1)));
  CHECK_FALSE(to.edge.grant(grant_of(5, 2)));
}

TEST_CASE("a broadcast control message comes behind all gathered output, with its number on each channel") {
  broadcast_edge to{4};
  to.edge.accept(one(1));
  to.edge.accept(one(2));
  CHECK(to.edge.gathering());
  CHECK(to.first.empty());
  const auto positions = to.edge.broadcast(barrier_of(6));
  CHECK_FALSE(to.edge.gathering());
  CHECK(to.first == sent{"1:[1 2]", "2:barrier 6"});
  CHECK(to.second == to.first);
  CHECK(positions ==
        std::vector<weir::channel_position>{{channel_id{0}, sequence_number{2}}, {channel_id{1}, sequence_number{2}}});
}

TEST_CASE("a sender probes until the receiver says that it has everything") {
  sent log;
  auto channel = channel_into(log, 4);
  CHECK(channel.probe() == std::nullopt);
  channel.push(one(1));
  channel.push(barrier_of(1));
  REQUIRE(channel.probe());
  CHECK(channel.probe()->sent_through == sequence_number{2});
  weir::credit_grant answer = grant_of(4);
  answer.received_through = sequence_number{1};
  channel.grant(answer);
  CHECK(channel.probe());
  answer.received_through = sequence_number{2};
  channel.grant(answer);
  CHECK(channel.probe() == std::nullopt);
}

TEST_CASE("a sender that waits for credit probes, as the grant may be lost") {
  sent log;
  auto channel = channel_into(log, 1);
  channel.push(one(1));
  channel.push(one(2));
  weir::credit_grant all_received = grant_of(1);
  all_received.received_through = sequence_number{1};
  channel.grant(all_received);
  REQUIRE(channel.probe());
  channel.grant(grant_of(2));
  CHECK(log == sent{"1:[1]", "2:[2]"});
}

namespace {

std::vector<int> numbers_in(const std::vector<batch_ptr>& batches) {
  std::vector<int> all;
  for (const batch_ptr& batch : batches)
    all.insert(all.end(), weir::as<int>(*batch).values.begin(), weir::as<int>(*batch).values.end());
  return all;
}

} // namespace

TEST_CASE("a barrier that overtakes goes out ahead of what waits, and numbers stay in order") {
  sent log;
  weir::output_channel channel = channel_into(log, 1);
  for (int i = 1; i != 4; ++i)
    channel.push(one(i));
  CHECK(channel.push(barrier_of(9)) == sequence_number{4});
  channel.push(one(4));
  CHECK(channel.holds_back(checkpoint_id{9}));
  const auto overtaken = channel.overtake(checkpoint_id{9});
  REQUIRE(overtaken);
  CHECK(overtaken->sent.at == sequence_number{2});
  CHECK(numbers_in(overtaken->batches) == std::vector<int>{2, 3});
  CHECK_FALSE(channel.holds_back(checkpoint_id{9}));
  CHECK_FALSE(channel.overtake(checkpoint_id{9}));
  channel.grant(grant_of(10));
  CHECK(log == sent{"1:[1]", "2:barrier 9", "3:[2]", "4:[3]", "5:[4]"});
  CHECK(channel.push(one(5)) == sequence_number{6});
}

TEST_CASE("a barrier overtakes watermarks, the end and older barriers, which are not stored") {
  sent log;
  weir::output_channel channel = channel_into(log, 0);
  channel.push(one(1));
  channel.push(mark_at(20));
  channel.push(barrier_of(3));
  channel.push(end_of_stream{});
  channel.push(barrier_of(4));
  const auto overtaken = channel.overtake(checkpoint_id{4});
  REQUIRE(overtaken);
  CHECK(numbers_in(overtaken->batches) == std::vector<int>{1});
  channel.grant(grant_of(1));
  CHECK(log == sent{"1:barrier 4", "2:[1]", "3:watermark 20", "4:barrier 3", "5:end"});
}

TEST_CASE("after a barrier has overtaken, a probe asks for what was really sent") {
  sent log;
  weir::output_channel channel = channel_into(log, 0);
  channel.push(one(1));
  channel.push(barrier_of(4));
  REQUIRE(channel.overtake(checkpoint_id{4}));
  REQUIRE(channel.probe());
  CHECK(channel.probe()->sent_through == sequence_number{1});
}

TEST_CASE("what a barrier overtakes is told for each receiver, and nothing where it went at once") {
  broadcast_edge e{1};
  e.edge.accept(batch_of<int>({1, 2}));
  e.edge.accept(batch_of<int>({3, 4}));
  weir::credit_grant more = grant_of(5, 1);
  e.edge.grant(more);
  e.edge.broadcast(barrier_of(2));
  CHECK(e.edge.holds_back(checkpoint_id{2}));
  const auto all = e.edge.overtake(checkpoint_id{2});
  CHECK_FALSE(e.edge.holds_back(checkpoint_id{2}));
  REQUIRE(all.size() == 1);
  CHECK(all[0].target == 0);
  CHECK(all[0].sent.channel == channel_id{0});
  CHECK(numbers_in(all[0].batches) == std::vector<int>{3, 4});
  CHECK(e.first == sent{"1:[1 2]", "2:barrier 2"});
  CHECK(e.second == sent{"1:[1 2]", "2:[3 4]", "3:barrier 2"});
}
