// When the next checkpoint is due.
#include "checkpoint_schedule.hpp"

#include <algorithm>

namespace weir::inline v0 {

checkpoint_settings::checkpoint_settings(const job_options& options)
    : interval(options.checkpoint_interval),
      records(options.checkpoint_records),
      timeout(options.checkpoint_timeout),
      min_pause(options.min_pause),
      max_concurrent(may_overtake(options) ? 1 : options.max_concurrent),
      tolerable_failures(options.tolerable_failures) {}

std::optional<checkpoint_trigger> checkpoint_schedule::due(monotonic_time now) const {
  if (pausing(now))
    return std::nullopt;
  if (interval_.count() > 0 && interval_from_ && now >= saturating_add(*interval_from_, interval_))
    return checkpoint_trigger::interval;
  if (enough_records())
    return checkpoint_trigger::records;
  return std::nullopt;
}

std::optional<monotonic_time> checkpoint_schedule::next() const {
  if (enough_records())
    return pause_until_;
  if (interval_.count() > 0 && interval_from_)
    return std::max(saturating_add(*interval_from_, interval_), pause_until_);
  return std::nullopt;
}

} // namespace weir::inline v0
