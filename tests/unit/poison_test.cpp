// Poison policies: what becomes of records for which user code throws.
#include <weir/operators/testing.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

namespace {

using namespace std::chrono_literals;
using weir::dead_letter;
using weir::poison_policy;
using weir::testing::harness;
using weir::testing::input;

using numbers = std::vector<int>;

/// Throws for numbers that 7 divides, at the end of all else it does.
void refuse_sevens(int n) {
  if (n % 7 == 0)
    throw std::runtime_error{"seven is in " + std::to_string(n)};
}

int checked(int n) {
  refuse_sevens(n);
  return n;
}

struct reading {
  std::string sensor;
  int value = 0;
  WEIR_FIELDS(sensor, value)
};

/// Emits a number as many times as it says to both of its outputs, and then may throw.
struct copies {
  weir::side_output<std::string> texts{"texts"};
  auto side_outputs() const { return std::tuple{texts}; }
  void process(const int& n, weir::context& ctx, weir::collector<int>& out) const {
    for (int i = 0; i != n; ++i) {
      out(n);
      ctx.emit(texts, std::to_string(n));
    }
    refuse_sevens(n);
  }
};

/// Counts a key's readings, and then may throw.
struct counting {
  struct state {
    int seen = 0;
    WEIR_FIELDS(seen)
  };
  void process(const reading& r, state& s, weir::keyed_context<std::string>&, weir::collector<int>& out) const {
    out(++s.seen);
    refuse_sevens(r.value);
  }
};

struct sum {
  struct accumulator {
    int total = 0;
    WEIR_FIELDS(total)
  };
  void add(accumulator& a, const reading& r) const {
    refuse_sevens(r.value);
    a.total += r.value;
  }
  int result(const accumulator& a) const { return a.total; }
};

struct numbers_job {
  weir::job job{"numbers"};
  weir::stream<int> in = job.source("in", input<int>{});
};

/// Runs one guarded operator on one batch, with the counters of its context.
struct guarded_run {
  class surroundings final : public weir::operator_context {
  public:
    surroundings() : operator_context({.job = {}, .run = {}, .name = "guarded"}) {}
    [[nodiscard]] weir::processing_time now() const override { return {}; }
    void wake_at(weir::processing_time) override {}
  };
  struct receiver final : weir::batch_receiver {
    bool accept(weir::batch_ptr batch) override {
      batches.push_back(std::move(batch));
      return true;
    }
    std::vector<weir::batch_ptr> batches;
  };

  template <class Out>
  std::vector<Out> run(const weir::graph_node& node, weir::batch_ptr batch) {
    const auto op = node.make();
    std::vector<std::unique_ptr<receiver>> receivers;
    std::vector<std::unique_ptr<weir::any_collector>> collectors;
    for (const auto& output : node.outputs) {
      receivers.push_back(std::make_unique<receiver>());
      collectors.push_back(output.type->make_collector());
      collectors.back()->connect(*receivers.back(), 1024);
    }
    weir::operator_outputs outputs{std::move(collectors)};
    op->open(context);
    op->ready(context, false);
    for (std::size_t position = 0; position != batch->size();)
      position = op->process(0, *batch, position, batch->size(), outputs);
    std::vector<Out> all;
    for (const auto& each : receivers.front()->batches)
      for (const Out& record : weir::as<Out>(*each).values)
        all.push_back(record);
    return all;
  }

  surroundings context;
};

template <class T>
weir::batch_ptr batch_of(const std::vector<T>& values) {
  auto* made = new weir::batch<T>;
  weir::batch_ptr owner{made};
  for (const T& value : values)
    made->values.push_back(value);
  return owner;
}

} // namespace

TEST_CASE("without a policy what user code throws passes through") {
  numbers_job with;
  const auto out = with.in.map("checked", checked);
  harness test{with.job};
  test.push(with.in, 1);
  CHECK_THROWS_WITH(test.push(with.in, 7), "seven is in 7");
}

TEST_CASE("records for which a map, a filter or a flat_map throws are skipped") {
  numbers_job with;
  const auto mapped = with.in.map("map", checked, {.poison = poison_policy::skip});
  const auto filtered = with.in.filter("filter",
                                       [](int n) {
                                         refuse_sevens(n);
                                         return n % 2 == 0;
                                       },
                                       {.poison = poison_policy::skip});
  const auto flat = with.in.flat_map("flat",
                                     [](int n, weir::collector<int>& to) {
                                       to(n);
                                       to(-n);
                                       refuse_sevens(n);
                                     },
                                     {.poison = poison_policy::skip});
  harness test{with.job};
  for (const int n : {6, 7, 8, 14, 15})
    test.push(with.in, n);
  CHECK(test.outputs(mapped) == numbers{6, 8, 15});
  CHECK(test.outputs(filtered) == numbers{6, 8});
  CHECK(test.outputs(flat) == numbers{6, -6, 8, -8, 15, -15});
}

TEST_CASE("what a failing call had emitted is taken back, on every output, also where it filled whole batches") {
  numbers_job with;
  const auto out = with.in.process("copies", copies{}, {.poison = poison_policy::skip});
  guarded_run guarded;
  // 700 is in the middle of a batch, 1400 fills one, and 7000 fills several.
  const auto found =
      guarded.run<int>(with.job.graph().nodes.at(1), batch_of(numbers{3, 700, 4, 1400, 500, 7000, 1000, 7, 1}));
  numbers expected;
  for (const int n : {3, 4, 500, 1000, 1})
    expected.insert(expected.end(), static_cast<std::size_t>(n), n);
  CHECK(found == expected);
  CHECK(guarded.context.counters().values() == std::vector<weir::counter_value>{{"guarded", "poison_records", 4}});

  harness test{with.job};
  for (const int n : {2, 2100, 1})
    test.push(with.in, n);
  CHECK(test.outputs(out) == numbers{2, 2, 1});
  CHECK(test.outputs(out.side(weir::side_output<std::string>{"texts"})) == std::vector<std::string>{"2", "2", "1"});
}

TEST_CASE("dead letters have the record, the error and the event time") {
  weir::job job{"letters"};
  const auto in = job.source("in", input<reading>{});
  const auto out =
      in.map("checked", [](const reading& r) { return checked(r.value); }, {.poison = poison_policy::dead_letter});
  const auto letters = out.dead_letters();
  REQUIRE(job.graph().problems.empty());
  harness test{job};
  test.push(in, {"a", 1});
  test.push(in, {"b", 7});
  test.push(in, {"c", 14}, weir::event_time{5ms});
  CHECK(test.outputs(out) == numbers{1});
  const auto found = test.outputs(letters);
  REQUIRE(found.size() == 2);
  CHECK(found[0] == dead_letter{"checked", 0, "seven is in 7", "{sensor: \"b\", value: 7}", std::nullopt});
  CHECK(found[1].time == weir::event_time{5ms});
  CHECK(test.output_times(letters).at(1) == weir::event_time{5ms});
}

TEST_CASE("a dead letter has the record, also if the function had taken it over") {
  weir::job job{"moved"};
  const auto in = job.source("in", input<std::string>{});
  const auto out = in.flat_map("eater",
                               [](std::string text, weir::collector<std::string>& to) {
                                 to(std::move(text));
                                 throw std::runtime_error{"too late"};
                               },
                               {.poison = poison_policy::dead_letter});
  harness test{job};
  test.push(in, "a long text that is not in a small string");
  CHECK(test.outputs(out).empty());
  REQUIRE(test.outputs(out.dead_letters()).size() == 1);
  CHECK(test.outputs(out.dead_letters())[0].record == "a long text that is not in a small string");
}

TEST_CASE("what is no std::exception is a poison record, too, and wrong use is not") {
  numbers_job with;
  const auto out = with.in.map("map",
                               [](int n) {
                                 if (n == 1)
                                   throw 5;
                                 if (n == 2)
                                   throw weir::usage_error{{"a number", "", "", ""}};
                                 return n;
                               },
                               {.poison = poison_policy::dead_letter});
  harness test{with.job};
  test.push(with.in, 1);
  CHECK(test.outputs(out.dead_letters()).at(0).error == "an exception that is no std::exception");
  CHECK_THROWS_AS(test.push(with.in, 2), weir::usage_error);
}

TEST_CASE("keyed operators and aggregates skip poison records, and keep what they had changed before they threw") {
  weir::job job{"keyed"};
  const auto in = job.source("in", input<reading>{});
  const auto counts = in.key_by(&reading::sensor).process("counts", counting{}, {.poison = poison_policy::dead_letter});
  const auto sums = in.key_by(&reading::sensor).aggregate("sums", sum{}, {.poison = poison_policy::skip});
  harness test{job};
  for (const int value : {1, 7, 2, 14, 3})
    test.push(in, {"a", value});
  CHECK(test.outputs(counts) == numbers{1, 3, 5}); // 2 and 4 were counted, and not emitted
  CHECK(test.outputs(counts.dead_letters()).size() == 2);
  std::vector<int> totals;
  for (const auto& each : test.outputs(sums))
    totals.push_back(each.value);
  CHECK(totals == numbers{1, 3, 6});
}

TEST_CASE("poison policies where they mean nothing are problems of the job") {
  numbers_job with;
  static_cast<void>(with.in.map("checked", checked).dead_letters());
  static_cast<void>(with.job.source("other", input<int>{}, {.poison = poison_policy::skip}));
  const auto& problems = with.job.graph().problems;
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].operator_name == "checked");
  CHECK(problems[0].text.thing == "its dead letters");
  CHECK(problems[1].operator_name == "other");
  CHECK(problems[1].text.thing == "its poison policy");
}
