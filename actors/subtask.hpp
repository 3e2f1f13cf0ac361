// The actor that runs one subtask.
#pragma once

#include "companions.hpp"
#include "subtask_loop.hpp"

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

namespace weir::inline v0 {

/// Whom a subtask talks to, besides its channels.
struct subtask_peers {
  caf::actor coordinator;
  caf::actor store;
  blocking_work blocking = blocking_work::own_thread;
};

/// Spawns a subtask. It opens its operators, loads its state, and reports `subtask_loaded`; it runs from
/// `start_running` to `stop_subtask`, or until something throws: then it reports `subtask_failed` and ends. It ends
/// after its companions have, so that nothing of an old attempt writes when the next begins. One that is killed from
/// outside can't wait for them: the coordinator is told of each by `companion_spawned`, and waits for them too.
[[nodiscard]] caf::actor spawn_subtask(caf::actor_system& system, subtask_setup setup, subtask_peers peers);

} // namespace weir::inline v0
