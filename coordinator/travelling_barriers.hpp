// The barriers of aborted checkpoints, which still travel through the job.
#pragma once

#include "../persistence/ids.hpp"
#include "../persistence/monotonic_time.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace weir::inline v0 {

/// Knows which members of a topology the barrier of an aborted checkpoint has not passed yet, and forgets it after a
/// time.
class travelling_barriers {
public:
  void add(checkpoint_id id, std::set<std::size_t> members, monotonic_time forget_at) {
    if (!members.empty())
      aborted_.insert_or_assign(id, barriers{std::move(members), forget_at});
  }
  /// The barrier of `up_to` has passed a member, and so have all before it: barriers keep their order.
  void passed(checkpoint_id up_to, std::size_t member) {
    for (auto at = aborted_.begin(); at != aborted_.end() && at->first <= up_to;) {
      at->second.missing.erase(member);
      at = at->second.missing.empty() ? aborted_.erase(at) : std::next(at);
    }
  }
  /// Members are gone, with the channels between them.
  template <class Predicate>
  void gone(const Predicate& is_gone) {
    for (auto at = aborted_.begin(); at != aborted_.end();) {
      std::erase_if(at->second.missing, is_gone);
      at = at->second.missing.empty() ? aborted_.erase(at) : std::next(at);
    }
  }
  void forget(monotonic_time now) {
    std::erase_if(aborted_, [&](const auto& each) { return now >= each.second.forget_at; });
  }

  [[nodiscard]] std::size_t size() const noexcept { return aborted_.size(); }
  /// When `forget` has something to do next.
  [[nodiscard]] std::optional<monotonic_time> next() const {
    std::optional<monotonic_time> first;
    for (const auto& [id, each] : aborted_)
      first = first ? std::min(*first, each.forget_at) : each.forget_at;
    return first;
  }

private:
  struct barriers {
    std::set<std::size_t> missing;
    monotonic_time forget_at;
  };
  std::map<checkpoint_id, barriers> aborted_;
};

} // namespace weir::inline v0
