// The barriers of aborted checkpoints, which still travel through the job.
#pragma once

#include "../persistence/ids.hpp"
#include "../persistence/monotonic_time.hpp"
#include "../persistence/saturating_time.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// How long a subtask may say nothing of an aborted checkpoint before it is told again. After each reminder it is twice
/// as long, up to `longest_abort_pause`.
inline constexpr std::chrono::milliseconds abort_reminder_after{500};
inline constexpr std::chrono::milliseconds longest_abort_pause{10'000};
/// Of so many checkpoints there are reminders in `abort_reminder_after` at most: a subtask that never answers, while
/// one checkpoint after the other is aborted, gets no more of them as time goes by.
inline constexpr std::size_t most_abort_reminders = 8;

/// Knows which members of a topology the barrier of an aborted checkpoint has not passed yet. After a time such a
/// checkpoint counts as under way no more; but its members are told again that it is aborted until they have heard:
/// they may hold channels for it, because the first notice was lost.
class travelling_barriers {
public:
  void add(checkpoint_id id, std::set<std::size_t> members, monotonic_time now, monotonic_time counts_until) {
    if (!members.empty())
      aborted_.insert_or_assign(id, barriers{std::move(members), counts_until,
                                             saturating_add(now, abort_reminder_after), abort_reminder_after, true});
  }
  /// The barrier of `up_to` has passed a member, and so have all before it: barriers keep their order.
  void passed(checkpoint_id up_to, std::size_t member) {
    for (auto at = aborted_.begin(); at != aborted_.end() && at->first <= up_to;) {
      at->second.missing.erase(member);
      at = at->second.missing.empty() ? aborted_.erase(at) : std::next(at);
    }
  }
  /// A member knows that this checkpoint is aborted. That says nothing of earlier ones: the notices are separate.
  void heard(checkpoint_id id, std::size_t member) {
    const auto at = aborted_.find(id);
    if (at == aborted_.end())
      return;
    at->second.missing.erase(member);
    if (at->second.missing.empty())
      aborted_.erase(at);
  }
  /// Members are gone, with the channels between them.
  template <class Predicate>
  void gone(const Predicate& is_gone) {
    for (auto at = aborted_.begin(); at != aborted_.end();) {
      std::erase_if(at->second.missing, is_gone);
      at = at->second.missing.empty() ? aborted_.erase(at) : std::next(at);
    }
  }
  /// An aborted checkpoint, and the members that have not said that they know.
  struct unheard {
    checkpoint_id id;
    std::set<std::size_t> missing;
  };
  /// Time has come to `now`. Returns who is to be told again of what: those first who were told least often, so that
  /// one that never answers does not delay a word to others.
  [[nodiscard]] std::vector<unheard> tick(monotonic_time now) {
    std::vector<std::tuple<std::chrono::milliseconds, monotonic_time, checkpoint_id>> due;
    for (auto& [id, each] : aborted_) {
      each.counts = each.counts && now < each.counts_until;
      if (now >= each.tell_at && now >= tell_none_before_)
        due.emplace_back(each.pause, each.tell_at, id);
    }
    std::sort(due.begin(), due.end());
    due.resize(std::min(due.size(), most_abort_reminders));
    std::vector<unheard> tell;
    for (const auto& [pause, since, id] : due) {
      barriers& each = aborted_.at(id);
      each.pause = std::min(each.pause * 2, longest_abort_pause);
      each.tell_at = saturating_add(now, each.pause);
      tell_none_before_ = saturating_add(now, abort_reminder_after);
      tell.push_back({id, each.missing});
    }
    return tell;
  }

  /// How many count as under way.
  [[nodiscard]] std::size_t size() const noexcept {
    return static_cast<std::size_t>(
        std::count_if(aborted_.begin(), aborted_.end(), [](const auto& each) { return each.second.counts; }));
  }
  /// When `tick` has something to do next.
  [[nodiscard]] std::optional<monotonic_time> next() const {
    std::optional<monotonic_time> first;
    for (const auto& [id, each] : aborted_) {
      const monotonic_time tell_at = std::max(each.tell_at, tell_none_before_);
      const monotonic_time due = each.counts ? std::min(each.counts_until, tell_at) : tell_at;
      first = first ? std::min(*first, due) : due;
    }
    return first;
  }

private:
  struct barriers {
    std::set<std::size_t> missing;
    monotonic_time counts_until;
    monotonic_time tell_at;
    std::chrono::milliseconds pause;
    bool counts = true;
  };
  std::map<checkpoint_id, barriers> aborted_;
  monotonic_time tell_none_before_{};
};

} // namespace weir::inline v0
