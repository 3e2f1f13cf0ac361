// Who takes part in the checkpoints of a job, and the channels between them.
#pragma once

#include "../persistence/ids.hpp"
#include "plan.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace weir::inline v0 {

/// A subtask that takes part in every checkpoint of its job.
struct checkpoint_member {
  subtask_id id;
  std::string name; ///< for messages
  region_id region;
  bool source = false; ///< barriers begin here
};

/// A channel whose two ends must agree at every barrier.
struct audited_channel {
  channel_id id;
  std::string name; ///< for messages
  subtask_id from;
  subtask_id to;
};

/// The members and channels of a job, with what is near to each. Members are named by their index.
class checkpoint_topology {
public:
  /// `channels` lie at the index that is their id. Throws std::invalid_argument if they don't, or lead nowhere.
  checkpoint_topology(std::vector<checkpoint_member> members, std::vector<audited_channel> channels,
                      std::uint32_t regions);

  [[nodiscard]] const std::vector<checkpoint_member>& members() const noexcept { return members_; }
  [[nodiscard]] const std::vector<audited_channel>& channels() const noexcept { return channels_; }
  [[nodiscard]] std::uint32_t regions() const noexcept { return regions_; }
  [[nodiscard]] std::optional<std::size_t> index_of(subtask_id subtask) const;
  /// The channels that end, or begin, at a member.
  [[nodiscard]] const std::vector<channel_id>& channels_into(std::size_t member) const { return into_[member]; }
  [[nodiscard]] const std::vector<channel_id>& channels_out_of(std::size_t member) const { return out_of_[member]; }
  /// The member at which a channel begins.
  [[nodiscard]] std::size_t sender_of(channel_id channel) const { return senders_[channel.value]; }

private:
  std::vector<checkpoint_member> members_;
  std::vector<audited_channel> channels_;
  std::uint32_t regions_;
  std::map<subtask_id, std::size_t> indices_;
  std::vector<std::vector<channel_id>> into_;
  std::vector<std::vector<channel_id>> out_of_;
  std::vector<std::size_t> senders_;
};

/// The topology of a plan.
[[nodiscard]] checkpoint_topology make_topology(const job_plan& plan);

} // namespace weir::inline v0
