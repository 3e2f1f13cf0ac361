#include "simulation/state_check.hpp"

#include "simulation/parts.hpp"
#include "simulation/world.hpp"

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

} // namespace

std::optional<checked_state> check_stored_state(const std::filesystem::path& path) {
  world& w = world::now();
  const auto store = weir::checkpoint_reader::open(path);
  const weir::verified_checkpoint newest = store.newest_verified();
  if (!newest.skipped.empty())
    w.violated("checkpoint " + to_string(newest.skipped.front().id) +
               " does not verify: " + newest.skipped.front().problems.front().what);
  if (!newest.id)
    return std::nullopt;
  const stored_checkpoint checkpoint{store, *newest.id};
  const auto& steps = w.plan.steps;
  std::vector<std::map<std::string, std::uint32_t>> read(steps.size());
  for (std::size_t i = 0; i != steps.size(); ++i)
    if (steps[i].kind == step_kind::source)
      read[i] = checkpoint.positions(steps[i].name, steps[i]);
  checked_state checked;
  checked.checkpoint = newest.id->value;
  checked.expected = evaluate(w.plan, [&](std::size_t step, std::uint32_t split) {
    const auto at = read[step].find(std::to_string(split));
    const std::uint32_t position = at == read[step].end() ? 0 : at->second;
    checked.all_read = checked.all_read && position == steps[step].splits[split];
    return position;
  });
  for (std::size_t i = 0; i != steps.size(); ++i) {
    std::map<std::uint32_t, key_summary> found;
    switch (steps[i].kind) {
    case step_kind::count:
      found = checkpoint.keyed<std::uint64_t>(steps[i].name);
      break;
    case step_kind::aggregate:
      found = checkpoint.keyed<count_aggregator::accumulator>(steps[i].name);
      break;
    case step_kind::keyed_process:
    case step_kind::connect_keyed:
      found = checkpoint.keyed<key_state>(steps[i].name);
      break;
    default:
      continue;
    }
    std::map<std::uint32_t, key_summary> wanted = checked.expected.keyed_state[i];
    if (steps[i].kind == step_kind::count)
      for (auto& [key, summary] : wanted)
        summary.sum = 0;
    const auto differs = [&](std::uint32_t key) {
      const std::uint32_t is = found.count(key) != 0 ? found[key].count : 0;
      const std::uint32_t should = wanted.count(key) != 0 ? wanted[key].count : 0;
      w.violated("checkpoint " + to_string(*newest.id) + ": the state of " + steps[i].name + " has counted " +
                 std::to_string(is) + " of key " + std::to_string(key) + ", its sources have emitted " +
                 std::to_string(should));
    };
    if (w.exactly_once) {
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
  return checked;
}

} // namespace simulation
