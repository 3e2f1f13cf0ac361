// The listings of docs/guide.md, and what they do.
#include <weir/operators/testing.hpp>
#include <weir/weir.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;

struct reading {
  std::string sensor;
  double value = 0;
  WEIR_FIELDS(sensor, value)
};

struct last_value {
  double value = 0;
  WEIR_FIELDS(value)
};

weir::stream<double> changes(const weir::stream<reading>& readings) {
  return readings.key_by(&reading::sensor).map_with_state("changes", [](const reading& r, last_value& last) {
    return r.value - std::exchange(last.value, r.value);
  });
}

struct jumps {
  struct state { // one a sensor
    double last = 0;
    std::uint64_t seen = 0;
    WEIR_FIELDS(last, seen)
  };
  double limit = 10;
  weir::side_output<std::string> first{"first"};
  auto side_outputs() const { return std::tuple{first}; }

  void process(const reading& r, state& s, weir::keyed_context<std::string>& ctx, weir::collector<reading>& out) const {
    if (s.seen++ == 0)
      ctx.emit(first, ctx.key());
    else if (std::abs(r.value - s.last) > limit)
      out(r);
    s.last = r.value;
  }
};

struct gather {
  struct state {
    std::vector<std::string> waiting;
    std::set<std::string> known;
    WEIR_FIELDS(waiting, known)
  };

  void restore(state& own, const weir::restored_states<state>& stored) const {
    own.waiting = stored.dealt(&state::waiting); // every element to one subtask, as Flink's list state
    own.known = stored.united(&state::known);    // all to everybody, as its union list state
  }
  // New words, three at a time.
  void process(const std::string& word, state& s, weir::context&, weir::collector<std::string>& out) const {
    if (!s.known.insert(word).second)
      return;
    s.waiting.push_back(word);
    if (s.waiting.size() < 3)
      return;
    for (std::string& each : s.waiting)
      out(std::move(each));
    s.waiting.clear();
  }
};

struct mean {
  struct accumulator {
    double sum = 0;
    std::uint64_t n = 0;
    WEIR_FIELDS(sum, n)
  };
  void add(accumulator& a, const reading& r) const {
    a.sum += r.value;
    ++a.n;
  }
  double result(const accumulator& a) const { return a.sum / static_cast<double>(a.n); }
};

struct click {
  std::string user;
  std::string page;
  WEIR_FIELDS(user, page)
};

struct favourites {
  struct state {                                        // one a user
    weir::map_state<std::string, std::uint64_t> visits; // one entry a page
    weir::list_state<std::string> recent;
    WEIR_FIELDS(visits, recent)
  };

  void process(const click& c, state& s, weir::keyed_context<std::string>&, weir::collector<std::string>& out) const {
    if (++s.visits[c.page] == 3)
      out(c.user + " likes " + c.page);
    s.recent.push_back(c.page);
    if (s.recent.size() > 100)
      s.recent.pop_front();
  }
};

struct silence_alarm {
  struct state {
    weir::processing_time due{};
    WEIR_FIELDS(due)
  };
  std::chrono::milliseconds limit{5min};

  void process(const reading&, state& s, weir::keyed_context<std::string>& ctx, weir::collector<std::string>&) const {
    ctx.clear_timer(s.due);
    s.due = ctx.now() + limit;
    ctx.set_timer(s.due);
  }
  void on_timer(weir::processing_time, state&, weir::keyed_context<std::string>& ctx,
                weir::collector<std::string>& out) const {
    out(ctx.key() + " is silent");
  }
};

struct payment {
  std::string card;
  std::int64_t cents = 0;
  WEIR_FIELDS(card, cents)
};

struct rule {
  std::string name;
  std::int64_t most_cents = 0;
  WEIR_FIELDS(name, most_cents)
};

struct check_rules {
  struct state { // one a card
    std::int64_t spent = 0;
    WEIR_FIELDS(spent)
  };
  struct broadcast_state { // the same in every subtask
    std::map<std::string, std::int64_t> limits;
    WEIR_FIELDS(limits)
  };

  void process(const payment& p, state& s, const broadcast_state& rules, weir::keyed_context<std::string>&,
               weir::collector<std::string>& out) const {
    s.spent += p.cents;
    for (const auto& [name, most] : rules.limits)
      if (s.spent > most)
        out(p.card + " breaks rule " + name);
  }
  void process_broadcast(const rule& r, broadcast_state& rules, weir::context&, weir::collector<std::string>&) const {
    rules.limits[r.name] = r.most_cents;
  }
};

weir::stream<std::string> broken_rules(const weir::stream<payment>& payments, const weir::stream<rule>& rules) {
  return payments.key_by(&payment::card).connect_broadcast(rules).process("check", check_rules{});
}

weir::stream<int> plausible(const weir::stream<int>& temperatures) {
  return temperatures.filter("hot", [](int t) { return t < 60; }).filter("cold", [](int t) { return t > -90; });
}

std::pair<weir::stream<int>, weir::stream<weir::dead_letter>> parse(const weir::stream<std::string>& lines) {
  const auto numbers = lines.map("parse", [](const std::string& line) { return std::stoi(line); },
                                 {.poison = weir::poison_policy::dead_letter});
  return {numbers, numbers.dead_letters()};
}

struct count_empty {
  void process(const std::string& line, weir::context& ctx, weir::collector<std::string>& out) const {
    if (line.empty())
      ctx.counter("empty_lines").add();
    else
      out(line);
  }
};

} // namespace

TEST_CASE("a sensor that is silent for five minutes gives an alarm") {
  weir::job job{"test"};
  const auto readings = job.source("in", weir::testing::input<reading>{});
  const auto alarms = readings.key_by(&reading::sensor).process("silence", silence_alarm{});

  weir::testing::harness test{job};
  test.push(readings, {"attic", 20});
  test.advance_processing_time(4min);
  test.push(readings, {"attic", 21});
  test.advance_processing_time(4min);
  CHECK(test.outputs(alarms).empty());
  test.advance_processing_time(1min);
  CHECK(test.outputs(alarms) == std::vector<std::string>{"attic is silent"});
}

TEST_CASE("a user likes a page at the third visit") {
  weir::job job{"test"};
  const auto clicks = job.source("in", weir::testing::input<click>{});
  const auto likes = clicks.key_by(&click::user).process("favourites", favourites{});

  weir::testing::harness test{job};
  for (int i = 0; i != 3; ++i) {
    test.push(clicks, {"ann", "home"});
    test.push(clicks, {"bob", "shop" + std::to_string(i)});
  }
  CHECK(test.outputs(likes) == std::vector<std::string>{"ann likes home"});
  CHECK(test.snapshot().entries("favourites", "state.visits") == 4);
}

TEST_CASE("the alarm survives a restart, at any parallelism") {
  const std::vector<reading> readings{{"attic", 20}, {"cellar", 15}, {"attic", 21}, {"garden", 9}};
  const auto found = weir::testing::same_with_snapshots(
      readings, [](const auto& in) { return in.key_by(&reading::sensor).process("silence", silence_alarm{}); },
      {.parallelism = {2, 3}, .step = 2min, .before_end = 10min});
  INFO(found.difference);
  CHECK(found.same);
}

weir::stream<payment> once_a_day(const weir::stream<payment>& payments) {
  return payments.key_by(&payment::card).deduplicate("first", {.state_ttl = weir::time_to_live{24h}});
}

TEST_CASE("a card's next payment a day later is a first one again") {
  weir::job job{"guide"};
  const auto payments = job.source("payments", weir::testing::input<payment>{});
  const auto first = once_a_day(payments);
  weir::testing::harness test{job};
  for (const auto wait : {0h, 23h, 1h}) {
    test.advance_processing_time(wait);
    test.push(payments, {"1234", 99});
  }
  CHECK(test.outputs(first).size() == 2);
}

TEST_CASE("what an un-keyed operator gathers is dealt out, and what it knows is known to all") {
  weir::job job{"guide"};
  const auto words = job.source("words", weir::testing::input<std::string>{});
  const auto gathered = words.process("gather", gather{});
  weir::testing::harness two{job, {.parallelism = 2}};
  for (const char* word : {"a", "a", "b", "b", "c", "c"}) // to one subtask and the other, by turns
    two.push(words, word);
  CHECK(two.outputs(gathered).size() == 6);
  weir::testing::harness three{job, two.snapshot(), {.parallelism = 3}};
  for (const char* word : {"a", "b", "c"})
    three.push(words, word);
  CHECK(three.outputs(gathered).empty());
  weir::testing::harness one{job, three.snapshot(), {.parallelism = 1}};
  for (const char* word : {"a", "d", "e", "f"})
    one.push(words, word);
  CHECK(one.outputs(gathered) == std::vector<std::string>{"d", "e", "f"});
}

TEST_CASE("the other listings of the guide do what it says") {
  weir::job job{"guide"};
  const auto readings = job.source("readings", weir::testing::input<reading>{});
  const auto lines = job.source("lines", weir::testing::input<std::string>{});
  const auto payments = job.source("payments", weir::testing::input<payment>{});
  const auto rules = job.source("rules", weir::testing::input<rule>{});
  const auto changed = changes(readings);
  const auto jumped = readings.key_by(&reading::sensor).process("jumps", jumps{.limit = 3});
  const auto means = readings.key_by(&reading::sensor).aggregate("means", mean{});
  const auto broken = broken_rules(payments, rules);
  const auto [numbers, letters] = parse(lines);
  const auto kept = numbers.apply("plausible", plausible);
  const auto full = lines.process("full", count_empty{});
  const auto [large, small] = payments.split("size", [](const payment& p) { return p.cents >= 1000; });
  REQUIRE(job.graph().problems.empty());

  weir::testing::harness test{job};
  for (const double value : {1.0, 2.0, 7.0})
    test.push(readings, {"attic", value});
  CHECK(test.outputs(changed) == std::vector<double>{1, 1, 5});
  CHECK(test.outputs(jumped).size() == 1);
  CHECK(test.outputs(jumped.side(weir::side_output<std::string>{"first"})) == std::vector<std::string>{"attic"});
  CHECK(test.outputs(means).back().value == Approx(10.0 / 3));
  test.push(rules, {"small", 100});
  test.push(payments, {"1234", 99});
  test.push(payments, {"1234", 2000});
  CHECK(test.outputs(broken) == std::vector<std::string>{"1234 breaks rule small"});
  CHECK(test.outputs(large).size() == 1);
  CHECK(test.outputs(small).size() == 1);
  for (const char* line : {"12", "", "twelve", "99"})
    test.push(lines, line);
  CHECK(test.outputs(numbers) == std::vector<int>{12, 99});
  CHECK(test.outputs(kept) == std::vector<int>{12});
  CHECK(test.outputs(letters).size() == 2);
  CHECK(test.outputs(full).size() == 3);
  CHECK(test.counters().front() == weir::counter_value{"full", "empty_lines", 1});
  CHECK(job.graph().nodes.back().name == "size");
}
