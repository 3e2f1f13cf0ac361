// The messages of a job's coordinator, as CAF sees them.
#pragma once

#include "../actors/actor_messages.hpp"
#include "job_control.hpp"

namespace weir::inline v0 {

/// From itself: time has passed. Only the last one that was asked for counts.
struct coordinator_tick {
  std::uint64_t number = 0;
};
/// From itself: the first message.
struct begin_job {};

} // namespace weir::inline v0

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::job_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::coordinator_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::begin_job)
