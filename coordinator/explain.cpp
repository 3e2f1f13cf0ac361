// Writes a job's plans.
#include "explain.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>
#include <vector>

namespace weir::inline v0 {

namespace {

std::string_view to_text(partitioning how) {
  switch (how) {
  case partitioning::forward:
    return "forward";
  case partitioning::hash:
    return "hash";
  case partitioning::rebalance:
    return "rebalance";
  case partitioning::broadcast:
    return "broadcast";
  case partitioning::custom:
    break;
  }
  return "custom";
}

std::string_view to_text(operator_kind kind) {
  switch (kind) {
  case operator_kind::source:
    return "source";
  case operator_kind::transform:
    return "transform";
  case operator_kind::sink:
    break;
  }
  return "sink";
}

std::string counted(std::size_t count, const std::string& thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

/// Lines of columns, padded so that the columns stand below each other.
class text_table {
public:
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  void write(std::string& to) const {
    std::vector<std::size_t> widths;
    for (const auto& row : rows_)
      for (std::size_t column = 0; column != row.size(); ++column) {
        if (column == widths.size())
          widths.push_back(0);
        widths[column] = std::max(widths[column], row[column].size());
      }
    for (const auto& row : rows_) {
      std::string line;
      for (std::size_t column = 0; column != row.size(); ++column)
        line += "  " + row[column] + std::string(widths[column] - row[column].size(), ' ');
      line.erase(line.find_last_not_of(' ') + 1);
      to += line + "\n";
    }
  }

private:
  std::vector<std::vector<std::string>> rows_;
};

std::string traits_of(const graph_node& node) {
  std::string traits;
  const auto add = [&](bool has, const char* trait) {
    if (has)
      traits += (traits.empty() ? "" : ", ") + std::string{trait};
  };
  add(node.keyed, "keyed");
  add(node.stateful, "stateful");
  add(node.blocking, "own thread");
  return traits;
}

/// "words" or, for a side output, "words.late".
std::string output_name(const job_graph& graph, node_index node, std::size_t port) {
  const graph_node& from = graph.nodes[node];
  return port == 0 ? from.name : from.name + "." + from.outputs[port].name;
}

std::string inputs_of(const job_graph& graph, const graph_node& node) {
  std::string inputs;
  for (const graph_edge& edge : node.inputs) {
    inputs += (inputs.empty() ? "<- " : ", ") + output_name(graph, edge.from, edge.from_port);
    if (node.input_count > 1)
      inputs += " to input " + std::to_string(edge.input + 1);
    if (edge.how != partitioning::forward)
      inputs += " (" + std::string{to_text(edge.how)} + ")";
  }
  return inputs;
}

std::string as_text(const job_plan& plan) {
  const job_graph& graph = *plan.graph;
  std::string text = "job " + graph.job_name + "\n\noperators\n";
  text_table operators;
  for (node_index index = 0; index != graph.nodes.size(); ++index) {
    const graph_node& node = graph.nodes[index];
    operators.add({node.name, node.kind_name, "x" + std::to_string(plan.parallelism[index]),
                   node.outputs.empty() ? "" : readable_type(node.outputs.front().type->name), traits_of(node),
                   inputs_of(graph, node)});
  }
  operators.write(text);

  text += "\ntasks\n";
  text_table tasks;
  for (const task_plan& task : plan.tasks)
    tasks.add({to_string(task.id), task.name, counted(task.parallelism, "subtask"),
               plan.regions.size() > 1 ? "region " + to_string(task.region) : ""});
  tasks.write(text);

  if (!plan.edges.empty()) {
    text += "\nedges\n";
    text_table edges;
    for (const edge_plan& edge : plan.edges) {
      const task_plan& to = plan.task(edge.to);
      edges.add({output_name(graph, plan.task(edge.from).operators[edge.from_stage], edge.from_port) + " -> " +
                     plan.node(to.operators.front()).name,
                 std::string{to_text(edge.how)}, counted(edge.channels, "channel")});
    }
    edges.write(text);
  }

  text += "\n" + counted(plan.tasks.size(), "task") + ", " + counted(plan.subtasks().size(), "subtask") + ", " +
          counted(plan.channels.size(), "channel") + ", " + counted(plan.regions.size(), "region") + "; " +
          counted(plan.max_parallelism, "key group") + "\nfingerprint " + plan.fingerprint + "\n";
  return text;
}

nlohmann::ordered_json operator_json(const job_plan& plan, node_index index) {
  using nlohmann::ordered_json;
  const job_graph& graph = *plan.graph;
  const graph_node& node = graph.nodes[index];
  ordered_json inputs = ordered_json::array();
  for (const graph_edge& edge : node.inputs)
    inputs.push_back({{"from", graph.nodes[edge.from].name},
                      {"output", edge.from_port},
                      {"input", edge.input},
                      {"partitioning", to_text(edge.how)}});
  ordered_json outputs = ordered_json::array();
  for (const graph_output& output : node.outputs)
    outputs.push_back({{"name", output.name}, {"type", readable_type(output.type->name)}});
  return {{"name", node.name},
          {"kind", to_text(node.kind)},
          {"type", node.kind_name},
          {"parallelism", plan.parallelism[index]},
          {"keyed", node.keyed},
          {"stateful", node.stateful},
          {"blocking", node.blocking},
          {"file", node.where.file},
          {"line", node.where.line},
          {"inputs", std::move(inputs)},
          {"outputs", std::move(outputs)}};
}

std::string as_json(const job_plan& plan) {
  using nlohmann::ordered_json;
  const job_graph& graph = *plan.graph;
  ordered_json operators = ordered_json::array();
  for (node_index index = 0; index != graph.nodes.size(); ++index)
    operators.push_back(operator_json(plan, index));
  ordered_json tasks = ordered_json::array();
  for (const task_plan& task : plan.tasks) {
    ordered_json names = ordered_json::array();
    for (const node_index index : task.operators)
      names.push_back(graph.nodes[index].name);
    tasks.push_back({{"id", task.id.value},
                     {"name", task.name},
                     {"operators", std::move(names)},
                     {"parallelism", task.parallelism},
                     {"region", task.region.value}});
  }
  ordered_json edges = ordered_json::array();
  for (const edge_plan& edge : plan.edges)
    edges.push_back({{"from_task", edge.from.value},
                     {"from", plan.node(plan.task(edge.from).operators[edge.from_stage]).name},
                     {"output", edge.from_port},
                     {"to_task", edge.to.value},
                     {"to", plan.node(plan.task(edge.to).operators.front()).name},
                     {"input", edge.to_input},
                     {"partitioning", to_text(edge.how)},
                     {"channels", edge.channels}});
  const ordered_json all = {{"job", graph.job_name},
                            {"fingerprint", plan.fingerprint},
                            {"max_parallelism", plan.max_parallelism},
                            {"operators", std::move(operators)},
                            {"tasks", std::move(tasks)},
                            {"edges", std::move(edges)},
                            {"subtasks", plan.subtasks().size()},
                            {"channels", plan.channels.size()},
                            {"regions", plan.regions.size()}};
  return all.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

/// Text inside a quoted Mermaid label.
std::string label(std::string_view text) {
  std::string escaped;
  for (const char c : text)
    switch (c) {
    case '"':
      escaped += "#quot;";
      break;
    case '#':
      escaped += "#35;";
      break;
    case '<':
      escaped += "#lt;";
      break;
    case '>':
      escaped += "#gt;";
      break;
    default:
      escaped += c;
    }
  return escaped;
}

std::string as_mermaid(const job_plan& plan) {
  const job_graph& graph = *plan.graph;
  std::string text = "flowchart LR\n";
  for (const task_plan& task : plan.tasks) {
    text += "  subgraph t" + to_string(task.id) + "[\"" + counted(task.parallelism, "subtask") + "\"]\n";
    for (const node_index index : task.operators) {
      const graph_node& node = graph.nodes[index];
      constexpr std::array<std::pair<const char*, const char*>, 3> shapes{{{"([", "])"}, {"[", "]"}, {"[(", ")]"}}};
      const auto [open, close] = shapes[static_cast<std::size_t>(node.kind)];
      text += "    n" + std::to_string(index) + open + "\"" + label(node.name) + "<br/>" + label(node.kind_name) +
              "\"" + close + "\n";
    }
    text += "  end\n";
  }
  for (node_index index = 0; index != graph.nodes.size(); ++index)
    for (const graph_edge& edge : graph.nodes[index].inputs) {
      const auto planned =
          std::find_if(plan.edges.begin(), plan.edges.end(), [&](const edge_plan& each) { return each.edge == &edge; });
      const std::string& side = graph.nodes[edge.from].outputs[edge.from_port].name;
      std::string how = edge.from_port == 0 ? std::string{} : label(side);
      if (planned != plan.edges.end()) // fused ones have no partitioning to tell of
        how += (how.empty() ? "" : ": ") + std::string{to_text(planned->how)};
      text += "  n" + std::to_string(edge.from) + (how.empty() ? " --> " : " -- \"" + how + "\" --> ") + "n" +
              std::to_string(index) + "\n";
    }
  return text;
}

} // namespace

std::string_view to_text(explain_format format) {
  switch (format) {
  case explain_format::text:
    return "text";
  case explain_format::json:
    return "json";
  case explain_format::mermaid:
    break;
  }
  return "mermaid";
}

std::optional<explain_format> explain_format_from(std::string_view word) {
  for (const explain_format format : {explain_format::text, explain_format::json, explain_format::mermaid})
    if (to_text(format) == word)
      return format;
  return std::nullopt;
}

std::string readable_type(std::string_view name) {
  std::string text{name};
  const auto replace = [&](std::string_view from, std::string_view to) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
      text.replace(at, from.size(), to);
  };
  replace("std::__cxx11::", "std::");
  replace("std::__1::", "std::");
  replace("std::basic_string<char, std::char_traits<char>, std::allocator<char>>", "std::string");
  replace("std::basic_string<char, std::char_traits<char>, std::allocator<char> >", "std::string");
  replace("std::basic_string<char>", "std::string");
  replace("weir::v0::", "weir::");
  return text;
}

std::string explain(const job_plan& plan, explain_format format) {
  switch (format) {
  case explain_format::text:
    return as_text(plan);
  case explain_format::json:
    return as_json(plan);
  case explain_format::mermaid:
    break;
  }
  return as_mermaid(plan);
}

} // namespace weir::inline v0
