// Sums and differences of times that stay within what a time can be, for durations that a user has given.
#pragma once

#include <chrono>
#include <limits>
#include <type_traits>

namespace weir::inline v0 {

namespace detail {

/// `a + b`, or the least or the greatest number if that is beyond.
template <class Rep>
[[nodiscard]] constexpr Rep saturating_sum(Rep a, Rep b) noexcept {
  using limits = std::numeric_limits<Rep>;
  if (b > 0 && a > limits::max() - b)
    return limits::max();
  if (b < 0 && a < limits::min() - b)
    return limits::min();
  return a + b;
}

} // namespace detail

/// The time that is `by` after `from`; the last one that there is if that is beyond.
template <class Clock, class Duration>
[[nodiscard]] constexpr std::chrono::time_point<Clock, Duration>
saturating_add(std::chrono::time_point<Clock, Duration> from, std::type_identity_t<Duration> by) noexcept {
  return std::chrono::time_point<Clock, Duration>{
      Duration{detail::saturating_sum(from.time_since_epoch().count(), by.count())}};
}

/// How long it is from `from` until `to`, less than 0 if `to` was before; the greatest or least duration if that is
/// beyond.
template <class Clock, class Duration>
[[nodiscard]] constexpr Duration saturating_until(std::chrono::time_point<Clock, Duration> from,
                                                  std::type_identity_t<std::chrono::time_point<Clock, Duration>> to) {
  using rep = typename Duration::rep;
  const rep a = from.time_since_epoch().count();
  const rep b = to.time_since_epoch().count();
  if (a < 0 && b > std::numeric_limits<rep>::max() + a)
    return Duration::max();
  if (a > 0 && b < std::numeric_limits<rep>::min() + a)
    return Duration::min();
  return Duration{b - a};
}

} // namespace weir::inline v0
