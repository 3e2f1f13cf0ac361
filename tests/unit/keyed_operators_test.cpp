// count, reduce, aggregate and the keyed process operators as plain objects.
#include "operator_harness.hpp"

#include <weir/operators/aggregate_functions.hpp>
#include <weir/operators/keyed_aggregate_operator.hpp>
#include <weir/operators/keyed_process_operator.hpp>

#include <catch2/catch.hpp>

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

using namespace weir_test;

namespace {

struct reading {
  std::string sensor;
  int value = 0;
  WEIR_FIELDS(sensor, value)
  friend bool operator==(const reading&, const reading&) = default;
};

struct mean {
  struct accumulator {
    std::int64_t sum = 0;
    std::int64_t n = 0;
    WEIR_FIELDS(sum, n)
  };
  void add(accumulator& a, const reading& r) const {
    a.sum += r.value;
    ++a.n;
  }
  double result(const accumulator& a) const { return static_cast<double>(a.sum) / static_cast<double>(a.n); }
};

/// Emits how much a key's value rose; falls go to a side output.
struct rises {
  struct state {
    int last = 0;
    WEIR_FIELDS(last)
  };
  weir::side_output<std::string> fallen{"fallen"};
  auto side_outputs() const { return fallen; }
  void process(const reading& r, state& s, weir::keyed_context<std::string>& ctx,
               weir::collector<std::pair<std::string, int>>& out) const {
    if (r.value >= s.last)
      out(std::pair{ctx.key(), r.value - s.last});
    else
      ctx.emit(fallen, ctx.key());
    s.last = r.value;
  }
};

struct echo {
  void process(const reading& r, weir::keyed_context<std::string>& ctx, weir::collector<std::string>& out) const {
    out(ctx.key() + std::to_string(r.value));
  }
};

/// Joins the newest left value with every right one of the same key.
struct join {
  struct state {
    std::optional<int> left;
    WEIR_FIELDS(left)
  };
  void process_left(const reading& r, state& s, weir::keyed_context<std::string>&, weir::collector<int>&) const {
    s.left = r.value;
  }
  void process_right(const std::string&, state& s, weir::keyed_context<std::string>&, weir::collector<int>& out) const {
    out(s.left.value_or(-1));
  }
};

using text_count =
    weir::keyed_aggregate_operator<std::string, std::string, std::identity, weir::detail::count_function<std::string>>;
using counts = weir::counted<std::string>;

operator_harness counting(std::uint32_t subtask = 0, std::uint32_t parallelism = 1) {
  return {std::make_unique<text_count>(std::identity{}, weir::detail::count_function<std::string>{}),
          identity_of("counts", subtask, parallelism), ports_of<counts>(), 16};
}

std::vector<std::string> words(std::size_t n) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i != n; ++i)
    all.push_back("a word that is too long to be stored in place " + std::to_string(i * i % 37));
  return all;
}

std::vector<counts> counted_by_hand(const std::vector<std::string>& input) {
  std::map<std::string, std::uint64_t> seen;
  std::vector<counts> all;
  for (const auto& word : input)
    all.push_back({word, ++seen[word]});
  return all;
}

operator_harness rising(std::size_t room = 0) {
  using op =
      weir::keyed_process_operator<reading, std::string, std::string reading::*, rises, std::pair<std::string, int>>;
  return {std::make_unique<op>(&reading::sensor, rises{}), identity_of("rises"),
          ports_of<std::pair<std::string, int>, std::string>(), 2, room};
}

} // namespace

TEST_CASE("count emits every change, with batches of any size, shared or not") {
  const auto input = words(500);
  for (const std::size_t batch_size : {1U, 7U, 500U})
    for (const bool shared : {false, true}) {
      auto harness = counting();
      harness.start();
      harness.feed_keyed(input, std::identity{}, {.batch_size = batch_size, .shared = shared});
      CHECK(harness.port<counts>().values == counted_by_hand(input));
      CHECK(harness.untouched);
    }
}

TEST_CASE("keyed operators hand event times on") {
  auto harness = counting();
  harness.start();
  harness.feed_keyed(std::vector<std::string>{"a", "b", "a"}, std::identity{},
                     {.times = {at_ms(3), at_ms(1), at_ms(2)}});
  CHECK(harness.port<counts>().times == std::vector<weir::event_time>{at_ms(3), at_ms(1), at_ms(2)});

  auto process = rising();
  process.start();
  process.feed_keyed(std::vector<reading>{{"a", 1}, {"a", 0}, {"b", 2}}, &reading::sensor,
                     {.times = {at_ms(3), at_ms(1), at_ms(2)}});
  CHECK(process.port<std::pair<std::string, int>>(0).times == std::vector<weir::event_time>{at_ms(3), at_ms(2)});
  CHECK(process.port<std::string>(1).times == std::vector<weir::event_time>{at_ms(1)});
}

TEST_CASE("counts go on from a snapshot taken after any record") {
  const auto input = words(60);
  const auto expected = counted_by_hand(input);
  for (std::size_t cut = 0; cut <= input.size(); ++cut) {
    const auto middle = input.begin() + static_cast<std::ptrdiff_t>(cut);
    auto first = counting();
    first.start();
    first.feed_keyed(std::vector<std::string>(input.begin(), middle), std::identity{}, {.batch_size = 5});
    const auto taken = first.take_snapshot();
    auto second = counting();
    second.restore({taken});
    second.feed_keyed(std::vector<std::string>(middle, input.end()), std::identity{}, {.batch_size = 5});
    auto all = first.port<counts>().values;
    const auto rest = second.port<counts>().values;
    all.insert(all.end(), rest.begin(), rest.end());
    REQUIRE(all == expected);
  }
}

TEST_CASE("two subtasks take over the counts of one, each those of its key groups") {
  const auto input = words(200);
  auto one = counting();
  one.start();
  one.feed_keyed(input, std::identity{});
  const auto taken = one.take_snapshot();
  std::map<std::string, std::uint64_t> expected;
  for (const auto& word : input)
    ++expected[word];

  std::size_t found = 0;
  const weir::key_groups groups{128};
  for (std::uint32_t subtask = 0; subtask != 2; ++subtask) {
    auto half = counting(subtask, 2);
    half.restore({taken});
    std::vector<std::string> own;
    for (const auto& [word, count] : expected)
      if (groups.subtask_of(groups.of(weir::key_hash(word)), 2).value == subtask)
        own.push_back(word);
    half.feed_keyed(own, std::identity{});
    for (const auto& [word, count] : half.port<counts>().values) {
      CHECK(count == expected[word] + 1);
      ++found;
    }
  }
  CHECK(found == expected.size());
}

TEST_CASE("reduce combines a key's records, from the first on") {
  auto longer = [](reading so_far, const reading& next) {
    so_far.value = so_far.value * 10 + next.value;
    return so_far;
  };
  using function = weir::detail::reduce_function<std::string, reading, decltype(longer)>;
  using op = weir::keyed_aggregate_operator<reading, std::string, std::string reading::*, function>;
  const auto make = [&] {
    return operator_harness{std::make_unique<op>(&reading::sensor, function{longer}), identity_of("r"),
                            ports_of<function::output>()};
  };
  for (const bool shared : {false, true}) {
    auto harness = make();
    harness.start();
    harness.feed_keyed(std::vector<reading>{{"a", 1}, {"b", 7}, {"a", 2}}, &reading::sensor, {.shared = shared});
    auto restored = make();
    restored.restore({harness.take_snapshot()});
    restored.feed_keyed(std::vector<reading>{{"a", 3}}, &reading::sensor, {.shared = shared});
    const auto out = harness.port<function::output>().values;
    REQUIRE(out.size() == 3);
    CHECK(out[1] == function::output{"b", {"b", 7}});
    CHECK(out[2] == function::output{"a", {"a", 12}});
    CHECK(restored.port<function::output>().values.front() == function::output{"a", {"a", 123}});
  }
}

TEST_CASE("aggregate emits the result of a key's accumulator") {
  using function = weir::detail::aggregate_function<std::string, mean>;
  using op = weir::keyed_aggregate_operator<reading, std::string, std::string reading::*, function>;
  operator_harness harness{std::make_unique<op>(&reading::sensor, function{mean{}}), identity_of("means"),
                           ports_of<weir::aggregated<std::string, double>>()};
  harness.start();
  harness.feed_keyed(std::vector<reading>{{"a", 1}, {"b", 7}, {"a", 2}}, &reading::sensor);
  CHECK(harness.port<weir::aggregated<std::string, double>>().values ==
        std::vector<weir::aggregated<std::string, double>>{{"a", 1.0}, {"b", 7.0}, {"a", 1.5}});
}

TEST_CASE("a key function that returns a value works as one that returns a reference") {
  auto length = [](const std::string& s) { return static_cast<std::uint32_t>(s.size()); };
  using function = weir::detail::count_function<std::uint32_t>;
  using op = weir::keyed_aggregate_operator<std::string, std::uint32_t, decltype(length), function>;
  operator_harness harness{std::make_unique<op>(length, function{}), identity_of("lengths"),
                           ports_of<weir::counted<std::uint32_t>>()};
  harness.start();
  harness.feed_keyed(std::vector<std::string>{"a", "bb", "c"}, length);
  CHECK(harness.port<weir::counted<std::uint32_t>>().values ==
        std::vector<weir::counted<std::uint32_t>>{{1, 1}, {2, 1}, {1, 2}});
}

TEST_CASE("a keyed process keeps a state for each key, and knows the key") {
  using rise = std::pair<std::string, int>;
  auto harness = rising();
  harness.start();
  harness.feed_keyed(std::vector<reading>{{"a", 5}, {"b", 1}, {"a", 7}, {"b", 0}}, &reading::sensor);
  CHECK(harness.port<rise>(0).values == std::vector<rise>{{"a", 5}, {"b", 1}, {"a", 2}});
  CHECK(harness.port<std::string>(1).values == std::vector<std::string>{"b"});

  auto restored = rising();
  restored.restore({harness.take_snapshot()});
  restored.feed_keyed(std::vector<reading>{{"a", 8}, {"b", 3}}, &reading::sensor);
  CHECK(restored.port<rise>(0).values == std::vector<rise>{{"a", 1}, {"b", 3}});
}

TEST_CASE("a keyed process pauses between two records, and handles each once") {
  using rise = std::pair<std::string, int>;
  std::vector<reading> input;
  for (int i = 0; i != 50; ++i)
    input.push_back({std::to_string(i % 5), i});
  auto free = rising();
  auto narrow = rising(1);
  for (auto* harness : {&free, &narrow}) {
    harness->start();
    harness->feed_keyed(input, &reading::sensor, {.batch_size = 20});
  }
  CHECK(narrow.calls > free.calls);
  CHECK(narrow.port<rise>(0).values == free.port<rise>(0).values);
  CHECK(free.port<rise>(0).values.size() == 50);
}

TEST_CASE("a keyed process needs no state") {
  using op = weir::keyed_process_operator<reading, std::string, std::string reading::*, echo, std::string>;
  operator_harness harness{std::make_unique<op>(&reading::sensor, echo{}), identity_of("echo"), ports_of<std::string>(),
                           1, 1};
  harness.start();
  CHECK(harness.op().state_tables().empty());
  harness.feed_keyed(std::vector<reading>{{"a", 5}, {"b", 1}}, &reading::sensor);
  CHECK(harness.port<std::string>().values == std::vector<std::string>{"a5", "b1"});
  CHECK(harness.calls == 2);
}

TEST_CASE("both inputs of a keyed two-input process see one state a key") {
  using op = weir::two_input_keyed_process_operator<reading, std::string, std::string, std::string reading::*,
                                                    std::identity, join, int>;
  operator_harness harness{std::make_unique<op>(&reading::sensor, std::identity{}, join{}), identity_of("join"),
                           ports_of<int>()};
  harness.start();
  harness.feed_keyed(std::vector<reading>{{"a", 5}, {"b", 6}}, &reading::sensor, {.input = 0});
  harness.feed_keyed(std::vector<std::string>{"b", "c", "a"}, std::identity{}, {.input = 1});
  CHECK(harness.port<int>().values == std::vector<int>{6, -1, 5});
}

TEST_CASE("a keyed operator refuses a batch without key hashes") {
  auto harness = counting();
  harness.start();
  CHECK_THROWS_AS(harness.feed(std::vector<std::string>{"a"}), weir::usage_error);
}
