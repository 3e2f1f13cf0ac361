// The harness for users: its clock, watermarks and ends, operators that hold, snapshots, and what it refuses.
#include <weir/operators/testing.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using weir::testing::harness;
using weir::testing::input;

using numbers = std::vector<int>;

weir::event_time at_ms(int ms) {
  return weir::event_time{std::chrono::milliseconds{ms}};
}

/// Emits numbers as they are, the milliseconds of watermarks as negative ones, and 1000 at the end.
class telling final : public weir::any_operator {
public:
  std::size_t process(std::size_t, weir::any_batch& in, std::size_t from, std::size_t to,
                      weir::operator_outputs& out) override {
    for (std::size_t i = from; i != to; ++i)
      out.port<int>(0)(weir::as<int>(in).values[i]);
    return to;
  }
  bool watermark(weir::event_time time, weir::operator_outputs& out) override {
    out.port<int>(0)(-static_cast<int>(time.time_since_epoch().count()));
    return true;
  }
  bool end_of_input(weir::operator_outputs& out) override {
    out.port<int>(0)(1000);
    return true;
  }
};

/// Emits 1 when it is woken from outside.
class woken final : public weir::any_operator {
public:
  explicit woken(std::shared_ptr<weir::waker>& waker) : waker_(waker) {}
  void open(weir::operator_context& around) override { waker_ = around.outside_waker(); }
  std::size_t process(std::size_t, weir::any_batch&, std::size_t, std::size_t to, weir::operator_outputs&) override {
    return to;
  }
  bool on_wake(weir::processing_time, weir::operator_outputs& out) override {
    out.port<int>(0)(1);
    return true;
  }

private:
  std::shared_ptr<weir::waker>& waker_;
};

auto tell() {
  return [] { return std::make_unique<telling>(); };
}

/// Counts what it forgets at every restart.
struct forgetful {
  std::shared_ptr<int> seen = std::make_shared<int>(0);
  void process(const int&, weir::context&, weir::collector<int>& out) const { out(++*seen); }
};

} // namespace

TEST_CASE("an operator's watermark is the least of its inputs, and comes behind the records before it") {
  weir::job job{"watermarks"};
  const auto left = job.source("left", input<int>{});
  const auto right = job.source("right", input<int>{});
  const auto out = left.union_with(right).transform<int>("tell", tell(), {.parallelism = 1});
  const auto behind = out.transform<int>("behind", tell());
  harness test{job};
  test.push(left, 5);
  test.watermark(at_ms(7));
  test.push(right, 6);
  test.end_of_input();
  CHECK(test.outputs(out) == numbers{5, -7, 6, 1000});
  CHECK(test.outputs(behind) == numbers{5, -7, -7, 6, 1000, 1000});
}

TEST_CASE("outputs of a union are those of its streams") {
  weir::job job{"union"};
  const auto left = job.source("left", input<int>{});
  const auto right = job.source("right", input<int>{});
  const auto both = left.union_with(right);
  harness test{job};
  test.push(left, 1);
  test.push(right, 2);
  test.push(left, 3);
  CHECK(test.outputs(both) == numbers{1, 2, 3});
  test.forget_outputs();
  CHECK(test.outputs(both).empty());
}

TEST_CASE("a throttle holds what is pushed, at its rate by the test's clock, and a snapshot has what waits") {
  weir::job job{"throttle"};
  const auto in = job.source("in", input<int>{});
  const auto slow = in.throttle("slow", 10);
  const auto told = slow.transform<int>("tell", tell());
  harness test{job};
  for (int i = 1; i <= 5; ++i)
    test.push(in, i, at_ms(i));
  test.watermark(at_ms(5));
  test.end_of_input();
  CHECK(test.holding());
  test.advance_processing_time(100ms);
  CHECK(test.outputs(slow) == numbers{1, 2});
  const auto taken = test.snapshot();
  CHECK(taken.entries("slow", "state") == 1);
  test.advance_processing_time(10s);
  CHECK(test.outputs(told) == numbers{1, 2, 3, 4, 5, -5, 1000});
  CHECK_FALSE(test.holding());

  harness after{job, taken};
  after.advance_processing_time(10s);
  CHECK(after.outputs(told) == numbers{3, 4, 5, -5, 1000});
  CHECK(after.output_times(slow).at(0) == at_ms(3));
}

TEST_CASE("a throttle says the same with snapshots and restores in between, at any parallelism") {
  numbers all;
  for (int i = 0; i != 40; ++i)
    all.push_back(i);
  const auto compose = [](const weir::stream<int>& in) { return in.throttle("slow", 25); };
  for (const std::vector<std::uint32_t>& parallelism : {std::vector<std::uint32_t>{1}, {3, 1, 2}}) {
    const auto found =
        weir::testing::same_with_snapshots(all, compose, {.parallelism = parallelism, .step = 9ms, .before_end = 1h});
    INFO(found.difference);
    CHECK(found.same);
  }
}

TEST_CASE("same_with_snapshots finds what is not in a checkpoint") {
  const auto compose = [](const weir::stream<int>& in) {
    return in.transform<int>("forgetful",
                             [] { return std::make_unique<weir::process_operator<int, forgetful, int>>(forgetful{}); });
  };
  const auto found = weir::testing::same_with_snapshots(numbers{7, 7, 7}, compose);
  CHECK_FALSE(found.same);
  CHECK(found.difference == "output 1 is 1 with snapshots, and 2 without");
}

TEST_CASE("an operator can be woken from outside") {
  weir::job job{"woken"};
  const auto in = job.source("in", input<int>{});
  std::shared_ptr<weir::waker> waker;
  const auto out = in.transform<int>("woken", [&waker] { return std::make_unique<woken>(waker); });
  harness test{job};
  test.work();
  CHECK(test.outputs(out).empty());
  waker->wake();
  CHECK(test.outputs(out).empty());
  test.work();
  CHECK(test.outputs(out) == numbers{1});
}

TEST_CASE("a harness refuses a job with problems, and records for what is no source of the job") {
  weir::job wrong{"wrong"};
  static_cast<void>(wrong.source("Not A Name", input<int>{}));
  CHECK_THROWS_AS(harness{wrong}, weir::job_error);

  weir::job job{"right"};
  const auto in = job.source("in", input<int>{});
  const auto mapped = in.map("map", [](int n) { return n; });
  harness test{job};
  CHECK_THROWS_AS(test.push(mapped, 1), weir::usage_error);
}

TEST_CASE("a harness restores state by the names of operators, and refuses state that cannot be read") {
  weir::job counting{"job"};
  const auto in = counting.source("in", input<int>{});
  static_cast<void>(in.key_by().count("n"));
  harness before{counting};
  before.push(in, 1);
  const auto taken = before.snapshot();
  CHECK(taken.entries("n", "state") == 1);
  CHECK(taken.entries("m", "state") == 0);

  weir::job other{"job"};
  const auto texts = other.source("in", input<std::string>{});
  static_cast<void>(texts.key_by().count("n"));
  CHECK_THROWS_AS((harness{other, taken}), weir::store_error);
}
