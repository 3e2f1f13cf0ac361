#include "output_edge.hpp"

#include <algorithm>
#include <utility>

namespace weir::inline v0 {

output_channel::output_channel(region_id region, attempt_id attempt, channel_id id, std::uint64_t first_credit,
                               channel_send send)
    : region_(region), attempt_(attempt), id_(id), send_(std::move(send)), credit_limit_(first_credit) {}

bool output_channel::may_go(const channel_message& message) const noexcept {
  return !std::holds_alternative<batch_ptr>(message.payload) || batches_sent_ < credit_limit_;
}

void output_channel::send(channel_message message) {
  if (std::holds_alternative<batch_ptr>(message.payload))
    ++batches_sent_;
  sent_through_ = message.sequence;
  send_(std::move(message));
}

sequence_number output_channel::push(channel_payload payload) {
  last_ = last_.next();
  // One watermark is enough: a later one says all that the earlier said.
  if (std::holds_alternative<watermark>(payload) && !waiting_.empty() &&
      std::holds_alternative<watermark>(waiting_.back().payload)) {
    waiting_.back().payload = std::move(payload);
    last_ = waiting_.back().sequence;
    return last_;
  }
  channel_message message{region_, attempt_, id_, last_, std::move(payload)};
  if (waiting_.empty() && may_go(message))
    send(std::move(message));
  else
    waiting_.push_back(std::move(message));
  return last_;
}

std::size_t output_channel::place_of(checkpoint_id id) const noexcept {
  const auto at = std::find_if(waiting_.begin(), waiting_.end(), [id](const channel_message& message) {
    const auto* mark = std::get_if<barrier>(&message.payload);
    return mark && mark->checkpoint == id;
  });
  return static_cast<std::size_t>(at - waiting_.begin());
}

bool output_channel::holds_back(checkpoint_id id) const noexcept {
  return place_of(id) != waiting_.size();
}

std::optional<overtaken_batches> output_channel::overtake(checkpoint_id id) {
  const std::size_t place = place_of(id);
  if (place == waiting_.size())
    return std::nullopt;
  channel_message ahead = std::move(waiting_[place]);
  waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(place));
  std::get<barrier>(ahead.payload).overtakes = true;
  ahead.sequence = sent_through_.next();
  overtaken_batches overtaken;
  overtaken.sent = {id_, ahead.sequence};
  sequence_number number = ahead.sequence;
  for (std::size_t i = 0; i != place; ++i) {
    waiting_[i].sequence = number = number.next();
    if (const auto* batch = std::get_if<batch_ptr>(&waiting_[i].payload))
      overtaken.batches.push_back(*batch);
  }
  send(std::move(ahead));
  return overtaken;
}

void output_channel::grant(const credit_grant& g) {
  credit_limit_ = std::max(credit_limit_, g.limit);
  received_through_ = std::max(received_through_, g.received_through);
  while (!waiting_.empty() && may_go(waiting_.front())) {
    channel_message next = std::move(waiting_.front());
    waiting_.pop_front();
    send(std::move(next));
  }
}

std::optional<channel_probe> output_channel::probe() const {
  if (received_through_ >= sent_through_ && waiting_.empty())
    return std::nullopt; // while something waits, the grant that it needs may be lost
  return channel_probe{region_, attempt_, id_, sent_through_};
}

output_edge::output_edge(std::unique_ptr<any_partitioner> partitioner, std::vector<output_channel> channels,
                         std::size_t batch_size, std::uint32_t max_parallelism, std::size_t max_waiting)
    : partitioner_(std::move(partitioner)), channels_(std::move(channels)), max_waiting_(max_waiting) {
  partitioner_->configure(channels_.size(), batch_size, max_parallelism);
}

bool output_edge::accept(batch_ptr batch) {
  partitioner_->route(std::move(batch), *this);
  return !full();
}

bool output_edge::full() const noexcept {
  return std::any_of(channels_.begin(), channels_.end(),
                     [this](const output_channel& c) { return c.waiting() >= max_waiting_; });
}

void output_edge::flush() {
  partitioner_->flush(*this);
}

std::vector<channel_position> output_edge::broadcast(const channel_payload& control) {
  flush();
  std::vector<channel_position> positions;
  positions.reserve(channels_.size());
  for (output_channel& channel : channels_)
    positions.push_back({channel.id(), channel.push(control)});
  return positions;
}

std::vector<overtaken_batches> output_edge::overtake(checkpoint_id id) {
  std::vector<overtaken_batches> all;
  for (std::size_t target = 0; target != channels_.size(); ++target)
    if (auto overtaken = channels_[target].overtake(id)) {
      overtaken->target = target;
      all.push_back(std::move(*overtaken));
    }
  return all;
}

bool output_edge::holds_back(checkpoint_id id) const noexcept {
  return std::any_of(channels_.begin(), channels_.end(), [id](const output_channel& c) { return c.holds_back(id); });
}

bool output_edge::grant(const credit_grant& g) {
  for (output_channel& channel : channels_)
    if (channel.id() == g.channel) {
      channel.grant(g);
      return true;
    }
  return false;
}

void output_edge::deliver(std::size_t target, batch_ptr batch) {
  channels_[target].push(std::move(batch));
}

} // namespace weir::inline v0
