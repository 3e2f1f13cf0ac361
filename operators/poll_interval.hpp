// When a source that polls looks again, however long its interval is.
#pragma once

#include "../persistence/saturating_time.hpp"
#include "event_time.hpp"

#include <algorithm>
#include <chrono>

namespace weir::inline v0 {

/// `interval` after `from`; the last time that there is, which is never, if that is beyond. An interval in milliseconds
/// may be more than a time in its unit can tell.
[[nodiscard]] constexpr processing_time next_poll(processing_time from, std::chrono::milliseconds interval) noexcept {
  constexpr auto longest = std::chrono::floor<std::chrono::milliseconds>(processing_time::duration::max());
  return saturating_add(from, std::min(interval, longest));
}

} // namespace weir::inline v0
