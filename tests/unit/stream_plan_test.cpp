// What the plan makes of the calls on streams: one subtask for all records, partitioners of the program, dead letters.
#include <weir/coordinator/plan.hpp>
#include <weir/operators/callback.hpp>
#include <weir/operators/from_vector.hpp>
#include <weir/operators/job.hpp>

#include <catch2/catch.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace {

struct numbers_job {
  weir::job job{"numbers"};
  weir::stream<int> in = job.source("in", weir::from_vector<int>{{1, 2, 3}});

  [[nodiscard]] weir::plan_result plan(std::uint32_t parallelism = 4) const {
    weir::job_options options;
    options.parallelism = parallelism;
    return make_plan(job.graph(), options);
  }
};

auto sink() {
  return weir::callback{[](const auto&) {}};
}

} // namespace

TEST_CASE("an aggregate of a whole stream has one subtask in a job of many") {
  numbers_job with;
  with.in.count("n").sink("out", sink(), {.parallelism = 2});
  const auto planned = with.plan();
  REQUIRE(planned.problems.empty());
  CHECK(planned.plan.parallelism == std::vector<std::uint32_t>{4, 1, 2});
}

TEST_CASE("an aggregate of a whole stream refuses a parallelism of its own above 1") {
  numbers_job with;
  with.in.count("n", {.parallelism = 2}).sink("out", sink());
  const auto planned = with.plan();
  REQUIRE(planned.problems.size() == 1);
  CHECK(planned.problems[0].text.expected == "at most 1 for a count");
}

TEST_CASE("an edge with a partitioner of the program is not fused, and connects all with all") {
  numbers_job with;
  with.in.partition_by([](int n, std::size_t parallelism) { return static_cast<std::size_t>(n) % parallelism; })
      .map("map", [](int n) { return n; })
      .sink("out", sink());
  const auto planned = with.plan(3);
  REQUIRE(planned.problems.empty());
  REQUIRE(planned.plan.edges.size() == 1);
  CHECK(planned.plan.edges[0].how == weir::partitioning::custom);
  CHECK(planned.plan.edges[0].channels == 9);
}

TEST_CASE("a job whose dead letters nobody takes is refused") {
  numbers_job with;
  const auto mapped = with.in.map("map", [](int n) { return n; }, {.poison = weir::poison_policy::dead_letter});
  mapped.sink("out", sink());
  const auto planned = with.plan();
  REQUIRE(planned.problems.size() == 1);
  CHECK(planned.problems[0].operator_name == "map");
  CHECK(planned.problems[0].text.thing == "its dead letters");
  mapped.dead_letters().sink("letters", sink());
  CHECK(with.plan().problems.empty());
}

TEST_CASE("a throttle has the parallelism of the operator before it, and is fused with it") {
  weir::job job{"throttles"};
  const auto one = job.source("one", weir::from_vector<int>{{1}}, {.parallelism = 1});
  one.throttle("slow", 10).sink("out", sink(), {.parallelism = 2});
  one.throttle("wide", 10, {.parallelism = 3}).sink("wide-out", sink());
  one.rebalance().throttle("spread", 10).sink("spread-out", sink());
  weir::job_options options;
  options.parallelism = 4;
  const auto planned = make_plan(job.graph(), options);
  REQUIRE(planned.problems.empty());
  CHECK(planned.plan.parallelism == std::vector<std::uint32_t>{1, 1, 2, 3, 4, 4, 4});
  CHECK(planned.plan.tasks.at(0).name == "one -> slow");
}
