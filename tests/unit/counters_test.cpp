// Counters of user code and of poison records.
#include <weir/operators/counter_board.hpp>
#include <weir/operators/testing.hpp>

#include <catch2/catch.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace {

using weir::counter_value;
using values = std::vector<counter_value>;

struct line_lengths {
  void process(const std::string& line, weir::context& ctx, weir::collector<std::size_t>& out) const {
    if (line.empty())
      ctx.counter("empty_lines").add();
    ctx.counter("bytes").add(line.size());
    out(line.size());
  }
};

} // namespace

TEST_CASE("a counter of the same operator and name is the same counter") {
  weir::counter_board board;
  weir::counter first = board.find("parse", "bad");
  weir::counter second = board.find("parse", "bad");
  weir::counter other = board.find("check", "bad");
  first.add();
  second.add(4);
  CHECK(first.value() == 5);
  CHECK(other.value() == 0);
  CHECK(board.values() == values{{"check", "bad", 0}, {"parse", "bad", 5}});
}

TEST_CASE("the subtasks of an operator share its counters, and those of operators differ") {
  weir::job job{"lines"};
  const auto in = job.source("in", weir::testing::input<std::string>{});
  static_cast<void>(in.process("first", line_lengths{}));
  static_cast<void>(in.rebalance().process("second", line_lengths{}));
  weir::testing::harness test{job, {.parallelism = 3}};
  for (const char* line : {"a", "", "bc", "", ""})
    test.push(in, line);
  CHECK(
      test.counters() ==
      values{{"first", "bytes", 3}, {"first", "empty_lines", 3}, {"second", "bytes", 3}, {"second", "empty_lines", 3}});
}

TEST_CASE("an operator without the runtime has counters of its own") {
  class surroundings final : public weir::operator_context {
  public:
    surroundings() : operator_context({}) {}
    [[nodiscard]] weir::processing_time now() const override { return {}; }
    void wake_at(weir::processing_time) override {}
  };
  surroundings around;
  around.counters().find("", "n").add(2);
  CHECK(around.counters().values() == values{{"", "n", 2}});
}
