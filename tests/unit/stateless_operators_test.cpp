// map, filter and flat_map as plain objects.
#include "operator_harness.hpp"

#include <weir/operators/filter_operator.hpp>
#include <weir/operators/flat_map_operator.hpp>
#include <weir/operators/map_operator.hpp>

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

using namespace weir_test;

namespace {

/// Trivially copyable, but not trivially constructible.
struct reading {
  int sensor = -1;
  double value = -1;
  friend bool operator==(const reading&, const reading&) = default;
};

/// Counts what happens to it.
struct tracer {
  static inline int copies = 0;
  static inline int moves = 0;
  int id = 0;

  tracer() = default;
  explicit tracer(int i) : id(i) {}
  tracer(const tracer& other) : id(other.id) { ++copies; }
  tracer(tracer&& other) noexcept : id(std::exchange(other.id, -1)) { ++moves; }
  tracer& operator=(const tracer&) = default;
  tracer& operator=(tracer&&) = default;
  friend bool operator==(const tracer&, const tracer&) = default;
};

std::vector<int> numbers(int n) {
  std::vector<int> all;
  for (int i = 0; i < n; ++i)
    all.push_back(i);
  return all;
}

std::vector<weir::event_time> times_for(std::size_t n) {
  std::vector<weir::event_time> all;
  for (std::size_t i = 0; i < n; ++i)
    all.push_back(at_ms(static_cast<std::int64_t>(i * 7 % 50)));
  return all;
}

template <class T, class Out, class F>
operator_harness mapping(F f) {
  return {std::make_unique<weir::map_operator<T, Out, F>>(f), identity_of("m"), ports_of<Out>()};
}
template <class T, class F>
operator_harness filtering(F f) {
  return {std::make_unique<weir::filter_operator<T, F>>(f), identity_of("f"), ports_of<T>()};
}

} // namespace

TEST_CASE("map makes one record of each, in order, with batches of any size") {
  const auto input = numbers(100);
  for (const std::size_t batch_size : {1U, 3U, 64U, 100U, 1000U}) {
    auto trivial = mapping<int, int>([](int i) { return i * 2; });
    auto defaulted = mapping<int, reading>([](int i) { return reading{i, i / 2.0}; });
    auto text = mapping<int, std::string>([](const int& i) { return std::to_string(i); });
    for (auto* harness : {&trivial, &defaulted, &text}) {
      harness->start();
      harness->feed(input, {.batch_size = batch_size});
    }
    REQUIRE(trivial.port<int>().values.size() == 100);
    CHECK(trivial.port<int>().values[99] == 198);
    CHECK(defaulted.port<reading>().values[99] == reading{99, 49.5});
    CHECK(text.port<std::string>().values[99] == "99");
    CHECK(text.port<std::string>().times.empty());
  }
}

TEST_CASE("map takes a pointer to a member as its function") {
  auto harness = mapping<reading, double>(&reading::value);
  harness.start();
  harness.feed(std::vector<reading>{{1, 2.5}, {2, 3.5}});
  CHECK(harness.port<double>().values == std::vector<double>{2.5, 3.5});
}

TEST_CASE("map, filter and flat_map hand event times on") {
  const auto input = numbers(100);
  const auto times = times_for(100);
  auto mapped = mapping<int, std::string>([](int i) { return std::to_string(i); });
  auto even = [](int i) { return i % 2 == 0; };
  auto filtered = filtering<int>(even);
  auto filtered_text = filtering<std::string>([](const std::string& s) { return s.size() == 1; });
  auto twice = [](int i, weir::collector<int>& out) {
    out(i);
    out(-i);
  };
  operator_harness flat{std::make_unique<weir::flat_map_operator<int, int, decltype(twice)>>(twice), identity_of("t"),
                        ports_of<int>()};
  for (auto* harness : {&mapped, &filtered, &flat}) {
    harness->start();
    harness->feed(input, {.batch_size = 17, .times = times});
  }
  CHECK(mapped.port<std::string>().times == times);

  std::vector<weir::event_time> of_even;
  std::vector<weir::event_time> doubled;
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (i % 2 == 0)
      of_even.push_back(times[i]);
    doubled.insert(doubled.end(), 2, times[i]);
  }
  CHECK(filtered.port<int>().times == of_even);
  CHECK(flat.port<int>().times == doubled);

  filtered_text.start();
  filtered_text.feed(std::vector<std::string>{"a", "bb", "c"}, {.times = times_for(3)});
  CHECK(filtered_text.port<std::string>().times == std::vector<weir::event_time>{at_ms(0), at_ms(14)});
}

TEST_CASE("a batch with times and one without do not share an output batch") {
  auto same = mapping<int, int>([](int i) { return i; });
  auto all = filtering<int>([](int) { return true; });
  for (auto* harness : {&same, &all}) {
    harness->start();
    harness->feed(std::vector<int>{1, 2}, {.times = times_for(2), .flush = false});
    harness->feed(std::vector<int>{3}, {.flush = false});
    harness->feed(std::vector<int>{4}, {.times = times_for(1)});
    CHECK(harness->port<int>().values == std::vector<int>{1, 2, 3, 4});
    CHECK(harness->port<int>().times.size() == 3);
    CHECK(harness->port<int>().batch_sizes == std::vector<std::size_t>{2, 1, 1});
  }
}

TEST_CASE("filter lets records pass by its predicate, in order") {
  for (const std::size_t batch_size : {1U, 7U, 1000U}) {
    auto trivial = filtering<int>([](int i) { return i % 3 == 0; });
    auto defaulted = filtering<reading>([](const reading& r) { return r.sensor % 3 == 0; });
    auto text = filtering<std::string>([](const std::string& s) { return s.back() == '0'; });
    std::vector<reading> readings;
    std::vector<std::string> texts;
    for (int i = 0; i < 100; ++i) {
      readings.push_back({i, i * 1.0});
      texts.push_back(std::to_string(i));
    }
    trivial.start();
    defaulted.start();
    text.start();
    trivial.feed(numbers(100), {.batch_size = batch_size});
    defaulted.feed(readings, {.batch_size = batch_size});
    text.feed(texts, {.batch_size = batch_size, .shared = true});
    REQUIRE(trivial.port<int>().values.size() == 34);
    CHECK(trivial.port<int>().values[33] == 99);
    REQUIRE(defaulted.port<reading>().values.size() == 34);
    CHECK(defaulted.port<reading>().values[1] == reading{3, 3.0});
    CHECK(text.port<std::string>().values ==
          std::vector<std::string>{"0", "10", "20", "30", "40", "50", "60", "70", "80", "90"});
    CHECK(text.untouched);
  }
}

TEST_CASE("a filter that lets nothing pass emits no batch") {
  auto harness = filtering<int>([](int) { return false; });
  harness.start();
  harness.feed(numbers(10));
  CHECK(harness.port<int>().batch_sizes.empty());
}

TEST_CASE("records of a batch without other owners are moved, those of a shared one copied") {
  std::vector<tracer> input;
  for (int i = 0; i < 10; ++i)
    input.emplace_back(i);
  auto keep = [](tracer t) { return t; };
  for (const bool shared : {false, true}) {
    auto mapped = mapping<tracer, tracer>(keep);
    auto filtered = filtering<tracer>([](const tracer&) { return true; });
    for (auto* harness : {&mapped, &filtered}) {
      harness->start();
      tracer::copies = 0;
      harness->feed(input, {.shared = shared});
      CHECK(tracer::copies == (shared ? 20 : 10)); // ten go into the batch that is fed
      CHECK(harness->untouched);
      CHECK(harness->port<tracer>().values == input);
    }
  }
}

TEST_CASE("a function that takes its record by rvalue gets a copy of a shared one") {
  auto take = [](std::string&& s) { return std::move(s) + "!"; };
  auto harness = mapping<std::string, std::string>(take);
  harness.start();
  const std::string whole(100, 'x');
  harness.feed(std::vector<std::string>{whole}, {.shared = true});
  CHECK(harness.untouched);
  CHECK(harness.port<std::string>().values.front() == whole + "!");
}

TEST_CASE("flat_map pauses between two records when its output is full, and loses nothing") {
  auto split = [](std::string_view line, weir::collector<std::string>& words) {
    while (!line.empty()) {
      const auto space = std::min(line.find(' '), line.size());
      words(line.substr(0, space));
      line.remove_prefix(std::min(line.size(), space + 1));
    }
  };
  const std::vector<std::string> lines{"a b c", "", "d", "e f g h i j", "k"};
  const std::vector<std::string> expected{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"};
  using splitter = weir::flat_map_operator<std::string, std::string, decltype(split)>;

  operator_harness free{std::make_unique<splitter>(split), identity_of("w"), ports_of<std::string>(), 2};
  free.start();
  free.feed(lines);
  CHECK(free.port<std::string>().values == expected);
  CHECK(free.calls == 1);

  // Every output batch of two asks for a pause.
  operator_harness narrow{std::make_unique<splitter>(split), identity_of("w"), ports_of<std::string>(), 2, 1};
  narrow.start();
  narrow.feed(lines);
  CHECK(narrow.port<std::string>().values == expected);
  CHECK(narrow.calls > 2);
}

TEST_CASE("a flat_map whose calls emit more than a batch overshoots by that call only") {
  auto repeat = [](int n, weir::collector<int>& out) {
    for (int i = 0; i < n; ++i)
      out(n);
  };
  operator_harness harness{std::make_unique<weir::flat_map_operator<int, int, decltype(repeat)>>(repeat),
                           identity_of("r"), ports_of<int>(), 4, 1};
  harness.start();
  harness.feed(std::vector<int>{10, 1, 1});
  CHECK(harness.port<int>().values.size() == 12);
  CHECK(harness.calls == 2); // a pause after the first record; the other two fit
}
