// A moment of the wall clock, as it is stored: microseconds since 1970, UTC.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace weir::inline v0 {

/// A moment of the wall clock. Persistence reads no clock: whoever calls it says what time it is.
struct wall_time {
  std::int64_t unix_microseconds = 0;

  friend constexpr bool operator==(wall_time, wall_time) = default;
  friend constexpr auto operator<=>(wall_time, wall_time) = default;
  friend constexpr std::chrono::microseconds operator-(wall_time later, wall_time earlier) {
    return std::chrono::microseconds{later.unix_microseconds - earlier.unix_microseconds};
  }
  friend constexpr wall_time operator+(wall_time t, std::chrono::microseconds d) {
    return wall_time{t.unix_microseconds + d.count()};
  }
};

} // namespace weir::inline v0
