// The clock of a table whose entries have a time to live, and what is expired by it.
#pragma once

#include "../persistence/chunk.hpp"
#include "../persistence/saturating_time.hpp"
#include "event_time.hpp"
#include "time_to_live.hpp"

#include <algorithm>
#include <chrono>
#include <optional>

namespace weir::inline v0::detail {

/// An event time as an entry's time; the least or the greatest if it is beyond.
[[nodiscard]] constexpr stored_time stored_time_of(event_time time) noexcept {
  constexpr auto most = std::chrono::floor<std::chrono::milliseconds>(stored_time::max().time_since_epoch());
  const std::chrono::milliseconds since = std::clamp(time.time_since_epoch(), -most, most);
  return stored_time{since};
}

/// What a table knows of time. Entries have the time of their last refresh. One that has none, for it was stored
/// without or made before the clock showed anything, counts as of the first time that the clock shows.
class entry_clock {
public:
  [[nodiscard]] bool reads_refresh() const noexcept { return refresh_ == ttl_refresh::on_read_or_write; }

  void set(const time_to_live& ttl) noexcept {
    after_ = ttl.after;
    refresh_ = ttl.refresh;
    in_event_time_ = ttl.clock == ttl_clock::event;
  }
  /// The present. It never goes back: what has expired stays so.
  void set_time(stored_time now) noexcept {
    if (now > now_) {
      now_ = now;
      if (first_ == no_stored_time)
        first_ = now;
      cutoff_ = saturating_add(now, -after_);
    }
    access_ = now_;
  }
  /// The next accesses happen at this time, until `set_time` or the next call.
  void set_access(stored_time time) noexcept { access_ = time; }
  /// The next accesses happen now.
  void access_now() noexcept { access_ = now_; }
  [[nodiscard]] stored_time access() const noexcept { return access_; }

  /// The time that counts for an entry; none if the clock has not shown any.
  [[nodiscard]] stored_time known(stored_time of_entry) const noexcept {
    return of_entry == no_stored_time ? first_ : of_entry;
  }
  [[nodiscard]] bool is_expired(stored_time of_entry) const noexcept { return is_before(of_entry, cutoff_); }
  /// The same at the last `mark`; of an entry that was not refreshed since.
  [[nodiscard]] bool was_expired(stored_time of_entry) const noexcept { return is_before(of_entry, marked_cutoff_); }

  void mark() noexcept {
    moved_ = moved_since_mark();
    marked_ = told();
    marked_cutoff_ = cutoff_;
  }
  /// Whether the snapshot that is open has to tell the time though nothing else has changed.
  [[nodiscard]] bool moved_before_mark() const noexcept { return moved_; }
  [[nodiscard]] bool moved_since_mark() const noexcept { return told() != marked_; }
  /// What a snapshot says of the time. A processing time is of no use to those who load it.
  [[nodiscard]] stored_time told() const noexcept { return in_event_time_ ? now_ : no_stored_time; }
  /// A chunk that is loaded told this.
  void loaded(std::optional<stored_time> clock) noexcept {
    if (in_event_time_ && clock)
      set_time(*clock);
  }

  /// As before the first `set_time`.
  void reset() noexcept {
    now_ = first_ = access_ = marked_ = no_stored_time;
    cutoff_ = marked_cutoff_ = no_stored_time;
    moved_ = false;
  }

private:
  [[nodiscard]] bool is_before(stored_time of_entry, stored_time cutoff) const noexcept {
    if (of_entry > cutoff) [[likely]]
      return false;
    const stored_time time = known(of_entry);
    return time != no_stored_time && time <= cutoff;
  }

  std::chrono::microseconds after_{0};
  ttl_refresh refresh_ = ttl_refresh::on_write;
  bool in_event_time_ = false;
  bool moved_ = false;
  stored_time now_ = no_stored_time;
  stored_time first_ = no_stored_time;
  stored_time access_ = no_stored_time;
  stored_time cutoff_ = no_stored_time; // entries of this time or an earlier one are expired
  stored_time marked_ = no_stored_time;
  stored_time marked_cutoff_ = no_stored_time;
};

} // namespace weir::inline v0::detail
