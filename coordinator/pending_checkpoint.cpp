// One open checkpoint.
#include "pending_checkpoint.hpp"

namespace weir::inline v0 {

namespace {

std::string number(const std::optional<sequence_number>& at) {
  return at ? to_string(*at) : "nothing";
}

} // namespace

std::string_view to_text(acknowledgement_result result) {
  switch (result) {
  case acknowledgement_result::accepted:
    return "accepted";
  case acknowledgement_result::repeated:
    return "repeated";
  case acknowledgement_result::late:
    return "late";
  case acknowledgement_result::unknown_subtask:
    return "unknown subtask";
  case acknowledgement_result::old_attempt:
    break;
  }
  return "old attempt";
}

pending_checkpoint::pending_checkpoint(checkpoint_trigger trigger, monotonic_time opened,
                                       const checkpoint_topology& topology)
    : trigger_(trigger), opened_(opened), ends_(topology.channels().size()) {
  for (std::size_t member = 0; member != topology.members().size(); ++member)
    missing_.insert(missing_.end(), member);
}

std::string pending_checkpoint::accept(std::size_t member, const checkpoint_acknowledged& ack,
                                       const checkpoint_topology& topology) {
  missing_.erase(member);
  remarks_.erase(member);
  if (ack.commits_pending)
    committing_.insert(member);
  const std::string& name = topology.members()[member].name;
  const auto take = [&](const std::vector<channel_position>& positions, subtask_id audited_channel::*end,
                        std::optional<sequence_number> ends::*number_at_end) -> std::string {
    for (const channel_position& position : positions) {
      if (position.channel.value >= ends_.size() ||
          topology.channels()[position.channel.value].*end != topology.members()[member].id)
        return name + " acknowledged channel " + to_string(position.channel) + ", which is not its own";
      ends_[position.channel.value].*number_at_end = position.at;
    }
    return {};
  };
  if (std::string fault = take(ack.received, &audited_channel::to, &ends::received); !fault.empty())
    return fault;
  if (std::string fault = take(ack.sent, &audited_channel::from, &ends::sent); !fault.empty())
    return fault;

  // Both ends of a channel that is named by one of them are looked at when the second end speaks.
  const auto audit = [&](channel_id channel, bool own_end_known, std::size_t other_member) -> std::string {
    const ends& at = ends_[channel.value];
    if (!own_end_known)
      return name + " said nothing about the channel " + topology.channels()[channel.value].name;
    if (has(other_member) && at.sent != at.received)
      return "the channel " + topology.channels()[channel.value].name +
             " lost or repeated messages: the barrier was sent as " + number(at.sent) + " and received as " +
             number(at.received);
    return {};
  };
  for (const channel_id channel : topology.channels_into(member))
    if (std::string fault = audit(channel, ends_[channel.value].received.has_value(), topology.sender_of(channel));
        !fault.empty())
      return fault;
  for (const channel_id channel : topology.channels_out_of(member))
    if (std::string fault = audit(channel, ends_[channel.value].sent.has_value(),
                                  *topology.index_of(topology.channels()[channel.value].to));
        !fault.empty())
      return fault;
  return {};
}

void pending_checkpoint::remark(std::size_t member, std::string_view text) {
  if (!has(member))
    remarks_[member] = text;
}

std::string pending_checkpoint::why_late(std::size_t member, const checkpoint_topology& topology,
                                         const std::set<std::size_t>& waits_for) const {
  std::string why;
  if (topology.members()[member].source) {
    why = "the source has not taken it yet";
  } else if (waits_for.empty()) {
    why = "its barriers are on the way, or it is busy with what came before them";
  } else {
    why = "it waits for " + topology.members()[*waits_for.begin()].name;
    if (waits_for.size() > 1)
      why += " and " + std::to_string(waits_for.size() - 1) + " more";
  }
  const auto remark = remarks_.find(member);
  return remark == remarks_.end() ? why : why + " (" + remark->second + ")";
}

std::vector<late_subtask> pending_checkpoint::late(const checkpoint_topology& topology) const {
  std::vector<late_subtask> causes;
  std::vector<late_subtask> behind;
  for (const std::size_t member : missing_) {
    std::set<std::size_t> waits_for;
    for (const channel_id channel : topology.channels_into(member))
      if (const std::size_t sender = topology.sender_of(channel); !has(sender))
        waits_for.insert(sender);
    const checkpoint_member& of = topology.members()[member];
    (waits_for.empty() ? causes : behind).push_back({of.id, of.name, why_late(member, topology, waits_for)});
  }
  causes.insert(causes.end(), behind.begin(), behind.end());
  return causes;
}

} // namespace weir::inline v0
