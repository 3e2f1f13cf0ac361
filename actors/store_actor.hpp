// The actor that owns a node's checkpoint store: its one writer.
#pragma once

#include "../operators/environment.hpp"
#include "../persistence/checkpoint_store.hpp"
#include "companions.hpp"

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include <functional>
#include <memory>

namespace weir::inline v0 {

/// Spawns the writer of a store. Snapshots that wait together become durable in one transaction, with one sync.
/// It ends, and closes the store, when it is told to stop.
[[nodiscard]] caf::actor spawn_store(caf::actor_system& system, blocking_work how,
                                     std::shared_ptr<checkpoint_store> store, std::shared_ptr<environment> env);

/// Runs `work` on the store's thread, behind all that was sent to it before.
void post_work(const caf::actor& to, std::function<void()> work);

/// The environment's time as the store takes it.
[[nodiscard]] inline wall_time wall_time_of(const environment& env) {
  return wall_time{env.now().time_since_epoch().count()};
}

} // namespace weir::inline v0
