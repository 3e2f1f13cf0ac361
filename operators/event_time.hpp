// The two kinds of time that operators see.
#pragma once

#include <chrono>

namespace weir::inline v0 {

/// When an event happened, by its own record; milliseconds since 1970-01-01 UTC.
using event_time = std::chrono::sys_time<std::chrono::milliseconds>;

/// What the runtime's clock says while a record is processed; microseconds since 1970-01-01 UTC. Comes from the
/// environment, never straight from the system, so that a simulation can set it.
using processing_time = std::chrono::sys_time<std::chrono::microseconds>;

} // namespace weir::inline v0
