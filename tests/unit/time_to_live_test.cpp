// The time to live of keyed state, as users give it to operators, in the harness for users.
#include "operator_harness.hpp"

#include <weir/operators/aggregate_functions.hpp>
#include <weir/operators/keyed_aggregate_operator.hpp>
#include <weir/operators/testing.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace time_to_live_test {

struct reading {
  std::string sensor;
  int value = 0;
  WEIR_FIELDS(sensor, value)
};

struct total {
  int sum = 0;
  WEIR_FIELDS(sum)
};

struct sum_of {
  struct accumulator {
    int sum = 0;
    WEIR_FIELDS(sum)
  };
  void add(accumulator& a, const reading& r) const { a.sum += r.value; }
  int result(const accumulator& a) const { return a.sum; }
};

struct sum_process {
  struct state {
    int sum = 0;
    WEIR_FIELDS(sum)
  };
  void process(const reading& r, state& s, weir::keyed_context<std::string>&, weir::collector<int>& out) const {
    out(s.sum += r.value);
  }
};

/// Adds to what the right side said last, without changing it.
struct enrich {
  struct state {
    int price = 0;
    WEIR_FIELDS(price)
  };
  void process_left(const reading& r, const state& s, weir::keyed_context<std::string>&,
                    weir::collector<int>& out) const {
    out(s.price + r.value);
  }
  void process_right(const reading& r, state& s, weir::keyed_context<std::string>&, weir::collector<int>&) const {
    s.price = r.value;
  }
};

struct with_rules {
  struct state {
    int sum = 0;
    WEIR_FIELDS(sum)
  };
  struct broadcast_state {
    int factor = 1;
    WEIR_FIELDS(factor)
  };
  void process(const reading& r, state& s, const broadcast_state& shared, weir::keyed_context<std::string>&,
               weir::collector<int>& out) const {
    out(s.sum += r.value * shared.factor);
  }
  void process_broadcast(const reading& r, broadcast_state& shared, weir::context&, weir::collector<int>&) const {
    shared.factor = r.value;
  }
};

/// Says after a while what it remembers.
struct reminder {
  struct state {
    int sum = 0;
    WEIR_FIELDS(sum)
  };
  void process(const reading& r, state& s, weir::keyed_context<std::string>& ctx, weir::collector<int>&) const {
    s.sum += r.value;
    ctx.set_timer(ctx.now() + std::chrono::seconds{r.value});
  }
  void on_timer(weir::processing_time, state& s, weir::keyed_context<std::string>&, weir::collector<int>& out) const {
    out(s.sum);
  }
};

struct reading_reminder : reminder {
  void process(const reading& r, state& s, weir::keyed_context<std::string>& ctx, weir::collector<int>& out) const {
    reminder::process(r, s, ctx, out);
  }
  void on_timer(weir::processing_time, const state& s, weir::keyed_context<std::string>&,
                weir::collector<int>& out) const {
    out(s.sum);
  }
};

} // namespace time_to_live_test

namespace {

using namespace std::chrono_literals;
using namespace time_to_live_test;
using weir::event_time;
using weir::time_to_live;
using weir::ttl_clock;
using weir::ttl_refresh;
using weir::testing::harness;
using numbers = std::vector<int>;
using input = weir::stream<reading>;

constexpr std::chrono::seconds after{10};

/// What an operator emits for records of one key, so many seconds after the start.
template <class Compose>
numbers run(const std::vector<std::pair<int, reading>>& records, const Compose& compose) {
  weir::job job{"test"};
  const input in = job.source("in", weir::testing::input<reading>{});
  const auto out = compose(in);
  harness test{job};
  const auto start = test.now();
  for (const auto& [s, record] : records) {
    test.advance_processing_time_to(start + std::chrono::seconds{s});
    test.push(in, record);
  }
  return test.outputs(out);
}

/// Every keyed operator, as one that gives the sum of a key's values.
std::vector<std::function<weir::stream<int>(input, const weir::operator_options&)>> summing() {
  const auto add = [](const reading& r, total& t) { return t.sum += r.value; };
  return {
      [](const input& in, const weir::operator_options& o) {
        return in.key_by(&reading::sensor)
            .reduce(
                "op",
                [](reading so_far, const reading& r) {
                  so_far.value += r.value;
                  return so_far;
                },
                o)
            .map("value", [](const weir::aggregated<std::string, reading>& a) { return a.value.value; });
      },
      [](const input& in, const weir::operator_options& o) {
        return in.key_by(&reading::sensor)
            .aggregate("op", sum_of{}, o)
            .map("value", [](const weir::aggregated<std::string, int>& a) { return a.value; });
      },
      [](const input& in, const weir::operator_options& o) {
        return in.key_by(&reading::sensor).process("op", sum_process{}, o);
      },
      [add](const input& in, const weir::operator_options& o) {
        return in.key_by(&reading::sensor).map_with_state("op", add, o);
      },
      [](const input& in, const weir::operator_options& o) {
        return in.key_by(&reading::sensor)
            .flat_map_with_state(
                "op", [](const reading& r, total& t, weir::collector<int>& out) { out(t.sum += r.value); }, o);
      },
      [](const input& in, const weir::operator_options& o) {
        return in.key_by(&reading::sensor)
            .connect(in.filter("none", [](const reading&) { return false; }).key_by(&reading::sensor))
            .process(
                "op",
                [] {
                  struct left_sum {
                    using state = total;
                    void process_left(const reading& r, state& s, weir::keyed_context<std::string>&,
                                      weir::collector<int>& out) const {
                      out(s.sum += r.value);
                    }
                    void process_right(const reading&, state&, weir::keyed_context<std::string>&,
                                       weir::collector<int>&) const {}
                  };
                  return left_sum{};
                }(),
                o);
      },
      [](const input& in, const weir::operator_options& o) {
        return in.key_by(&reading::sensor)
            .connect_broadcast(in.filter("none", [](const reading&) { return false; }))
            .process("op", with_rules{}, o);
      },
  };
}

weir::operator_options with_ttl(ttl_refresh refresh = ttl_refresh::on_write, ttl_clock clock = ttl_clock::processing) {
  return {.state_ttl = time_to_live{after, refresh, clock}};
}

} // namespace

TEST_CASE("the state of every keyed operator begins anew when it was not refreshed for its time to live", "[ttl]") {
  const std::vector<std::pair<int, reading>> records{{0, {"a", 1}},    {9, {"a", 10}},    {18, {"b", 5}},
                                                     {18, {"a", 100}}, {28, {"a", 1000}}, {37, {"a", 1}}};
  for (const auto& compose : summing()) {
    CHECK(run(records, [&](const input& in) { return compose(in, with_ttl()); }) == numbers{1, 11, 5, 111, 1000, 1001});
    CHECK(run(records, [&](const input& in) { return compose(in, {}); }) == numbers{1, 11, 5, 111, 1111, 1112});
  }
}

TEST_CASE("a count begins anew", "[ttl]") {
  CHECK(run({{0, {"a", 0}}, {9, {"a", 0}}, {19, {"a", 0}}, {20, {"a", 0}}}, [](const input& in) {
          return in.key_by(&reading::sensor)
              .count("counts", with_ttl())
              .map("count", [](const weir::counted<std::string>& c) { return static_cast<int>(c.count); });
        }) == numbers{1, 2, 1, 2});
}

TEST_CASE("a guarded operator's state expires", "[ttl]") {
  auto options = with_ttl();
  options.poison = weir::poison_policy::skip;
  CHECK(run({{0, {"a", 1}}, {9, {"a", 1}}, {19, {"a", 1}}}, [&](const input& in) {
          return in.key_by(&reading::sensor).process("op", sum_process{}, options);
        }) == numbers{1, 2, 1});
}

TEST_CASE("deduplicate lets a record through again some time after the one that came through, or after the last one",
          "[ttl]") {
  const std::vector<std::pair<int, reading>> records{{0, {"a", 1}},  {6, {"a", 2}},  {11, {"a", 3}}, {13, {"a", 4}},
                                                     {20, {"a", 5}}, {21, {"a", 6}}, {31, {"a", 7}}};
  const auto values = [&](ttl_refresh refresh) {
    return run(records, [&](const input& in) {
      return in.key_by(&reading::sensor).deduplicate("first", with_ttl(refresh)).map("value", &reading::value);
    });
  };
  CHECK(values(ttl_refresh::on_write) == numbers{1, 3, 6, 7});
  CHECK(values(ttl_refresh::on_read_or_write) == numbers{1, 7});
}

TEST_CASE("what only reads the state refreshes it if reads do, and not else", "[ttl]") {
  for (const auto& [refresh, expected] : std::vector<std::pair<ttl_refresh, numbers>>{
           {ttl_refresh::on_write, {101, 101, 1, 1}}, {ttl_refresh::on_read_or_write, {101, 101, 101, 1}}}) {
    weir::job job{"test"};
    const input in = job.source("in", weir::testing::input<reading>{});
    const input prices = job.source("prices", weir::testing::input<reading>{});
    const auto out = in.key_by(&reading::sensor)
                         .connect(prices.key_by(&reading::sensor))
                         .process("enrich", enrich{}, with_ttl(refresh));
    harness test{job};
    test.push(prices, {"a", 100});
    for (const int s : {3, 6, 8, 10}) {
      test.advance_processing_time(std::chrono::seconds{s});
      test.push(in, {"a", 1});
    }
    CHECK(test.outputs(out) == expected);
    CHECK(test.snapshot().entries("enrich", "state") == 0); // a read makes no state
  }
}

TEST_CASE("in event time state grows old by the watermark, and is refreshed at the times of records", "[ttl]") {
  const auto at = [](int s) { return event_time{std::chrono::seconds{s}}; };
  for (const auto& compose : summing()) {
    weir::job job{"test"};
    const input in = job.source("in", weir::testing::input<reading>{});
    const auto out = compose(in, with_ttl(ttl_refresh::on_write, ttl_clock::event));
    harness test{job};
    test.push(in, {"a", 1}, at(100));
    test.push(in, {"a", 1}, at(500)); // no watermark yet
    test.push(in, {"a", 1}, at(300)); // does not make it older
    test.watermark(at(509));
    test.push(in, {"a", 1}, at(505));
    test.watermark(at(514));
    test.advance_processing_time(24h);
    test.push(in, {"a", 1}, at(509));
    test.watermark(at(519));
    test.push(in, {"a", 1}, at(400)); // too late: it is gone again at once
    test.push(in, {"a", 1}, at(520));
    test.push(in, {"a", 1}, at(520));
    CHECK(test.outputs(out) == numbers{1, 2, 3, 4, 5, 1, 1, 2});
  }
}

TEST_CASE("without event times state never expires in event time", "[ttl]") {
  CHECK(run({{0, {"a", 1}}, {1000, {"a", 1}}}, [](const input& in) {
          return in.key_by(&reading::sensor)
              .process("op", sum_process{}, with_ttl(ttl_refresh::on_write, ttl_clock::event));
        }) == numbers{1, 2});
}

TEST_CASE("what had expired does not come back with a restore, at any parallelism", "[ttl]") {
  const bool event = GENERATE(false, true);
  const std::uint32_t parallelism = GENERATE(1U, 3U);
  weir::job job{"test"};
  const input in = job.source("in", weir::testing::input<reading>{});
  const auto out = in.key_by(&reading::sensor)
                       .process("sums", sum_process{},
                                with_ttl(ttl_refresh::on_write, event ? ttl_clock::event : ttl_clock::processing));
  weir::testing::harness_options options;
  options.parallelism = 2;
  harness first{job, options};
  const auto start = first.now();
  const auto push = [&](harness& to, const reading& r, int s) {
    if (!event)
      to.advance_processing_time_to(start + std::chrono::seconds{s});
    to.push(in, r, event_time{std::chrono::seconds{s}});
  };
  for (int key = 0; key != 20; ++key)
    push(first, {std::to_string(key), 1}, 0);
  for (int key = 0; key != 5; ++key)
    push(first, {std::to_string(key), 1}, 8);
  if (event)
    first.watermark(event_time{12s});
  else
    first.advance_processing_time_to(start + 12s);
  const auto taken = first.snapshot();
  if (event)
    CHECK(taken.entries("sums", "state") == 5);
  options.parallelism = parallelism;
  harness second{job, taken, options};
  for (int key = 0; key != 6; ++key)
    push(second, {std::to_string(key), 1}, 13); // in event time no watermark was seen since
  auto found = second.outputs(out);
  CHECK(found == numbers{3, 3, 3, 3, 3, 1});

  harness third{job, taken, options};
  if (!event)
    third.advance_processing_time_to(start + 18s);
  else
    third.watermark(event_time{18s});
  push(third, {"0", 1}, 18);
  CHECK(third.outputs(out) == numbers{1});
}

TEST_CASE("restores after every record change nothing, at any parallelism", "[ttl]") {
  std::vector<reading> records;
  for (int i = 0; i != 60; ++i)
    records.push_back({std::to_string(i * i % 7), i});
  for (const ttl_refresh refresh : {ttl_refresh::on_write, ttl_refresh::on_read_or_write}) {
    const auto compose = [&](const input& in) {
      return in.key_by(&reading::sensor).process("sums", sum_process{}, with_ttl(refresh));
    };
    const auto found = weir::testing::same_with_snapshots(records, compose,
                                                          {.parallelism = {1, 3, 2}, .step = 3s, .before_end = 1min});
    INFO(found.difference);
    CHECK(found.same);
  }
}

TEST_CASE("timers have no time to live, and find what state there is", "[ttl]") {
  const auto sums = [](auto op, ttl_refresh refresh) {
    weir::job job{"test"};
    const input in = job.source("in", weir::testing::input<reading>{});
    const auto out = in.key_by(&reading::sensor).process("op", op, with_ttl(refresh));
    harness test{job};
    test.push(in, {"a", 9}); // fires at 9 s
    test.push(in, {"b", 30});
    test.advance_processing_time(12s);
    test.push(in, {"a", 1}); // fires at 13 s
    test.advance_processing_time(1min);
    return test.outputs(out);
  };
  CHECK(sums(reminder{}, ttl_refresh::on_write) == numbers{9, 10, 0}); // what may write refreshes
  CHECK(sums(reading_reminder{}, ttl_refresh::on_write) == numbers{9, 1, 0});
  CHECK(sums(reading_reminder{}, ttl_refresh::on_read_or_write) == numbers{9, 10, 0});
}

TEST_CASE("memory is given back while nothing comes, and no snapshot is taken", "[ttl]") {
  using text_count = weir::keyed_aggregate_operator<std::string, std::string, std::identity,
                                                    weir::detail::count_function<std::string>>;
  const bool checkpointing = GENERATE(false, true);
  auto identity = weir_test::identity_of("counts");
  identity.checkpointing = checkpointing;
  weir_test::operator_harness test{
      std::make_unique<text_count>(std::identity{}, weir::detail::count_function<std::string>{}, time_to_live{after}),
      identity, weir_test::ports_of<weir::counted<std::string>>()};
  test.start();
  CHECK(test.context.wakes.empty()); // there is nothing to expire
  std::vector<std::string> words;
  for (int i = 0; i != 20'000; ++i)
    words.push_back(std::to_string(i));
  test.feed_keyed(words, std::identity{});
  const weir::any_state_table& table = *test.op().state_tables().front();
  CHECK(table.entry_count() == 20'000);
  std::size_t wakes = 0;
  weir::operator_outputs none;
  const auto start = test.context.clock;
  while (!test.context.wakes.empty() && wakes < 1000) {
    test.context.clock = test.context.wakes.back();
    test.context.wakes.clear();
    ++wakes;
    REQUIRE(test.op().on_wake(test.context.clock, none));
    if (test.context.clock < start + after)
      REQUIRE(table.entry_count() == 20'000);
  }
  CHECK(table.entry_count() == 0);
  CHECK(test.context.clock < start + 2 * after);
  CHECK(wakes < 100);
}

TEST_CASE("what steadily comes is cleaned as fast as it comes", "[ttl]") {
  using text_count = weir::keyed_aggregate_operator<int, int, std::identity, weir::detail::count_function<int>>;
  weir_test::operator_harness test{
      std::make_unique<text_count>(std::identity{}, weir::detail::count_function<int>{}, time_to_live{after}),
      weir_test::identity_of("counts"), weir_test::ports_of<weir::counted<int>>()};
  test.start();
  const weir::any_state_table& table = *test.op().state_tables().front();
  std::uint64_t most = 0;
  for (int batch = 0; batch != 300; ++batch) {
    std::vector<int> keys;
    for (int i = 0; i != 100; ++i)
      keys.push_back(batch * 100 + i); // each once
    test.feed_keyed(keys, std::identity{});
    test.context.clock += 100ms; // 10,000 live at a time
    if (batch > 150)
      most = std::max(most, table.entry_count());
  }
  CHECK(most < 16'000);
}

TEST_CASE("a time to live where it makes no sense is a problem of the job", "[ttl]") {
  struct no_state {
    void process(const reading& r, weir::keyed_context<std::string>&, weir::collector<int>& out) const { out(r.value); }
  };
  struct of_subtask {
    using state = total;
    void process(const reading& r, state&, weir::context&, weir::collector<int>& out) const { out(r.value); }
  };
  weir::job job{"test"};
  const input in = job.source("in", weir::testing::input<reading>{}, with_ttl());
  static_cast<void>(in.map("map", &reading::value, with_ttl()));
  static_cast<void>(in.process("subtask", of_subtask{}, with_ttl()));
  static_cast<void>(in.key_by(&reading::sensor).process("stateless", no_state{}, with_ttl()));
  static_cast<void>(in.key_by(&reading::sensor).count("zero", {.state_ttl = time_to_live{0s}}));
  static_cast<void>(in.key_by(&reading::sensor).count("right", with_ttl()));
  std::vector<std::string> found;
  for (const weir::graph_problem& problem : job.graph().problems) {
    found.push_back(problem.operator_name);
    CHECK(problem.text.thing == "its time to live");
    CHECK(std::string{problem.where.file}.find("time_to_live_test.cpp") != std::string::npos);
  }
  CHECK(found == std::vector<std::string>{"in", "map", "subtask", "stateless", "zero"});
}
