// Tests of where barriers may overtake, where in-flight batches are kept, and which options ask for it.
#include "graph_samples.hpp"
#include "manual_environment.hpp"

#include <weir/coordinator/checkpoint_schedule.hpp>
#include <weir/coordinator/in_flight_plan.hpp>
#include <weir/operators/in_flight_table.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace weir;
using namespace std::chrono_literals;
using graph_samples::builder;

namespace {

struct unstorable {
  void* handle = nullptr;
};

job_options unaligned_options() {
  job_options options;
  options.parallelism = 2;
  options.unaligned = true;
  return options;
}

/// lines => sums => table, where both edges are as it is said.
struct three_tasks {
  three_tasks(partitioning first, partitioning second) {
    b.source("lines", {.fusion = false}).map("sums", {.fusion = false}).sink("table", {.fusion = false});
    b.graph.nodes[1].inputs[0].how = first;
    b.graph.nodes[2].inputs[0].how = second;
    for (graph_node& node : b.graph.nodes)
      for (graph_edge& edge : node.inputs) {
        if (edge.how == partitioning::hash || edge.how == partitioning::custom)
          edge.make_partitioner = [] { return make_partitioner(partitioning::rebalance, 0); };
        if (edge.how == partitioning::hash || edge.how == partitioning::rebalance)
          edge.make_in_flight = in_flight_factory_of<int>();
      }
  }
  job_plan plan() const {
    plan_result made = make_plan(b.graph, unaligned_options());
    INFO(to_text(made.problems));
    REQUIRE(made.problems.empty());
    return made.plan;
  }
  /// The subtask 0 of a task, with these tables in the checkpoint that is restored.
  subtask_setup setup(std::uint32_t task, std::set<std::pair<std::string, std::string>> stored = {},
                      job_options options = unaligned_options()) const {
    const job_plan made = plan();
    region_preparation prepared;
    prepared.region = made.tasks[0].region;
    prepared.stored_tables = std::move(stored);
    prepared.state_names = state_names(made, {});
    return make_setup(made, inspect_operators(made, true), options, prepared, "run", {task_id{task}, subtask_index{0}},
                      std::make_shared<weir_test::manual_environment>());
  }

  builder b;
};

std::string problems_of(const job_options& options) {
  std::string all;
  for (const error_text& problem : validate(options))
    all += problem.thing + ": " + problem.expected + "; ";
  return all;
}

} // namespace

TEST_CASE("barriers overtake on keyed edges and where records are dealt round robin, and on no others") {
  for (const partitioning how : {partitioning::hash, partitioning::rebalance}) {
    const three_tasks t{how, partitioning::forward};
    const job_plan plan = t.plan();
    CHECK(may_overtake_into(plan, plan.tasks[1]));
    CHECK_FALSE(may_overtake_into(plan, plan.tasks[2]));
  }
  for (const partitioning how : {partitioning::forward, partitioning::broadcast, partitioning::custom}) {
    const three_tasks t{how, partitioning::rebalance};
    const job_plan plan = t.plan();
    CHECK_FALSE(may_overtake_into(plan, plan.tasks[1]));
    CHECK(may_overtake_into(plan, plan.tasks[2]));
  }
}

TEST_CASE("an edge that deals round robin only because the parallelism differs is aligned") {
  three_tasks t{partitioning::forward, partitioning::rebalance};
  t.b.graph.nodes[1].options.parallelism = 3;
  const job_plan plan = t.plan();
  REQUIRE(plan.edges[0].how == partitioning::rebalance);
  CHECK_FALSE(may_overtake_into(plan, plan.tasks[1]));
}

TEST_CASE("one input that barriers can't overtake into aligns the whole task") {
  builder b;
  b.source("a", {.fusion = false});
  b.source("b", {.fusion = false});
  b.add("join", operator_kind::transform).input_count = 2;
  b.connect(0, 2, 0, partitioning::rebalance).connect(1, 2, 1, partitioning::broadcast).sink("out");
  const plan_result made = make_plan(b.graph, unaligned_options());
  INFO(to_text(made.problems));
  REQUIRE(made.problems.empty());
  CHECK_FALSE(may_overtake_into(made.plan, made.plan.tasks[2]));
}

TEST_CASE("records that can't be stored are not overtaken") {
  three_tasks t{partitioning::rebalance, partitioning::rebalance};
  t.b.graph.nodes[1].inputs[0].make_in_flight = in_flight_factory_of<unstorable>();
  const job_plan plan = t.plan();
  CHECK_FALSE(may_overtake_into(plan, plan.tasks[1]));
  CHECK(may_overtake_into(plan, plan.tasks[2]));
}

TEST_CASE("sender and receiver of an edge that is overtaken have a table for it each") {
  const three_tasks t{partitioning::hash, partitioning::forward};
  const subtask_setup lines = t.setup(0);
  CHECK(lines.in_flight_inputs.empty());
  REQUIRE(lines.in_flight_sent.size() == 1);
  CHECK(lines.in_flight_sent[0].operator_name == "lines");
  CHECK(lines.in_flight_sent[0].table == "in-flight-to-sums-0");
  CHECK(lines.in_flight_sent[0].receivers == 2);
  CHECK_FALSE(lines.in_flight_sent[0].stored);
  REQUIRE(lines.edges.size() == 1);
  CHECK(lines.edges[0].overtaken == std::size_t{0});
  const subtask_setup sums = t.setup(1);
  REQUIRE(sums.in_flight_inputs.size() == 1);
  CHECK(sums.in_flight_inputs[0].operator_name == "sums");
  CHECK(sums.in_flight_inputs[0].table == "in-flight-0");
  CHECK(sums.in_flight_sent.empty());
  CHECK_FALSE(sums.edges.at(0).overtaken);
}

TEST_CASE("without the option there are no tables of in-flight batches, unless the checkpoint has some") {
  const three_tasks t{partitioning::hash, partitioning::rebalance};
  job_options aligned = unaligned_options();
  aligned.unaligned = false;
  CHECK(t.setup(0, {}, aligned).in_flight_sent.empty());
  CHECK(t.setup(1, {}, aligned).in_flight_inputs.empty());
  const std::set<std::pair<std::string, std::string>> stored{{"sums", "in-flight-0"}, {"lines", "in-flight-to-sums-0"}};
  CHECK(t.setup(0, stored, aligned).in_flight_sent.at(0).stored);
  const subtask_setup sums = t.setup(1, stored, aligned);
  CHECK(sums.in_flight_inputs.at(0).stored);
  CHECK(sums.in_flight_sent.empty());
  // What waited at the receivers was ahead of what waited at the senders.
  REQUIRE(sums.in_flight_stored.size() == 2);
  CHECK(sums.in_flight_stored[0].operator_name == "sums");
  CHECK(sums.in_flight_stored[1].operator_name == "lines");
  CHECK(sums.in_flight_stored[1].table == "in-flight-to-sums-0");
  CHECK(t.setup(2, stored, aligned).in_flight_stored.empty());
}

TEST_CASE("schemas of in-flight tables are stored only where there may be some") {
  const three_tasks t{partitioning::hash, partitioning::rebalance};
  const job_plan plan = t.plan();
  const auto facts = inspect_operators(plan, true);
  CHECK(schema_records(plan, facts, false).empty());
  std::vector<std::string> tables;
  for (const schema_record& record : schema_records(plan, facts, true))
    tables.push_back(record.operator_name + "/" + record.table);
  CHECK(tables == std::vector<std::string>{"lines/in-flight-to-sums-0", "sums/in-flight-0", "sums/in-flight-to-table-0",
                                           "table/in-flight-0"});
  CHECK(inspect_operators(plan, false)[1].in_flight.empty());
}

TEST_CASE("barriers overtake in exactly-once mode, with checkpoints, and either at once or after a time") {
  job_options options;
  options.unaligned = true;
  CHECK(problems_of(options).empty());
  options.alignment_timeout = 5s;
  CHECK_THAT(problems_of(options), Catch::Contains("alignment-timeout: none beside unaligned"));
  options.unaligned = false;
  CHECK(problems_of(options).empty());
  options.mode = delivery_mode::at_least_once;
  CHECK_THAT(problems_of(options), Catch::Contains("alignment-timeout: the mode exactly-once"));
  options.alignment_timeout = 0s;
  CHECK(problems_of(options).empty());
  options.unaligned = true;
  CHECK_THAT(problems_of(options), Catch::Contains("unaligned: the mode exactly-once"));
  options.mode = delivery_mode::exactly_once;
  options.checkpoints = false;
  CHECK_THAT(problems_of(options), Catch::Contains("unaligned: none beside no-checkpoints"));
  options.checkpoints = true;
  options.unaligned = false;
  options.alignment_timeout = -1s;
  CHECK_THAT(problems_of(options), Catch::Contains("alignment-timeout: no negative duration"));
}

TEST_CASE("where barriers may overtake, one checkpoint is under way at a time") {
  job_options options;
  options.max_concurrent = 3;
  CHECK(checkpoint_settings{options}.max_concurrent == 3);
  options.alignment_timeout = 1s;
  CHECK(checkpoint_settings{options}.max_concurrent == 1);
  options.alignment_timeout = 0s;
  options.unaligned = true;
  CHECK(checkpoint_settings{options}.max_concurrent == 1);
}
