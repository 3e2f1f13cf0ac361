// The one way by which messages of the runtime are sent.
#pragma once

#include "../persistence/saturating_time.hpp"

#include <caf/actor.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace weir::inline v0 {

/// Sends without a sender, and past the sending worker's own queue: the default work-stealing scheduler puts a wake-up
/// from inside a worker at the head of that worker's queue, and a busy pair of actors then starves all others.
template <class... Ts>
void post(const caf::actor& to, Ts&&... content) {
  if (to)
    caf::anon_send(to, std::forward<Ts>(content)...);
}

/// The longest delay that an actor is given. CAF counts nanoseconds, which a duration of a user's may have too many of;
/// who is woken too early asks again.
inline constexpr std::chrono::microseconds longest_delay = std::chrono::minutes{1};

/// How long to wait until a time, at most `longest_delay`.
template <class Time>
[[nodiscard]] std::chrono::microseconds delay_until(Time now, Time due) {
  return std::clamp<std::chrono::microseconds>(saturating_until(now, due), std::chrono::microseconds{0}, longest_delay);
}

/// The longest time that an answer is waited for.
inline constexpr std::chrono::milliseconds longest_timeout = std::chrono::hours{24 * 365};

} // namespace weir::inline v0
