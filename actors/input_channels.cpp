#include "input_channels.hpp"

#include <string>
#include <utility>

namespace weir::inline v0 {

input_channels::input_channels(region_id region, attempt_id attempt, std::vector<input_channel_spec> channels,
                               std::uint64_t window)
    : region_(region), attempt_(attempt), window_(window) {
  for (input_channel_spec& spec : channels) {
    by_id_.emplace(spec.id, channels_.size());
    channel& added = channels_.emplace_back();
    added.spec = std::move(spec);
    added.granted = window;
  }
}

bool input_channels::push(channel_message message) {
  if (message.region != region_ || message.attempt < attempt_)
    return false;
  const auto at = by_id_.find(message.channel);
  if (message.attempt > attempt_ || at == by_id_.end())
    throw channel_error({"channel " + to_string(message.channel), "a message for attempt " + to_string(attempt_),
                         "one for attempt " + to_string(message.attempt), ""});
  channel& c = channels_[at->second];
  if (message.sequence != c.last.next())
    throw channel_error({"channel " + to_string(message.channel) + " from " + c.spec.from,
                         "message " + to_string(c.last.next()), to_string(message.sequence),
                         message.sequence > c.last ? "messages were lost on the way" : "a message came twice"});
  c.last = message.sequence;
  queued_ += std::holds_alternative<batch_ptr>(message.payload) ? 1 : 0;
  c.queue.push_back(std::move(message));
  return true;
}

std::vector<sequence_number> input_channels::barriers_of(checkpoint_id id) const {
  std::vector<sequence_number> found(channels_.size());
  for (std::size_t i = 0; i != channels_.size(); ++i)
    for (const channel_message& message : channels_[i].queue)
      if (const auto* mark = std::get_if<barrier>(&message.payload); mark && mark->checkpoint == id)
        found[i] = message.sequence;
  return found;
}

std::vector<batch_ptr> input_channels::batches_before(std::size_t index, sequence_number number) const {
  std::vector<batch_ptr> batches;
  for (const channel_message& message : channels_[index].queue) {
    if (number != sequence_number{0} && message.sequence >= number)
      break;
    if (const auto* batch = std::get_if<batch_ptr>(&message.payload))
      batches.push_back(*batch);
  }
  return batches;
}

channel_message input_channels::take(std::size_t index) {
  channel& c = channels_[index];
  channel_message message = std::move(c.queue.front());
  c.queue.pop_front();
  if (std::holds_alternative<batch_ptr>(message.payload)) {
    ++c.taken;
    --queued_;
  }
  return message;
}

std::optional<credit_grant> input_channels::on_probe(const channel_probe& probe) {
  const auto at = by_id_.find(probe.channel);
  if (probe.region != region_ || probe.attempt != attempt_ || at == by_id_.end())
    return std::nullopt;
  channel& c = channels_[at->second];
  if (probe.sent_through > c.last)
    throw channel_error({"channel " + to_string(probe.channel) + " from " + c.spec.from,
                         "all messages up to " + to_string(probe.sent_through), "those up to " + to_string(c.last),
                         "messages were lost on the way"});
  c.granted = c.taken + window_;
  return credit_grant{region_, attempt_, c.spec.id, c.granted, c.last};
}

std::optional<credit_grant> input_channels::due_grant(std::size_t index) {
  channel& c = channels_[index];
  // Half a window at a time: a message for every batch would double the messages.
  if (c.taken + window_ - c.granted < (window_ + 1) / 2)
    return std::nullopt;
  c.granted = c.taken + window_;
  return credit_grant{region_, attempt_, c.spec.id, c.granted, c.last};
}

} // namespace weir::inline v0
