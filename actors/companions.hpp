// The actors with threads of their own that do a subtask's blocking reads and writes.
#pragma once

#include "../operators/environment.hpp"
#include "actor_messages.hpp"

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include <cstddef>
#include <memory>

namespace weir::inline v0 {

/// How blocking work is done: on a thread of its own, or, in a simulation, as an ordinary scheduled actor.
enum class blocking_work : std::uint8_t { own_thread, scheduled };

/// Spawns a source's companion. It reads when it is asked, and answers the subtask.
[[nodiscard]] caf::actor spawn_source_companion(caf::actor_system& system, blocking_work how,
                                                std::shared_ptr<split_readers> readers, const element_type& type,
                                                std::size_t batch_size, std::shared_ptr<environment> env,
                                                caf::actor subtask);

/// Spawns a sink's companion. It carries out commands in order, and answers the subtask. `sink` must outlive it.
[[nodiscard]] caf::actor spawn_sink_companion(caf::actor_system& system, blocking_work how, const any_sink& sink,
                                              std::size_t stage, caf::actor subtask);

} // namespace weir::inline v0
