// The receiving end of channels: checks numbers, queues messages, grants credit.
#pragma once

#include "../persistence/error.hpp"
#include "messages.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

namespace weir::inline v0 {

/// One channel into a subtask.
struct input_channel_spec {
  channel_id id{0};
  std::size_t input = 0; ///< which input of the head operator it feeds
  std::string from;      ///< the sending subtask, for messages
};

/// A gap, a repeat or a foreign message on a channel: nothing that user code has done.
class channel_error : public error {
public:
  using error::error;
};

/// The input queues of one subtask. The mailbox only puts messages here; the subtask takes them when it can.
class input_channels {
public:
  /// `window` batches may be under way on a channel at a time.
  input_channels(region_id region, attempt_id attempt, std::vector<input_channel_spec> channels, std::uint64_t window);

  /// Queues a message. Returns false if it is from an older attempt and was dropped. Throws `channel_error` for a gap,
  /// a repeat or a channel that is not ours.
  bool push(channel_message message);

  /// The place of a channel in this list, if it is ours.
  [[nodiscard]] std::optional<std::size_t> index_of(channel_id id) const {
    const auto at = by_id_.find(id);
    return at == by_id_.end() ? std::nullopt : std::optional{at->second};
  }
  /// Per channel, the number of a checkpoint's barrier that waits in its queue; 0 if there is none.
  [[nodiscard]] std::vector<sequence_number> barriers_of(checkpoint_id id) const;
  /// The batches that wait in a channel's queue, in order: those before the message of this number, or all if it is 0.
  [[nodiscard]] std::vector<batch_ptr> batches_before(std::size_t index, sequence_number number) const;

  /// The next channel, in turn, that has a message and is not held.
  template <class Held>
  [[nodiscard]] std::optional<std::size_t> next(Held held) {
    for (std::size_t i = 0; i != channels_.size(); ++i) {
      const std::size_t at = (turn_ + i) % channels_.size();
      if (!channels_[at].queue.empty() && !held(at)) {
        turn_ = at + 1;
        return at;
      }
    }
    return std::nullopt;
  }
  /// Whether the first message of a channel that has one is a barrier.
  [[nodiscard]] bool barrier_is_next(std::size_t index) const {
    return std::holds_alternative<barrier>(channels_[index].queue.front().payload);
  }
  /// Takes the first message of a channel. A batch makes room: `due_grant` says whether the sender should know.
  channel_message take(std::size_t index);
  /// A grant that should go out now, if any.
  std::optional<credit_grant> due_grant(std::size_t index);
  /// The answer to a probe: what the sender may have forgotten or never heard. None for one of an older attempt. Throws
  /// `weir::error` if what was sent before it has not come.
  std::optional<credit_grant> on_probe(const channel_probe& probe);

  [[nodiscard]] std::size_t size() const noexcept { return channels_.size(); }
  [[nodiscard]] const input_channel_spec& spec(std::size_t index) const noexcept { return channels_[index].spec; }
  /// Batches that wait in all queues; never more than channels × window.
  [[nodiscard]] std::size_t queued() const noexcept { return queued_; }

private:
  struct channel {
    input_channel_spec spec;
    sequence_number last{0};
    std::uint64_t taken = 0;   ///< batches taken out
    std::uint64_t granted = 0; ///< the limit that the sender knows
    std::deque<channel_message> queue;
  };

  region_id region_;
  attempt_id attempt_;
  std::uint64_t window_;
  std::vector<channel> channels_;
  std::unordered_map<channel_id, std::size_t> by_id_;
  std::size_t turn_ = 0;
  std::size_t queued_ = 0;
};

} // namespace weir::inline v0
