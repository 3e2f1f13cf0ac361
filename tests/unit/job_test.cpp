// Composing a job: the graph that comes of it, and the problems that are found.
#include "operator_harness.hpp"

#include <weir/operators/job.hpp>

#include <catch2/catch.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

using namespace weir_test;

namespace {

struct no_source final : weir::any_source {
  bool blocking() const override { return true; }
  std::vector<weir::source_split> enumerate(std::uint32_t) const override { return {}; }
  std::unique_ptr<weir::split_reader> open_split(const weir::source_split&, const std::string&,
                                                 weir::processing_time) const override {
    return nullptr;
  }
};

struct lines {
  using value_type = std::string;
  static constexpr std::string_view kind_name = "lines";
  std::uint32_t max_parallelism_limit = 4;
  std::shared_ptr<const weir::any_source> source() const { return std::make_shared<no_source>(); }
};

struct missing_file {
  using value_type = std::string;
  static constexpr std::string_view kind_name = "file";
  std::shared_ptr<const weir::any_source> source() const {
    throw weir::usage_error({"file 'x'", "a file", "nothing", "make one"});
  }
  std::vector<weir::error_text> problems() const { return {{"range", "a size", "0", "give one"}}; }
};

struct no_sink final : weir::any_sink {
  bool blocking() const override { return true; }
  bool two_phase() const override { return true; }
  std::string guarantee() const override { return "none"; }
  std::unique_ptr<weir::sink_writer> open_writer(const weir::sink_start&) const override { return nullptr; }
};

struct nowhere {
  static constexpr std::string_view kind_name = "nowhere";
  template <class T>
  std::shared_ptr<const weir::any_sink> sink() const {
    return std::make_shared<no_sink>();
  }
};

void split(std::string_view line, weir::collector<std::string>& words) {
  words(line);
}

struct checking {
  struct state {
    int seen = 0;
    WEIR_FIELDS(seen)
  };
  weir::side_output<int> rejected{"rejected"};
  auto side_outputs() const { return std::tuple{rejected}; }
  void process(const std::string& line, state&, weir::context&, weir::collector<std::string>& out) const { out(line); }
};

struct two_inputs {
  void process_left(const std::string&, weir::context&, weir::collector<int>&) const {}
  void process_right(const int&, weir::context&, weir::collector<int>&) const {}
};
struct two_keyed_inputs {
  void process_left(const std::string&, weir::keyed_context<std::string>&, weir::collector<int>&) const {}
  void process_right(const std::string&, weir::keyed_context<std::string>&, weir::collector<int>&) const {}
};

/// A user's own operator: hands every second record on.
class every_second final : public weir::any_operator {
public:
  std::size_t process(std::size_t, weir::any_batch& in, std::size_t from, std::size_t to,
                      weir::operator_outputs& out) override {
    for (std::size_t i = from; i != to; ++i)
      if (++seen_ % 2 == 0)
        out.port<std::string>(0)(weir::as<std::string>(in).values[i]);
    return to;
  }

private:
  std::size_t seen_ = 0;
};

const weir::graph_node& node(const weir::job& job, std::string_view name) {
  for (const auto& n : job.graph().nodes)
    if (n.name == name)
      return n;
  throw std::logic_error{"no such operator"};
}

std::string all_text(const weir::graph_problem& p) {
  return p.text.thing + "|" + p.text.expected + "|" + p.text.found + "|" + p.text.remedy;
}

/// The one problem that a job has.
weir::graph_problem only_problem(const weir::job& job) {
  REQUIRE(job.graph().problems.size() == 1);
  auto problem = job.graph().problems.front();
  CHECK(std::string_view{problem.where.file}.ends_with("job_test.cpp"));
  CHECK_FALSE(problem.text.remedy.empty());
  return problem;
}

} // namespace

TEST_CASE("a job is a graph of named operators with typed outputs") {
  weir::job job{"word-count"};
  job.source("lines", lines{})
      .flat_map("words", split, {.parallelism = 2})
      .filter("long", [](const std::string& s) { return s.size() > 3; }, {.fusion = false})
      .map("shout", [](std::string s) { return s + "!"; })
      .key_by(std::identity{})
      .count("counts", {.renamed_from = "old-counts"})
      .sink("table", nowhere{});
  CHECK(job.graph().problems.empty());
  CHECK(job.name() == "word-count");
  REQUIRE(job.graph().nodes.size() == 6);

  const auto& source = node(job, "lines");
  CHECK(source.kind == weir::operator_kind::source);
  CHECK(source.kind_name == "lines");
  CHECK(source.blocking);
  CHECK(source.stateful);
  CHECK(source.max_parallelism_limit == 4);
  CHECK(source.input_count == 0);
  CHECK(source.make()->as_source() != nullptr);

  const auto& words = node(job, "words");
  CHECK(words.kind_name == "flat_map");
  CHECK(words.options.parallelism == 2);
  CHECK_FALSE(words.stateful);
  REQUIRE(words.inputs.size() == 1);
  CHECK(words.inputs[0].from == 0);
  CHECK(words.inputs[0].how == weir::partitioning::forward);
  REQUIRE(words.outputs.size() == 1);
  CHECK(words.outputs[0].type == &weir::element_type_of<std::string>());
  CHECK(node(job, "long").options.fusion == false);

  const auto& counts = node(job, "counts");
  CHECK(counts.kind_name == "count");
  CHECK(counts.keyed);
  CHECK(counts.stateful);
  CHECK(counts.options.renamed_from == "old-counts");
  CHECK(counts.inputs[0].how == weir::partitioning::hash);
  REQUIRE(counts.inputs[0].make_partitioner);
  CHECK(counts.inputs[0].make_partitioner() != nullptr);
  CHECK(counts.outputs[0].type == &weir::element_type_of<weir::counted<std::string>>());

  const auto& sink = node(job, "table");
  CHECK(sink.kind == weir::operator_kind::sink);
  CHECK(sink.blocking);
  CHECK(sink.stateful);
  CHECK(sink.outputs.empty());
  CHECK(sink.make()->as_sink() != nullptr);
}

TEST_CASE("operators know the place in the source that added them") {
  weir::job job{"j"};
  const int line = __LINE__ + 1;
  auto a = job.source("a", lines{});
  a.map("b", [](std::string s) { return s; }) // a line of its own
      .sink("c", nowhere{}, {.parallelism = 1});
  CHECK(node(job, "a").where.line == line);
  CHECK(node(job, "b").where.line == line + 1);
  CHECK(node(job, "c").where.line == line + 2);
  CHECK(std::string_view{node(job, "c").where.file}.ends_with("job_test.cpp"));
}

TEST_CASE("every subtask gets an instance of its own") {
  weir::job job{"j"};
  job.source("a", lines{}).flat_map("b", split).sink("c", nowhere{});
  CHECK(node(job, "b").make() != node(job, "b").make());
}

TEST_CASE("a union leads several edges into one input") {
  weir::job job{"j"};
  auto a = job.source("a", lines{});
  auto b = job.source("b", lines{});
  auto c = job.source("c", lines{});
  a.union_with(b.rebalance(), c).flat_map("all", split).sink("s", nowhere{});
  a.union_with(std::vector{b, c}).key_by().count("counts").sink("t", nowhere{});
  CHECK(job.graph().problems.empty());
  const auto& edges = node(job, "all").inputs;
  REQUIRE(edges.size() == 3);
  CHECK(node(job, "all").input_count == 1);
  for (std::size_t i = 0; i != 3; ++i) {
    CHECK(edges[i].from == i);
    CHECK(edges[i].input == 0);
    CHECK(edges[i].how == (i == 1 ? weir::partitioning::rebalance : weir::partitioning::forward));
  }
  for (const auto& edge : node(job, "counts").inputs)
    CHECK((edge.how == weir::partitioning::hash && edge.make_partitioner));
}

TEST_CASE("the last word on how a stream is dealt counts") {
  weir::job job{"j"};
  auto a = job.source("a", lines{});
  a.broadcast().flat_map("b", split).sink("s", nowhere{});
  a.broadcast().rebalance().flat_map("c", split).sink("t", nowhere{});
  CHECK(node(job, "b").inputs[0].how == weir::partitioning::broadcast);
  CHECK(node(job, "c").inputs[0].how == weir::partitioning::rebalance);
}

TEST_CASE("connected streams are two inputs") {
  weir::job job{"j"};
  auto a = job.source("a", lines{});
  auto n = a.map("n", [](const std::string& s) { return static_cast<int>(s.size()); });
  a.connect(n.broadcast()).process("both", two_inputs{}).sink("s", nowhere{});
  a.key_by().connect(job.source("b", lines{}).key_by()).process("keyed", two_keyed_inputs{}).sink("t", nowhere{});
  CHECK(job.graph().problems.empty());
  const auto& both = node(job, "both");
  CHECK(both.input_count == 2);
  REQUIRE(both.inputs.size() == 2);
  CHECK((both.inputs[0].input == 0 && both.inputs[0].how == weir::partitioning::forward));
  CHECK((both.inputs[1].input == 1 && both.inputs[1].how == weir::partitioning::broadcast));
  CHECK_FALSE(both.keyed);
  const auto& keyed = node(job, "keyed");
  CHECK((keyed.input_count == 2 && keyed.keyed && !keyed.stateful));
  CHECK((keyed.inputs[0].how == weir::partitioning::hash && keyed.inputs[1].how == weir::partitioning::hash));
}

TEST_CASE("a side output is a port of the operator that lists it") {
  weir::job job{"j"};
  auto checked = job.source("a", lines{}).process("check", checking{});
  checked.sink("good", nowhere{});
  checked.side(weir::side_output<int>{"rejected"}).sink("bad", nowhere{});
  CHECK(job.graph().problems.empty());
  const auto& check = node(job, "check");
  CHECK(check.stateful);
  REQUIRE(check.outputs.size() == 2);
  CHECK(check.outputs[1].name == "rejected");
  CHECK(check.outputs[1].type == &weir::element_type_of<int>());
  CHECK(node(job, "bad").inputs[0].from_port == 1);
}

TEST_CASE("a user's own operator stands on the interface of the built-in ones") {
  weir::job job{"j"};
  auto a = job.source("a", lines{});
  a.transform<std::string>("second", [] { return std::make_unique<every_second>(); }).sink("s", nowhere{});
  CHECK(job.graph().problems.empty());
  CHECK(node(job, "second").kind_name == "transform");
  CHECK_FALSE(node(job, "second").stateful);
  operator_harness harness{node(job, "second").make(), identity_of("second"), ports_of<std::string>()};
  harness.start();
  harness.feed(std::vector<std::string>{"a", "b", "c", "d"});
  CHECK(harness.port<std::string>().values == std::vector<std::string>{"b", "d"});
}

TEST_CASE("streams outlive their job") {
  auto a = [] {
    weir::job job{"j"};
    return job.source("a", lines{});
  }();
  a.flat_map("b", split).sink("c", nowhere{});
  CHECK(a.origin().builder().graph().nodes.size() == 3);
}

TEST_CASE("a name that is used twice is a problem that says where both are") {
  weir::job job{"j"};
  const int line = __LINE__ + 1;
  auto a = job.source("same", lines{});
  a.flat_map("same", split).sink("s", nowhere{});
  const auto problem = only_problem(job);
  CHECK(problem.operator_name == "same");
  CHECK(problem.where.line == line + 1);
  CHECK_THAT(all_text(problem), Catch::Contains("job_test.cpp:" + std::to_string(line)) && Catch::Contains("rename"));
}

TEST_CASE("a bad name is a problem, wherever it stands") {
  for (const char* name : {"Words", "two words", "", "wörter", "/x", "x/", "a//b"}) {
    weir::job job{"j"};
    job.source("a", lines{}).flat_map(name, split).sink("s", nowhere{});
    CHECK(only_problem(job).operator_name == name);
  }
  weir::job composite{"j"};
  composite.source("geo/parse-1_x", lines{}).sink("s", nowhere{});
  CHECK(composite.graph().problems.empty());

  CHECK_THAT(all_text(only_problem(weir::job{""})), Catch::Contains("job's name"));
  CHECK_THAT(all_text(only_problem(weir::job{"../x"})), Catch::Contains(R"("../x")"));

  weir::job renamed{"j"};
  renamed.source("a", lines{}).key_by().count("c", {.renamed_from = "c"}).sink("s", nowhere{});
  CHECK_THAT(all_text(only_problem(renamed)), Catch::Contains("renamed_from"));
}

TEST_CASE("streams of two jobs cannot meet") {
  weir::job one{"one"};
  weir::job two{"two"};
  auto a = one.source("a", lines{});
  auto b = two.source("b", lines{});
  a.union_with(b).flat_map("u", split).sink("s", nowhere{});
  CHECK_THAT(all_text(only_problem(one)), Catch::Contains(R"("one")") && Catch::Contains(R"("two")"));
  CHECK(node(one, "u").inputs.size() == 1);
  CHECK(two.graph().problems.empty());

  weir::job three{"three"};
  auto c = three.source("c", lines{});
  c.connect(b.map("n", [](const std::string&) { return 1; })).process("both", two_inputs{}).sink("s", nowhere{});
  CHECK(only_problem(three).operator_name == "both");
}

TEST_CASE("a stream united with itself is a problem") {
  weir::job job{"j"};
  auto a = job.source("a", lines{});
  a.union_with(a.rebalance()).flat_map("u", split).sink("s", nowhere{});
  CHECK_THAT(all_text(only_problem(job)), Catch::Contains(R"("a")") && Catch::Contains("twice"));
}

TEST_CASE("a side output that its operator does not list is a problem") {
  weir::job job{"j"};
  auto checked = job.source("a", lines{}).process("check", checking{});
  checked.side(weir::side_output<int>{"other"}).sink("s", nowhere{});
  const auto problem = only_problem(job);
  CHECK(problem.operator_name == "check");
  CHECK_THAT(all_text(problem), Catch::Contains(R"("other")") && Catch::Contains(R"("rejected")"));

  weir::job mistyped{"j"};
  auto again = mistyped.source("a", lines{}).process("check", checking{});
  again.side(weir::side_output<std::string>{"rejected"}).sink("s", nowhere{});
  CHECK_THAT(all_text(only_problem(mistyped)), Catch::Contains("int") && Catch::Contains("string"));

  weir::job of_union{"j"};
  auto b = of_union.source("b", lines{});
  auto both = of_union.source("a", lines{}).process("check", checking{}).union_with(b);
  both.side(weir::side_output<int>{"rejected"}).sink("s", nowhere{});
  CHECK_THAT(all_text(only_problem(of_union)), Catch::Contains("union"));
}

TEST_CASE("what a source or sink finds wrong becomes problems, and composing goes on") {
  weir::job job{"j"};
  const int line = __LINE__ + 1;
  job.source("a", missing_file{}).flat_map("b", split).sink("Bad Name", nowhere{});
  REQUIRE(job.graph().problems.size() == 3);
  CHECK(job.graph().problems[0].text.thing == "range");
  CHECK(job.graph().problems[1].text.thing == "file 'x'");
  CHECK(job.graph().problems[2].operator_name == "Bad Name");
  for (const auto& problem : job.graph().problems)
    CHECK(problem.where.line == line);
  CHECK(job.graph().nodes.size() == 3);
}
