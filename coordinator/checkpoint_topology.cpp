// Who takes part in the checkpoints of a job.
#include "checkpoint_topology.hpp"

#include <stdexcept>
#include <utility>

namespace weir::inline v0 {

checkpoint_topology::checkpoint_topology(std::vector<checkpoint_member> members, std::vector<audited_channel> channels,
                                         std::uint32_t regions)
    : members_(std::move(members)),
      channels_(std::move(channels)),
      regions_(regions),
      into_(members_.size()),
      out_of_(members_.size()) {
  for (std::size_t index = 0; index != members_.size(); ++index) {
    if (members_[index].region.value >= regions_)
      throw std::invalid_argument{"weir: subtask " + members_[index].name + " is in no region"};
    indices_.emplace(members_[index].id, index);
  }
  for (std::size_t index = 0; index != channels_.size(); ++index) {
    const audited_channel& channel = channels_[index];
    const auto from = index_of(channel.from);
    const auto to = index_of(channel.to);
    if (channel.id.value != index || !from || !to)
      throw std::invalid_argument{"weir: channel " + channel.name + " is not at its index, or has no end"};
    out_of_[*from].push_back(channel.id);
    into_[*to].push_back(channel.id);
    senders_.push_back(*from);
  }
}

std::optional<std::size_t> checkpoint_topology::index_of(subtask_id subtask) const {
  const auto found = indices_.find(subtask);
  if (found == indices_.end())
    return std::nullopt;
  return found->second;
}

checkpoint_topology make_topology(const job_plan& plan) {
  std::vector<checkpoint_member> members;
  for (const subtask_id id : plan.subtasks())
    members.push_back({id, plan.name_of(id), plan.region_of(id), plan.task(id.task).source});
  std::vector<audited_channel> channels;
  channels.reserve(plan.channels.size());
  for (const channel_plan& channel : plan.channels)
    channels.push_back({channel.id, plan.name_of(channel.id), channel.from, channel.to});
  return {std::move(members), std::move(channels), static_cast<std::uint32_t>(plan.regions.size())};
}

} // namespace weir::inline v0
