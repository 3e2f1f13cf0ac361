// Tests of a chain of fused operators: what runs when, and how long at a time.
#include "chain_samples.hpp"
#include "manual_environment.hpp"
#include "sink_harness.hpp"

#include <weir/operators/operator_chain.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using weir::chain_progress;
using weir_test::batch_of;

using steps = std::vector<std::string>;
using values = std::vector<int>;

weir::event_time at_ms(int ms) {
  return weir::event_time{std::chrono::milliseconds{ms}};
}

/// Passes numbers on and writes down what it was asked. Emits one number for a watermark, -1, and two at the end of the
/// input, -2 and -3, with a pause in between.
class noting_operator final : public weir::any_operator {
public:
  noting_operator(std::string name, steps& log, int copies = 1) : name_(std::move(name)), log_(log), copies_(copies) {}

  void open(weir::operator_context&) override { log_.push_back(name_ + " open"); }
  void ready(weir::operator_context&, bool restored) override {
    log_.push_back(name_ + (restored ? " restored" : " fresh"));
  }
  std::size_t process(std::size_t input, weir::any_batch& in, std::size_t from, std::size_t to,
                      weir::operator_outputs& out) override {
    for (std::size_t i = from; i != to; ++i) {
      const int value = weir::as<int>(in).values[i];
      if (value == 13)
        throw std::runtime_error{"thirteen"};
      log_.push_back(name_ + (input == 0 ? "" : "/" + std::to_string(input)) + " " + std::to_string(value));
      for (int copy = 0; copy != copies_; ++copy)
        out.port<int>(0)(value);
      if (out.full())
        return i + 1;
    }
    return to;
  }
  bool watermark(weir::event_time, weir::operator_outputs& out) override {
    log_.push_back(name_ + " watermark");
    out.port<int>(0)(-1);
    return true;
  }
  bool on_wake(weir::processing_time, weir::operator_outputs&) override {
    log_.push_back(name_ + " wake");
    return true;
  }
  bool end_of_input(weir::operator_outputs& out) override {
    log_.push_back(name_ + " end");
    out.port<int>(0)(std::exchange(half_ended_, true) ? -3 : -2);
    return std::exchange(told_to_end_, true);
  }

private:
  std::string name_;
  steps& log_;
  int copies_;
  bool half_ended_ = false;
  bool told_to_end_ = false;
};

/// Takes 100 µs a record, by a clock that it moves itself.
class slow_operator final : public weir::any_operator {
public:
  slow_operator(weir_test::manual_environment& env, std::vector<std::size_t>& slices) : env_(env), slices_(slices) {}
  std::size_t process(std::size_t, weir::any_batch&, std::size_t from, std::size_t to,
                      weir::operator_outputs&) override {
    slices_.push_back(to - from);
    env_.advance(100us * static_cast<int>(to - from));
    return to;
  }

private:
  weir_test::manual_environment& env_;
  std::vector<std::size_t>& slices_;
};

/// a, b and c in a row, and an output behind them.
struct abc_chain {
  explicit abc_chain(std::size_t batch_size, int copies_by_a = 1) : chain(env, batch_size) {
    add("a", copies_by_a);
    add("b");
    add("c");
    chain.connect(0, 0, 1, 0);
    chain.connect(1, 0, 2, 0);
    chain.connect(2, 0, out);
  }
  void add(const std::string& name, int copies = 1) {
    chain.add(std::make_unique<noting_operator>(name, log, copies), weir_test::plain_context(name),
              {&weir::element_type_of<int>()});
  }
  void work_off() {
    while (chain.work() == chain_progress::worked) {
    }
  }

  weir_test::manual_environment env;
  steps log;
  weir_test::recording_output out;
  weir::operator_chain chain;
};

} // namespace

TEST_CASE("operators of a chain are opened and made ready in order") {
  abc_chain with{1};
  with.chain.open();
  with.chain.ready(true);
  CHECK(with.log == steps{"a open", "b open", "c open", "a restored", "b restored", "c restored"});
}

TEST_CASE("batches go depth first: what is furthest downstream is worked off before the head sees more") {
  abc_chain with{1};
  with.chain.accept(0, batch_of<int>({1, 2}));
  with.work_off();
  CHECK(with.log == steps{"a 1", "b 1", "c 1", "a 2", "b 2", "c 2"});
  CHECK(with.out.values() == values{1, 2});
  CHECK(with.chain.idle());
}

TEST_CASE("an operator pauses after a record that has filled a batch for the next one") {
  abc_chain with{4, 3}; // a makes three of each: its second record fills a batch of four
  with.chain.accept(0, batch_of<int>({1, 2, 3}));
  with.chain.work();
  CHECK(with.log == steps{"a 1", "a 2"});
  with.work_off();
  CHECK(with.out.values() == values{1, 1, 1, 2, 2, 2, 3, 3, 3});
}

TEST_CASE("a control goes behind all that is pending, and to every operator in order") {
  abc_chain with{8};
  with.chain.accept(0, batch_of<int>({1}));
  with.chain.advance_to(at_ms(5));
  CHECK_FALSE(with.chain.idle());
  with.work_off();
  // What a emits for the watermark reaches b before the watermark does.
  CHECK(with.log == steps{"a 1", "b 1", "c 1", "a watermark", "b -1", "c -1", "b watermark", "c -1", "c watermark"});
  CHECK(with.out.values() == values{1, -1, -1, -1});
}

TEST_CASE("controls keep their order") {
  abc_chain with{8};
  with.chain.wake();
  with.chain.advance_to(at_ms(5));
  with.work_off();
  const auto last_wake = std::find(with.log.begin(), with.log.end(), "c wake");
  const auto first_watermark = std::find(with.log.begin(), with.log.end(), "a watermark");
  CHECK(last_wake < first_watermark);
}

TEST_CASE("an operator that is not done with a control is asked again before the next operator is") {
  abc_chain with{8};
  with.chain.end_input();
  with.work_off();
  const auto second_a = std::find(std::find(with.log.begin(), with.log.end(), "a end") + 1, with.log.end(), "a end");
  const auto first_b = std::find(with.log.begin(), with.log.end(), "b end");
  CHECK(second_a < first_b);
  CHECK(with.out.values() == values{-2, -3, -2, -3, -2, -3});
}

TEST_CASE("a chain whose output has no room is blocked, with its work kept") {
  abc_chain with{1};
  with.out.room = 1;
  with.chain.accept(0, batch_of<int>({1, 2}));
  with.work_off();
  CHECK(with.chain.work() == chain_progress::blocked);
  CHECK(with.out.values() == values{1});
  CHECK_FALSE(with.chain.idle());
  with.out.take_all();
  with.work_off();
  CHECK(with.out.values() == values{1, 2});
  CHECK(with.chain.work() == chain_progress::idle); // though the output is full again
}

TEST_CASE("a blocked chain does not begin a control") {
  abc_chain with{1};
  with.out.room = 1;
  with.chain.accept(0, batch_of<int>({1}));
  with.work_off();
  with.chain.advance_to(at_ms(5));
  CHECK(with.chain.work() == chain_progress::blocked);
  CHECK(with.log.back() == "c 1");
}

TEST_CASE("a piece of work is as long as the slice, by what earlier records took") {
  weir_test::manual_environment env;
  std::vector<std::size_t> slices;
  weir::operator_chain chain{env, 2000, 200us};
  chain.add(std::make_unique<slow_operator>(env, slices), weir_test::plain_context("slow"), {});
  chain.accept(0, batch_of<int>(std::vector<int>(1000, 1)));
  while (chain.work() == chain_progress::worked) {
  }
  REQUIRE(slices.size() > 100);
  CHECK(slices[0] < 1000); // a guess
  for (std::size_t i = 1; i != slices.size(); ++i)
    CHECK(slices[i] <= 3); // 100 µs a record
}

TEST_CASE("fast operators take a batch at a time") {
  abc_chain with{1024};
  with.env.since_start = 1s; // the clock stands still
  for (int round = 0; round != 40; ++round) {
    with.chain.accept(0, batch_of<int>(std::vector<int>(1000, 1)));
    with.work_off();
  }
  with.chain.accept(0, batch_of<int>(std::vector<int>(1000, 1)));
  int calls = 0;
  while (with.chain.work() == chain_progress::worked)
    ++calls;
  CHECK(calls == 3);
}

TEST_CASE("several receivers of one output share its batches") {
  weir_test::manual_environment env;
  steps log;
  weir_test::recording_output left;
  weir_test::recording_output right;
  weir::operator_chain chain{env, 8};
  chain.add(std::make_unique<noting_operator>("a", log), weir_test::plain_context("a"),
            {&weir::element_type_of<int>()});
  chain.connect(0, 0, left);
  chain.connect(0, 0, right);
  chain.accept(0, batch_of<int>({1, 2}));
  chain.work();
  REQUIRE(left.values() == values{1, 2});
  CHECK(left.batches[0].get() == right.batches.at(0).get());
  CHECK_FALSE(left.batches[0]->sole_owner());
}

TEST_CASE("an operator with two inputs is told which one a batch is for") {
  weir_test::manual_environment env;
  steps log;
  weir_test::recording_output out;
  weir::operator_chain chain{env, 8};
  chain.add(std::make_unique<noting_operator>("a", log), weir_test::plain_context("a"),
            {&weir::element_type_of<int>()});
  chain.connect(0, 0, out);
  chain.accept(1, batch_of<int>({1}));
  chain.work();
  CHECK(log == steps{"a/1 1"});
}

TEST_CASE("batches for a sink go to its writer at once") {
  weir_test::manual_environment env;
  steps log;
  weir_test::recording_output writer{1};
  weir::operator_chain chain{env, 1};
  chain.add(std::make_unique<noting_operator>("a", log), weir_test::plain_context("a"),
            {&weir::element_type_of<int>()});
  chain.add(std::make_unique<noting_operator>("sink", log), weir_test::plain_context("sink"), {});
  chain.connect(0, 0, 1, 0);
  chain.set_writer(1, writer);
  chain.accept(0, batch_of<int>({1, 2}));
  while (chain.work() == chain_progress::worked) {
  }
  CHECK(writer.values() == values{1});
  CHECK(chain.output_full());
  writer.take_all();
  while (chain.work() == chain_progress::worked) {
  }
  CHECK(writer.values() == values{1, 2});
  CHECK(log == steps{"a 1", "a 2"});
  CHECK(chain.records_in(1) == 2);
}

TEST_CASE("a chain knows which operator threw") {
  abc_chain with{8};
  with.chain.accept(0, batch_of<int>({1}));
  with.work_off();
  CHECK(with.chain.current_operator() == "c");
  with.chain.accept(0, batch_of<int>({13}));
  CHECK_THROWS_WITH(with.work_off(), "thirteen");
  CHECK(with.chain.current_operator() == "a");
}

TEST_CASE("a chain counts records in and out") {
  abc_chain with{4, 2};
  with.chain.accept(0, batch_of<int>({1, 2, 3}));
  with.work_off();
  CHECK(with.chain.records_in(0) == 3);
  CHECK(with.chain.records_out(0) == 6);
  CHECK(with.chain.records_in(2) == 6);
  CHECK(with.chain.records_out(2) == 6);
}

TEST_CASE("a batch that was filled elsewhere is output of the head") {
  abc_chain with{8};
  with.chain.emit_from_head(batch_of<int>({1, 2}));
  CHECK(with.chain.records_out(0) == 2);
  with.work_off();
  CHECK(with.log == steps{"b 1", "b 2", "c 1", "c 2"});
}

TEST_CASE(
    "for a barrier that overtakes, what is behind the head is worked off without room, and the head's rest stays") {
  abc_chain with{1};
  with.out.room = 1;
  with.chain.accept(0, batch_of<int>({1, 2, 3}));
  with.work_off(); // until the output is full
  REQUIRE(with.out.values() == values{1});
  while (with.chain.settled_behind_head()) { // let the head emit once more, as if there had been room
    with.out.take_all();
    with.chain.work();
    with.out.room = 0;
  }
  REQUIRE_FALSE(with.chain.settled());
  while (with.chain.work_off(false) == chain_progress::worked) {
  }
  CHECK(with.chain.settled_behind_head());
  CHECK_FALSE(with.chain.settled());
  CHECK(with.out.values() == values{1, 2});
  const auto rest = with.chain.rest_of_head();
  REQUIRE(rest);
  CHECK(rest->from == 2);
  CHECK(rest->batch->size() == 3);
  CHECK(with.log.back() == "c 2");
}

TEST_CASE("where the head's rest can't be stored, it is worked off as well, without room") {
  abc_chain with{1};
  with.out.room = 0;
  with.chain.accept(0, batch_of<int>({1, 2, 3}));
  CHECK(with.chain.work() == chain_progress::blocked);
  while (with.chain.work_off(true) == chain_progress::worked) {
  }
  CHECK(with.chain.settled());
  CHECK_FALSE(with.chain.rest_of_head());
  CHECK(with.out.values() == values{1, 2, 3});
}

TEST_CASE("a control that is on its way is finished before a barrier overtakes") {
  abc_chain with{1};
  with.out.room = 0;
  with.chain.end_input();
  CHECK(with.chain.work() == chain_progress::blocked);
  CHECK_FALSE(with.chain.settled_behind_head());
  while (with.chain.work_off(false) == chain_progress::worked) {
  }
  CHECK(with.chain.settled_behind_head());
  CHECK(with.out.values() == values{-2, -3, -2, -3, -2, -3});
}
