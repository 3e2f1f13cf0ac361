// The actor to which producers send: it carries feeds to the desk, and the desk's answers back.
#pragma once

#include "feed_source.hpp"

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include <memory>

namespace weir::inline v0 {

/// Spawns the inbox of a desk. It ends when it is told to. `producers`: how many each split of the desk may have; so
/// many feeds, and so many questions, wait at most.
[[nodiscard]] caf::actor spawn_feed_inbox(caf::actor_system& system, std::shared_ptr<feed_desk> desk, fed_type type,
                                          std::size_t producers);

} // namespace weir::inline v0
