// A moment of a clock that never goes back: for durations, timeouts and schedules within one process.
#pragma once

#include <chrono>

namespace weir::inline v0 {

/// A moment of the monotonic clock, in microseconds. Means nothing outside its process; never stored.
using monotonic_time = std::chrono::time_point<std::chrono::steady_clock, std::chrono::microseconds>;

} // namespace weir::inline v0
