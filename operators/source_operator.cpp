#include "source_operator.hpp"

#include "../persistence/error.hpp"

namespace weir::inline v0 {

any_source::~any_source() = default;
split_reader::~split_reader() = default;

void source_operator::open(operator_context& context) {
  const auto& id = context.identity();
  splits_.configure(id.key_groups, id.max_parallelism, id.checkpointing);
  index_ = id.subtask.value;
  parallelism_ = id.parallelism;
}

void source_operator::ready(operator_context&, bool restored) {
  if (restored)
    splits_.keep_share(subtask_index{index_}, parallelism_);
}

std::size_t source_operator::process(std::size_t, any_batch&, std::size_t, std::size_t, operator_outputs&) {
  throw usage_error({"source", "no input", "a batch", "connect nothing to a source"});
}

void source_operator::assign(const std::vector<source_split>& all) {
  for (const source_split& split : all)
    splits_.put(split.id).description = split.description;
  splits_.keep_share(subtask_index{index_}, parallelism_);
}

std::vector<source_operator::unread_split> source_operator::splits(bool finished) const {
  std::vector<unread_split> all;
  for (const auto& [id, state] : splits_)
    if (state.finished == finished)
      all.push_back({{id, state.description}, state.position});
  return all;
}

std::vector<source_operator::unread_split> source_operator::unread() const {
  return splits(false);
}

std::vector<source_operator::unread_split> source_operator::finished() const {
  return splits(true);
}

void source_operator::advance(const std::string& id, std::string position, bool finished) {
  split_state& state = splits_.put(id);
  state.position = std::move(position);
  state.finished = finished;
}

} // namespace weir::inline v0
