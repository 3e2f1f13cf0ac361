// Broadcast state, in the harness for users.
#include <weir/operators/testing.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace {

using namespace std::chrono_literals;
using weir::testing::harness;
using weir::testing::input;

using texts = std::vector<std::string>;

struct payment {
  std::string card;
  std::int64_t amount = 0;
  WEIR_FIELDS(card, amount)
};

/// From now on this much is too much.
struct rule {
  std::string name;
  std::int64_t limit = 0;
  WEIR_FIELDS(name, limit)
};

/// Sums up the payments of a card, and says which rules the sum breaks.
struct score {
  struct state {
    std::int64_t sum = 0;
    WEIR_FIELDS(sum)
  };
  struct broadcast_state {
    std::map<std::string, std::int64_t> limits;
    WEIR_FIELDS(limits)
  };
  weir::side_output<std::string> learned{"learned"};
  auto side_outputs() const { return std::tuple{learned}; }

  void process(const payment& p, state& s, const broadcast_state& rules, weir::keyed_context<std::string>& ctx,
               weir::collector<std::string>& out) const {
    s.sum += p.amount;
    for (const auto& [name, limit] : rules.limits)
      if (s.sum > limit)
        out(ctx.key() + " breaks " + name);
  }
  void process_broadcast(const rule& r, broadcast_state& rules, weir::context& ctx,
                         weir::collector<std::string>&) const {
    rules.limits[r.name] = r.limit;
    ctx.emit(learned, r.name + " by " + std::to_string(ctx.identity().subtask.value));
  }
};

/// Lets pass what is above the highest limit so far; un-keyed, without a state of its own.
struct above {
  struct broadcast_state {
    std::int64_t limit = 0;
    WEIR_FIELDS(limit)
  };
  void process(const payment& p, const broadcast_state& rules, weir::context&,
               weir::collector<std::int64_t>& out) const {
    if (p.amount > rules.limit)
      out(p.amount);
  }
  void process_broadcast(const rule& r, broadcast_state& rules, weir::context&,
                         weir::collector<std::int64_t>& out) const {
    rules.limit = std::max(rules.limit, r.limit);
    out(-r.limit);
  }
};

struct scoring {
  weir::job job{"scoring"};
  weir::stream<payment> payments = job.source("payments", input<payment>{});
  weir::stream<rule> rules = job.source("rules", input<rule>{}, {.parallelism = 1});
  weir::stream<std::string> broken = payments.key_by(&payment::card).connect_broadcast(rules).process("score", score{});
};

} // namespace

TEST_CASE("every subtask gets every record of a broadcast, and sees it in the state") {
  scoring with;
  harness test{with.job, {.parallelism = 3}};
  for (const char* card : {"a", "b", "c", "d"})
    test.push(with.payments, {card, 10});
  CHECK(test.outputs(with.broken).empty());
  test.push(with.rules, {"ten", 10});
  CHECK(test.outputs(with.broken.side(weir::side_output<std::string>{"learned"})).size() == 3);
  for (const char* card : {"a", "b", "c", "d"})
    test.push(with.payments, {card, 1});
  CHECK(test.outputs(with.broken) == texts{"a breaks ten", "b breaks ten", "c breaks ten", "d breaks ten"});
}

TEST_CASE("a checkpoint has a broadcast state once, and all subtasks restore it at any parallelism") {
  scoring with;
  harness before{with.job, {.parallelism = 2}};
  before.push(with.rules, {"ten", 10});
  before.push(with.rules, {"twenty", 20});
  const auto taken = before.snapshot();
  CHECK(taken.entries("score", "broadcast") == 1);
  for (const std::uint32_t parallelism : {1U, 2U, 5U}) {
    harness after{with.job, taken, {.parallelism = parallelism}};
    std::size_t expected = 0;
    for (char card = 'a'; card != 'q'; ++card, expected += 2)
      after.push(with.payments, {std::string(1, card), 21});
    CHECK(after.outputs(with.broken).size() == expected);
    const auto again = after.snapshot();
    CHECK(again.entries("score", "broadcast") == 1);
    CHECK(again.entries("score", "state") == 16);
  }
}

TEST_CASE("a restored broadcast state goes on changing in all subtasks") {
  scoring with;
  harness first{with.job, {.parallelism = 3}};
  first.push(with.rules, {"ten", 10});
  harness second{with.job, first.snapshot(), {.parallelism = 2}};
  second.push(with.rules, {"five", 5});
  harness third{with.job, second.snapshot(), {.parallelism = 4}};
  for (const char* card : {"a", "b", "c", "d"})
    third.push(with.payments, {card, 11});
  CHECK(third.outputs(with.broken).size() == 8);
}

TEST_CASE("an un-keyed stream can be connected to a broadcast, and a broadcast can emit") {
  weir::job job{"above"};
  const auto payments = job.source("payments", input<payment>{});
  const auto rules = job.source("rules", input<rule>{});
  const auto out = payments.connect_broadcast(rules).process("above", above{});
  harness test{job};
  test.push(payments, {"a", 3}, weir::event_time{7ms});
  test.push(rules, {"five", 5});
  test.push(payments, {"a", 4});
  test.push(payments, {"a", 6});
  CHECK(test.outputs(out) == std::vector<std::int64_t>{3, -5, 6});
  CHECK(test.output_times(out)[0] == weir::event_time{7ms});
}

TEST_CASE("a broadcast is a second input, dealt to all") {
  scoring with;
  REQUIRE(with.job.graph().problems.empty());
  const auto& node = with.job.graph().nodes.at(2);
  CHECK(node.stateful);
  CHECK(node.keyed);
  REQUIRE(node.inputs.size() == 2);
  CHECK(node.inputs[0].how == weir::partitioning::hash);
  CHECK(node.inputs[1].how == weir::partitioning::broadcast);
  CHECK(node.inputs[1].input == 1);
}
