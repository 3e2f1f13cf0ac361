// The complete checkpoints whose output is not known to be committed everywhere.
#pragma once

#include "../persistence/checkpoint_records.hpp"
#include "../persistence/ids.hpp"

#include <cstddef>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// Waits for the confirmations of the members of a topology that have something to commit.
class pending_commits {
public:
  struct entry {
    checkpoint_id id;
    checkpoint_trigger trigger = checkpoint_trigger::interval;
  };

  void add(checkpoint_id id, checkpoint_trigger trigger, std::set<std::size_t> members) {
    waiting_.insert_or_assign(id, commits{trigger, std::move(members)});
  }
  /// A member has committed all up to this checkpoint.
  void confirm(std::size_t member, checkpoint_id up_to) {
    for (auto at = waiting_.begin(); at != waiting_.end() && at->first <= up_to; ++at)
      at->second.missing.erase(member);
  }
  /// Takes out those that wait for nobody, oldest first.
  [[nodiscard]] std::vector<entry> take_committed() {
    return take([](checkpoint_id, const commits& each) { return each.missing.empty(); });
  }
  /// Takes out those newer than a checkpoint that was restored: they are not the job's any more.
  [[nodiscard]] std::vector<entry> take_newer(checkpoint_id than) {
    return take([&](checkpoint_id id, const commits&) { return id > than; });
  }
  /// The newest; only if there is one.
  [[nodiscard]] checkpoint_id newest() const { return waiting_.rbegin()->first; }
  [[nodiscard]] bool empty() const noexcept { return waiting_.empty(); }

private:
  struct commits {
    checkpoint_trigger trigger = checkpoint_trigger::interval;
    std::set<std::size_t> missing;
  };

  template <class Predicate>
  std::vector<entry> take(const Predicate& wanted) {
    std::vector<entry> taken;
    for (auto at = waiting_.begin(); at != waiting_.end();) {
      if (!wanted(at->first, at->second)) {
        ++at;
        continue;
      }
      taken.push_back({at->first, at->second.trigger});
      at = waiting_.erase(at);
    }
    return taken;
  }

  std::map<checkpoint_id, commits> waiting_;
};

} // namespace weir::inline v0
