// Decides what follows from a failure.
#include "failure_decision.hpp"

#include <algorithm>

namespace weir::inline v0 {

std::string_view to_text(region_status status) {
  switch (status) {
  case region_status::idle:
    return "idle";
  case region_status::starting:
    return "starting";
  case region_status::running:
    return "running";
  case region_status::failing:
    return "failing";
  case region_status::failed:
    break;
  }
  return "failed";
}

failure_tracker::failure_tracker(const restart_settings& settings, std::uint32_t regions)
    : regions_(regions, region_state{settings}) {}

void failure_tracker::deployed(region_id region, attempt_id attempt) {
  region_state& state = regions_.at(region.value);
  state.status = region_status::starting;
  state.attempt = attempt;
  state.cause.reset();
}

void failure_tracker::running(region_id region, attempt_id attempt) {
  region_state& state = regions_.at(region.value);
  if (state.status == region_status::starting && state.attempt == attempt)
    state.status = region_status::running;
}

failure_decision failure_tracker::failed(const region_failure& failure, monotonic_time now, double random) {
  if (job_failed_)
    return ignore_failure{ignored_because::job_failed};
  region_state& state = regions_.at(failure.region.value);
  if (failure.attempt != state.attempt)
    return ignore_failure{ignored_because::old_attempt};
  if (state.status == region_status::failing)
    return ignore_failure{ignored_because::already_failing};

  state.cause = failure;
  if (failure.recoverable) {
    if (const auto delay = state.strategy.failed(now, random)) {
      state.status = region_status::failing;
      return restart_region{failure.region, *delay, state.strategy.restarts()};
    }
  }
  state.status = region_status::failed;
  job_failed_ = true;
  const std::uint32_t restarts = state.strategy.restarts();
  std::string remedy;
  if (restarts > 0)
    remedy = "it was restarted " + std::to_string(restarts) + (restarts == 1 ? " time" : " times") + " before; ";
  remedy += "remove the cause, and start the job again: it goes on from its last complete checkpoint, if it has one";
  return give_up_job{failure, restarts, {failure.name, {}, failure.message, remedy}};
}

const region_failure* failure_tracker::cause(region_id region) const {
  const auto& cause = regions_.at(region.value).cause;
  return cause ? &*cause : nullptr;
}

bool failure_tracker::all_running() const noexcept {
  return std::all_of(regions_.begin(), regions_.end(),
                     [](const region_state& state) { return state.status == region_status::running; });
}

} // namespace weir::inline v0
