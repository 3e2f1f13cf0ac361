// The physical plan: how a job's operators are fused into tasks, and which channels lead between their subtasks.
#pragma once

#include "../operators/graph.hpp"
#include "../persistence/ids.hpp"
#include "job_options.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace weir::inline v0 {

/// An output that leads to an operator of the same task.
struct fused_target {
  std::size_t stage = 0; ///< a later one of the same task
  std::size_t input = 0;
  friend bool operator==(const fused_target&, const fused_target&) = default;
};

/// An output that leads out of the task.
struct edge_target {
  std::size_t edge = 0; ///< index in `job_plan::edges`
  friend bool operator==(const edge_target&, const edge_target&) = default;
};

using stage_target = std::variant<fused_target, edge_target>;

/// Operators that run in one actor, and in how many.
struct task_plan {
  task_id id;
  /// The operators' names: "lines -> words"; where outputs part, "lines -> (words, log)".
  std::string name;
  /// The stages: head first, upstream before downstream.
  std::vector<node_index> operators;
  std::uint32_t parallelism = 1;
  region_id region;
  bool source = false;   ///< the head is a source
  bool has_sink = false; ///< a stage is a sink
  /// Where each output of each stage leads: [stage][port], in the order of composition. Empty: records are dropped.
  std::vector<std::vector<std::vector<stage_target>>> targets;
  std::vector<std::size_t> edges_in;  ///< indices in `job_plan::edges`
  std::vector<std::size_t> edges_out; ///< indices in `job_plan::edges`
};

/// An edge between two tasks. Its channels are numbered from `first_channel`, by sender, then by receiver.
struct edge_plan {
  std::size_t index = 0;
  task_id from;
  std::size_t from_stage = 0;
  std::size_t from_port = 0;
  task_id to;
  std::size_t to_input = 0; ///< of the head operator
  /// As the graph has it, but rebalance in place of forward where the parallelism differs.
  partitioning how = partitioning::forward;
  const graph_edge* edge = nullptr;
  channel_id first_channel;
  std::uint32_t channels = 0;
};

/// A channel between two subtasks.
struct channel_plan {
  channel_id id;
  std::size_t edge = 0; ///< index in `job_plan::edges`
  subtask_id from;
  subtask_id to;
};

/// Tasks that edges connect: they fail and restart together.
struct region_plan {
  region_id id;
  std::vector<task_id> tasks;
};

/// A job as it is going to run. Refers to the graph that it was made from, which must outlive it.
struct job_plan {
  const job_graph* graph = nullptr;
  std::uint32_t max_parallelism = 128;
  std::vector<std::uint32_t> parallelism; ///< of each operator, by node_index
  std::vector<task_plan> tasks;           ///< by task_id
  std::vector<edge_plan> edges;
  std::vector<channel_plan> channels; ///< by channel_id
  std::vector<region_plan> regions;   ///< by region_id
  /// A hash of names, kinds, edges and max parallelism, as 32 hexadecimal digits: nodes that differ in it do not run
  /// the same job. Parallelism and fusion do not enter into it.
  std::string fingerprint;

  [[nodiscard]] const task_plan& task(task_id id) const { return tasks.at(id.value); }
  [[nodiscard]] const graph_node& node(node_index index) const { return graph->nodes.at(index); }
  [[nodiscard]] const channel_plan& channel(channel_id id) const { return channels.at(id.value); }
  [[nodiscard]] region_id region_of(subtask_id id) const { return task(id.task).region; }

  /// All subtasks, in the order of ids.
  [[nodiscard]] std::vector<subtask_id> subtasks() const;
  [[nodiscard]] std::vector<subtask_id> subtasks_of(region_id region) const;
  /// The channels that end at a subtask, by edge, then by sender.
  [[nodiscard]] std::vector<channel_id> channels_into(subtask_id id) const;
  /// The channels that begin at a subtask, by edge, then by receiver: the targets of each edge's partitioner, in order.
  [[nodiscard]] std::vector<channel_id> channels_out_of(subtask_id id) const;
  /// Those of one edge.
  [[nodiscard]] std::vector<channel_id> channels_out_of(subtask_id id, const edge_plan& edge) const;
  /// The key groups whose state a subtask has.
  [[nodiscard]] key_group_range key_groups_of(subtask_id id) const;
  /// "words -> counts 2/4": for messages and logs; counts from 1.
  [[nodiscard]] std::string name_of(subtask_id id) const;
  /// "lines 1/1 => words 2/4".
  [[nodiscard]] std::string name_of(channel_id id) const;
};

/// A plan, or what is in its way.
struct plan_result {
  job_plan plan;                       ///< usable only if there are no problems
  std::vector<graph_problem> problems; ///< of the options, of the graph and of the plan: all, by place
};

/// Makes the plan of a job. An operator is fused to the one before it if its only edge is a forward one, both have the
/// same parallelism, fusion is on for the job and for both, and the one before it does not block, or is a source.
[[nodiscard]] plan_result make_plan(const job_graph& graph, const job_options& options);

/// All problems as people read them: a line each, with operator, place and remedy.
[[nodiscard]] std::string to_text(const std::vector<graph_problem>& problems);

} // namespace weir::inline v0
