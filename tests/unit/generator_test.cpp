// Tests of the sources that make records: generator and from_vector.
#include "source_harness.hpp"

#include <weir/operators/from_vector.hpp>
#include <weir/operators/generator.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

using weir_test::source_harness;
using namespace std::chrono_literals;

namespace {

std::uint64_t scrambled(std::uint64_t i, weir::counter_random& random) {
  return random() ^ i;
}

template <class T>
std::vector<T> sorted(std::vector<T> values) {
  std::sort(values.begin(), values.end());
  return values;
}

} // namespace

TEST_CASE("a generator makes the same records at every parallelism") {
  std::vector<std::uint64_t> expected;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    weir::counter_random random{7, i};
    expected.push_back(random() ^ i);
  }
  for (const std::uint32_t parallelism : {1U, 2U, 3U, 7U, 1000U, 1500U})
    for (const std::size_t most : {1U, 64U, 5000U}) {
      source_harness<std::uint64_t> harness{weir::generator<std::uint64_t>{1000, scrambled}.seed(7).source()};
      REQUIRE(harness.read_all(parallelism, most) == expected);
    }
  CHECK_FALSE(weir::generator<std::uint64_t>{1000, scrambled}.source()->blocking());
}

TEST_CASE("a generator begun again at any position makes just the rest") {
  const auto words = weir::generator<std::string>{100, [](std::uint64_t i) { return "word " + std::to_string(i); }};
  for (const std::uint32_t parallelism : {1U, 3U})
    for (const std::size_t most : {1U, 9U}) {
      source_harness<std::string> strings{words.source()};
      CHECK(strings.resumes_everywhere(parallelism, most));
      source_harness<std::uint64_t> numbers{weir::generator<std::uint64_t>{100, scrambled}.source()};
      CHECK(numbers.resumes_everywhere(parallelism, most));
    }
}

TEST_CASE("every subtask of a generator has work") {
  const auto splits = weir::generator<std::uint64_t>{10, scrambled}.source()->enumerate(4);
  REQUIRE(splits.size() == 4);
  source_harness<std::uint64_t> harness{weir::generator<std::uint64_t>{10, [](std::uint64_t i) { return i; }}.source()};
  for (const auto& split : splits)
    CHECK(harness.read(split, {}, 100).size() >= 2);
  CHECK(weir::generator<std::uint64_t>{2, scrambled}.source()->enumerate(4).size() == 2);
  CHECK(weir::generator<std::uint64_t>{0, scrambled}.source()->enumerate(4).empty());
}

TEST_CASE("a generator without end deals every number to one split") {
  const auto source = weir::generator<std::uint64_t>{[](std::uint64_t i) { return i; }}.source();
  const auto splits = source->enumerate(3);
  REQUIRE(splits.size() == 3);
  std::vector<std::uint64_t> all;
  for (const auto& split : splits) {
    weir_test::record_list<std::uint64_t> list;
    weir::collector<std::uint64_t> out;
    out.connect(list, 16);
    auto reader = source->open_split(split, {}, {});
    for (int i = 0; i < 10; ++i) {
      CHECK(reader->read(out, 10) == weir::read_status::more);
      reader = source->open_split(split, reader->position(), {});
    }
    out.flush();
    all.insert(all.end(), list.records.begin(), list.records.end());
  }
  all = sorted(all);
  REQUIRE(all.size() == 300);
  for (std::uint64_t i = 0; i < 300; ++i)
    REQUIRE(all[i] == i);
}

TEST_CASE("a rate lets records go evenly and not before their time") {
  const weir::processing_time start{1'000'000s};
  for (const auto& [rate, count, seconds] : {std::tuple{10.0, 21U, 2.0}, std::tuple{1e6, 50'001U, 0.05},
                                             std::tuple{3.0, 10U, 3.0}, std::tuple{0.5, 3U, 4.0}}) {
    const auto source = weir::generator<std::uint64_t>{count, [](std::uint64_t i) { return i; }}.rate(rate).source();
    auto now = start;
    weir_test::record_list<std::uint64_t> list;
    weir::collector<std::uint64_t> out;
    out.connect(list, 1);
    const auto reader = source->open_split(source->enumerate(1).at(0), {}, now);
    std::size_t reads = 0;
    for (;;) {
      const auto status = reader->read(out, 256);
      ++reads;
      // What is out was due by now, within the rounding of times to microseconds.
      const double elapsed_s = std::chrono::duration<double>(now - start).count();
      REQUIRE(static_cast<double>(out.emitted()) <= elapsed_s * rate + 1.0 + 1e-6 * rate);
      if (status == weir::read_status::end)
        break;
      if (status == weir::read_status::later) {
        REQUIRE(reader->next_at() > now);
        now = reader->next_at();
      }
    }
    CHECK(list.records.size() == count);
    const double elapsed_s = std::chrono::duration<double>(now - start).count();
    CHECK(elapsed_s == Approx(seconds).margin(0.002));
    CHECK(reads < count + 2000);
  }
}

TEST_CASE("a rate is shared by the subtasks, and a restart makes up for nothing") {
  const weir::processing_time start{1'000'000s};
  const auto source = weir::generator<std::uint64_t>{1000, [](std::uint64_t i) { return i; }}.rate(100).source();
  const auto splits = source->enumerate(4);
  weir_test::record_list<std::uint64_t> list;
  weir::collector<std::uint64_t> out;
  out.connect(list, 1);
  const auto reader = source->open_split(splits[1], "{\"next\":100}", start);
  CHECK(reader->read(out, 1000) == weir::read_status::later);
  CHECK(list.records == std::vector<std::uint64_t>{350});
  CHECK(reader->next_at() == start + 40ms);
}

TEST_CASE("a changed generator is said when a run resumes") {
  const auto splits = weir::generator<std::uint64_t>{10, scrambled}.seed(1).source()->enumerate(2);
  CHECK(weir::generator<std::uint64_t>{10, scrambled}.seed(1).source()->check_restored(splits).empty());
  const auto changed = weir::generator<std::uint64_t>{20, scrambled}.seed(2).source();
  CHECK(changed->check_restored(splits).size() == 2);
  // It goes on as it began.
  source_harness<std::uint64_t> before{weir::generator<std::uint64_t>{10, scrambled}.seed(1).source()};
  source_harness<std::uint64_t> after{changed};
  CHECK(after.read(splits[0], {}, 3) == before.read(splits[0], {}, 3));
  for (const char* damaged : {"{\"next\":6}", "{}", "[]"})
    CHECK_THROWS_AS(changed->open_split(splits[0], damaged, {}), weir::damaged_error);
  for (const char* damaged :
       {R"({"first":0,"step":0,"parts":2,"seed":7})", R"({"first":0,"step":1,"parts":0,"seed":7})",
        R"({"first":4,"step":1,"count":2,"total":5,"parts":2,"seed":7})",
        R"({"first":1,"step":2,"count":18446744073709551615,"total":5,"parts":2,"seed":7})"})
    CHECK_THROWS_AS(changed->open_split({"00000000", damaged}, {}, {}), weir::damaged_error);
}

TEST_CASE("an impossible rate is a problem of the job") {
  const weir::generator<std::uint64_t> any{10, scrambled};
  CHECK(any.problems().empty());
  CHECK(any.rate(1).problems().empty());
  CHECK(any.rate(0).problems().size() == 1);
  CHECK(any.rate(-1).problems().size() == 1);
  CHECK(any.rate(std::numeric_limits<double>::infinity()).problems().size() == 1);
}

TEST_CASE("a function that throws leaves no record that was never made") {
  const auto source = weir::generator<std::uint64_t>{
      100, [](std::uint64_t i) {
        if (i == 5)
          throw std::runtime_error{"five"};
        return i;
      }}.source();
  weir_test::record_list<std::uint64_t> list;
  weir::collector<std::uint64_t> out;
  out.connect(list, 64);
  const auto reader = source->open_split(source->enumerate(1).at(0), {}, {});
  CHECK(reader->read(out, 3) == weir::read_status::more);
  CHECK_THROWS_AS(reader->read(out, 3), std::runtime_error);
  out.flush();
  CHECK(list.records == std::vector<std::uint64_t>{0, 1, 2});
  CHECK(reader->position() == "{\"next\":3}");
}

TEST_CASE("counter random numbers depend on seed and index only, and are even") {
  weir::counter_random a{1, 2};
  weir::counter_random b{1, 2};
  CHECK(a() == b());
  std::set<std::uint64_t> firsts;
  for (std::uint64_t seed = 0; seed < 10; ++seed)
    for (std::uint64_t index = 0; index < 1000; ++index)
      firsts.insert(weir::counter_random{seed, index}());
  CHECK(firsts.size() == 10'000);
  std::vector<int> counts(10);
  double sum = 0;
  for (std::uint64_t index = 0; index < 100'000; ++index) {
    weir::counter_random random{42, index};
    ++counts[random.below(10)];
    sum += random.uniform();
  }
  for (const int n : counts)
    CHECK(n == Approx(10'000).epsilon(0.05));
  CHECK(sum / 100'000 == Approx(0.5).epsilon(0.01));
}

TEST_CASE("a vector is read once at every parallelism and begun again anywhere") {
  std::vector<std::string> lines;
  for (int i = 0; i < 101; ++i)
    lines.push_back(std::to_string(i));
  for (const std::uint32_t parallelism : {1U, 2U, 5U, 200U})
    for (const std::size_t most : {1U, 10U, 1000U}) {
      source_harness<std::string> harness{weir::from_vector<std::string>(lines).source()};
      CHECK(harness.read_all(parallelism, most) == lines);
      if (parallelism < 10)
        CHECK(harness.resumes_everywhere(parallelism, most));
    }
  source_harness<int> numbers{weir::from_vector(std::vector<int>{3, 1, 2}).source()};
  CHECK(numbers.read_all(2, 2) == std::vector<int>{3, 1, 2});
  source_harness<bool> flags{weir::from_vector(std::vector<bool>{true, false}).source()};
  CHECK(flags.read_all(1, 2) == std::vector<bool>{true, false});
  CHECK(weir::from_vector<int>({}).source()->enumerate(3).empty());
}

TEST_CASE("a vector of another size is refused when a run resumes") {
  const auto splits = weir::from_vector<int>({1, 2, 3}).source()->enumerate(1);
  CHECK(weir::from_vector<int>({1, 2, 3}).source()->check_restored(splits).empty());
  const auto other = weir::from_vector<int>({1, 2}).source();
  CHECK_THROWS_AS(other->check_restored(splits), weir::usage_error);
  CHECK_THROWS_AS(other->open_split(splits[0], {}, {}), weir::usage_error);
}
