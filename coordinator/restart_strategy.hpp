// How often, and after which delays, a failed region is started again.
#pragma once

#include "../persistence/monotonic_time.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace weir::inline v0 {

/// Never: the first failure fails the job. Written `none`.
struct no_restart {
  friend bool operator==(const no_restart&, const no_restart&) = default;
};

/// A number of restarts in all, each after the same delay. Written `fixed:<count>,<delay>`.
struct fixed_delay_restart {
  std::uint32_t count = 5;
  std::chrono::microseconds delay = std::chrono::milliseconds{200};
  friend bool operator==(const fixed_delay_restart&, const fixed_delay_restart&) = default;
};

/// Delays that grow with each failure, up to a maximum, and start anew after a time without failure. Written
/// `exponential:<initial>,<max>,<multiplier>,<jitter>,<reset after>[,<count>]`.
struct exponential_delay_restart {
  std::chrono::microseconds initial = std::chrono::milliseconds{50};
  std::chrono::microseconds max = std::chrono::seconds{10};
  double multiplier = 2;
  double jitter = 0.1; ///< a delay is longer or shorter by up to this part of it; 0 to 1
  std::chrono::microseconds reset_after = std::chrono::minutes{1};
  std::uint32_t count = 8; ///< restarts without a reset between them; 0: no limit
  friend bool operator==(const exponential_delay_restart&, const exponential_delay_restart&) = default;
};

/// At most so many restarts within any interval, each after the same delay. Written `rate:<max>,<interval>,<delay>`.
struct failure_rate_restart {
  std::uint32_t max_restarts = 3;
  std::chrono::microseconds interval = std::chrono::minutes{1};
  std::chrono::microseconds delay = std::chrono::milliseconds{200};
  friend bool operator==(const failure_rate_restart&, const failure_rate_restart&) = default;
};

/// One of the four. The default is `exponential:50ms,10s,2,0.1,1min,8`: an accident costs 50 ms, a node that comes back
/// within ten seconds is waited for, and a record that always fails gives up after about 13 s, with its error.
using restart_settings = std::variant<no_restart, fixed_delay_restart, exponential_delay_restart, failure_rate_restart>;

[[nodiscard]] inline restart_settings default_restart_settings() {
  return exponential_delay_restart{};
}

/// Reads the written form; parts that are left out at the end keep their defaults. Throws usage_error.
[[nodiscard]] restart_settings parse_restart_settings(std::string_view text);
/// The written form.
[[nodiscard]] std::string to_text(const restart_settings& settings);

/// Says whether one region is started again. After Flink's restart strategies, but each region has one of its own.
/// Reads no clock and makes no random numbers.
class restart_strategy {
public:
  explicit restart_strategy(restart_settings settings) : settings_(settings) {}

  /// The region failed: the delay before it is started again, or none if this strategy gives up. `random` is in [0, 1).
  [[nodiscard]] std::optional<std::chrono::microseconds> failed(monotonic_time now, double random);
  /// How many restarts it has granted in all.
  [[nodiscard]] std::uint32_t restarts() const noexcept { return restarts_; }

private:
  [[nodiscard]] std::optional<std::chrono::microseconds> delay(const no_restart&, monotonic_time, double);
  [[nodiscard]] std::optional<std::chrono::microseconds> delay(const fixed_delay_restart& s, monotonic_time, double);
  [[nodiscard]] std::optional<std::chrono::microseconds> delay(const exponential_delay_restart& s, monotonic_time now,
                                                               double random);
  [[nodiscard]] std::optional<std::chrono::microseconds> delay(const failure_rate_restart& s, monotonic_time now,
                                                               double random);

  restart_settings settings_;
  std::uint32_t restarts_ = 0;
  std::uint32_t since_reset_ = 0;        // exponential: restarts since the last reset
  std::optional<monotonic_time> due_;    // exponential: when the last restart was to begin
  std::deque<monotonic_time> in_window_; // rate: the failures within the interval
};

} // namespace weir::inline v0
