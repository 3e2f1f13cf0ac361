// Makes the physical plan out of the logical graph: checks, parallelism, fusion, channels, regions.
#include "plan.hpp"

#include "plan_checks.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstdio>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <tuple>
#include <utility>

namespace weir::inline v0 {

namespace {

/// Where an operator has come to lie.
struct position {
  std::size_t task = 0;
  std::size_t stage = 0;
};

bool may_fuse(const graph_node& node) {
  return node.options.fusion.value_or(true);
}

/// Whether the operator joins the task of the one before it.
bool joins(const job_graph& graph, const job_plan& plan, const job_options& options, node_index index) {
  const graph_node& node = graph.nodes[index];
  if (!options.fusion || !may_fuse(node) || node.inputs.size() != 1 || node.inputs.front().how != partitioning::forward)
    return false;
  const node_index from = node.inputs.front().from;
  const graph_node& before = graph.nodes[from];
  return may_fuse(before) && plan.parallelism[index] == plan.parallelism[from] &&
         (!before.blocking || before.kind == operator_kind::source);
}

std::vector<position> make_tasks(job_plan& plan, const job_options& options) {
  const job_graph& graph = *plan.graph;
  std::vector<position> positions(graph.nodes.size());
  for (node_index index = 0; index != graph.nodes.size(); ++index) {
    const graph_node& node = graph.nodes[index];
    std::size_t task = 0;
    if (joins(graph, plan, options, index)) {
      task = positions[node.inputs.front().from].task;
    } else {
      task = plan.tasks.size();
      task_plan& fresh = plan.tasks.emplace_back();
      fresh.id = task_id{static_cast<std::uint32_t>(task)};
      fresh.parallelism = plan.parallelism[index];
      fresh.source = node.kind == operator_kind::source;
    }
    task_plan& into = plan.tasks[task];
    positions[index] = {task, into.operators.size()};
    into.operators.push_back(index);
    into.targets.emplace_back(node.outputs.size());
    into.has_sink = into.has_sink || node.kind == operator_kind::sink;
  }
  return positions;
}

void make_edges(job_plan& plan, const std::vector<position>& positions) {
  const job_graph& graph = *plan.graph;
  for (node_index index = 0; index != graph.nodes.size(); ++index)
    for (const graph_edge& edge : graph.nodes[index].inputs) {
      const position from = positions[edge.from];
      const position to = positions[index];
      auto& targets = plan.tasks[from.task].targets[from.stage][edge.from_port];
      if (from.task == to.task) {
        targets.emplace_back(fused_target{to.stage, edge.input});
        continue;
      }
      edge_plan fresh;
      fresh.index = plan.edges.size();
      fresh.from = plan.tasks[from.task].id;
      fresh.from_stage = from.stage;
      fresh.from_port = edge.from_port;
      fresh.to = plan.tasks[to.task].id;
      fresh.to_input = edge.input;
      fresh.how = edge.how;
      if (edge.how == partitioning::forward && plan.tasks[from.task].parallelism != plan.tasks[to.task].parallelism)
        fresh.how = partitioning::rebalance;
      fresh.edge = &edge;
      targets.emplace_back(edge_target{fresh.index});
      plan.tasks[from.task].edges_out.push_back(fresh.index);
      plan.tasks[to.task].edges_in.push_back(fresh.index);
      plan.edges.push_back(fresh);
    }
  // By sending stage, port and receiver, so that a subtask's outputs have the order of its stages.
  for (task_plan& task : plan.tasks)
    std::stable_sort(task.edges_out.begin(), task.edges_out.end(), [&](std::size_t a, std::size_t b) {
      const edge_plan& left = plan.edges[a];
      const edge_plan& right = plan.edges[b];
      return std::tie(left.from_stage, left.from_port) < std::tie(right.from_stage, right.from_port);
    });
}

std::uint64_t channels_of(const job_plan& plan, const edge_plan& edge) {
  const std::uint64_t senders = plan.task(edge.from).parallelism;
  return edge.how == partitioning::forward ? senders : senders * plan.task(edge.to).parallelism;
}

void make_channels(job_plan& plan) {
  for (edge_plan& edge : plan.edges) {
    edge.first_channel = channel_id{static_cast<std::uint32_t>(plan.channels.size())};
    edge.channels = static_cast<std::uint32_t>(channels_of(plan, edge));
    const auto add = [&](std::uint32_t from, std::uint32_t to) {
      const channel_id id{static_cast<std::uint32_t>(plan.channels.size())};
      plan.channels.push_back({id, edge.index, {edge.from, subtask_index{from}}, {edge.to, subtask_index{to}}});
    };
    const std::uint32_t senders = plan.task(edge.from).parallelism;
    const std::uint32_t receivers = plan.task(edge.to).parallelism;
    for (std::uint32_t from = 0; from != senders; ++from) {
      if (edge.how == partitioning::forward)
        add(from, from);
      else
        for (std::uint32_t to = 0; to != receivers; ++to)
          add(from, to);
    }
  }
}

void make_regions(job_plan& plan) {
  std::vector<std::size_t> leader(plan.tasks.size());
  std::iota(leader.begin(), leader.end(), std::size_t{0});
  const auto leader_of = [&](std::size_t task) {
    while (leader[task] != task)
      task = leader[task] = leader[leader[task]];
    return task;
  };
  for (const edge_plan& edge : plan.edges) {
    const std::size_t a = leader_of(edge.from.value);
    const std::size_t b = leader_of(edge.to.value);
    leader[std::max(a, b)] = std::min(a, b); // the first task leads, so regions are numbered in the order of tasks
  }
  std::map<std::size_t, region_id> region_of_leader;
  for (task_plan& task : plan.tasks) {
    const region_id next{static_cast<std::uint32_t>(plan.regions.size())};
    const auto [found, fresh] = region_of_leader.try_emplace(leader_of(task.id.value), next);
    if (fresh)
      plan.regions.push_back({next, {}});
    task.region = found->second;
    plan.regions[task.region.value].tasks.push_back(task.id);
  }
}

/// The name of a stage and of all that is fused behind it.
std::string name_from(const job_plan& plan, const task_plan& task, std::size_t stage) {
  std::vector<std::string> behind;
  for (const auto& port : task.targets[stage])
    for (const stage_target& target : port)
      if (const auto* fused = std::get_if<fused_target>(&target))
        behind.push_back(name_from(plan, task, fused->stage));
  std::string name = plan.node(task.operators[stage]).name;
  if (behind.empty())
    return name;
  name += " -> ";
  if (behind.size() == 1)
    return name + behind.front();
  for (std::size_t i = 0; i != behind.size(); ++i)
    name += (i == 0 ? "(" : ", ") + behind[i];
  return name + ")";
}

std::string fingerprint_of(const job_plan& plan) {
  // Every field goes in with its length, so that no two graphs have the same text.
  std::string text;
  const auto add_text = [&](const std::string& field) { text += std::to_string(field.size()) + ":" + field + ";"; };
  const auto add = [&](std::uint64_t number) { text += std::to_string(number) + ";"; };
  add_text(plan.graph->job_name);
  add(plan.max_parallelism);
  for (const graph_node& node : plan.graph->nodes) {
    add_text(node.name);
    add_text(node.kind_name);
    add(static_cast<std::uint64_t>(node.kind));
    add(node.keyed ? 1 : 0);
    add(node.input_count);
    add(node.outputs.size());
    for (const graph_output& output : node.outputs)
      add_text(output.name);
    add(node.inputs.size());
    for (const graph_edge& edge : node.inputs) {
      add(edge.from);
      add(edge.from_port);
      add(edge.input);
      add(static_cast<std::uint64_t>(edge.how));
    }
  }
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  char digits[33];
  std::snprintf(digits, sizeof digits, "%016llx%016llx", static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return digits;
}

} // namespace

plan_result make_plan(const job_graph& graph, const job_options& options) {
  plan_result result;
  job_plan& plan = result.plan;
  plan.graph = &graph;
  plan.max_parallelism = options.max_parallelism;
  plan.parallelism = operator_parallelism(graph, options);
  result.problems = plan_problems(graph, options);
  if (!result.problems.empty())
    return result;

  const std::vector<position> positions = make_tasks(plan, options);
  make_edges(plan, positions);
  std::uint64_t channels = 0;
  for (const edge_plan& edge : plan.edges)
    channels += channels_of(plan, edge);
  if (channels > most_channels) {
    result.problems.push_back(
        {{},
         {},
         {"job \"" + graph.job_name + "\"", "at most " + std::to_string(most_channels) + " channels between subtasks",
          std::to_string(channels), "lower the parallelism"}});
    return result;
  }
  make_channels(plan);
  make_regions(plan);
  for (task_plan& task : plan.tasks)
    task.name = name_from(plan, task, 0);
  plan.fingerprint = fingerprint_of(plan);
  return result;
}

} // namespace weir::inline v0
