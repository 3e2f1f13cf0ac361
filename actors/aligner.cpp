#include "aligner.hpp"

#include <algorithm>
#include <utility>

namespace weir::inline v0 {

aligner::aligner(std::size_t channels, delivery_mode mode) : mode_(mode), held_(channels, false) {}

std::optional<aligned_barrier> aligner::on_barrier(std::size_t channel, const barrier& mark, sequence_number sequence,
                                                   monotonic_time now) {
  alignment* a = find_or_open(mark, now);
  // The channel's own sequence check has let a repeat pass, or it was counted when it came in: never count it twice.
  if (!a || a->received[channel] != sequence_number{0})
    return std::nullopt;
  a->received[channel] = sequence;
  a->mark.overtakes = a->mark.overtakes || mark.overtakes; // where it can't here, it may further on
  ++a->arrived;
  if (mode_ == delivery_mode::exactly_once)
    held_[channel] = true;
  if (a->arrived != held_.size())
    return std::nullopt;
  aligned_barrier due{a->mark, a->first_arrival, now, std::move(a->received)};
  finish(mark.checkpoint);
  return due;
}

std::optional<aligned_barrier> aligner::overtake(const barrier& mark, const std::vector<sequence_number>& queued,
                                                 monotonic_time now) {
  alignment* a = find_or_open(mark, now);
  if (!a || std::exchange(a->overtaken, true))
    return std::nullopt;
  std::fill(held_.begin(), held_.end(), false);
  for (std::size_t i = 0; i != queued.size(); ++i)
    if (queued[i] != sequence_number{0} && a->received[i] == sequence_number{0}) {
      a->received[i] = queued[i];
      ++a->arrived;
    }
  aligned_barrier due{mark, a->first_arrival, now, a->received};
  due.mark.overtakes = true;
  if (a->arrived == held_.size())
    finish(mark.checkpoint);
  return due;
}

void aligner::arrived(std::size_t channel, checkpoint_id id, sequence_number sequence) {
  const auto at = open_.find(id);
  if (at == open_.end() || !at->second.overtaken || at->second.received[channel] != sequence_number{0})
    return;
  at->second.received[channel] = sequence;
  if (++at->second.arrived == held_.size())
    finish(id);
}

bool aligner::overtaking(checkpoint_id id) const {
  const auto at = open_.find(id);
  return at != open_.end() && at->second.overtaken;
}

aligner::alignment* aligner::find_or_open(const barrier& mark, monotonic_time now) {
  const checkpoint_id id = mark.checkpoint;
  if (id <= past_ || aborted_.count(id) != 0)
    return nullptr;
  if (mode_ == delivery_mode::exactly_once) {
    // This channel has no barrier of an earlier checkpoint any more: on the others, too, they hold nothing from now on.
    cancel_before(id);
    pass(checkpoint_id{id.value - 1});
  }
  auto [at, fresh] = open_.try_emplace(id);
  if (fresh) {
    at->second.mark = mark;
    at->second.first_arrival = now;
    at->second.received.resize(held_.size());
  }
  return &at->second;
}

/// All barriers of a checkpoint have come.
void aligner::finish(checkpoint_id id) {
  open_.erase(id);
  // An older alignment that is still open lost its barriers on some channel: it can't complete any more.
  cancel_before(id);
  pass(id);
}

void aligner::cancel_before(checkpoint_id id) {
  while (!open_.empty() && open_.begin()->first < id) {
    open_.erase(open_.begin());
    std::fill(held_.begin(), held_.end(), false);
  }
}

void aligner::pass(checkpoint_id id) {
  past_ = std::max(past_, id);
  aborted_.erase(aborted_.begin(), aborted_.upper_bound(past_));
}

void aligner::abort(checkpoint_id id) {
  if (id <= past_)
    return;
  aborted_.insert(id); // this one only: an earlier checkpoint may still be on its way
  if (open_.erase(id) != 0)
    std::fill(held_.begin(), held_.end(), false);
}

void aligner::release(checkpoint_id) {
  std::fill(held_.begin(), held_.end(), false);
}

std::optional<checkpoint_id> aligner::aligning() const noexcept {
  if (open_.empty())
    return std::nullopt;
  return open_.begin()->first;
}

} // namespace weir::inline v0
