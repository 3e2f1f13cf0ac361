#include "deployment.hpp"

#include "../operators/sink_operator.hpp"
#include "../operators/source_operator.hpp"
#include "../persistence/key_groups.hpp"
#include "in_flight_plan.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace weir::inline v0 {

namespace {

namespace fs = std::filesystem;

constexpr key_group_range all_groups{0, UINT32_MAX};

/// Loads a list of operator state, of all subtasks.
template <class T>
std::vector<std::pair<std::string, T>> read_list(const checkpoint_reader& store, checkpoint_id checkpoint,
                                                 const std::string& operator_name, const std::string& table) {
  list_state_table<T> list{table};
  store.for_each_chunk(checkpoint, operator_name, table, all_groups,
                       [&](const stored_chunk& chunk) { list.load(chunk.bytes); });
  std::vector<std::pair<std::string, T>> items;
  for (const auto& [key, item] : list)
    items.emplace_back(key, item);
  return items;
}

bool same_file(const fs::path& a, const fs::path& b) {
  std::error_code error;
  if (fs::equivalent(a, b, error))
    return true;
  return fs::weakly_canonical(a, error) == fs::weakly_canonical(b, error);
}

} // namespace

std::vector<operator_facts> inspect_operators(const job_plan& plan, bool checkpointing) {
  std::vector<operator_facts> all;
  for (const graph_node& node : plan.graph->nodes) {
    operator_facts facts;
    const std::unique_ptr<any_operator> op = node.make();
    facts.source = op->as_source() != nullptr;
    facts.sink = op->as_sink() != nullptr;
    facts.two_phase = facts.sink && op->as_sink()->two_phase();
    if (checkpointing || facts.sink)
      for (const any_state_table* table : op->state_tables()) {
        if (is_in_flight_table(table->name()))
          throw usage_error({"operator \"" + node.name + "\"", "state tables of other names",
                             "\"" + table->name() + "\", as tables of batches under way are named",
                             "give the table another name"});
        facts.schemas.push_back({node.name, table->name(), table->schema_json()});
        facts.tables[table->name()] = {table->distributed_by(), table->keeps_parallelism()};
      }
    if (checkpointing)
      facts.in_flight = in_flight_tables(plan, all.size());
    all.push_back(std::move(facts));
  }
  return all;
}

void refuse_sinks_on_store(const job_plan& plan, const std::string& store_path) {
  for (const graph_node& node : plan.graph->nodes) {
    const std::unique_ptr<any_operator> op = node.make();
    if (!op->as_sink())
      continue;
    for (const std::string& file : op->as_sink()->files())
      if (same_file(file, store_path))
        throw usage_error({"sink \"" + node.name + "\"", "a file of its own", "the job's store, " + store_path,
                           "give the sink or --store another path"});
  }
}

std::vector<operator_record> operator_records(const job_plan& plan) {
  std::vector<operator_record> records;
  for (const task_plan& task : plan.tasks)
    for (const node_index index : task.operators) {
      const graph_node& node = plan.node(index);
      records.push_back({node.name, node.kind_name, task.name, task.region, task.parallelism, plan.fingerprint});
    }
  return records;
}

std::vector<schema_record> schema_records(const job_plan& plan, const std::vector<operator_facts>& facts,
                                          bool in_flight) {
  std::vector<schema_record> records;
  for (node_index index = 0; index != facts.size(); ++index) {
    const operator_facts& f = facts[index];
    records.insert(records.end(), f.schemas.begin(), f.schemas.end());
    for (const in_flight_facts& each : f.in_flight)
      if (in_flight)
        records.push_back({plan.node(index).name,
                           each.sent ? in_flight_table_name(plan.node(each.receiver).name, each.input)
                                     : in_flight_table_name(each.input),
                           each.schema});
  }
  return records;
}

std::vector<std::string> state_names(const job_plan& plan, const std::set<std::string>& stored_operators) {
  std::vector<std::string> names;
  for (const graph_node& node : plan.graph->nodes) {
    const std::string& former = node.options.renamed_from;
    const bool renamed = stored_operators.count(node.name) == 0 && stored_operators.count(former) != 0;
    names.push_back(renamed ? former : node.name);
  }
  return names;
}

region_preparation prepare_region(const checkpoint_store& store, const job_plan& plan,
                                  const std::vector<operator_facts>& facts, const job_options& options,
                                  region_id region, std::optional<checkpoint_id> checkpoint,
                                  const enumerated_splits& enumerated) {
  region_preparation prepared;
  prepared.region = region;
  prepared.restored = checkpoint;
  std::set<std::string> with_state;
  std::set<std::string> named; // in the checkpoint; receivers of batches need have no tables of their own
  if (checkpoint)
    for (const auto& table : store.read().state_tables(*checkpoint)) {
      with_state.insert(table.operator_name);
      named.insert(table.operator_name);
      if (is_in_flight_table(table.table))
        named.insert(in_flight_receiver(table.operator_name, table.table));
      prepared.stored_tables.emplace(table.operator_name, table.table);
    }
  prepared.state_names = state_names(plan, named);
  for (const task_id id : plan.regions.at(region.value).tasks) {
    const task_plan& task = plan.task(id);
    for (const node_index index : task.operators) {
      const graph_node& node = plan.node(index);
      const std::string& name = prepared.state_names[index];
      const bool has_state = with_state.count(name) != 0;
      if (facts[index].source) {
        const auto op = node.make();
        const any_source& source = *op->as_source();
        if (!has_state) {
          const auto former = enumerated.find(index);
          prepared.splits[index] =
              former != enumerated.end()
                  ? former->second
                  : std::make_shared<const std::vector<source_split>>(source.enumerate(task.parallelism));
          continue;
        }
        std::vector<source_split> splits;
        for (auto& [split, state] : read_list<split_state>(store.read(), *checkpoint, name, "splits"))
          splits.push_back({split, state.description});
        for (std::string& remark : source.check_restored(splits))
          prepared.remarks.push_back(node.name + ": " + std::move(remark));
      }
      if (facts[index].sink) {
        const auto op = node.make();
        sink_start start;
        start.identity = {plan.graph->job_name, store.opened().run_uuid,   node.name,
                          attempt_id{0},        subtask_index{0},          task.parallelism,
                          plan.max_parallelism, {0, plan.max_parallelism}, options.checkpoints};
        start.restored = checkpoint.has_value();
        start.restored_checkpoint = checkpoint.value_or(checkpoint_id{0});
        start.allow_duplicates = options.allow_duplicates;
        start.replace_output = options.replace_output;
        start.former_name = node.options.renamed_from;
        if (has_state)
          for (auto& [key, state] : read_list<prepared_state>(store.read(), *checkpoint, name, "pending"))
            start.pending.push_back(
                {checkpoint_id{state.checkpoint}, subtask_index{state.subtask}, std::move(state.id)});
        op->as_sink()->check_output(start);
        prepared.outputs.emplace_back(index, std::move(start));
      }
    }
  }
  return prepared;
}

void prepare_outputs(const job_plan& plan, const region_preparation& prepared) {
  for (const auto& [index, start] : prepared.outputs)
    plan.node(index).make()->as_sink()->prepare_output(start);
}

subtask_setup make_setup(const job_plan& plan, const std::vector<operator_facts>& facts, const job_options& options,
                         const region_preparation& prepared, const std::string& run, subtask_id id,
                         std::shared_ptr<environment> env) {
  const task_plan& task = plan.task(id.task);
  subtask_setup setup;
  setup.id = id;
  setup.job = plan.graph->job_name;
  setup.run = run;
  setup.task_name = task.name;
  setup.region = prepared.region;
  setup.attempt = prepared.attempt;
  setup.parallelism = task.parallelism;
  setup.max_parallelism = plan.max_parallelism;
  setup.key_groups = plan.key_groups_of(id);
  for (std::size_t stage = 0; stage != task.operators.size(); ++stage) {
    const node_index index = task.operators[stage];
    const graph_node& node = plan.node(index);
    stage_setup s{node.name, prepared.state_names[index], node.make, {}, {}};
    for (const graph_output& output : node.outputs)
      s.ports.push_back(output.type);
    for (std::size_t port = 0; port != task.targets[stage].size(); ++port)
      for (const stage_target& target : task.targets[stage][port]) {
        if (const auto* fused = std::get_if<fused_target>(&target)) {
          s.fused.push_back({port, fused->stage, fused->input});
          continue;
        }
        const edge_plan& edge = plan.edges[std::get<edge_target>(target).edge];
        setup.edges.push_back(
            {stage, port, edge.how, edge.edge->make_partitioner, plan.channels_out_of(id, edge), std::nullopt});
      }
    if (facts[index].source)
      if (const auto splits = prepared.splits.find(index); splits != prepared.splits.end())
        setup.splits = splits->second;
    setup.stages.push_back(std::move(s));
  }
  for (const channel_id channel : plan.channels_into(id)) {
    const channel_plan& c = plan.channel(channel);
    setup.inputs.push_back({channel, plan.edges[c.edge].to_input, plan.name_of(c.from)});
  }
  set_up_in_flight(setup, plan, options, prepared);
  setup.mode = options.mode;
  setup.checkpointing = options.checkpoints;
  setup.batch_size = options.batch_size;
  setup.flush_interval = options.flush_interval;
  if (options.checkpoint_records != 0)
    setup.report_records_every = std::max<std::uint64_t>(1, options.checkpoint_records / 4);
  setup.restored = prepared.restored.has_value();
  setup.restored_checkpoint = prepared.restored.value_or(checkpoint_id{0});
  setup.allow_duplicates = options.allow_duplicates;
  setup.replace_output = options.replace_output;
  setup.env = std::move(env);
  setup.counters = std::make_shared<subtask_counters>();
  return setup;
}

} // namespace weir::inline v0
