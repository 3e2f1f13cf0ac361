// How long actors are made to wait.
#pragma once

#include "../persistence/saturating_time.hpp"

#include <algorithm>
#include <chrono>

namespace weir::inline v0 {

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
