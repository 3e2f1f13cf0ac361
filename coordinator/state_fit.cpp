#include "state_fit.hpp"

#include "../operators/subtask_state.hpp"
#include "../persistence/chunk.hpp"
#include "../persistence/chunk_compression.hpp"
#include "../persistence/error.hpp"
#include "../persistence/schema.hpp"
#include "../persistence/terminal_text.hpp"
#include "human_text.hpp"
#include "in_flight_plan.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

namespace weir::inline v0 {

namespace {

using table_key = std::pair<std::string, std::string>;

/// The stored schemas of a table, oldest first.
std::vector<table_schema> schemas_of(const stored_table& table, const std::vector<stored_schema>& all) {
  std::vector<table_schema> found;
  for (const stored_schema& schema : all)
    if (std::find(table.schemas.begin(), table.schemas.end(), schema.id) != table.schemas.end())
      found.push_back(table_schema_from_json(schema.record.json));
  return found;
}

/// What becomes of a stored table that an operator of the job has.
state_fit judged(state_fit fit, const stored_table& table, const std::vector<stored_schema>& all,
                 const table_schema& current) {
  fit.entries = table.entries;
  for (const table_schema& stored : schemas_of(table, all)) {
    if (schema_match match = compatible(stored, current); !match) {
      fit.verdict = state_verdict::does_not_fit;
      fit.why = std::move(match.why_not);
      return fit;
    }
    if (!stored_versions(stored, current).empty()) {
      fit.verdict = state_verdict::converted;
      fit.why = "stored with an older version of its classes";
    }
  }
  return fit;
}

/// By its first chunk.
std::optional<distribution> stored_distribution(const checkpoint_reader& store, checkpoint_id checkpoint,
                                                const stored_table& table) {
  std::optional<distribution> found;
  static_cast<void>(store.for_each_chunk_from(0, checkpoint, table.operator_name, table.table, {0, UINT32_MAX},
                                              [&](const stored_chunk& chunk) {
                                                std::vector<std::byte> room;
                                                found = chunk_reader{plain_chunk(chunk.bytes, room)}.distributed_by();
                                                return false;
                                              }));
  return found;
}

/// Whether the operator's subtasks can share out what was stored.
void judge_division(state_fit& fit, const table_facts& table, std::optional<distribution> stored) {
  if (fit.verdict == state_verdict::does_not_fit || !stored)
    return;
  const auto of = [](distribution by) { return by == distribution::list ? "a subtask" : "a key"; };
  if (*stored != table.distributed_by) {
    fit.verdict = state_verdict::not_divided;
    fit.why = std::string{"it is that of "} + of(*stored) + ", and that of " + of(table.distributed_by) + " is needed";
    fit.remedy = "keep the operator on the side of key_by where it was, or give it another name";
  } else if (table.keeps_parallelism && fit.entries != fit.parallelism) { // which has an entry a subtask
    fit.verdict = state_verdict::not_divided;
    fit.why =
        std::to_string(fit.entries) + " subtasks stored it, and " + std::to_string(fit.parallelism) + " are to load it";
    fit.remedy = remedy_for_parallelism(fit.entries);
  }
}

std::string remedy_for(const state_fit& lost, const std::vector<state_fit>& fits) {
  std::set<std::string> without_state;
  std::set<std::string> with_state;
  for (const state_fit& fit : fits)
    (fit.verdict == state_verdict::begins_empty ? without_state : with_state).insert(fit.operator_name);
  for (const std::string& name : with_state)
    without_state.erase(name);
  if (without_state.empty())
    return "keep it, drop its state with --drop-state, or begin a new run with --fresh";
  return "if it was renamed to \"" + *without_state.begin() + "\", give that operator {.renamed_from = \"" +
         lost.operator_name + "\"}; else drop its state with --drop-state, or begin a new run with --fresh";
}

} // namespace

std::string_view to_text(state_verdict verdict) {
  switch (verdict) {
  case state_verdict::fits:
    return "fits";
  case state_verdict::converted:
    return "is converted";
  case state_verdict::begins_empty:
    return "begins empty";
  case state_verdict::not_taken:
    return "is not taken";
  case state_verdict::does_not_fit:
    return "does not fit";
  case state_verdict::not_divided:
    return "can't be shared out";
  }
  return "unknown";
}

std::vector<state_fit> fit_state(const job_plan& plan, const std::vector<operator_facts>& facts,
                                 const checkpoint_reader& store, checkpoint_id checkpoint) {
  const std::vector<stored_schema> schemas = store.schemas();
  std::map<table_key, stored_table> stored;
  std::set<std::string> stored_operators;
  for (stored_table& table : store.state_tables(checkpoint)) {
    stored_operators.insert(table.operator_name);
    if (is_in_flight_table(table.table))
      stored_operators.insert(in_flight_receiver(table.operator_name, table.table));
    stored.emplace(table_key{table.operator_name, table.table}, std::move(table));
  }
  const std::vector<std::string> names = state_names(plan, stored_operators);
  std::vector<state_fit> fits;
  for (node_index i = 0; i != plan.graph->nodes.size(); ++i)
    for (const schema_record& record : facts[i].schemas) {
      const std::string& own = plan.node(i).name;
      state_fit fit{own, record.table, names[i] == own ? "" : names[i], 0, state_verdict::fits, {}};
      const auto found = stored.find({names[i], record.table});
      if (found == stored.end()) {
        fit.verdict = state_verdict::begins_empty;
        fits.push_back(std::move(fit));
        continue;
      }
      fit.parallelism = plan.parallelism[i];
      fit = judged(std::move(fit), found->second, schemas, table_schema_from_json(record.json));
      judge_division(fit, facts[i].tables.at(record.table), stored_distribution(store, checkpoint, found->second));
      fits.push_back(std::move(fit));
      stored.erase(found);
    }
  // Whether there are in-flight batches is up to each checkpoint: that there are none says nothing.
  for (node_index i = 0; i != plan.graph->nodes.size(); ++i)
    for (const in_flight_facts& f : facts[i].in_flight) {
      const std::string table =
          f.sent ? in_flight_table_name(names[f.receiver], f.input) : in_flight_table_name(f.input);
      const auto found = stored.find({names[i], table});
      if (found == stored.end())
        continue;
      const std::string& own = plan.node(i).name;
      fits.push_back(judged({own, table, names[i] == own ? "" : names[i], 0, state_verdict::fits, {}}, found->second,
                            schemas, table_schema_from_json(f.schema)));
      stored.erase(found);
    }
  for (const auto& [key, table] : stored)
    fits.push_back({key.first, key.second, {}, table.entries, state_verdict::not_taken, {}});
  return fits;
}

void require_fit(const std::vector<state_fit>& fits, bool may_drop, checkpoint_id checkpoint) {
  for (const state_fit& fit : fits)
    if (fit.verdict == state_verdict::does_not_fit)
      throw store_error{{"state table \"" + fit.operator_name + "/" + fit.table + "\"",
                         "the types with which it was stored", fit.why,
                         "give the class back its stored fields, or raise its BOOST_CLASS_VERSION and read both forms "
                         "in its serialize"}};
  for (const state_fit& fit : fits)
    if (fit.verdict == state_verdict::not_divided)
      throw usage_error({"state table \"" + fit.operator_name + "/" + fit.table + "\"",
                         "state that its subtasks can share out", fit.why, fit.remedy});
  // Sources stand behind these records, and do not read them again: they are no state that somebody may want to drop.
  for (const state_fit& fit : fits)
    if (fit.verdict == state_verdict::not_taken && is_in_flight_table(fit.table)) {
      const std::string receiver = in_flight_receiver(fit.operator_name, fit.table);
      throw usage_error({"records on their way to operator \"" + receiver + "\"",
                         "it, behind an edge on which barriers may overtake, as checkpoint " + to_string(checkpoint) +
                             " has batches for it",
                         "none",
                         "if it was renamed, give it {.renamed_from = \"" + receiver +
                             "\"}; else start the former program once more and stop it: the checkpoint of a stop has "
                             "no batches"});
    }
  for (const state_fit& fit : fits)
    if (fit.verdict == state_verdict::not_taken && !may_drop)
      throw usage_error({"operator \"" + fit.operator_name + "\"",
                         "an operator of that name with a table \"" + fit.table + "\", as checkpoint " +
                             to_string(checkpoint) + " has state of it",
                         "none", remedy_for(fit, fits)});
}

std::string fit_text(const std::vector<state_fit>& fits) {
  std::array<std::size_t, 2> width{8, 5};
  for (const state_fit& fit : fits) {
    width[0] = std::max(width[0], fit.operator_name.size());
    width[1] = std::max(width[1], fit.table.size());
  }
  const auto padded = [](std::string text, std::size_t to) {
    text.resize(std::max(text.size(), to), ' ');
    return text;
  };
  std::string text = padded("operator", width[0]) + "  " + padded("table", width[1]) + "  " +
                     padded("stored entries", 14) + "  what becomes of it\n";
  // Names are those of a file, which may be anybody's.
  for (const state_fit& fit : fits)
    text += terminal_text(padded(fit.operator_name, width[0]) + "  " + padded(fit.table, width[1]) + "  " +
                          padded(human_count(fit.entries), 14) + "  " + std::string{to_text(fit.verdict)} +
                          (fit.stored_as.empty() ? "" : ", stored as \"" + fit.stored_as + "\"") +
                          (fit.why.empty() ? "" : ": " + fit.why)) +
            "\n";
  return text;
}

std::string fit_json(const std::vector<state_fit>& fits) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const state_fit& fit : fits)
    all.push_back({{"operator", fit.operator_name},
                   {"table", fit.table},
                   {"stored_as", fit.stored_as.empty() ? fit.operator_name : fit.stored_as},
                   {"stored_entries", fit.entries},
                   {"verdict", to_text(fit.verdict)},
                   {"why", fit.why}});
  return all.dump(2) + "\n";
}

} // namespace weir::inline v0
