// Tests of a subtask with a throttle: its rate, barriers while it holds, restored records.
#include "passing_operator.hpp"
#include "subtask_harness.hpp"

#include <weir/operators/rate_limit.hpp>
#include <weir/operators/throttle_operator.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;

using texts = std::vector<std::string>;

/// A subtask that lets ten numbers a second pass.
struct throttling_subtask : weir_test::subtask_harness {
  throttling_subtask() {
    setup.batch_size = 2;
    setup.credit_window = 100;
    add_inputs(1);
    add("pass", [] { return std::make_unique<weir_test::passing_operator>(); }, {&weir::element_type_of<int>()});
    add("throttle", [] { return std::make_unique<weir::throttle_operator<int>>(10); }, {&weir::element_type_of<int>()});
    add_edge();
    start();
  }
  void advance(std::chrono::microseconds by) {
    env->advance(by);
    loop->wake();
    settle();
  }
  std::vector<int> stored_records(std::size_t snapshot) const {
    weir::list_state_table<weir::throttle_state<int>> table{"state"};
    for (const auto& chunk : around.stored.at(snapshot).chunks)
      table.load(chunk.bytes);
    std::vector<int> all;
    for (const auto& [subtask, state] : table)
      for (const auto& each : state.waiting)
        all.push_back(each.record);
    return all;
  }
};

} // namespace

TEST_CASE("a rate limit lets its records pass a second, whenever it is asked") {
  weir::monotonic_time now{1s};
  weir::rate_limit limit{1000, now};
  CHECK(limit.take(now, 5) == 1); // the first at once
  CHECK(limit.next(now) == now + 1ms);
  std::size_t passed = 0;
  for (int i = 0; i != 1000; ++i)
    passed += limit.take(now += (i % 2 == 0 ? 300us : 1700us), 5);
  CHECK(passed == 1000);
  CHECK(limit.take(now += 1h, 1'000'000) == 101);             // a tenth of a second is made up for, and no more
  CHECK(weir::rate_limit{0.001, now}.next(now) == now + 1ms); // one may pass at once
}

TEST_CASE("a throttle lets the same pass however the clock is set meanwhile") {
  const auto set_by = GENERATE(-3'600'000ms, -50ms, 50ms, 3'600'000ms); // also by less than it waits
  throttling_subtask task;
  task.send_batch(0, {1, 2, 3});
  task.settle();
  CHECK(task.sent() == texts{"[1]"});
  task.env->set_by = set_by;
  task.advance(99ms);
  CHECK(task.sent() == texts{"[1]"});
  task.advance(1ms);
  CHECK(task.sent() == texts{"[1]", "[2]"});
  task.env->set_by = 0ms;
  task.advance(99ms);
  CHECK(task.sent() == texts{"[1]", "[2]"});
  task.advance(1ms);
  CHECK(task.sent() == texts{"[1]", "[2]", "[3]"});
}

TEST_CASE("a subtask whose throttle holds takes no batches, but barriers, and emits at its rate") {
  throttling_subtask task;
  task.send_batch(0, {1, 2, 3, 4});
  task.send_batch(0, {5, 6});
  task.send_barrier(0, 1);
  task.send_batch(0, {7});
  task.settle();
  CHECK(task.around.stored.empty()); // a batch waits before the barrier
  task.advance(100ms);
  task.advance(100ms);
  task.advance(100ms);
  REQUIRE(task.around.stored.size() == 1); // the second batch went in when the first was gone, and was no obstacle
  CHECK(task.stored_records(0) == std::vector<int>{5, 6});
  for (int i = 0; i != 4; ++i)
    task.advance(100ms);
  std::vector<std::string> sent = task.sent();
  CHECK(sent == texts{"[1]", "[2]", "[3]", "[4]", "barrier 1", "[5]", "[6]", "[7]"});
}

TEST_CASE("the end of the stream comes behind what a throttle held, and a barrier before it is not held up") {
  throttling_subtask task;
  task.send_batch(0, {1, 2, 3});
  task.send(0, weir::end_of_stream{});
  task.send_barrier(0, 1);
  task.settle();
  task.advance(1ms);
  CHECK(task.around.stored.empty()); // the end of the stream is taken when nothing holds
  for (int i = 0; i != 2; ++i)
    task.advance(100ms);
  CHECK(task.reported<weir::subtask_ended>().empty()); // -2 of the operator before is held
  CHECK(task.around.stored.size() == 1);
  task.advance(100ms);
  CHECK(task.reported<weir::subtask_ended>().size() == 1);
  CHECK(task.sent().back() == "end");
}

TEST_CASE("a restored throttle emits what waited, at its rate") {
  throttling_subtask before;
  before.send_batch(0, {1, 2, 3, 4});
  before.send_barrier(0, 1);
  before.settle();
  REQUIRE(before.around.stored.size() == 1);
  CHECK(before.stored_records(0) == std::vector<int>{2, 3, 4});

  throttling_subtask after;
  after.setup.restored = true;
  after.make();
  after.loop->open();
  for (const auto& chunk : before.around.stored[0].chunks)
    after.loop->load(0, chunk.entries, chunk.bytes);
  after.loop->loaded();
  after.loop->run();
  after.advance(0ms); // the first at once
  for (int i = 0; i != 2; ++i)
    after.advance(100ms);
  CHECK(after.sent() == texts{"[2]", "[3]", "[4]"});
}
