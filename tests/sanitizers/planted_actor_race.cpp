// A race on purpose, between actors: two of them write one integer of their spawner's.
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

namespace {

int shared = 0;

caf::behavior racer(caf::event_based_actor* self) {
  return {[self](int left) {
    ++shared;
    if (left > 0)
      self->send(self, left - 1);
    else
      self->quit();
  }};
}

} // namespace

int main() {
  caf::actor_system_config config;
  caf::actor_system system{config};
  caf::anon_send(system.spawn<caf::detached>(racer), 20000);
  caf::anon_send(system.spawn<caf::detached>(racer), 20000);
}
