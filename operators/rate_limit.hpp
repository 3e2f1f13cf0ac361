// How many records may pass until now, at so many a second.
#pragma once

#include "../persistence/monotonic_time.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>

namespace weir::inline v0 {

/// An allowance that grows with time and shrinks with every record. What was not used is kept for a tenth of a second,
/// so that a wake-up that comes late costs nothing, and so that nobody waits for less than a millisecond.
class rate_limit {
public:
  rate_limit() = default;
  /// The first record may pass at once.
  rate_limit(double records_per_second, monotonic_time now)
      : per_microsecond_(records_per_second / 1e6), most_(1 + records_per_second / 10), since_(now) {}

  /// How many of `wanted` records may pass now; these have then passed.
  [[nodiscard]] std::size_t take(monotonic_time now, std::size_t wanted) {
    allowance_ = std::min(most_, allowance_ + per_microsecond_ * static_cast<double>((now - since_).count()));
    since_ = now;
    // A little less than a whole record is rounding.
    const auto passing = static_cast<std::size_t>(std::min(allowance_ + 1e-6, static_cast<double>(wanted)));
    allowance_ -= static_cast<double>(passing);
    return passing;
  }
  /// When the next record may pass, as of the last `take`; at least a millisecond from now.
  [[nodiscard]] monotonic_time next(monotonic_time now) const {
    const double wait_us = std::clamp(std::ceil((1 - allowance_) / per_microsecond_), 1e3, 1e15);
    return std::max(since_ + std::chrono::microseconds{static_cast<std::int64_t>(wait_us)},
                    now + std::chrono::milliseconds{1});
  }

private:
  double per_microsecond_ = 0;
  double most_ = 1;
  double allowance_ = 1;
  monotonic_time since_{};
};

} // namespace weir::inline v0
