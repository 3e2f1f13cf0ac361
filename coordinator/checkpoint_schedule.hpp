// When the next checkpoint is due by time or by number of records.
#pragma once

#include "../persistence/checkpoint_records.hpp"
#include "../persistence/monotonic_time.hpp"
#include "../persistence/saturating_time.hpp"
#include "job_options.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace weir::inline v0 {

/// When checkpoints are taken. Durations of zero and a record count of zero switch their trigger off.
struct checkpoint_settings {
  std::chrono::microseconds interval = std::chrono::seconds{1};
  std::uint64_t records = 0;
  std::chrono::microseconds timeout = std::chrono::seconds{60};
  std::chrono::microseconds min_pause{0};
  std::uint32_t max_concurrent = 1;
  std::uint32_t tolerable_failures = 3;

  checkpoint_settings() = default;
  explicit checkpoint_settings(const job_options& options);
};

/// The shortest pause after the store could not open a checkpoint.
inline constexpr std::chrono::microseconds pause_after_refusal = std::chrono::milliseconds{50};

/// Interval, record count and pause.
class checkpoint_schedule {
public:
  explicit checkpoint_schedule(const checkpoint_settings& settings)
      : interval_(settings.interval), records_(settings.records), min_pause_(settings.min_pause) {}

  /// The job begins to run, or goes on after a failure: the interval begins.
  void running(monotonic_time now) { interval_from_ = now; }
  /// A checkpoint was opened, for whatever reason.
  void opened(monotonic_time now) {
    interval_from_ = now;
    emitted_ = 0;
  }
  /// A checkpoint has ended, well or not: the pause begins.
  void ended(monotonic_time now) { pause_until_ = saturating_add(now, min_pause_); }
  /// The store could not open one: the pause is long enough for a disk that is full not to be asked all the time.
  void refused(monotonic_time now) { pause_until_ = saturating_add(now, std::max(min_pause_, pause_after_refusal)); }
  /// So many more records have been emitted.
  void emitted(std::uint64_t records) { emitted_ += records; }

  [[nodiscard]] bool pausing(monotonic_time now) const { return now < pause_until_; }
  [[nodiscard]] monotonic_time pause_until() const noexcept { return pause_until_; }
  /// The trigger that is due.
  [[nodiscard]] std::optional<checkpoint_trigger> due(monotonic_time now) const;
  /// When one will be due, if no more records are emitted.
  [[nodiscard]] std::optional<monotonic_time> next() const;

private:
  [[nodiscard]] bool enough_records() const { return records_ > 0 && emitted_ >= records_; }

  std::chrono::microseconds interval_;
  std::uint64_t records_;
  std::chrono::microseconds min_pause_;
  std::optional<monotonic_time> interval_from_;
  monotonic_time pause_until_{};
  std::uint64_t emitted_ = 0;
};

} // namespace weir::inline v0
