// Compares a dead job's store and output with its model.
#include "crash_loop/output_check.hpp"

#include <weir/operators/list_state_table.hpp>

#include <algorithm>
#include <stdexcept>

namespace weir_test {

namespace {

std::uint64_t count_in(const key_counts& counts, const std::string& key) {
  const auto at = counts.find(key);
  return at == counts.end() ? 0 : at->second;
}

/// What the job has consumed at the checkpoints of a store.
class consumed_at {
public:
  consumed_at(const job_model& model, const weir::checkpoint_reader& store) : model_(model), store_(store) {
    for (const auto& each : store.complete_checkpoints())
      kept_.push_back(each.id.value);
  }

  /// Null for a checkpoint that is not kept. 0 is the beginning.
  const key_counts* operator[](std::uint64_t checkpoint) {
    const auto [at, fresh] = known_.try_emplace(checkpoint);
    if (fresh && checkpoint != 0 && std::find(kept_.begin(), kept_.end(), checkpoint) != kept_.end()) {
      weir::list_state_table<weir::split_state> splits{"splits"};
      store_.for_each_chunk(weir::checkpoint_id{checkpoint}, model_.source(), "splits", {0, UINT32_MAX},
                            [&](const weir::stored_chunk& chunk) { splits.load(chunk.bytes); });
      source_positions positions;
      for (const auto& [split, state] : splits)
        positions.emplace(split, state);
      if (positions.empty())
        throw std::runtime_error{"checkpoint " + std::to_string(checkpoint) + " has no positions of " +
                                 model_.source()};
      at->second = model_.consumed(positions);
    } else if (fresh && checkpoint == 0) {
      at->second.emplace();
    }
    return at->second ? &*at->second : nullptr;
  }
  [[nodiscard]] const std::vector<std::uint64_t>& kept() const { return kept_; }

private:
  const job_model& model_;
  const weir::checkpoint_reader& store_;
  std::vector<std::uint64_t> kept_;
  std::map<std::uint64_t, std::optional<key_counts>> known_;
};

struct sink_output {
  std::string what;
  const key_counts& counts;
  const std::map<std::uint32_t, std::uint64_t>& newest;
};

/// Each partition is the prefix that its last commit says.
void check_partitions(const job_model& model, consumed_at& consumed, const sink_output& sink, std::uint32_t parallelism,
                      std::uint32_t max_parallelism, check_result& result) {
  std::vector<const key_counts*> expected;
  for (std::uint32_t subtask = 0; subtask != parallelism; ++subtask) {
    const auto newest = sink.newest.find(subtask);
    expected.push_back(consumed[newest == sink.newest.end() ? 0 : newest->second]);
    ++(expected.back() ? result.partitions : result.forgotten);
  }
  for (const auto& [key, total] : model.total()) {
    const auto* at_commit = expected.at(model.subtask_of(key, parallelism, max_parallelism));
    if (at_commit && count_in(sink.counts, key) != count_in(*at_commit, key))
      throw std::runtime_error{sink.what + " have " + std::to_string(count_in(sink.counts, key)) + " of \"" + key +
                               "\" instead of " + std::to_string(count_in(*at_commit, key)) + ", by their last commit"};
  }
}

/// Each key is what it was at one of the commits.
void check_keys(const job_model& model, consumed_at& consumed, const sink_output& sink, check_result& result) {
  std::uint64_t oldest = sink.newest.empty() ? 0 : UINT64_MAX;
  for (const auto& [subtask, checkpoint] : sink.newest)
    oldest = std::min(oldest, checkpoint);
  if (!consumed[oldest]) {
    ++result.forgotten;
    return;
  }
  std::vector<const key_counts*> candidates{consumed[0]}; // a partition that has not committed yet
  for (const auto checkpoint : consumed.kept())
    if (checkpoint >= oldest)
      candidates.push_back(consumed[checkpoint]);
  for (const auto& [key, total] : model.total()) {
    const auto found = count_in(sink.counts, key);
    if (std::none_of(candidates.begin(), candidates.end(),
                     [found, &key = key](const key_counts* at) { return count_in(*at, key) == found; }))
      throw std::runtime_error{sink.what + " have " + std::to_string(found) + " of \"" + key +
                               "\", which it was at no checkpoint"};
  }
  ++result.partitions;
}

} // namespace

void require_equal(const key_counts& found, const key_counts& expected, const std::string& what) {
  for (const auto& [key, count] : expected)
    if (count_in(found, key) != count)
      throw std::runtime_error{what + " has " + std::to_string(count_in(found, key)) + " of \"" + key +
                               "\" instead of " + std::to_string(count)};
  for (const auto& [key, count] : found)
    if (count_in(expected, key) != count)
      throw std::runtime_error{what + " has " + std::to_string(count) + " of \"" + key + "\", which is too much"};
}

namespace {

std::uint64_t newest_verified(const weir::checkpoint_reader& reader) {
  const auto newest = reader.newest_verified();
  if (!newest.skipped.empty())
    throw std::runtime_error{"checkpoint " + to_string(newest.skipped.front().id) +
                             " does not verify: " + newest.skipped.front().problems.front().what};
  return newest.id ? newest.id->value : 0;
}

} // namespace

std::uint64_t newest_verified(const std::string& store) {
  return newest_verified(weir::checkpoint_reader::open(store));
}

std::uint64_t newest_in_savepoint(const std::string& savepoint) {
  return newest_verified(weir::checkpoint_reader::open(savepoint, weir::store_kind::savepoint));
}

check_result check_dead_job(const job_model& model, const std::string& store, const seen_output& seen,
                            std::uint64_t reported, std::optional<std::uint32_t> parallelism) {
  check_result result;
  result.newest = newest_verified(store);
  if (result.newest < reported)
    throw std::runtime_error{"checkpoint " + std::to_string(reported) +
                             " was reported complete, and the newest one in the store is " +
                             std::to_string(result.newest)};
  const auto reader = weir::checkpoint_reader::open(store);
  consumed_at consumed{model, reader};
  if (result.newest != 0)
    if (const auto state = model.read_state(reader, weir::checkpoint_id{result.newest})) {
      require_equal(*state, *consumed[result.newest], "the state of checkpoint " + std::to_string(result.newest));
      ++result.states;
    }

  std::vector<sink_output> sinks{{"the files", seen.files, seen.files_newest}};
  if (!model.table().empty())
    sinks.push_back({"the rows", seen.table, seen.table_newest});
  std::uint64_t committed = 0;
  for (const auto& each : reader.complete_checkpoints())
    if (each.committed)
      committed = each.id.value;
  const std::uint32_t max_parallelism = reader.max_parallelism().value_or(1);
  for (const sink_output& sink : sinks) {
    for (const auto& [subtask, checkpoint] : sink.newest)
      if (checkpoint > result.newest)
        throw std::runtime_error{sink.what + " have a commit of checkpoint " + std::to_string(checkpoint) +
                                 ", and the newest complete one is " + std::to_string(result.newest)};
    if (parallelism)
      check_partitions(model, consumed, sink, *parallelism, max_parallelism, result);
    else
      check_keys(model, consumed, sink, result);
    for (const auto& [key, count] : *consumed[committed])
      if (count_in(sink.counts, key) < count)
        throw std::runtime_error{sink.what + " lack records of \"" + key + "\" that checkpoint " +
                                 std::to_string(committed) + " has committed"};
  }
  return result;
}

} // namespace weir_test
