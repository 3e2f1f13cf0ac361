// The physical plan: checks, fusion, channels, regions, fingerprint.
#include "graph_samples.hpp"

#include <weir/coordinator/plan.hpp>
#include <weir/operators/job.hpp>

#include <catch2/catch.hpp>

#include <set>
#include <string>
#include <vector>

using namespace weir;
using graph_samples::builder;

namespace {

job_options with_parallelism(std::uint32_t parallelism) {
  job_options options;
  options.parallelism = parallelism;
  return options;
}

job_plan plan_of(const job_graph& graph, const job_options& options) {
  plan_result result = make_plan(graph, options);
  INFO(to_text(result.problems));
  REQUIRE(result.problems.empty());
  return result.plan;
}

std::vector<std::string> names_of(const job_plan& plan) {
  std::vector<std::string> names;
  for (const task_plan& task : plan.tasks)
    names.push_back(task.name);
  return names;
}

/// All problems in one text.
std::string problems_of(const job_graph& graph, const job_options& options) {
  return to_text(make_plan(graph, options).problems);
}

using names = std::vector<std::string>;

struct missing_file {
  using value_type = int;
  static constexpr std::string_view kind_name = "file";
  std::shared_ptr<const any_source> source() const { throw usage_error({"file x", "a file", "nothing", "make it"}); }
};

} // namespace

TEST_CASE("forward neighbours of equal parallelism are fused, and a keyed edge parts tasks") {
  const builder b = graph_samples::word_count();
  const job_plan plan = plan_of(b.graph, with_parallelism(2));
  CHECK(names_of(plan) == names{"lines -> words", "counts -> table"});
  CHECK(plan.tasks[0].operators == std::vector<node_index>{0, 1});
  CHECK(plan.tasks[0].source);
  CHECK_FALSE(plan.tasks[0].has_sink);
  CHECK(plan.tasks[1].has_sink);
  CHECK(plan.tasks[0].targets[0][0] == std::vector<stage_target>{fused_target{1, 0}});
  CHECK(plan.tasks[0].targets[1][0] == std::vector<stage_target>{edge_target{0}});
  CHECK(plan.tasks[1].targets[1].empty());
  REQUIRE(plan.edges.size() == 1);
  CHECK(plan.edges[0].from_stage == 1);
  CHECK(plan.edges[0].how == partitioning::hash);
  CHECK(plan.edges[0].edge == &b.graph.nodes[2].inputs[0]);
  CHECK(plan.channels.size() == 4);
}

TEST_CASE("fusion can be switched off for the job, and for an operator on both of its sides") {
  const auto b = graph_samples::word_count();
  job_options options = with_parallelism(2);
  options.fusion = false;
  CHECK(names_of(plan_of(b.graph, options)) == names{"lines", "words", "counts", "table"});

  builder c;
  c.source("a").map("b").map("c", {.fusion = false}).map("d").sink("e");
  CHECK(names_of(plan_of(c.graph, with_parallelism(1))) == names{"a -> b", "c", "d -> e"});
}

TEST_CASE("a forward edge without fusion leads from each subtask to the one with its index") {
  builder b;
  b.source("a").sink("b");
  job_options options = with_parallelism(3);
  options.fusion = false;
  const job_plan plan = plan_of(b.graph, options);
  REQUIRE(plan.channels.size() == 3);
  for (std::uint32_t i = 0; i != 3; ++i) {
    CHECK(plan.channels[i].from == subtask_id{task_id{0}, subtask_index{i}});
    CHECK(plan.channels[i].to == subtask_id{task_id{1}, subtask_index{i}});
    CHECK(plan.channels_into(plan.channels[i].to) == std::vector<channel_id>{channel_id{i}});
    CHECK(plan.channels_out_of(plan.channels[i].from) == std::vector<channel_id>{channel_id{i}});
  }
}

TEST_CASE("a forward edge between unequal parallelisms rebalances") {
  builder b;
  b.source("a", {.parallelism = 1}).map("b", {.parallelism = 3}).sink("c", {.parallelism = 2});
  const job_plan plan = plan_of(b.graph, with_parallelism(8));
  CHECK(names_of(plan) == names{"a", "b", "c"});
  REQUIRE(plan.edges.size() == 2);
  CHECK(plan.edges[0].how == partitioning::rebalance);
  CHECK(plan.edges[0].channels == 3);
  CHECK(plan.edges[1].channels == 6);
  CHECK(plan.edges[1].first_channel == channel_id{3});
}

TEST_CASE("channels into and out of a subtask are those that say so, once each") {
  builder b;
  b.source("a").keyed("b", {.parallelism = 3}).sink("c");
  b.add("d", operator_kind::sink);
  b.connect(1, 3, 0, partitioning::broadcast);
  const job_plan plan = plan_of(b.graph, with_parallelism(2));
  std::set<channel_id> into;
  std::set<channel_id> out_of;
  for (const subtask_id subtask : plan.subtasks()) {
    for (const channel_id id : plan.channels_into(subtask)) {
      CHECK(plan.channel(id).to == subtask);
      CHECK(plan.channel(id).id == id);
      CHECK(into.insert(id).second);
    }
    for (const channel_id id : plan.channels_out_of(subtask)) {
      CHECK(plan.channel(id).from == subtask);
      CHECK(out_of.insert(id).second);
    }
  }
  CHECK(into.size() == plan.channels.size());
  CHECK(out_of.size() == plan.channels.size());
  CHECK(plan.channels.size() == 2 * 3 + 3 * 2 + 3 * 2);
}

TEST_CASE("one output may lead to several fused operators and out of the task") {
  builder b;
  b.source("a").map("b").sink("c");              // 0 1 2
  b.add("d", operator_kind::sink);               // 3: fused to b as well
  b.connect(1, 3).add("e", operator_kind::sink); // 4: rebalanced
  b.connect(1, 4, 0, partitioning::rebalance);
  const job_plan plan = plan_of(b.graph, with_parallelism(2));
  CHECK(names_of(plan) == names{"a -> b -> (c, d)", "e"});
  CHECK(plan.tasks[0].targets[1][0] ==
        std::vector<stage_target>{fused_target{2, 0}, fused_target{3, 0}, edge_target{0}});
}

TEST_CASE("an operator with several input edges heads its task, also if they come from one task") {
  builder b;
  b.source("a").map("b");                                 // 0 1
  b.add("c", operator_kind::transform);                   // 2
  b.connect(0, 2).add("union", operator_kind::transform); // 3
  b.connect(1, 3).connect(2, 3).sink("d");                // 4
  const job_plan plan = plan_of(b.graph, with_parallelism(1));
  CHECK(names_of(plan) == names{"a -> (b, c)", "union -> d"});
  CHECK(plan.edges.size() == 2);
  CHECK(plan.channels_into({task_id{1}, subtask_index{0}}).size() == 2);
}

TEST_CASE("two inputs keep their numbers") {
  builder b;
  b.source("a").source("b").add("join", operator_kind::transform).input_count = 2;
  b.connect(0, 2, 0, partitioning::rebalance).connect(1, 2, 1, partitioning::broadcast).sink("c");
  const job_plan plan = plan_of(b.graph, with_parallelism(2));
  REQUIRE(plan.edges.size() == 2);
  CHECK(plan.edges[0].to_input == 0);
  CHECK(plan.edges[1].to_input == 1);
  CHECK(plan.edges[1].how == partitioning::broadcast);
}

TEST_CASE("a blocking source heads a task, a blocking sink ends one, and nothing is fused behind another that blocks") {
  builder b;
  b.source("a").last().blocking = true;
  b.map("b").last().blocking = true;
  b.map("c").sink("d").last().blocking = true;
  CHECK(names_of(plan_of(b.graph, with_parallelism(1))) == names{"a -> b", "c -> d"});
}

TEST_CASE("tasks that edges connect are a region") {
  builder b;
  b.source("a").keyed("b").sink("c").source("x").keyed("y").sink("z");
  const job_plan plan = plan_of(b.graph, with_parallelism(2));
  REQUIRE(plan.regions.size() == 2);
  CHECK(plan.regions[0].tasks == std::vector<task_id>{task_id{0}, task_id{1}});
  CHECK(plan.regions[1].tasks == std::vector<task_id>{task_id{2}, task_id{3}});
  CHECK(plan.subtasks_of(region_id{1}).size() == 4);
  CHECK(plan.region_of({task_id{3}, subtask_index{0}}) == region_id{1});

  builder joined; // two sources that meet late
  joined.source("a").source("b");
  joined.add("c", operator_kind::sink);
  joined.connect(0, 2).connect(1, 2);
  CHECK(plan_of(joined.graph, with_parallelism(1)).regions.size() == 1);
}

TEST_CASE("the key groups of a task's subtasks are all groups, each once") {
  const auto b = graph_samples::word_count();
  const job_plan plan = plan_of(b.graph, with_parallelism(3));
  std::uint32_t next = 0;
  for (std::uint32_t i = 0; i != 3; ++i) {
    const key_group_range range = plan.key_groups_of({task_id{1}, subtask_index{i}});
    CHECK(range.first == next);
    next = range.last;
  }
  CHECK(next == 128);
}

TEST_CASE("subtasks and channels have names for people, counted from one") {
  const auto b = graph_samples::word_count();
  const job_plan plan = plan_of(b.graph, with_parallelism(2));
  CHECK(plan.name_of(subtask_id{task_id{1}, subtask_index{0}}) == "counts -> table 1/2");
  CHECK(plan.name_of(channel_id{1}) == "lines -> words 1/2 => counts -> table 2/2");
}

TEST_CASE("the job's parallelism bends to an operator's own limit, its own does not") {
  builder b;
  b.source("a").sink("b").last().max_parallelism_limit = 1;
  CHECK(plan_of(b.graph, with_parallelism(4)).parallelism == std::vector<std::uint32_t>{4, 1});
  b.last().options.parallelism = 2;
  CHECK(problems_of(b.graph, with_parallelism(4)) == "operator \"b\" (sample.cpp:2): its parallelism: expected at most "
                                                     "1 for a print, found 2; lower it, or leave it out");
}

TEST_CASE("all problems are found together") {
  builder b;
  b.source("a", {.parallelism = 0}).map("b", {.parallelism = 200});
  b.map("b"); // the name again, and nobody takes its output
  b.graph.problems.push_back({"z", {"sample.cpp", 9}, {"its name", "letters", "Z", "rename it"}});
  job_options options = with_parallelism(2);
  options.batch_size = 0;
  const std::string text = problems_of(b.graph, options);
  INFO(text);
  CHECK(text.find("batch-size: expected at least 1, found 0") != std::string::npos);
  CHECK(text.find("operator \"z\" (sample.cpp:9): its name: expected letters, found Z; rename it") !=
        std::string::npos);
  CHECK(text.find("operator \"a\" (sample.cpp:1): its parallelism: expected at least 1, found 0") != std::string::npos);
  CHECK(text.find("at most the max parallelism, 128, found 200") != std::string::npos);
  CHECK(text.find("one that sample.cpp:2 has already") != std::string::npos);
  CHECK(text.find("operator \"b\" (sample.cpp:3): its output: expected an operator or a sink") != std::string::npos);
  CHECK(text.find("at least one sink") != std::string::npos);
}

TEST_CASE("problems are listed by their places in the source, whatever found them") {
  builder b;
  b.graph.problems.push_back({"c", {"sample.cpp", 3}, {"its name", "letters", "C", "rename it"}});
  b.graph.problems.push_back({"", {"a.cpp", 77}, {"the job's name", "letters", "X", "rename it"}});
  b.source("a", {.parallelism = 0}).map("b").sink("d");
  b.add("c", operator_kind::transform).where.line = 3; // its name is wrong, and nobody takes its output
  b.connect(0, 3);
  job_options options = with_parallelism(2);
  options.batch_size = 0;
  std::vector<std::string> things;
  for (const graph_problem& problem : make_plan(b.graph, options).problems)
    things.push_back(std::string{problem.where.file} + ":" + std::to_string(problem.where.line) + " " +
                     problem.text.thing);
  CHECK(things == names{":0 batch-size", "a.cpp:77 the job's name", "sample.cpp:1 its parallelism",
                        "sample.cpp:3 its name", "sample.cpp:3 its output"});
}

TEST_CASE("a source that can't be made is one all the same") {
  job one{"one"};
  static_cast<void>(one.source("in", missing_file{}));
  const std::string text = problems_of(one.graph(), with_parallelism(1));
  INFO(text);
  CHECK(text.find("file x") != std::string::npos);
  CHECK(text.find("its output: expected an operator or a sink") != std::string::npos);
  CHECK(text.find("at least one sink") != std::string::npos);
  CHECK(text.find("at least one source") == std::string::npos);
}

TEST_CASE("a former name that another operator has is a problem") {
  builder b;
  b.source("a").map("b", {.renamed_from = "old"}).sink("c");
  CHECK(problems_of(b.graph, with_parallelism(1)).empty());
  b.graph.nodes[2].options.renamed_from = "b";
  CHECK(problems_of(b.graph, with_parallelism(1)) ==
        "operator \"c\" (sample.cpp:3): its renamed_from: expected a name that no operator has any more, found \"b\", "
        "which is at sample.cpp:2; leave the option out, or rename the other operator");
}

TEST_CASE("an empty job has neither source nor sink") {
  const builder b;
  const std::string text = problems_of(b.graph, with_parallelism(1));
  CHECK(text.find("at least one source") != std::string::npos);
  CHECK(text.find("at least one sink") != std::string::npos);
}

TEST_CASE("a side output may go unused, a main output may not") {
  builder b;
  b.source("a").map("b").last().outputs.push_back({"late", &element_type_of<int>()});
  b.sink("c");
  const job_plan plan = plan_of(b.graph, with_parallelism(1));
  CHECK(plan.tasks[0].targets[1][1].empty());

  b.graph.nodes[2].inputs.front().from_port = 1; // only the side output is taken
  CHECK(problems_of(b.graph, with_parallelism(1)).find("operator \"b\" (sample.cpp:2): its output") == 0);
}

TEST_CASE("an input without a stream, and one with streams of two types, are problems") {
  builder b;
  b.source("a").source("b").last().outputs.front().type = &element_type_of<std::string>();
  b.add("join", operator_kind::sink).input_count = 2;
  b.connect(0, 2).connect(1, 2);
  const std::string text = problems_of(b.graph, with_parallelism(1));
  INFO(text);
  CHECK(text.find("its input 2: expected a stream, found none") != std::string::npos);
  CHECK(text.find("its input from \"b\": expected records of the type int") != std::string::npos);
}

TEST_CASE("keyed state needs a keyed input, and a keyed edge a partitioner") {
  builder b;
  b.source("a").map("b").last().keyed = true;
  b.sink("c");
  CHECK(problems_of(b.graph, with_parallelism(1)).find("its state: expected a keyed input") != std::string::npos);
  b.graph.nodes[1].inputs.front().how = partitioning::hash;
  CHECK(problems_of(b.graph, with_parallelism(1)).find("a partitioner for its keys") != std::string::npos);
}

TEST_CASE("an edge from an operator that is not there is a problem") {
  builder b;
  b.source("a").sink("b");
  b.graph.nodes[1].inputs.front().from_port = 3;
  CHECK(
      problems_of(b.graph, with_parallelism(1)).find("one of its inputs: expected an output of an earlier operator") !=
      std::string::npos);
}

TEST_CASE("an absurd number of channels is refused before they are made") {
  const auto b = graph_samples::word_count();
  job_options options = with_parallelism(2'000);
  options.max_parallelism = 2'000;
  CHECK(problems_of(b.graph, options).find("at most 1000000 channels between subtasks, found 4000000") !=
        std::string::npos);
}

TEST_CASE("the fingerprint is that of the job, not of how it is run") {
  const auto b = graph_samples::word_count();
  const std::string fingerprint = plan_of(b.graph, with_parallelism(1)).fingerprint;
  CHECK(fingerprint.size() == 32);
  job_options options = with_parallelism(4);
  options.fusion = false;
  CHECK(plan_of(b.graph, options).fingerprint == fingerprint);
  options.max_parallelism = 256;
  CHECK(plan_of(b.graph, options).fingerprint != fingerprint);
  auto renamed = graph_samples::word_count();
  renamed.graph.nodes[1].name = "word";
  CHECK(plan_of(renamed.graph, with_parallelism(1)).fingerprint != fingerprint);
  auto rewired = graph_samples::word_count();
  rewired.graph.nodes[1].inputs.front().how = partitioning::rebalance;
  CHECK(plan_of(rewired.graph, with_parallelism(1)).fingerprint != fingerprint);
}
