// Plans as text, JSON and Mermaid.
#include "graph_samples.hpp"

#include <weir/coordinator/explain.hpp>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <string>

using namespace weir;
using graph_samples::builder;

namespace {

job_plan plan_of(const builder& b) {
  job_options options;
  options.parallelism = 2;
  plan_result result = make_plan(b.graph, options);
  REQUIRE(result.problems.empty());
  return result.plan;
}

builder sample() {
  builder b = graph_samples::word_count();
  b.graph.nodes[1].outputs.front().type = &element_type_of<std::string>();
  b.graph.nodes[1].outputs.push_back({"late", &element_type_of<int>()});
  b.graph.nodes[3].blocking = true;
  b.add("lost", operator_kind::sink);
  b.connect(1, 4, 0, partitioning::rebalance, 1);
  return b;
}

} // namespace

TEST_CASE("a plan as text has the operators, the tasks and the edges, in columns") {
  const builder b = sample();
  const job_plan plan = plan_of(b);
  CHECK(explain(plan, explain_format::text) == R"(job word-count

operators
  lines   generator  x2  int
  words   map        x2  std::string                   <- lines
  counts  map        x2  int          keyed, stateful  <- words (hash)
  table   print      x2               own thread       <- counts
  lost    print      x2                                <- words.late (rebalance)

tasks
  0  lines -> words   2 subtasks
  1  counts -> table  2 subtasks
  2  lost             2 subtasks

edges
  words -> counts     hash       4 channels
  words.late -> lost  rebalance  4 channels

3 tasks, 6 subtasks, 8 channels, 1 region; 128 key groups
fingerprint )" + plan.fingerprint + "\n");
}

TEST_CASE("a plan as JSON can be read by a program") {
  const builder b = sample();
  const auto json = nlohmann::json::parse(explain(plan_of(b), explain_format::json));
  CHECK(json["job"] == "word-count");
  REQUIRE(json["operators"].size() == 5);
  CHECK(json["operators"][1]["outputs"][0]["type"] == "std::string");
  CHECK(json["operators"][2]["inputs"][0]["from"] == "words");
  CHECK(json["operators"][2]["inputs"][0]["partitioning"] == "hash");
  CHECK(json["operators"][4]["inputs"][0]["output"] == 1);
  CHECK(json["operators"][0]["file"] == "sample.cpp");
  REQUIRE(json["tasks"].size() == 3);
  CHECK(json["tasks"][0]["operators"] == nlohmann::json::array({"lines", "words"}));
  CHECK(json["edges"][0]["channels"] == 4);
  CHECK(json["channels"] == 8);
  CHECK(json["regions"] == 1);
}

TEST_CASE("a plan as Mermaid has a subgraph for each task, and labels on edges between tasks") {
  builder b = sample();
  b.graph.nodes[0].name = "li\"nes";
  CHECK(explain(plan_of(b), explain_format::mermaid) == R"(flowchart LR
  subgraph t0["2 subtasks"]
    n0(["li#quot;nes<br/>generator"])
    n1["words<br/>map"]
  end
  subgraph t1["2 subtasks"]
    n2["counts<br/>map"]
    n3[("table<br/>print")]
  end
  subgraph t2["2 subtasks"]
    n4[("lost<br/>print")]
  end
  n0 --> n1
  n1 -- "hash" --> n2
  n2 --> n3
  n1 -- "late: rebalance" --> n4
)");
}

TEST_CASE("the formats have names") {
  for (const auto format : {explain_format::text, explain_format::json, explain_format::mermaid})
    CHECK(explain_format_from(to_text(format)) == format);
  CHECK_FALSE(explain_format_from("xml").has_value());
}

TEST_CASE("type names are written as people write them") {
  CHECK(readable_type("std::vector<std::__cxx11::basic_string<char>, int>") == "std::vector<std::string, int>");
  CHECK(readable_type("weir::v0::counted<std::__cxx11::basic_string<char> >") == "weir::counted<std::string >");
}
