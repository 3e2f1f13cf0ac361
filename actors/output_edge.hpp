// The sending end of channels: batches wait for credit, control messages keep their place among them.
#pragma once

#include "../operators/operator_chain.hpp"
#include "../operators/partitioner.hpp"
#include "messages.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace weir::inline v0 {

/// Where an output channel puts a message that may go.
using channel_send = std::function<void(channel_message)>;

/// What a barrier has overtaken on one channel.
struct overtaken_batches {
  std::size_t target = 0; ///< among the channels of the edge
  channel_position sent;  ///< the barrier, under its new number
  std::vector<batch_ptr> batches;
};

/// The sending end of one channel. Batches need credit, control messages do not, and the order is kept.
class output_channel {
public:
  output_channel(region_id region, attempt_id attempt, channel_id id, std::uint64_t first_credit, channel_send send);

  /// Numbers the message, and sends it now or when its turn comes. Returns its number.
  sequence_number push(channel_payload payload);
  /// Sends the barrier of a checkpoint ahead of all that waits, if it waits itself: it takes the number of the first
  /// that waits, and all before it get the next one. Returns the batches among them; nothing if it has gone already.
  std::optional<overtaken_batches> overtake(checkpoint_id id);
  /// Whether the barrier of a checkpoint waits.
  [[nodiscard]] bool holds_back(checkpoint_id id) const noexcept;
  /// More credit; an older or repeated grant changes nothing.
  void grant(const credit_grant& g);

  /// What to ask the receiver; nothing if nothing waits, and it has said that it has all that was sent.
  [[nodiscard]] std::optional<channel_probe> probe() const;

  [[nodiscard]] channel_id id() const noexcept { return id_; }
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }
  [[nodiscard]] std::uint64_t batches_sent() const noexcept { return batches_sent_; }

private:
  [[nodiscard]] std::size_t place_of(checkpoint_id id) const noexcept;
  [[nodiscard]] bool may_go(const channel_message& message) const noexcept;
  void send(channel_message message);

  region_id region_;
  attempt_id attempt_;
  channel_id id_;
  channel_send send_;
  std::uint64_t credit_limit_;
  std::uint64_t batches_sent_ = 0;
  sequence_number last_{0};
  sequence_number sent_through_{0};
  sequence_number received_through_{0};
  std::deque<channel_message> waiting_;
};

/// The sending end of one edge of a subtask: a partitioner and the channels that it deals to.
class output_edge final : public chain_output, private partition_receiver {
public:
  /// `max_waiting` batches may wait for credit on a channel before the chain is asked to pause.
  output_edge(std::unique_ptr<any_partitioner> partitioner, std::vector<output_channel> channels,
              std::size_t batch_size, std::uint32_t max_parallelism, std::size_t max_waiting = 2);

  bool accept(batch_ptr batch) override;
  [[nodiscard]] bool full() const noexcept override;

  /// Sends what the partitioner has gathered.
  void flush();
  [[nodiscard]] bool gathering() const noexcept { return !partitioner_->empty(); }
  /// Sends a control message on all channels, behind all output so far. Returns its number on each.
  std::vector<channel_position> broadcast(const channel_payload& control);
  /// Sends the barrier of a checkpoint ahead of what waits, on the channels where it waits itself.
  std::vector<overtaken_batches> overtake(checkpoint_id id);
  /// Whether the barrier of a checkpoint waits on some channel.
  [[nodiscard]] bool holds_back(checkpoint_id id) const noexcept;
  /// Returns whether the channel is one of this edge's.
  bool grant(const credit_grant& g);
  [[nodiscard]] const std::vector<output_channel>& channels() const noexcept { return channels_; }

private:
  void deliver(std::size_t target, batch_ptr batch) override;

  std::unique_ptr<any_partitioner> partitioner_;
  std::vector<output_channel> channels_;
  std::size_t max_waiting_;
};

} // namespace weir::inline v0
