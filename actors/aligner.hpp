// Decides what a barrier does to a subtask with several input channels.
#pragma once

#include "../persistence/saturating_time.hpp"
#include "delivery_mode.hpp"
#include "messages.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace weir::inline v0 {

/// A barrier whose snapshot is due, with the times of its alignment.
struct aligned_barrier {
  barrier mark;
  monotonic_time first_arrival{};
  monotonic_time last_arrival{};
  std::vector<sequence_number> received; ///< per channel, the barrier's own sequence number
};

/// Whether a barrier's checkpoint has been open for so long that it overtakes from now on.
[[nodiscard]] inline bool is_late(const barrier& mark, monotonic_time now) {
  return mark.alignment_timeout.count() > 0 && now >= saturating_add(mark.opened, mark.alignment_timeout);
}

/// Aligns barriers, after Carbone et al., "Lightweight Asynchronous Snapshots for Distributed Dataflows" (2015).
///
/// Exactly-once: a channel whose barrier has come is held until all others' have come. At-least-once: nothing is held.
/// A later barrier on any channel cancels an earlier alignment that holds channels, since barriers come in order on
/// every channel: the earlier one can't be had from that channel any more.
///
/// A barrier that overtakes needs no alignment: its snapshot is due with the first one that comes in, at whatever place
/// of its queue, and no channel is held. What was before the others is to be recorded until they have come, after
/// Chandy and Lamport, "Distributed Snapshots" (1985).
class aligner {
public:
  aligner(std::size_t channels, delivery_mode mode);

  /// A barrier has reached the front of a channel. Returns it if it was the last one: the snapshot is due, and the
  /// channels stay held until `release`.
  std::optional<aligned_barrier> on_barrier(std::size_t channel, const barrier& mark, sequence_number sequence,
                                            monotonic_time now);
  /// The barriers of a checkpoint overtake here from now on. `queued`: per channel, the number of its barrier that
  /// waits in the queue, 0 if there is none. Returns the barrier, whose snapshot is due; nothing if it is past,
  /// aborted, or overtakes already. In `received`, 0 stands for a barrier that is still to come: `overtaking` is true
  /// until all have.
  std::optional<aligned_barrier> overtake(const barrier& mark, const std::vector<sequence_number>& queued,
                                          monotonic_time now);
  /// A barrier of a checkpoint that overtakes has come into the queue of a channel.
  void arrived(std::size_t channel, checkpoint_id id, sequence_number sequence);
  /// Whether barriers of the checkpoint overtake here, and some of them are still to come.
  [[nodiscard]] bool overtaking(checkpoint_id id) const;
  /// The coordinator has given the checkpoint up: its barriers that are still to come are skipped.
  void abort(checkpoint_id id);
  /// The snapshot of an aligned barrier is taken: its channels go on.
  void release(checkpoint_id id);

  /// Whether a channel must not be read.
  [[nodiscard]] bool held(std::size_t channel) const noexcept { return held_[channel]; }
  /// The checkpoint that is being aligned, for messages about who is late.
  [[nodiscard]] std::optional<checkpoint_id> aligning() const noexcept;

private:
  struct alignment {
    barrier mark;
    monotonic_time first_arrival{};
    std::size_t arrived = 0;
    std::vector<sequence_number> received; ///< 0: not arrived
    bool overtaken = false;
  };

  /// The alignment of a barrier, new or open; null if it is to be skipped.
  alignment* find_or_open(const barrier& mark, monotonic_time now);
  void finish(checkpoint_id id);
  void cancel_before(checkpoint_id id);
  void pass(checkpoint_id id);

  delivery_mode mode_;
  std::vector<bool> held_;
  std::map<checkpoint_id, alignment> open_;
  checkpoint_id past_{0};           ///< barriers of checkpoints up to this one are skipped
  std::set<checkpoint_id> aborted_; ///< and those of these, which are all later
};

} // namespace weir::inline v0
