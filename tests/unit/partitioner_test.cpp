// Tests of how forward, rebalance and broadcast edges deal and gather batches.
#include "sink_harness.hpp"

#include <weir/operators/partitioner.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace {

using weir::partitioning;
using weir_test::batch_of;

/// What was delivered: the target, the records, and the batch itself.
struct delivery {
  std::size_t target;
  std::vector<int> values;
  friend bool operator==(const delivery&, const delivery&) = default;
};

struct receiver final : weir::partition_receiver {
  void deliver(std::size_t target, weir::batch_ptr batch) override {
    const auto& values = weir::as<int>(*batch).values;
    deliveries.push_back({target, {values.begin(), values.end()}});
    batches.push_back(std::move(batch));
  }
  std::vector<delivery> deliveries;
  std::vector<weir::batch_ptr> batches;
};

using all = std::vector<delivery>;

std::unique_ptr<weir::any_partitioner> dealing(partitioning how, std::size_t targets, std::size_t batch_size,
                                               std::size_t own_index = 0) {
  auto made = weir::make_partitioner(how, own_index);
  made->configure(targets, batch_size, 128);
  return made;
}

} // namespace

TEST_CASE("a batch that is at least half full passes as it is") {
  receiver to;
  const auto edge = dealing(partitioning::forward, 1, 4);
  auto batch = batch_of<int>({1, 2});
  const weir::any_batch* address = batch.get();
  edge->route(std::move(batch), to);
  REQUIRE(to.deliveries == all{{0, {1, 2}}});
  CHECK(to.batches[0].get() == address);
  CHECK(to.batches[0]->sole_owner());
  CHECK(edge->empty());
}

TEST_CASE("small batches are gathered until a whole one is there") {
  receiver to;
  const auto edge = dealing(partitioning::forward, 1, 3);
  edge->route(batch_of<int>({1}), to);
  edge->route(batch_of<int>({2}), to);
  CHECK(to.deliveries.empty());
  CHECK_FALSE(edge->empty());
  edge->route(batch_of<int>({3}), to);
  CHECK(to.deliveries == all{{0, {1, 2, 3}}});
  CHECK(edge->empty());
}

TEST_CASE("what does not fit goes behind what was gathered") {
  receiver to;
  const auto edge = dealing(partitioning::forward, 1, 4);
  edge->route(batch_of<int>({1}), to);
  edge->route(batch_of<int>({2, 3, 4, 5}), to);
  CHECK(to.deliveries == all{{0, {1}}, {0, {2, 3, 4, 5}}});
}

TEST_CASE("a flush hands over what was gathered, in the order of targets") {
  receiver to;
  const auto edge = dealing(partitioning::broadcast, 2, 10);
  edge->route(batch_of<int>({1}), to);
  edge->flush(to);
  CHECK(to.deliveries == all{{0, {1}}, {1, {1}}});
  edge->flush(to);
  CHECK(to.deliveries.size() == 2);
}

TEST_CASE("rebalance goes to the next target with every batch, and begins at its own") {
  receiver to;
  const auto edge = dealing(partitioning::rebalance, 3, 2, 1);
  for (int i = 0; i != 4; ++i)
    edge->route(batch_of<int>({i, i}), to);
  CHECK(to.deliveries == all{{1, {0, 0}}, {2, {1, 1}}, {0, {2, 2}}, {1, {3, 3}}});
}

TEST_CASE("rebalance gathers small batches for one target before it goes on") {
  receiver to;
  const auto edge = dealing(partitioning::rebalance, 2, 3);
  for (int i = 1; i <= 6; ++i)
    edge->route(batch_of<int>({i}), to);
  CHECK(to.deliveries == all{{0, {1, 2, 3}}, {1, {4, 5, 6}}});
}

TEST_CASE("rebalance goes on to the next target when a trickle is flushed") {
  receiver to;
  const auto edge = dealing(partitioning::rebalance, 2, 3);
  for (int i = 1; i <= 3; ++i) {
    edge->route(batch_of<int>({i}), to);
    edge->flush(to);
    edge->flush(to); // of nothing
  }
  edge->route(batch_of<int>({4, 5, 6}), to);
  edge->route(batch_of<int>({7, 8, 9}), to);
  CHECK(to.deliveries == all{{0, {1}}, {1, {2}}, {0, {3}}, {1, {4, 5, 6}}, {0, {7, 8, 9}}});
}

TEST_CASE("broadcast gives every target all records and shares a batch instead of copying it") {
  receiver to;
  const auto edge = dealing(partitioning::broadcast, 3, 2);
  edge->route(batch_of<int>({1, 2}), to);
  CHECK(to.deliveries == all{{0, {1, 2}}, {1, {1, 2}}, {2, {1, 2}}});
  CHECK(to.batches[0].get() == to.batches[2].get());
  CHECK_FALSE(to.batches[0]->sole_owner());
}

TEST_CASE("gathering does not touch a batch that others hold") {
  receiver to;
  const auto edge = dealing(partitioning::forward, 1, 8);
  const auto held = batch_of<int>({1, 2});
  edge->route(held, to);
  edge->route(batch_of<int>({3}), to);
  edge->flush(to);
  CHECK(to.deliveries == all{{0, {1, 2, 3}}});
  CHECK(held->size() == 2);
}

TEST_CASE("records with and without event times do not share a batch") {
  receiver to;
  const auto edge = dealing(partitioning::forward, 1, 8);
  auto timed = batch_of<int>({1});
  timed->times.push_back(weir::event_time{std::chrono::milliseconds{5}});
  edge->route(std::move(timed), to);
  edge->route(batch_of<int>({2}), to);
  edge->flush(to);
  REQUIRE(to.deliveries == all{{0, {1}}, {0, {2}}});
  CHECK(to.batches[0]->times.size() == 1);
  CHECK(to.batches[1]->times.empty());
}

TEST_CASE("event times travel with the records that are gathered") {
  receiver to;
  const auto edge = dealing(partitioning::forward, 1, 8);
  for (int i = 1; i <= 2; ++i) {
    auto timed = batch_of<int>({i});
    timed->times.push_back(weir::event_time{std::chrono::milliseconds{i * 10}});
    edge->route(std::move(timed), to);
  }
  edge->flush(to);
  REQUIRE(to.batches.size() == 1);
  REQUIRE(to.batches[0]->times.size() == 2);
  CHECK(to.batches[0]->times[1] == weir::event_time{std::chrono::milliseconds{20}});
}
