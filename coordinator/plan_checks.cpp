// Checks a job's graph as a whole, and collects all that is wrong with it.
#include "plan_checks.hpp"

#include "../operators/dead_letter.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace weir::inline v0 {

namespace {

std::string quoted(const std::string& name) {
  return "\"" + name + "\"";
}

std::string place_of(const graph_node& node) {
  return node.where.line > 0 ? std::string{node.where.file} + ":" + std::to_string(node.where.line) : "an operator";
}

class graph_checks {
public:
  graph_checks(const job_graph& graph, const job_options& options) : graph_(graph), options_(options) {
    for (const error_text& text : validate(options))
      problems.push_back({{}, {}, text});
    for (const graph_problem& problem : graph.problems) {
      problems.push_back(problem);
      named_.insert(problem.operator_name);
    }
  }

  void run() {
    check_names();
    for (node_index index = 0; index != graph_.nodes.size(); ++index) {
      check_parallelism(graph_.nodes[index]);
      check_inputs(index);
    }
    check_consumers();
    check_ends();
    // In the order of the source; what has no place there comes first.
    std::stable_sort(problems.begin(), problems.end(), [](const graph_problem& a, const graph_problem& b) {
      return std::pair{std::string_view{a.where.file}, a.where.line} <
             std::pair{std::string_view{b.where.file}, b.where.line};
    });
  }

  std::vector<graph_problem> problems;

private:
  void add(const graph_node& node, error_text text) { problems.push_back({node.name, node.where, std::move(text)}); }

  void check_names() {
    std::map<std::string, const graph_node*> first;
    for (const graph_node& node : graph_.nodes) {
      const auto [found, fresh] = first.try_emplace(node.name, &node);
      if (!fresh && !named_.contains(node.name))
        add(node, {"its name", "a name of its own", "one that " + place_of(*found->second) + " has already",
                   "rename one of the two"});
    }
    // Two operators must not take over the same state.
    for (const graph_node& node : graph_.nodes)
      if (const auto owner = first.find(node.options.renamed_from);
          owner != first.end() && owner->second != &node && !named_.contains(node.name))
        add(node, {"its renamed_from", "a name that no operator has any more",
                   quoted(owner->first) + ", which is at " + place_of(*owner->second),
                   "leave the option out, or rename the other operator"});
  }

  void check_parallelism(const graph_node& node) {
    if (!node.options.parallelism)
      return; // the job's own was checked with the options; limits are respected
    const std::uint32_t wanted = *node.options.parallelism;
    if (wanted == 0)
      add(node, {"its parallelism", "at least 1", "0", "leave it out for the job's parallelism"});
    if (wanted > options_.max_parallelism)
      add(node, {"its parallelism", "at most the max parallelism, " + std::to_string(options_.max_parallelism),
                 std::to_string(wanted), "lower it, or begin a fresh run with a higher max parallelism"});
    if (node.max_parallelism_limit != 0 && wanted > node.max_parallelism_limit)
      add(node,
          {"its parallelism", "at most " + std::to_string(node.max_parallelism_limit) + " for a " + node.kind_name,
           std::to_string(wanted), "lower it, or leave it out"});
  }

  void check_inputs(node_index index) {
    const graph_node& node = graph_.nodes[index];
    const std::size_t wanted = node.kind == operator_kind::source ? 0 : node.input_count;
    std::vector<const element_type*> types(wanted, nullptr);
    std::vector<bool> fed(wanted, false);
    bool keyed_input = false;
    for (const graph_edge& edge : node.inputs) {
      if (edge.from >= index || edge.from_port >= graph_.nodes[edge.from].outputs.size() || edge.input >= wanted) {
        add(node, {"one of its inputs", "an output of an earlier operator and an input that it has",
                   "output " + std::to_string(edge.from_port) + " of operator number " + std::to_string(edge.from) +
                       ", to input " + std::to_string(edge.input),
                   "connect operators with the job's own calls"});
        continue;
      }
      check_edge(node, edge, types, keyed_input);
      fed[edge.input] = true;
    }
    for (std::size_t input = 0; input != wanted; ++input)
      if (!fed[input] && !named_.contains(node.name))
        add(node, {wanted == 1 ? "its input" : "its input " + std::to_string(input + 1), "a stream", "none",
                   "lead a stream into it, or remove the operator"});
    if (node.keyed && !keyed_input && !node.inputs.empty())
      add(node, {"its state", "a keyed input, for it is kept by key", "none", "use key_by before it"});
  }

  void check_edge(const graph_node& node, const graph_edge& edge, std::vector<const element_type*>& types,
                  bool& keyed_input) {
    const graph_node& from = graph_.nodes[edge.from];
    if (edge.how == partitioning::hash) {
      keyed_input = true;
      if (!edge.make_partitioner)
        add(node,
            {"its input from " + quoted(from.name), "a partitioner for its keys", "none", "use key_by before it"});
    }
    const element_type* type = from.outputs[edge.from_port].type;
    if (type == nullptr) {
      add(node, {"its input from " + quoted(from.name), "records of a known type", "none",
                 "give the output of " + quoted(from.name) + " a type"});
      return;
    }
    const element_type*& known = types[edge.input];
    if (known != nullptr && known != type)
      add(node, {"its input from " + quoted(from.name),
                 "records of the type " + std::string{known->name} + ", as on the other edge to this input",
                 std::string{type->name}, "map one of the two streams to the other's type"});
    known = type;
  }

  void check_consumers() {
    std::set<std::pair<node_index, std::size_t>> consumed;
    for (const graph_node& node : graph_.nodes)
      for (const graph_edge& edge : node.inputs)
        consumed.emplace(edge.from, edge.from_port);
    for (node_index index = 0; index != graph_.nodes.size(); ++index) {
      const graph_node& node = graph_.nodes[index];
      if (node.kind != operator_kind::sink && !node.outputs.empty() && !consumed.contains({index, 0}))
        add(node, {"its output", "an operator or a sink that takes it", "none", "end it with a sink, or remove it"});
      // No record is lost without a word: this policy promises that somebody sees them.
      for (std::size_t port = 1; port < node.outputs.size(); ++port)
        if (node.options.poison == poison_policy::dead_letter && node.outputs[port].name == dead_letters_name &&
            !consumed.contains({index, port}))
          add(node, {"its dead letters", "an operator or a sink that takes them", "none",
                     "lead dead_letters() into a sink, or let its poison policy be skip"});
    }
  }

  void check_ends() {
    const auto none = [&](operator_kind kind) {
      return std::none_of(graph_.nodes.begin(), graph_.nodes.end(),
                          [&](const graph_node& node) { return node.kind == kind; });
    };
    const std::string job = "job " + quoted(graph_.job_name);
    if (none(operator_kind::source))
      problems.push_back({{}, {}, {job, "at least one source", "none", "begin it with source(...)"}});
    if (none(operator_kind::sink))
      problems.push_back({{}, {}, {job, "at least one sink", "none", "end it with sink(...)"}});
  }

  const job_graph& graph_;
  const job_options& options_;
  std::set<std::string> named_; // operators that the graph has a problem of already
};

} // namespace

std::vector<std::uint32_t> operator_parallelism(const job_graph& graph, const job_options& options) {
  std::vector<std::uint32_t> all;
  all.reserve(graph.nodes.size());
  for (const graph_node& node : graph.nodes) {
    std::uint32_t own = options.parallelism;
    if (node.options.parallelism)
      own = *node.options.parallelism;
    else if (node.max_parallelism_limit != 0)
      own = std::min(own, node.max_parallelism_limit);
    all.push_back(own);
  }
  return all;
}

std::vector<graph_problem> plan_problems(const job_graph& graph, const job_options& options) {
  graph_checks checks{graph, options};
  checks.run();
  return std::move(checks.problems);
}

} // namespace weir::inline v0
