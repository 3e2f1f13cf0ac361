#include "in_flight_plan.hpp"

#include "../operators/in_flight_table.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace weir::inline v0 {

namespace {

constexpr std::string_view table_prefix = "in-flight-";

const graph_node& sender_of(const job_plan& plan, const edge_plan& edge) {
  return plan.node(edge.edge->from);
}

/// The edge into an input, the first if there are several: they all have its type.
const edge_plan* edge_into(const job_plan& plan, const task_plan& task, std::size_t input) {
  for (const std::size_t index : task.edges_in)
    if (plan.edges[index].to_input == input)
      return &plan.edges[index];
  return nullptr;
}

/// Where the in-flight batches of a subtask come from, and go to.
class in_flight_set_up {
public:
  in_flight_set_up(subtask_setup& setup, const job_plan& plan, const job_options& options,
                   const region_preparation& prepared)
      : setup_(setup), plan_(plan), task_(plan.task(setup.id.task)), prepared_(prepared), on_(may_overtake(options)) {}

  void inputs() {
    const node_index head = task_.operators.front();
    const graph_node& node = plan_.node(head);
    setup_.keyed = node.keyed;
    if (task_.edges_in.empty() || !may_overtake_into(plan_, task_))
      return;
    for (std::size_t input = 0; input != node.input_count; ++input) {
      load(head, in_flight_table_name(input), input);
      std::set<node_index> senders;
      for (const std::size_t index : task_.edges_in)
        if (const edge_plan& edge = plan_.edges[index];
            edge.to_input == input && senders.insert(edge.edge->from).second)
          load(edge.edge->from, in_flight_table_name(prepared_.state_names[head], input), input);
    }
    if (!on_ && setup_.in_flight_stored.empty())
      return;
    for (std::size_t input = 0; input != node.input_count; ++input)
      setup_.in_flight_inputs.push_back(table_of(
          node, in_flight_table_name(input), edge_into(plan_, task_, input)->edge->make_in_flight, task_.parallelism));
  }

  void outputs() {
    std::size_t at = 0; // the edges of the setup are those of the stages' targets, in their order
    for (std::size_t stage = 0; stage != task_.operators.size(); ++stage)
      for (const auto& port : task_.targets[stage])
        for (const stage_target& target : port)
          if (const auto* out = std::get_if<edge_target>(&target))
            output(plan_.edges[out->edge], setup_.edges[at++]);
  }

private:
  void output(const edge_plan& edge, edge_setup& out) {
    const task_plan& to = plan_.task(edge.to);
    if (!may_overtake_into(plan_, to))
      return;
    in_flight_setup table =
        table_of(sender_of(plan_, edge), in_flight_table_name(plan_.node(to.operators.front()).name, edge.to_input),
                 edge.edge->make_in_flight, to.parallelism);
    if (!on_ && !table.stored)
      return;
    auto& all = setup_.in_flight_sent;
    const auto known = std::find_if(all.begin(), all.end(), [&](const in_flight_setup& t) {
      return t.operator_name == table.operator_name && t.table == table.table;
    });
    out.overtaken = static_cast<std::size_t>(known - all.begin());
    if (known == all.end())
      all.push_back(std::move(table));
  }

  [[nodiscard]] in_flight_setup table_of(const graph_node& owner, std::string name, in_flight_factory make,
                                         std::uint32_t receivers) const {
    const bool stored = prepared_.stored_tables.count({owner.name, name}) != 0;
    return {owner.name, std::move(name), make, receivers, stored};
  }

  void load(node_index owner, std::string table, std::size_t input) {
    const std::string& name = prepared_.state_names[owner];
    if (prepared_.stored_tables.count({name, table}) != 0)
      setup_.in_flight_stored.push_back(
          {name, std::move(table), input, edge_into(plan_, task_, input)->edge->make_in_flight});
  }

  subtask_setup& setup_;
  const job_plan& plan_;
  const task_plan& task_;
  const region_preparation& prepared_;
  bool on_;
};

} // namespace

bool may_overtake_into(const job_plan& plan, const task_plan& task) {
  return std::all_of(task.edges_in.begin(), task.edges_in.end(), [&](std::size_t index) {
    const edge_plan& edge = plan.edges[index];
    // As the program says it: where only the parallelism makes an edge deal round robin, it may be another one next
    // time.
    const partitioning how = edge.edge->how;
    return (how == partitioning::hash || how == partitioning::rebalance) && edge.edge->make_in_flight != nullptr;
  });
}

std::string in_flight_table_name(std::size_t input) {
  return std::string{table_prefix} + std::to_string(input);
}

std::string in_flight_table_name(const std::string& receiver, std::size_t input) {
  return std::string{table_prefix} + "to-" + receiver + "-" + std::to_string(input);
}

bool is_in_flight_table(std::string_view table) {
  return table.substr(0, table_prefix.size()) == table_prefix;
}

std::string in_flight_receiver(const std::string& operator_name, std::string_view table) {
  constexpr std::string_view to = "to-";
  table.remove_prefix(table_prefix.size());
  if (table.substr(0, to.size()) != to)
    return operator_name;
  table.remove_prefix(to.size());
  return std::string{table.substr(0, table.rfind('-'))};
}

std::vector<in_flight_facts> in_flight_tables(const job_plan& plan, node_index index) {
  std::vector<in_flight_facts> all;
  const auto add = [&](const task_plan& task, std::size_t input, bool sent) {
    const node_index receiver = task.operators.front();
    const bool known = std::any_of(all.begin(), all.end(), [&](const in_flight_facts& f) {
      return f.sent == sent && f.receiver == receiver && f.input == input;
    });
    const edge_plan* edge = edge_into(plan, task, input);
    if (!known && edge && may_overtake_into(plan, task))
      all.push_back({sent, receiver, input, edge->edge->make_in_flight("")->schema_json()});
  };
  for (const task_plan& task : plan.tasks)
    if (task.operators.front() == index)
      for (std::size_t input = 0; input != plan.node(index).input_count; ++input)
        add(task, input, false);
  for (const edge_plan& edge : plan.edges)
    if (edge.edge->from == index)
      add(plan.task(edge.to), edge.to_input, true);
  return all;
}

void set_up_in_flight(subtask_setup& setup, const job_plan& plan, const job_options& options,
                      const region_preparation& prepared) {
  if (!options.checkpoints)
    return;
  in_flight_set_up each{setup, plan, options, prepared};
  each.inputs();
  each.outputs();
}

} // namespace weir::inline v0
