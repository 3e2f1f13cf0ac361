#include "aligner.hpp"

#include <algorithm>

namespace weir::inline v0 {

aligner::aligner(std::size_t channels, delivery_mode mode) : mode_(mode), held_(channels, false) {}

std::optional<aligned_barrier> aligner::on_barrier(std::size_t channel, const barrier& mark, sequence_number sequence,
                                                   monotonic_time now) {
  const checkpoint_id id = mark.checkpoint;
  if (id <= past_ || aborted_.count(id) != 0)
    return std::nullopt;
  if (mode_ == delivery_mode::exactly_once) {
    // This channel has no barrier of an earlier checkpoint any more: on the others, too, they hold nothing from now on.
    cancel_before(id);
    pass(checkpoint_id{id.value - 1});
  }
  auto [at, fresh] = open_.try_emplace(id);
  alignment& a = at->second;
  if (fresh) {
    a.mark = mark;
    a.first_arrival = now;
    a.received.resize(held_.size());
  }
  if (a.received[channel] != sequence_number{0})
    return std::nullopt; // the channel's own sequence check has let a repeat pass: never count it twice
  a.received[channel] = sequence;
  ++a.arrived;
  if (mode_ == delivery_mode::exactly_once)
    held_[channel] = true;
  if (a.arrived != held_.size())
    return std::nullopt;
  aligned_barrier due{a.mark, a.first_arrival, now, std::move(a.received)};
  open_.erase(at);
  // An older alignment that is still open lost its barriers on some channel: it can't complete any more.
  cancel_before(id);
  pass(id);
  return due;
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
