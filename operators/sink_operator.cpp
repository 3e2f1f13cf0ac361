#include "sink_operator.hpp"

#include "../persistence/error.hpp"

#include <algorithm>
#include <tuple>

namespace weir::inline v0 {

any_sink::~any_sink() = default;
sink_writer::~sink_writer() = default;

void sink_operator::open(operator_context& context) {
  const auto& id = context.identity();
  pending_.configure(id.key_groups, id.max_parallelism, id.checkpointing);
  index_ = id.subtask.value;
  parallelism_ = id.parallelism;
}

void sink_operator::ready(operator_context&, bool restored) {
  if (!restored)
    return;
  // Dealt by the subtask that prepared it: what one writer prepared must be committed in order, by one writer.
  std::vector<std::string> others;
  for (const auto& [key, state] : pending_)
    if (state.subtask % parallelism_ != index_)
      others.push_back(key);
  for (const std::string& key : others)
    pending_.erase(key);
}

std::size_t sink_operator::process(std::size_t, any_batch&, std::size_t, std::size_t, operator_outputs&) {
  throw usage_error({"sink", "a writer that takes its batches", "none", "give the chain a writer for this stage"});
}

std::vector<any_state_table*> sink_operator::state_tables() {
  if (!sink_->two_phase())
    return {};
  return {&pending_};
}

std::vector<prepared_output> sink_operator::pending() const {
  std::vector<prepared_output> all;
  for (const auto& [key, state] : pending_)
    all.push_back({checkpoint_id{state.checkpoint}, subtask_index{state.subtask}, state.id});
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return std::tie(a.checkpoint, a.subtask, a.id) < std::tie(b.checkpoint, b.subtask, b.id);
  });
  return all;
}

void sink_operator::prepared(checkpoint_id checkpoint, std::string id) {
  if (id.empty())
    return;
  prepared_state& state = pending_.put(to_string(checkpoint) + "/" + std::to_string(index_));
  state.checkpoint = checkpoint.value;
  state.subtask = index_;
  state.id = std::move(id);
}

void sink_operator::committed(checkpoint_id up_to) {
  std::vector<std::string> gone;
  for (const auto& [key, state] : pending_)
    if (state.checkpoint <= up_to.value)
      gone.push_back(key);
  for (const auto& key : gone)
    pending_.erase(key);
}

} // namespace weir::inline v0
