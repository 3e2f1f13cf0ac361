// What can be asked of a plan that is made.
#include "plan.hpp"

#include "../persistence/key_groups.hpp"

namespace weir::inline v0 {

namespace {

void append_subtasks(const task_plan& task, std::vector<subtask_id>& to) {
  for (std::uint32_t index = 0; index != task.parallelism; ++index)
    to.push_back({task.id, subtask_index{index}});
}

} // namespace

std::vector<subtask_id> job_plan::subtasks() const {
  std::vector<subtask_id> all;
  for (const task_plan& each : tasks)
    append_subtasks(each, all);
  return all;
}

std::vector<subtask_id> job_plan::subtasks_of(region_id region) const {
  std::vector<subtask_id> all;
  for (const task_id id : regions.at(region.value).tasks)
    append_subtasks(task(id), all);
  return all;
}

std::vector<channel_id> job_plan::channels_into(subtask_id id) const {
  std::vector<channel_id> found;
  for (const std::size_t index : task(id.task).edges_in) {
    const edge_plan& edge = edges[index];
    const std::uint32_t first = edge.first_channel.value;
    if (edge.how == partitioning::forward) {
      found.emplace_back(first + id.index.value);
      continue;
    }
    const std::uint32_t receivers = task(edge.to).parallelism;
    for (std::uint32_t sender = 0; sender != task(edge.from).parallelism; ++sender)
      found.emplace_back(first + sender * receivers + id.index.value);
  }
  return found;
}

std::vector<channel_id> job_plan::channels_out_of(subtask_id id, const edge_plan& edge) const {
  const std::uint32_t first = edge.first_channel.value;
  if (edge.how == partitioning::forward)
    return {channel_id{first + id.index.value}};
  std::vector<channel_id> found;
  const std::uint32_t receivers = task(edge.to).parallelism;
  for (std::uint32_t receiver = 0; receiver != receivers; ++receiver)
    found.emplace_back(first + id.index.value * receivers + receiver);
  return found;
}

std::vector<channel_id> job_plan::channels_out_of(subtask_id id) const {
  std::vector<channel_id> found;
  for (const std::size_t index : task(id.task).edges_out) {
    const std::vector<channel_id> of_edge = channels_out_of(id, edges[index]);
    found.insert(found.end(), of_edge.begin(), of_edge.end());
  }
  return found;
}

key_group_range job_plan::key_groups_of(subtask_id id) const {
  return key_groups{max_parallelism}.range_of(id.index, task(id.task).parallelism);
}

std::string job_plan::name_of(subtask_id id) const {
  const task_plan& of = task(id.task);
  return of.name + " " + std::to_string(id.index.value + 1) + "/" + std::to_string(of.parallelism);
}

std::string job_plan::name_of(channel_id id) const {
  const channel_plan& of = channel(id);
  return name_of(of.from) + " => " + name_of(of.to);
}

std::string to_text(const std::vector<graph_problem>& problems) {
  std::string text;
  for (const graph_problem& problem : problems) {
    std::string place;
    if (!problem.operator_name.empty())
      place = "operator \"" + problem.operator_name + "\"";
    if (problem.where.line > 0) {
      const std::string at = std::string{problem.where.file} + ":" + std::to_string(problem.where.line);
      place += place.empty() ? at : " (" + at + ")";
    }
    if (!text.empty())
      text += '\n';
    if (!place.empty())
      text += place + ": ";
    text += error{problem.text}.what();
  }
  return text;
}

} // namespace weir::inline v0
