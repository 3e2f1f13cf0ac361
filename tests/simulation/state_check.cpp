#include "simulation/state_check.hpp"

#include "simulation/parts.hpp"
#include "simulation/world.hpp"

#include <weir/operators/in_flight_table.hpp>
#include <weir/operators/list_state_table.hpp>
#include <weir/operators/source_operator.hpp>
#include <weir/operators/state_table.hpp>
#include <weir/persistence/checkpoint_reader.hpp>

#include <charconv>
#include <map>
#include <string>
#include <type_traits>
#include <utility>

namespace simulation {

namespace {

constexpr weir::key_group_range all_groups{0, UINT32_MAX};

class stored_checkpoint {
public:
  stored_checkpoint(const weir::checkpoint_reader& store, weir::checkpoint_id id) : store_(store), id_(id) {}

  /// How much of each split has been read.
  [[nodiscard]] std::map<std::string, std::uint32_t> positions(const std::string& source, const step& s) const {
    weir::list_state_table<weir::split_state> splits{"splits"};
    load(splits, source);
    std::map<std::string, std::uint32_t> read;
    for (const auto& [split, state] : splits) {
      std::uint32_t at = 0;
      std::from_chars(state.position.data(), state.position.data() + state.position.size(), at);
      read[split] = state.finished ? s.splits.at(static_cast<std::size_t>(std::stoul(split))) : at;
    }
    return read;
  }

  /// What the subtasks of an un-keyed step have, together.
  [[nodiscard]] unkeyed_step::state unkeyed(const std::string& name) const {
    weir::list_state_table<unkeyed_step::state> table{"state"};
    load(table, name);
    unkeyed_step::state all;
    for (const auto& [subtask, state] : table)
      unkeyed_step{}.merge(all, state);
    return all;
  }

  /// What was on its way to a step, at its inputs or at those who had sent it. Notes out of how many subtasks it has.
  [[nodiscard]] std::vector<event> in_flight(const std::string& name, std::uint32_t& parallelism) const {
    std::vector<event> all;
    for (const weir::stored_table& stored : store_.state_tables(id_)) {
      const bool own = stored.operator_name == name && stored.table.rfind("in-flight-", 0) == 0 &&
                       stored.table.rfind("in-flight-to-", 0) != 0;
      const bool sent = stored.table == "in-flight-to-" + name + "-0" || stored.table == "in-flight-to-" + name + "-1";
      if (!own && !sent)
        continue;
      weir::in_flight_table<event> table{stored.table};
      table.read_for({weir::subtask_index{0}, 1, all_groups, store_.max_parallelism().value_or(128), false});
      load(table, stored.operator_name);
      for (const weir::batch_ptr& batch : table.take_loaded())
        for (const event& e : weir::as<event>(*batch).values)
          all.push_back(e);
      if (own)
        parallelism = stored.parallelism;
    }
    return all;
  }

  template <class State>
  [[nodiscard]] std::map<std::uint32_t, key_summary> keyed(const std::string& name) const {
    weir::state_table<std::uint32_t, State> table{"state"};
    const std::uint32_t groups = store_.max_parallelism().value_or(128);
    table.configure({0, groups}, groups, false);
    load(table, name);
    std::map<std::uint32_t, key_summary> found;
    table.for_each_entry([&](std::uint32_t key, const State& state) {
      if constexpr (std::is_integral_v<State>)
        found[key] = {static_cast<std::uint32_t>(state), 0};
      else
        found[key] = {state.count, state.sum};
    });
    return found;
  }

private:
  void load(weir::any_state_table& table, const std::string& name) const {
    store_.for_each_chunk(id_, name, table.name(), all_groups,
                          [&](const weir::stored_chunk& chunk) { table.load(chunk.bytes); });
  }

  const weir::checkpoint_reader& store_;
  weir::checkpoint_id id_;
};

/// Compares one complete checkpoint with the model.
class comparison {
public:
  comparison(const weir::checkpoint_reader& store, weir::checkpoint_id id, bool exact)
      : world_(world::now()), id_(id), stored_(store, id), exact_(exact) {}

  checked_state run() {
    const auto& steps = world_.plan.steps;
    std::vector<std::map<std::string, std::uint32_t>> read(steps.size());
    held_records held(steps.size());
    std::vector<std::uint64_t> seen(steps.size());
    for (std::size_t i = 0; i != steps.size(); ++i)
      if (steps[i].kind == step_kind::source) {
        read[i] = stored_.positions(steps[i].name, steps[i]);
      } else if (steps[i].kind == step_kind::process) {
        unkeyed_step::state state = stored_.unkeyed(steps[i].name);
        seen[i] = state.seen;
        held[i] = std::move(state.held);
      }
    checked_state checked;
    checked.checkpoint = id_.value;
    in_flight_records in_flight(steps.size());
    for (std::size_t i = 0; i != steps.size(); ++i) {
      std::uint32_t parallelism = 0;
      in_flight[i] = stored_.in_flight(steps[i].name, parallelism);
      if (!in_flight[i].empty())
        checked.in_flight[steps[i].name] = parallelism;
    }
    checked.expected = evaluate(
        world_.plan,
        [&](std::size_t step, std::uint32_t split) {
          const auto at = read[step].find(std::to_string(split));
          const std::uint32_t position = at == read[step].end() ? 0 : at->second;
          checked.all_read = checked.all_read && position == steps[step].splits[split];
          return position;
        },
        held, in_flight);
    for (std::size_t i = 0; i != steps.size(); ++i)
      if (checked.expected.strange[i] != 0)
        violated(i, " has " + std::to_string(checked.expected.strange[i]) +
                        " records in flight to it that nobody has sent");
    for (std::size_t i = 0; i != steps.size(); ++i)
      if (steps[i].kind == step_kind::process)
        compare_unkeyed(i, checked.expected, seen[i], held[i].size());
      else
        compare_keyed(i, checked.expected.keyed_state[i]);
    return checked;
  }

private:
  [[nodiscard]] bool exact(std::size_t step) const { return exact_ || world_.exact(step); }

  void violated(std::size_t step, const std::string& what) {
    world_.violated("checkpoint " + to_string(id_) + ": the state of " + world_.plan.steps[step].name + what);
  }

  void compare_unkeyed(std::size_t step, const expectation& expected, std::uint64_t seen, std::size_t held) {
    const std::uint64_t should = expected.inputs[step];
    if (exact(step) ? seen != should : seen < should)
      violated(step,
               " has counted " + std::to_string(seen) + " records, its sources have emitted " + std::to_string(should));
    if (exact(step) && expected.outputs[step].size() + held != should)
      violated(step, " holds records that never came");
  }

  void compare_keyed(std::size_t i, std::map<std::uint32_t, key_summary> wanted) {
    const step& s = world_.plan.steps[i];
    std::map<std::uint32_t, key_summary> found;
    switch (s.kind) {
    case step_kind::count:
      found = stored_.keyed<std::uint64_t>(s.name);
      for (auto& [key, summary] : wanted)
        summary.sum = 0;
      break;
    case step_kind::aggregate:
      found = stored_.keyed<count_aggregator::accumulator>(s.name);
      break;
    case step_kind::keyed_process:
    case step_kind::connect_keyed:
      found = stored_.keyed<key_state>(s.name);
      break;
    default:
      return;
    }
    const auto differs = [&](std::uint32_t key) {
      const std::uint32_t is = found.count(key) != 0 ? found[key].count : 0;
      const std::uint32_t should = wanted.count(key) != 0 ? wanted[key].count : 0;
      violated(i, " has counted " + std::to_string(is) + " of key " + std::to_string(key) +
                      ", its sources have emitted " + std::to_string(should));
    };
    if (exact(i)) {
      for (const auto& [key, summary] : wanted)
        if (found.count(key) == 0 || found[key] != summary)
          differs(key);
      for (const auto& [key, summary] : found)
        if (wanted.count(key) == 0)
          differs(key);
    } else {
      for (const auto& [key, summary] : wanted)
        if (found.count(key) == 0 || found[key].count < summary.count)
          differs(key);
    }
  }

  world& world_;
  weir::checkpoint_id id_;
  stored_checkpoint stored_;
  bool exact_;
};

} // namespace

std::optional<checked_state> check_newest_state(const std::filesystem::path& path, bool exact) {
  const auto store = weir::checkpoint_reader::open(path);
  const weir::verified_checkpoint newest = store.newest_verified();
  if (!newest.skipped.empty())
    world::now().violated("checkpoint " + to_string(newest.skipped.front().id) +
                          " does not verify: " + newest.skipped.front().problems.front().what);
  if (!newest.id)
    return std::nullopt;
  return comparison{store, *newest.id, exact}.run();
}

checked_state check_savepoint_state(const std::filesystem::path& path) {
  const auto savepoint = weir::checkpoint_reader::open(path, weir::store_kind::savepoint);
  return comparison{savepoint, savepoint.newest_verified().id.value(), false}.run();
}

checked_state check_stored_state(const std::filesystem::path& path, std::uint64_t checkpoint) {
  const auto store = weir::checkpoint_reader::open(path);
  return comparison{store, weir::checkpoint_id{checkpoint}, false}.run();
}

} // namespace simulation
