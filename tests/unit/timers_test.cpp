// Processing-time timers of keyed process operators, in the harness for users.
#include <weir/operators/processing_timers.hpp>
#include <weir/operators/testing.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using weir::testing::harness;

using texts = std::vector<std::string>;

struct reading {
  std::string sensor;
  int wait_ms = 0;
  WEIR_FIELDS(sensor, wait_ms)
};

/// Says when nothing came from a sensor for as long as its last reading said.
struct silence_alarm {
  struct state {
    weir::processing_time due{};
    int readings = 0;
    WEIR_FIELDS(due, readings)
  };
  void process(const reading& r, state& s, weir::keyed_context<std::string>& ctx, weir::collector<std::string>&) const {
    ctx.clear_timer(s.due);
    s.due = ctx.now() + std::chrono::milliseconds{r.wait_ms};
    ++s.readings;
    ctx.set_timer(s.due);
  }
  void on_timer(weir::processing_time at, state& s, weir::keyed_context<std::string>& ctx,
                weir::collector<std::string>& out) const {
    out(ctx.key() + " " + std::to_string(s.readings) + (at == s.due && ctx.now() >= at ? "" : " at a wrong time"));
  }
};

/// Sets a timer for now, again and again, so many times.
struct again {
  struct state {
    int left = 0;
    WEIR_FIELDS(left)
  };
  void process(const reading& r, state& s, weir::keyed_context<std::string>& ctx, weir::collector<int>&) const {
    s.left = r.wait_ms;
    ctx.set_timer(ctx.now());
    ctx.set_timer(ctx.now()); // one for a key and a time
  }
  void on_timer(weir::processing_time, state& s, weir::keyed_context<std::string>& ctx,
                weir::collector<int>& out) const {
    out(s.left);
    if (--s.left > 0)
      ctx.set_timer(ctx.now());
  }
};

/// Says after a while how many records of a key came from the left and from the right, or with which rule.
struct both_sides {
  struct state {
    int left = 0;
    int right = 0;
    WEIR_FIELDS(left, right)
  };
  struct broadcast_state {
    int rules = 0;
    WEIR_FIELDS(rules)
  };
  void process_left(const reading&, state& s, weir::keyed_context<std::string>& ctx,
                    weir::collector<std::string>&) const {
    ++s.left;
    ctx.set_timer(ctx.now() + 1s);
  }
  void process_right(const std::string&, state& s, weir::keyed_context<std::string>&,
                     weir::collector<std::string>&) const {
    ++s.right;
  }
  void process(const reading&, state& s, const broadcast_state& shared, weir::keyed_context<std::string>& ctx,
               weir::collector<std::string>&) const {
    s.right = shared.rules;
    ++s.left;
    ctx.set_timer(ctx.now() + 1s);
  }
  void process_broadcast(const std::string&, broadcast_state& shared, weir::context&,
                         weir::collector<std::string>&) const {
    ++shared.rules;
  }
  void on_timer(weir::processing_time, state& s, weir::keyed_context<std::string>& ctx,
                weir::collector<std::string>& out) const {
    out(ctx.key() + " " + std::to_string(s.left) + " " + std::to_string(s.right));
  }
};

struct timers_without_on_timer {
  void process(const reading&, weir::keyed_context<std::string>& ctx, weir::collector<int>&) const {
    ctx.set_timer(ctx.now());
  }
};

/// A job of sensors and their alarms.
struct alarms {
  weir::job job{"alarms"};
  weir::stream<reading> in = job.source("in", weir::testing::input<reading>{});
  weir::stream<std::string> out = in.key_by(&reading::sensor).process("silence", silence_alarm{});
};

} // namespace

TEST_CASE("timers fire when the clock reaches them, in the order of their times") {
  alarms with;
  harness test{with.job};
  test.push(with.in, {"a", 300});
  test.push(with.in, {"b", 100});
  test.push(with.in, {"c", 200});
  test.advance_processing_time(99ms);
  CHECK(test.outputs(with.out).empty());
  test.advance_processing_time(1ms);
  CHECK(test.outputs(with.out) == texts{"b 1"});
  test.advance_processing_time(10min);
  CHECK(test.outputs(with.out) == texts{"b 1", "c 1", "a 1"});
}

TEST_CASE("timers of one time fire in the order of their keys") {
  alarms with;
  harness test{with.job};
  for (const char* key : {"m", "b", "z", "a"})
    test.push(with.in, {key, 100});
  test.advance_processing_time(1s);
  CHECK(test.outputs(with.out) == texts{"a 1", "b 1", "m 1", "z 1"});
}

TEST_CASE("a timer that was taken back does not fire, and the others of its key do") {
  alarms with;
  harness test{with.job};
  test.push(with.in, {"a", 100});
  test.advance_processing_time(50ms);
  test.push(with.in, {"a", 100});
  test.advance_processing_time(99ms);
  CHECK(test.outputs(with.out).empty());
  test.advance_processing_time(1ms);
  CHECK(test.outputs(with.out) == texts{"a 2"});
}

TEST_CASE("a timer for a time that has passed fires at once, and once for a key and a time") {
  weir::job job{"again"};
  const auto in = job.source("in", weir::testing::input<reading>{});
  const auto out = in.key_by(&reading::sensor).process("again", again{});
  harness test{job};
  test.push(in, {"a", 3});
  CHECK(test.outputs(out) == std::vector<int>{3, 2, 1});
}

TEST_CASE("a timer that sets itself again for now without end is an error in a test") {
  weir::job job{"again"};
  const auto in = job.source("in", weir::testing::input<reading>{});
  const auto out = in.key_by(&reading::sensor).process("again", again{});
  static_cast<void>(out);
  harness test{job};
  CHECK_THROWS_WITH(test.push(in, {"a", 1'000'000}), Catch::Contains("let a timer set itself for a later time"));
}

TEST_CASE("operators with two inputs and with a broadcast have timers, too") {
  weir::job job{"two"};
  const auto left = job.source("left", weir::testing::input<reading>{});
  const auto right = job.source("right", weir::testing::input<std::string>{});
  const auto keyed = left.key_by(&reading::sensor);
  const auto joined = keyed.connect(right.key_by()).process("join", both_sides{});
  const auto ruled = keyed.connect_broadcast(right).process("rules", both_sides{});
  harness test{job, {.parallelism = 2}};
  test.push(right, "a");
  test.push(left, {"a", 0});
  test.push(left, {"a", 0});
  test.push(right, "b");
  harness after{job, test.snapshot(), {.parallelism = 3}};
  after.advance_processing_time(1s);
  CHECK(after.outputs(joined) == texts{"a 2 1"});
  CHECK(after.outputs(ruled) == texts{"a 2 1"});
}

TEST_CASE("timers do not fire after the end of the input") {
  alarms with;
  harness test{with.job};
  test.push(with.in, {"a", 100});
  test.push(with.in, {"b", 50});
  test.advance_processing_time(50ms);
  test.end_of_input();
  test.advance_processing_time(1s);
  CHECK(test.outputs(with.out) == texts{"b 1"});
}

TEST_CASE("what a timer emits has no event time") {
  alarms with;
  harness test{with.job};
  test.push(with.in, {"a", 100}, weir::event_time{5s});
  test.advance_processing_time(1s);
  CHECK(test.output_times(with.out) == std::vector<std::optional<weir::event_time>>{std::nullopt});
}

TEST_CASE("timers are state: after a restore they fire, late ones at once, at any parallelism") {
  alarms with;
  harness before{with.job};
  for (int i = 0; i != 50; ++i)
    before.push(with.in, {"key " + std::to_string(i), 100 * i});
  before.advance_processing_time(2s);
  CHECK(before.outputs(with.out).size() == 21);
  const auto taken = before.snapshot();
  CHECK(taken.entries("silence", "timers") == 29);
  CHECK(taken.entries("silence", "state") == 50);
  for (const std::uint32_t parallelism : {1U, 3U, 7U}) {
    harness after{with.job, taken, {.parallelism = parallelism}};
    CHECK(after.outputs(with.out).empty());
    after.advance_processing_time(3s);
    CHECK(after.outputs(with.out).size() == 29);
  }
}

TEST_CASE("an alarm says the same with snapshots and restores in between") {
  std::vector<reading> readings;
  for (int i = 0; i != 60; ++i)
    readings.push_back({std::string(1, static_cast<char>('a' + i % 7)), 10 + i * 37 % 90});
  const auto compose = [](const weir::stream<reading>& in) {
    return in.key_by(&reading::sensor).process("silence", silence_alarm{});
  };
  const auto one = weir::testing::same_with_snapshots(readings, compose, {.step = 7ms, .before_end = 1s});
  INFO(one.difference);
  CHECK(one.same);
  const auto several =
      weir::testing::same_with_snapshots(readings, compose, {.parallelism = {2, 3, 1}, .step = 7ms, .before_end = 1s});
  INFO(several.difference);
  CHECK(several.same);
}

TEST_CASE("a timer of a struct without on_timer is an error") {
  weir::job job{"none"};
  const auto in = job.source("in", weir::testing::input<reading>{});
  const auto out = in.key_by(&reading::sensor).process("none", timers_without_on_timer{});
  static_cast<void>(out);
  harness test{job};
  CHECK_THROWS_WITH(test.push(in, {"a", 1}), Catch::Contains("a struct with an on_timer"));
}

TEST_CASE("timers pause while an output is full, and go on where they stopped") {
  class surroundings final : public weir::operator_context {
  public:
    surroundings() : operator_context({}) {}
    [[nodiscard]] weir::processing_time now() const override { return {}; }
    void wake_at(weir::processing_time when) override { asked.push_back(when); }
    std::vector<weir::processing_time> asked;
  };
  surroundings around;
  weir::detail::processing_timers<int> timers;
  timers.open(around);
  timers.ready();
  const auto at = [](int ms) { return weir::processing_time{std::chrono::milliseconds{ms}}; };
  for (int key = 0; key != 5; ++key)
    timers.set(key, weir::key_hash(key), at(10 - key));
  CHECK(around.asked == std::vector<weir::processing_time>{at(10), at(9), at(8), at(7), at(6)});
  std::vector<int> fired;
  const auto full = [&] { return fired.size() % 2 == 1; };
  const auto fire = [&](weir::processing_time, int key, std::uint64_t) { fired.push_back(key); };
  CHECK_FALSE(timers.fire_due(at(9), full, fire));
  CHECK(fired == std::vector<int>{4});
  fired.push_back(-1);                               // there is room again
  CHECK_FALSE(timers.fire_due(at(100), full, fire)); // the same round: what is due by 9
  fired.push_back(-1);
  timers.clear(1, weir::key_hash(1), at(9));
  CHECK(timers.fire_due(at(100), full, fire));
  CHECK(fired == std::vector<int>{4, -1, 3, -1, 2});
  CHECK(around.asked.back() == at(10));
  fired.push_back(-1);
  CHECK(timers.fire_due(at(100), full, fire));
  CHECK(fired.back() == 0);
}
