// The calls that are thin over process, split and partitioners: what they compose, and what they emit.
#include <weir/operators/testing.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using weir::testing::harness;
using weir::testing::input;

using numbers = std::vector<int>;
using texts = std::vector<std::string>;

struct reading {
  std::string sensor;
  int value = 0;
  WEIR_FIELDS(sensor, value)
  friend bool operator==(const reading&, const reading&) = default;
};

struct last_value {
  int value = 0;
  WEIR_FIELDS(value)
};

struct mean {
  struct accumulator {
    int sum = 0;
    int n = 0;
    WEIR_FIELDS(sum, n)
  };
  void add(accumulator& a, const reading& r) const {
    a.sum += r.value;
    ++a.n;
  }
  double result(const accumulator& a) const { return static_cast<double>(a.sum) / a.n; }
};

int rise(const reading& r, last_value& last) {
  return r.value - std::exchange(last.value, r.value);
}

struct readings_job {
  weir::job job{"readings"};
  weir::stream<reading> in = job.source("in", input<reading>{});
};

void push_all(harness& test, const weir::stream<reading>& in, const std::vector<reading>& all) {
  for (const reading& each : all)
    test.push(in, each);
}

const std::vector<reading> some{{"a", 5}, {"b", 1}, {"a", 7}, {"a", 7}, {"b", 9}, {"a", 2}};

} // namespace

TEST_CASE("map, filter and flat_map with state see the state of the record's key") {
  readings_job with;
  const auto keyed = with.in.key_by(&reading::sensor);
  const auto rises = keyed.map_with_state("rises", rise);
  const auto changed =
      keyed.filter_with_state("changed", [](const reading& r, last_value& last) { return rise(r, last) != 0; });
  const auto falls =
      keyed.flat_map_with_state("falls", [](const reading& r, last_value& last, weir::collector<std::string>& out) {
        if (const int by = rise(r, last); by < 0)
          out(r.sensor + std::to_string(by));
      });
  const auto generic =
      keyed.map_with_state<last_value>("generic", [](const auto& r, auto& last) { return last.value = r.value; });
  REQUIRE(with.job.graph().problems.empty());
  harness test{with.job, {.parallelism = 2}};
  push_all(test, with.in, some);
  CHECK(test.outputs(rises) == numbers{5, 1, 2, 0, 8, -5});
  CHECK(test.outputs(changed) == std::vector<reading>{{"a", 5}, {"b", 1}, {"a", 7}, {"b", 9}, {"a", 2}});
  CHECK(test.outputs(falls) == texts{"a-5"});
  CHECK(test.outputs(generic) == numbers{5, 1, 7, 7, 9, 2});
}

TEST_CASE("deduplicate lets the first record of each key pass, also after a restore") {
  readings_job with;
  const auto once = with.in.key_by(&reading::sensor).deduplicate("once");
  const auto whole = with.in.map("values", &reading::value).key_by().deduplicate("whole");
  harness test{with.job};
  push_all(test, with.in, some);
  CHECK(test.outputs(once) == std::vector<reading>{{"a", 5}, {"b", 1}});
  CHECK(test.outputs(whole) == numbers{5, 1, 7, 9, 2});
  harness restored{with.job, test.snapshot(), {.parallelism = 3}};
  push_all(restored, with.in, {{"a", 1}, {"c", 2}});
  CHECK(restored.outputs(once) == std::vector<reading>{{"c", 2}});
}

TEST_CASE("top_k keeps the best of each key, and emits a ranking when it changes") {
  readings_job with;
  const auto best = with.in.key_by(&reading::sensor).top_k("best", 2, &reading::value);
  harness test{with.job};
  push_all(test, with.in, some);
  using ranking = weir::ranking<std::string, reading>;
  CHECK(test.outputs(best) == std::vector<ranking>{{"a", {{"a", 5}}},
                                                   {"b", {{"b", 1}}},
                                                   {"a", {{"a", 7}, {"a", 5}}},
                                                   {"a", {{"a", 7}, {"a", 7}}},
                                                   {"b", {{"b", 9}, {"b", 1}}}});
}

TEST_CASE("top_k of a whole stream takes a comparison, and the earlier of two equals is better") {
  readings_job with;
  const auto smallest =
      with.in.top_k("smallest", 2, [](const reading& a, const reading& b) { return a.value % 5 < b.value % 5; });
  harness test{with.job, {.parallelism = 4}};
  push_all(test, with.in, some); // 0 1 2 2 4 2
  push_all(test, with.in, {{"c", 10}});
  const auto found = test.outputs(smallest);
  REQUIRE(found.size() == 3);
  CHECK(found[1].best == std::vector<reading>{{"a", 5}, {"b", 1}});
  CHECK(found[2].best == std::vector<reading>{{"a", 5}, {"c", 10}});
}

TEST_CASE("count, reduce and aggregate of an un-keyed stream have one subtask and one result") {
  readings_job with;
  const auto counted = with.in.count("count");
  const auto largest =
      with.in.reduce("largest", [](const reading& a, const reading& b) { return a.value < b.value ? b : a; });
  const auto means = with.in.aggregate("mean", mean{});
  REQUIRE(with.job.graph().problems.empty());
  CHECK(with.job.graph().nodes.at(1).max_parallelism_limit == 1);
  harness test{with.job, {.parallelism = 4}};
  push_all(test, with.in, {some[0], some[1], some[2]});
  harness restored{with.job, test.snapshot(), {.parallelism = 2}};
  push_all(restored, with.in, {some[3], some[4], some[5]});
  CHECK(test.outputs(counted) == std::vector<std::uint64_t>{1, 2, 3});
  CHECK(restored.outputs(counted) == std::vector<std::uint64_t>{4, 5, 6});
  CHECK(restored.outputs(largest) == std::vector<reading>{{"a", 7}, {"b", 9}, {"b", 9}});
  CHECK(restored.outputs(means) == std::vector<double>{5.0, 29.0 / 5, 31.0 / 6});
}

TEST_CASE("split divides a stream by a bool, an index or the first predicate that is true") {
  readings_job with;
  const auto [large, small] = with.in.split("size", [](const reading& r) { return r.value > 5; });
  const auto rests = with.in.split<5>("rests", [](const reading& r) { return r.value % 5; });
  const auto [ones, fives, others] =
      with.in.split<3>("first", weir::first_match{[](const reading& r) { return r.value == 1; },
                                                  [](const reading& r) { return r.value % 5 == 0 || r.value == 1; }});
  REQUIRE(with.job.graph().problems.empty());
  harness test{with.job};
  test.push(with.in, {"a", 5}, weir::event_time{3ms});
  push_all(test, with.in, {{"b", 1}, {"a", 7}, {"b", 9}});
  CHECK(test.outputs(large) == std::vector<reading>{{"a", 7}, {"b", 9}});
  CHECK(test.outputs(small) == std::vector<reading>{{"a", 5}, {"b", 1}});
  CHECK(test.output_times(small).at(0) == weir::event_time{3ms});
  CHECK(test.outputs(rests[2]) == std::vector<reading>{{"a", 7}});
  CHECK(test.outputs(rests[3]).empty());
  CHECK(test.outputs(ones) == std::vector<reading>{{"b", 1}});
  CHECK(test.outputs(fives) == std::vector<reading>{{"a", 5}});
  CHECK(test.outputs(others) == std::vector<reading>{{"a", 7}, {"b", 9}});
}

TEST_CASE("a split whose function gives a wrong index fails, and says which") {
  readings_job with;
  static_cast<void>(with.in.split<3>("rests", [](const reading& r) { return r.value; }));
  harness test{with.job};
  CHECK_THROWS_WITH(test.push(with.in, {"a", 3}), Catch::Contains("an index from 0 to 2") && Catch::Contains("3"));
  CHECK_THROWS_WITH(test.push(with.in, {"a", -1}), Catch::Contains("-1"));
}

TEST_CASE("partition_by sends records where its function says") {
  struct where {
    void process(const reading& r, weir::context& ctx, weir::collector<int>& out) const {
      out(r.value * 10 + static_cast<int>(ctx.identity().subtask.value));
    }
  };
  readings_job with;
  const auto by_value = [](const reading& r, std::size_t parallelism) {
    return static_cast<std::size_t>(r.value) % parallelism;
  };
  const auto out = with.in.partition_by(by_value).process("where", where{}, {.parallelism = 3});
  const auto wrong = with.in.partition_by([](const reading&, std::size_t parallelism) { return parallelism; });
  harness test{with.job};
  test.push(with.in, {"a", 4}, weir::event_time{1ms});
  push_all(test, with.in, {{"a", 5}, {"a", 6}, {"a", 7}});
  CHECK(test.outputs(out) == numbers{41, 52, 60, 71});
  CHECK(test.output_times(out).at(0) == weir::event_time{1ms});
  CHECK(with.job.graph().nodes.at(1).inputs.at(0).how == weir::partitioning::custom);

  static_cast<void>(wrong.map("wrong", &reading::value));
  harness failing{with.job};
  CHECK_THROWS_WITH(failing.push(with.in, {"a", 1}), Catch::Contains("an index from 0 to 0"));
}

TEST_CASE("apply composes with a part made elsewhere, whose operators have its name before theirs") {
  readings_job with;
  const auto halve = [](const weir::stream<int>& in) {
    return in.map("halve", [](int n) { return n / 2; }).filter("keep", [](int n) { return n != 0; });
  };
  const auto prepare = [&](const weir::stream<reading>& in) {
    return in.map("value", &reading::value).apply("first", halve).apply("second", halve);
  };
  const auto count = [](const auto& keyed) { return keyed.count("n"); };
  const auto out = with.in.apply("prepare", prepare);
  const auto counts = out.key_by().apply("counts", count);
  static_cast<void>(out.map("value", [](int n) { return n; }).throttle("slow", -1));
  texts names;
  for (const auto& node : with.job.graph().nodes)
    names.push_back(node.name);
  CHECK(names == texts{"in", "prepare/value", "prepare/first/halve", "prepare/first/keep", "prepare/second/halve",
                       "prepare/second/keep", "counts/n", "value", "slow"});
  REQUIRE(with.job.graph().problems.size() == 1);
  CHECK(with.job.graph().problems[0].operator_name == "slow");
}

TEST_CASE("problems inside of a composite name the operator in full") {
  readings_job with;
  static_cast<void>(with.in.apply("geo", [](const weir::stream<reading>& in) {
    static_cast<void>(in.throttle("slow", 0));
    static_cast<void>(in.top_k("best", 0, &reading::value));
    return in.map("Bad", &reading::value);
  }));
  static_cast<void>(with.in.apply("", [](const weir::stream<reading>& in) { return in.count("n"); }));
  texts names;
  for (const auto& problem : with.job.graph().problems)
    names.push_back(problem.operator_name);
  CHECK(names == texts{"geo/slow", "geo/best", "geo/Bad", "/n"});
}

TEST_CASE("a composite may return nothing") {
  readings_job with;
  bool called = false;
  with.in.apply("end", [&](const weir::stream<reading>&) { called = true; });
  CHECK(called);
}
