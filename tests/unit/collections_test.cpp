// map_state and list_state as members of the state of keyed operators.
#include <weir/operators/keyed_stream.hpp>
#include <weir/operators/testing.hpp>
#include <weir/persistence/error.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace collections_test {

struct click {
  std::string user;
  std::string page;
  std::int64_t what = 0;
  WEIR_FIELDS(user, page, what)
};

/// A key without an order of its own.
struct place {
  std::int32_t x = 0;
  std::int32_t y = 0;
  friend bool operator==(const place&, const place&) = default;
  WEIR_FIELDS(x, y)
};

/// What a user has visited, how often, and the last three pages.
struct visits {
  struct state {
    weir::map_state<std::string, int> counts;
    int n = 0;
    weir::list_state<std::string> recent;
    weir::map_state<place, std::vector<int>> places;
    WEIR_FIELDS(counts, n, recent, places)
  };

  void process(const click& c, state& s, weir::keyed_context<std::string>&, weir::collector<std::string>& out) const {
    ++s.n;
    if (c.what < 0) {
      s.counts.erase(c.page);
    } else {
      ++s.counts[c.page];
    }
    s.recent.push_back(c.page);
    if (s.recent.size() > 3)
      s.recent.pop_front();
    s.places[{static_cast<std::int32_t>(c.what % 3), -1}].push_back(s.n);
    std::string text = c.user + std::to_string(s.n) + ":";
    for (const auto& [page, count] : s.counts)
      text += " " + page + "=" + std::to_string(count);
    text += " |";
    for (const std::string& page : s.recent)
      text += " " + page;
    text += " |";
    for (const auto& [at, times] : s.places)
      text += " " + std::to_string(at.x) + "*" + std::to_string(times.size());
    out(text);
  }
};

std::vector<click> some_clicks() {
  std::vector<click> all;
  for (int i = 0; i != 60; ++i)
    all.push_back(
        {std::string(1, static_cast<char>('a' + i * 7 % 4)), "page" + std::to_string(i * 13 % 9), i % 5 == 4 ? -1 : i});
  return all;
}

/// A key whose order takes different ones for equal.
struct ticket {
  int priority = 0;
  int id = 0;
  friend bool operator==(const ticket&, const ticket&) = default;
  friend std::weak_ordering operator<=>(const ticket& a, const ticket& b) { return a.priority <=> b.priority; }
  WEIR_FIELDS(priority, id)
};

struct tickets {
  weir::map_state<ticket, std::string> open;
  WEIR_FIELDS(open)
};

struct number_of {
  weir::map_state<int, int> each;
  WEIR_FIELDS(each)
};

/// A list that timers empty.
struct expiring {
  struct state {
    weir::list_state<int> pending;
    WEIR_FIELDS(pending)
  };
  void process(const click& c, state& s, weir::keyed_context<std::string>& ctx, weir::collector<int>&) const {
    s.pending.push_back(static_cast<int>(c.what));
    ctx.set_timer(ctx.now() + std::chrono::seconds{1});
  }
  void on_timer(weir::processing_time, state& s, weir::keyed_context<std::string>&, weir::collector<int>& out) const {
    int sum = 0;
    for (const int each : s.pending)
      sum += each;
    s.pending.clear();
    out(sum);
  }
};

/// Pairs what comes left with what comes right.
struct pairing {
  struct state {
    weir::map_state<std::int64_t, std::string> waiting;
    WEIR_FIELDS(waiting)
  };
  void process_left(const click& c, state& s, weir::keyed_context<std::string>&, weir::collector<std::string>&) const {
    s.waiting.put(c.what, c.page);
  }
  void process_right(const click& c, state& s, weir::keyed_context<std::string>&,
                     weir::collector<std::string>& out) const {
    if (const std::string* left = s.waiting.find(c.what)) {
      out(*left + "+" + c.page);
      s.waiting.erase(c.what);
    }
  }
};

/// The first shape of a state, and a later one.
struct first_shape {
  struct state {
    int n = 0;
    WEIR_FIELDS(n)
  };
  void process(const click&, state& s, weir::keyed_context<std::string>&, weir::collector<int>& out) const {
    out(++s.n);
  }
};

} // namespace collections_test

namespace {

using namespace collections_test;

using weir::testing::harness;
using weir::testing::input;
using weir::testing::same_with_snapshots;

} // namespace

TEST_CASE("a map and a list in the state of a key work, and survive snapshots at any parallelism", "[collections]") {
  const auto compose = [](const auto& in) { return in.key_by(&click::user).process("visits", visits{}); };
  const auto alike = same_with_snapshots(some_clicks(), compose);
  INFO(alike.difference);
  CHECK(alike.same);
  const auto others = same_with_snapshots(some_clicks(), compose, {.parallelism = {3, 1, 2}});
  INFO(others.difference);
  CHECK(others.same);

  weir::job job{"test"};
  const auto clicks = job.source("in", input<click>{});
  const auto out = clicks.key_by(&click::user).process("visits", visits{});
  harness test{job};
  for (const auto& [page, what] : std::vector<std::pair<std::string, int>>{{"b", 0}, {"a", 1}, {"c", 2}, {"b", 3}}) {
    test.push(clicks, {"u", page, what});
    test.push(clicks, {"v", "z", 5});
  }
  test.push(clicks, {"u", "a", -1});
  CHECK(test.outputs(out).back() == "u5: b=2 c=1 | c b a | 0*2 1*1 2*1 -1*1");
}

TEST_CASE("collections are tables of their own, and a state with one has nothing of it", "[collections]") {
  weir::job job{"test"};
  const auto clicks = job.source("in", input<click>{});
  const auto out = clicks.key_by(&click::user).process("visits", visits{});
  harness test{job};
  for (const click& each : some_clicks())
    test.push(clicks, each);
  const auto taken = test.snapshot();
  CHECK(taken.entries("visits", "state") == 4);
  CHECK(taken.entries("visits", "state.recent") == 12);
  CHECK(taken.entries("visits", "state.counts") > 12);
  CHECK(taken.entries("visits", "state.places") > 4);
  using weir::detail::entry_of_state;
  CHECK(weir::to_json(weir::schema_of<entry_of_state<visits::state>>()) ==
        R"({"fields":[["n","i32"]],"is":"class","name":"collections_test::visits::state"})");
  CHECK(weir::to_bytes(entry_of_state<visits::state>{}).size() == 4);
  CHECK(std::is_same_v<entry_of_state<first_shape::state>, first_shape::state>);
  CHECK(weir::serializable<entry_of_state<visits::state>>);
  CHECK_FALSE(weir::serializable<visits::state>);
  CHECK_FALSE(weir::serializable<std::vector<weir::list_state<int>>>);
  CHECK_FALSE(weir::detail::keyed_state<std::pair<weir::list_state<int>, int>>);
  CHECK_FALSE(weir::key_type<number_of>);
}

TEST_CASE("functions with state may have collections", "[collections]") {
  const auto compose = [](const auto& in) {
    return in.key_by(&click::user).map_with_state("nth", [](const click& c, number_of& n) {
      n.each[static_cast<int>(c.what % 5)] += 2;
      return static_cast<int>(n.each.size() * 100) + *n.each.find(static_cast<int>(c.what % 5));
    });
  };
  const auto alike = same_with_snapshots(some_clicks(), compose, {.parallelism = {2, 1}});
  INFO(alike.difference);
  CHECK(alike.same);
}

TEST_CASE("keys that their order takes for equal are different keys of a map, in that order", "[collections]") {
  const auto compose = [](const auto& in) {
    return in.key_by(&click::user).map_with_state("tickets", [](const click& c, tickets& t) {
      const int n = static_cast<int>(c.what);
      t.open[{-(n % 3), n % 7}] += c.page.back();
      if (n % 5 == 0)
        t.open.erase({-((n + 1) % 3), (n + 1) % 7});
      std::string text;
      for (const auto& [key, pages] : t.open)
        text += std::to_string(key.priority) + "/" + std::to_string(key.id) + "=" + pages + " ";
      return text;
    });
  };
  const auto alike = same_with_snapshots(some_clicks(), compose, {.parallelism = {1, 3}});
  INFO(alike.difference);
  CHECK(alike.same);

  weir::job job{"test"};
  const auto clicks = job.source("in", input<click>{});
  const auto out = compose(clicks);
  harness test{job};
  for (const int n : {4, 1, 0, 7, 6, 1})
    test.push(clicks, {"u", "p" + std::to_string(n), n});
  const auto taken = test.snapshot();
  CHECK(taken.entries("tickets", "state.open") == 5);
  CHECK(test.outputs(out).back() == "-1/0=7 -1/1=1 -1/4=4 0/0=0 0/6=6 ");
}

TEST_CASE("timers see the collections of their key", "[collections]") {
  weir::job job{"test"};
  const auto clicks = job.source("in", input<click>{});
  const auto out = clicks.key_by(&click::user).process("expiring", expiring{});
  harness test{job};
  test.push(clicks, {"a", "", 1});
  test.push(clicks, {"b", "", 10});
  test.push(clicks, {"a", "", 2});
  const auto taken = test.snapshot();
  CHECK(taken.entries("expiring", "state.pending") == 3);
  harness again{job, taken, {.parallelism = 3}};
  again.advance_processing_time(std::chrono::seconds{2});
  auto sums = again.outputs(out);
  std::sort(sums.begin(), sums.end());
  CHECK(sums == std::vector<int>{3, 10});
  CHECK(again.snapshot().entries("expiring", "state.pending") == 0);
}

TEST_CASE("two inputs share the collections of a key", "[collections]") {
  weir::job job{"test"};
  const auto left = job.source("left", input<click>{});
  const auto right = job.source("right", input<click>{});
  const auto out = left.key_by(&click::user).connect(right.key_by(&click::user)).process("pairs", pairing{});
  harness test{job};
  test.push(left, {"a", "one", 1});
  test.push(left, {"b", "two", 1});
  test.push(right, {"b", "three", 1});
  test.push(right, {"b", "four", 1});
  test.push(right, {"a", "five", 1});
  CHECK(test.outputs(out) == std::vector<std::string>{"two+three", "one+five"});
}

TEST_CASE("a collection that belongs to no key refuses every call with a sentence", "[collections]") {
  const auto says = Catch::Contains("belongs to no key");
  visits::state made;
  CHECK_THROWS_WITH(made.counts.find("a"), says);
  CHECK_THROWS_WITH(made.counts.find_for_write("a"), says);
  CHECK_THROWS_WITH(made.counts["a"], says);
  CHECK_THROWS_WITH(made.counts.put("a", 1), says);
  CHECK_THROWS_WITH(made.counts.erase("a"), says);
  CHECK_THROWS_WITH(made.counts.contains("a"), says);
  CHECK_THROWS_WITH(made.counts.size(), says);
  CHECK_THROWS_WITH(made.counts.empty(), says);
  CHECK_THROWS_WITH(made.counts.clear(), says);
  CHECK_THROWS_WITH(made.counts.begin(), says);
  CHECK_THROWS_WITH(made.counts.end(), says);
  CHECK_THROWS_WITH(made.recent.push_back("a"), says);
  CHECK_THROWS_WITH(made.recent.pop_front(), says);
  CHECK_THROWS_WITH(made.recent.pop_back(), says);
  CHECK_THROWS_WITH(made.recent.set(0, "a"), says);
  CHECK_THROWS_WITH(made.recent.at(0), says);
  CHECK_THROWS_WITH(made.recent.size(), says);
  CHECK_THROWS_WITH(made.recent.empty(), says);
  CHECK_THROWS_WITH(made.recent.clear(), says);
  CHECK_THROWS_WITH(made.recent.begin(), says);

  // A copy of one that does, and one that is kept beyond its call.
  static visits::state* kept = nullptr;
  weir::job job{"test"};
  const auto clicks = job.source("in", input<click>{});
  const auto out = clicks.key_by(&click::user).map_with_state("op", [says](const click&, visits::state& s) {
    s.counts["a"] = 7;
    visits::state copy = s;
    CHECK_THROWS_WITH(copy.counts.size(), says);
    copy = visits::state{};
    s = copy;
    kept = &s;
    return s.counts.size();
  });
  harness test{job};
  test.push(clicks, {"a", "", 1});
  CHECK(test.outputs(out) == std::vector<std::size_t>{1});
  CHECK_THROWS_WITH(kept->counts.size(), says);
}

TEST_CASE("a map says what it has, and a list refuses elements that it has not", "[collections]") {
  weir::job job{"test"};
  const auto clicks = job.source("in", input<click>{});
  const auto out = clicks.key_by(&click::user).map_with_state("op", [](const click&, visits::state& s) {
    CHECK(s.counts.empty());
    CHECK(s.counts.begin() == s.counts.end());
    CHECK(s.counts.find("a") == nullptr);
    CHECK(s.counts.find_for_write("a") == nullptr);
    CHECK_FALSE(s.counts.contains("a"));
    for (const char* each : {"c", "a", "b", "d"})
      s.counts.put(each, each[0]);
    CHECK(s.counts.size() == 4);
    CHECK(*s.counts.find("b") == 'b');
    *s.counts.find_for_write("b") = 1;
    CHECK(s.counts["b"] == 1);
    CHECK(s.counts.erase_if([](const std::string& key, int value) { return key == "a" || value == 1; }) == 2);
    std::string keys;
    for (const auto& [key, value] : s.counts)
      keys += key;
    CHECK(keys == "cd");
    CHECK(s.counts.erase("c"));
    CHECK_FALSE(s.counts.erase("c"));
    CHECK(s.counts.erase("d"));
    CHECK(s.counts.empty());
    s.counts["e"];
    s.counts.clear();
    s.counts.clear();
    CHECK(s.counts.size() == 0);

    CHECK(s.recent.empty());
    CHECK_THROWS_WITH(s.recent.pop_front(), Catch::Contains("element 0 of a list_state"));
    CHECK_THROWS_AS(s.recent.pop_back(), weir::usage_error);
    CHECK_THROWS_AS(s.recent[0], weir::usage_error);
    for (const char* each : {"x", "y", "z"})
      s.recent.push_back(each);
    CHECK(s.recent.front() == "x");
    CHECK(s.recent.back() == "z");
    s.recent.set(1, "w");
    CHECK(s.recent[1] == "w");
    s.recent.at_for_write(1) += "!";
    CHECK(s.recent.at(1) == "w!");
    CHECK_THROWS_AS(s.recent.set(3, "v"), weir::usage_error);
    CHECK_THROWS_AS(s.recent.at(3), weir::usage_error);
    s.recent.pop_front();
    s.recent.pop_back();
    CHECK(s.recent.size() == 1);
    CHECK(s.recent.back() == "w!");
    return 0;
  });
  harness test{job};
  test.push(clicks, {"a", "", 1});
  CHECK(test.outputs(out).size() == 1);
}

TEST_CASE("a state that gets collections begins them empty, and one that loses them goes on", "[collections]") {
  weir::job before{"test"};
  const auto old_clicks = before.source("in", input<click>{});
  const auto old_out = old_clicks.key_by(&click::user).process("visits", first_shape{});
  harness old_test{before};
  old_test.push(old_clicks, {"u", "a", 1});
  static_cast<void>(old_out);

  weir::job after{"test"};
  const auto clicks = after.source("in", input<click>{});
  const auto out = clicks.key_by(&click::user).process("visits", visits{});
  // The two classes have different names, which is no difference.
  harness test{after, old_test.snapshot()};
  test.push(clicks, {"u", "b", 3});
  CHECK(test.outputs(out) == std::vector<std::string>{"u2: b=1 | b | 0*1"});

  harness back{before, test.snapshot()};
  back.push(old_clicks, {"u", "c", 1});
  CHECK(back.outputs(old_out) == std::vector<int>{3});
}
