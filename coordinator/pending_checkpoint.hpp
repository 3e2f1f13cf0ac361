// One open checkpoint: who has acknowledged it, and whether both ends of every channel agree.
#pragma once

#include "../actors/messages.hpp"
#include "../persistence/monotonic_time.hpp"
#include "checkpoint_decisions.hpp"
#include "checkpoint_topology.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace weir::inline v0 {

/// The acknowledgements of one checkpoint, and the conservation audit: the sequence number that the sender of a channel
/// gave the barrier must be the one under which its receiver got it, so that nothing before it was lost or repeated.
/// Members are named by their index in the topology.
class pending_checkpoint {
public:
  pending_checkpoint(checkpoint_trigger trigger, monotonic_time opened, const checkpoint_topology& topology);

  [[nodiscard]] checkpoint_trigger trigger() const noexcept { return trigger_; }
  [[nodiscard]] monotonic_time opened() const noexcept { return opened_; }
  [[nodiscard]] bool has(std::size_t member) const { return !missing_.contains(member); }
  /// Members that have not acknowledged.
  [[nodiscard]] const std::set<std::size_t>& missing() const noexcept { return missing_; }
  /// Members that have said that they will confirm a commit.
  [[nodiscard]] const std::set<std::size_t>& committing() const noexcept { return committing_; }
  /// All have acknowledged, and every channel's two ends agreed.
  [[nodiscard]] bool complete() const noexcept { return missing_.empty(); }

  /// Takes an acknowledgement that is not a repeated one. Returns what is wrong with it, as a sentence that names the
  /// channel; empty if nothing is.
  [[nodiscard]] std::string accept(std::size_t member, const checkpoint_acknowledged& ack,
                                   const checkpoint_topology& topology);
  /// What is known of a member that has not acknowledged, for `late`. Only the last remark is kept.
  void remark(std::size_t member, std::string_view text);
  /// Who is missing and why, those first whom the others wait for.
  [[nodiscard]] std::vector<late_subtask> late(const checkpoint_topology& topology) const;

  /// The store is asked to complete it: it is not given up any more, but for the store's word.
  bool completing = false;

private:
  struct ends {
    std::optional<sequence_number> sent;
    std::optional<sequence_number> received;
  };

  [[nodiscard]] std::string why_late(std::size_t member, const checkpoint_topology& topology,
                                     const std::set<std::size_t>& waits_for) const;

  checkpoint_trigger trigger_;
  monotonic_time opened_;
  std::set<std::size_t> missing_;
  std::vector<ends> ends_; // by channel
  std::map<std::size_t, std::string> remarks_;
  std::set<std::size_t> committing_;
};

} // namespace weir::inline v0
