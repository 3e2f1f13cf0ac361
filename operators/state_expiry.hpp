// Gives the state tables of one operator their time to live.
#pragma once

#include "batch.hpp"
#include "entry_clock.hpp"
#include "operator_context.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>

namespace weir::inline v0::detail {

/// Tells the keyed tables of one operator what time it is, and has them cleaned step by step: some entries with every
/// batch and watermark, and, if nothing comes, at wake-ups. Without a time to live it does nothing. All functions are
/// given the same tables.
class state_expiry {
public:
  explicit state_expiry(const std::optional<time_to_live>& ttl = std::nullopt) : ttl_(ttl) {}

  [[nodiscard]] bool runs() const noexcept { return ttl_.has_value(); }
  [[nodiscard]] bool reads_refresh() const noexcept { return ttl_ && ttl_->refresh == ttl_refresh::on_read_or_write; }

  /// Before state is loaded.
  template <class... Tables>
  void open(operator_context& surroundings, Tables&... tables) {
    surroundings_ = &surroundings;
    if (!runs())
      return;
    (tables.set_time_to_live(*ttl_), ...);
    begin(tables...);
  }
  /// All state is loaded.
  template <class... Tables>
  void ready(const Tables&... tables) {
    if (runs())
      ask(tables...);
  }
  /// Before a batch, and before timers fire.
  template <class... Tables>
  void begin(Tables&... tables) {
    if (!runs())
      return;
    if (in_event_time())
      (tables.access_now(), ...);
    else
      (tables.set_time(surroundings_->now()), ...);
  }
  /// The times of a batch's accesses, for `state_table::for_each`; null: the present.
  [[nodiscard]] const event_time* times_of(const any_batch& in) const {
    return runs() && in_event_time() && !in.times.empty() ? in.times.data() : nullptr;
  }
  /// Behind a batch, of which so many records were processed. Cleans more than these can have made.
  template <class... Tables>
  void end(std::size_t records, Tables&... tables) {
    if (!runs())
      return;
    static_cast<void>((tables.clean(fewest_looks + looks_per_record * records) & ...));
    ask(tables...);
  }
  template <class... Tables>
  void watermark(event_time time, Tables&... tables) {
    if (!runs() || !in_event_time() || time == event_time::min())
      return;
    (tables.set_time(stored_time_of(time)), ...);
    static_cast<void>((tables.clean(looks_at_once) & ...));
  }
  /// At every wake-up of the operator.
  template <class... Tables>
  void wake(processing_time now, Tables&... tables) {
    if (!runs() || !asked_ || now < *asked_)
      return;
    asked_.reset();
    begin(tables...);
    const bool whole = (tables.clean(looks_at_once) & ...);
    ask_after(whole ? pause() : slice_pause, tables...);
  }

private:
  static constexpr std::size_t fewest_looks = 32;
  static constexpr std::size_t looks_per_record = 4; // enough to free an entry
  static constexpr std::size_t looks_at_once = 4096;
  static constexpr std::chrono::milliseconds slice_pause{1};
  static constexpr std::chrono::milliseconds least_pause{10};
  static constexpr std::chrono::minutes longest_pause{1};

  [[nodiscard]] bool in_event_time() const noexcept { return ttl_->clock == ttl_clock::event; }
  /// Between two rounds through tables to which nothing happens.
  [[nodiscard]] std::chrono::microseconds pause() const {
    return std::clamp<std::chrono::microseconds>(ttl_->after / 4, least_pause, longest_pause);
  }
  template <class... Tables>
  void ask(const Tables&... tables) {
    if (!asked_)
      ask_after(pause(), tables...);
  }
  /// Sees to a wake-up, if there is something that time makes old.
  template <class... Tables>
  void ask_after(std::chrono::microseconds by, const Tables&... tables) {
    if (in_event_time() || ((tables.entry_count() == 0) && ...))
      return;
    asked_ = saturating_add(surroundings_->now(), by);
    surroundings_->wake_at(*asked_);
  }

  std::optional<time_to_live> ttl_;
  operator_context* surroundings_ = nullptr;
  std::optional<processing_time> asked_; ///< of the wake-up that is to come
};

} // namespace weir::inline v0::detail
