// How long keyed state lives.
#pragma once

#include <chrono>
#include <cstdint>

namespace weir::inline v0 {

/// What gives the state of a key its full time again.
enum class ttl_refresh : std::uint8_t {
  on_write,        ///< what makes the state, or may change it
  on_read_or_write ///< what only reads it, too
};

/// By which clock state grows old.
enum class ttl_clock : std::uint8_t {
  processing, ///< the environment's clock
  event       ///< the watermark of the operator; without event times state never expires
};

/// The time to live of an operator's keyed state: `.count("counts", {.state_ttl = weir::time_to_live{24h}})`. State
/// that was not refreshed for as long as `after` is never seen again, and is freed some time later. Timers have none.
///
/// What gets the state of its key as a `state&` counts as writing, whether it changes it or not; a process struct whose
/// member takes a `const state&` only reads (but a state with maps or lists is always given for writing). In event
/// time, an access happens at the event time of its record, which never makes state older; what is made too late, for
/// the watermark, is gone at once.
struct time_to_live {
  std::chrono::microseconds after{0}; ///< more than 0
  ttl_refresh refresh = ttl_refresh::on_write;
  ttl_clock clock = ttl_clock::processing;
};

namespace detail {

/// The base of a state whose `is_settled()` says that those who get it for writing only read it from then on.
struct settling_state {};

} // namespace detail
} // namespace weir::inline v0
