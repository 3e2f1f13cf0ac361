// The one way by which messages of the runtime are sent.
#pragma once

#include <caf/actor.hpp>
#include <caf/send.hpp>

#include <utility>

namespace weir::inline v0 {

/// Sends without a sender, and past the sending worker's own queue: the default work-stealing scheduler puts a wake-up
/// from inside a worker at the head of that worker's queue, and a busy pair of actors then starves all others.
template <class... Ts>
void post(const caf::actor& to, Ts&&... content) {
  if (to)
    caf::anon_send(to, std::forward<Ts>(content)...);
}

} // namespace weir::inline v0
