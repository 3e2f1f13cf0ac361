// Tests of operators that hold: what a chain does while one has taken in as much as it may.
#include "chain_samples.hpp"
#include "manual_environment.hpp"
#include "passing_operator.hpp"
#include "sink_harness.hpp"

#include <weir/operators/operator_chain.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using weir::chain_progress;
using weir_test::at_ms;
using weir_test::batch_of;
using weir_test::passing_operator;

using values = std::vector<int>;

/// Takes two numbers in and holds; a wake-up lets them all go.
class pairing_operator final : public weir::any_operator {
public:
  explicit pairing_operator(std::size_t& most) : most_(most) {}

  std::size_t process(std::size_t, weir::any_batch& in, std::size_t from, std::size_t to,
                      weir::operator_outputs&) override {
    const bool must_take_all = holding_;
    for (std::size_t i = from; i != to; ++i) {
      kept_.push_back(weir::as<int>(in).values[i]);
      most_ = std::max(most_, kept_.size());
      holding_ = kept_.size() >= 2;
      if (!must_take_all && holding_)
        return i + 1;
    }
    return to;
  }
  bool on_wake(weir::processing_time, weir::operator_outputs& out) override {
    while (!kept_.empty() && !out.full()) {
      out.port<int>(0)(kept_.front());
      kept_.pop_front();
    }
    holding_ = holding_ && !kept_.empty();
    return kept_.empty();
  }
  [[nodiscard]] bool holding() const noexcept override { return holding_; }

private:
  std::deque<int> kept_;
  std::size_t& most_;
  bool holding_ = false;
};

/// A passing operator, one that holds, and another passing one.
struct holding_chain {
  explicit holding_chain(std::size_t batch_size = 1) : chain(env, batch_size) {
    add("before", std::make_unique<passing_operator>());
    add("holds", std::make_unique<pairing_operator>(most));
    add("behind", std::make_unique<passing_operator>());
    chain.connect(0, 0, 1, 0);
    chain.connect(1, 0, 2, 0);
    chain.connect(2, 0, out);
    chain.open();
    chain.ready(false);
  }
  void add(const std::string& name, std::unique_ptr<weir::any_operator> op) {
    chain.add(std::move(op), weir_test::plain_context(name), {&weir::element_type_of<int>()});
  }
  chain_progress work_off(bool barrier_waits = false) {
    for (;;)
      if (const chain_progress progress = chain.work(barrier_waits); progress != chain_progress::worked)
        return progress;
  }

  std::size_t most = 0;
  weir_test::manual_environment env;
  weir_test::recording_output out;
  weir::operator_chain chain;
};

} // namespace

TEST_CASE("what comes before an operator that holds pauses until a wake-up releases it") {
  holding_chain with;
  with.chain.accept(0, batch_of<int>({1, 2, 3, 4, 5}));
  CHECK(with.work_off() == chain_progress::blocked);
  CHECK(with.chain.holding());
  CHECK_FALSE(with.chain.settled());
  CHECK(with.out.values().empty());
  CHECK(with.most == 2);
  with.chain.wake();
  CHECK(with.work_off() == chain_progress::blocked);
  CHECK(with.out.values() == values{1, 2});
  with.chain.wake();
  with.work_off();
  CHECK(with.out.values() == values{1, 2, 3, 4});
  CHECK(with.chain.idle());
  CHECK_FALSE(with.chain.holding()); // the fifth is alone
  CHECK(with.most == 2);
}

TEST_CASE("for a barrier that waits, an operator that holds takes in what is inside the chain") {
  holding_chain with;
  with.chain.accept(0, batch_of<int>({1, 2, 3, 4, 5}));
  with.work_off();
  CHECK(with.work_off(true) == chain_progress::idle);
  CHECK(with.chain.settled());
  CHECK(with.out.values().empty());
  CHECK(with.most == 5);
  with.chain.wake();
  with.work_off();
  CHECK(with.out.values() == values{1, 2, 3, 4, 5});
}

TEST_CASE("a watermark waits behind what an operator holds, and a barrier may pass it") {
  holding_chain with;
  with.chain.accept(0, batch_of<int>({1, 2}));
  with.work_off();
  with.chain.advance_to(at_ms(5));
  with.chain.end_input();
  CHECK(with.work_off() == chain_progress::blocked);
  CHECK(with.chain.settled());
  CHECK_FALSE(with.chain.idle());
  CHECK(with.out.values().empty());
  with.chain.wake();
  with.work_off();
  with.chain.wake(); // "before" has emitted for the watermark and for the end, which are held in turn
  with.work_off();
  CHECK(with.chain.idle());
  CHECK(with.out.values() == values{1, 2, -1, -1, -2, -2});
}

TEST_CASE("an operator whose input has ended is not woken any more") {
  holding_chain with;
  with.chain.accept(0, batch_of<int>({1}));
  with.chain.end_input();
  with.work_off();
  const values before = with.out.values(); // 1 is kept, with -2 of the operator before; and -2 of the one behind
  REQUIRE(with.chain.holding());
  with.chain.wake();
  with.work_off();
  CHECK(with.out.values() == values{1, -2, -2});
  CHECK(before.empty());
  with.chain.wake();
  CHECK(with.chain.idle());
}
