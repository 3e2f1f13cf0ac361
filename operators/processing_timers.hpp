// The timers of a keyed operator: state by key, and a queue in the order in which they fire.
#pragma once

#include "../persistence/archive.hpp"
#include "../persistence/fields.hpp"
#include "entries_of_key.hpp"
#include "operator_context.hpp"
#include "state_table.hpp"
#include "timer_service.hpp"

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// The timers of one key, in the order of their times.
struct key_timers {
  std::vector<processing_time> times;
  WEIR_FIELDS(times)
};

namespace detail {

/// Timers by processing time, at most one for a key and a time. They are a state table, so that a checkpoint has them
/// and a change of parallelism moves them with their keys; beside it is a queue in memory. They fire in the order of
/// their times, and those of one time in the order of their keys (of the keys' stored bytes if keys have no order).
template <class K>
class processing_timers final : public timer_service<K> {
public:
  void open(operator_context& surroundings) {
    surroundings_ = &surroundings;
    const operator_identity& identity = surroundings.identity();
    table_.configure(identity.key_groups, identity.max_parallelism, identity.checkpointing);
  }
  /// The state is loaded: what is due by now fires at the wake-up that this asks for.
  void ready() {
    table_.for_each_entry([this](const K& key, const key_timers& timers) {
      for (const processing_time at : timers.times)
        queue_.insert({at, key, key_hash(key)});
    });
    ask();
  }
  [[nodiscard]] any_state_table& table() noexcept { return table_; }

  void set(const K& key, std::uint64_t hash, processing_time at) override {
    if (const key_timers* known = table_.find(hash, key);
        known && std::binary_search(known->times.begin(), known->times.end(), at))
      return;
    auto& times = table_.touch(hash, key).times;
    times.insert(std::upper_bound(times.begin(), times.end(), at), at);
    if (firing_until_ && at <= *firing_until_) {
      set_while_firing_.push_back({at, key, hash});
    } else {
      queue_.insert({at, key, hash});
      ask();
    }
  }
  void clear(const K& key, std::uint64_t hash, processing_time at) override {
    if (!forget(key, hash, at))
      return;
    queue_.erase({at, key, hash});
    std::erase_if(set_while_firing_, [&](const timer& t) { return t.at == at && t.key == key; });
  }

  /// Calls `fire(at, key, hash)` for every timer that is due, until `full()`. Returns false if some are left, and is
  /// then called again. What is set meanwhile for a time that has passed fires at the next wake-up: a timer that sets
  /// itself again must not keep out everything else.
  template <class Full, class Fire>
  bool fire_due(processing_time now, Full full, Fire fire) {
    if (asked_ && *asked_ <= now)
      asked_.reset();
    if (!firing_until_)
      firing_until_ = now;
    for (std::size_t fired = 0; !queue_.empty() && queue_.begin()->at <= *firing_until_; ++fired) {
      if (full() || fired == most_at_once)
        return false;
      const timer due = std::move(queue_.extract(queue_.begin()).value());
      forget(due.key, due.hash, due.at);
      fire(due.at, due.key, due.hash);
    }
    firing_until_.reset();
    for (timer& each : set_while_firing_)
      queue_.insert(std::move(each));
    set_while_firing_.clear();
    ask();
    return true;
  }

private:
  struct timer {
    processing_time at;
    K key;
    std::uint64_t hash;
  };
  struct fires_before {
    bool operator()(const timer& a, const timer& b) const {
      if (a.at != b.at)
        return a.at < b.at;
      return sub_key_order<K>{}(a.key, b.key);
    }
  };

  /// A slice of work: batches and barriers come between two of them.
  static constexpr std::size_t most_at_once = 256;

  /// Takes a timer out of the state. False if there is none.
  bool forget(const K& key, std::uint64_t hash, processing_time at) {
    const key_timers* known = table_.find(hash, key);
    if (!known || !std::binary_search(known->times.begin(), known->times.end(), at))
      return false;
    if (known->times.size() == 1) {
      table_.erase(hash, key);
    } else {
      auto& times = table_.find_for_write(hash, key)->times;
      times.erase(std::lower_bound(times.begin(), times.end(), at));
    }
    return true;
  }
  /// Sees to a wake-up for the next timer.
  void ask() {
    if (queue_.empty() || (asked_ && *asked_ <= queue_.begin()->at))
      return;
    asked_ = queue_.begin()->at;
    surroundings_->wake_at(*asked_);
  }

  state_table<K, key_timers> table_{"timers"};
  std::set<timer, fires_before> queue_;
  std::vector<timer> set_while_firing_;
  std::optional<processing_time> firing_until_; ///< while timers fire
  std::optional<processing_time> asked_;        ///< of the wake-up that is to come
  operator_context* surroundings_ = nullptr;
};

} // namespace detail
} // namespace weir::inline v0
