// Actors that share nothing but what they send each other: no race, and no report.
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace {

using list = std::shared_ptr<std::vector<std::size_t>>;

} // namespace

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(list)

namespace {

struct player_state {
  std::vector<std::size_t> seen;
  std::string last;
};

/// Adds to a list and passes it on, until it is long enough; answers what it saw; stops when told.
caf::behavior player(caf::stateful_actor<player_state>* self) {
  return {
      [self](const caf::actor& other, list numbers, const caf::actor& referee) {
        self->state.seen.push_back(numbers->size());
        self->state.last = std::to_string(numbers->size());
        numbers->push_back(self->state.seen.size());
        if (numbers->size() < 4000)
          self->send(other, caf::actor_cast<caf::actor>(self), std::move(numbers), referee);
        else
          self->send(referee, std::move(numbers));
      },
      [self](caf::get_atom) { return self->state.seen.size(); },
      [self](caf::tick_atom) { self->state.last += '.'; },
  };
}

} // namespace

int main() {
  caf::actor_system_config config;
  config.set("scheduler.max-threads", 4);
  caf::actor_system system{config};
  std::size_t total = 0;
  for (int round = 0; round < 4; ++round) {
    caf::scoped_actor self{system};
    const auto left =
        round % 2 == 0 ? self->spawn<caf::monitored>(player) : self->spawn<caf::monitored + caf::detached>(player);
    const auto right = self->spawn<caf::monitored>(player);
    const auto start = std::make_shared<std::vector<std::size_t>>();
    self->delayed_send(right, std::chrono::milliseconds{1}, caf::tick_atom::value);
    self->send(left, right, start, caf::actor_cast<caf::actor>(self));
    self->receive([&](const list& numbers) { total += numbers->size(); });
    for (const auto& player : {left, right}) {
      self->request(player, caf::infinite, caf::get_atom::value)
          .receive([&](std::size_t seen) { total += seen; }, [](const caf::error&) {});
      self->send_exit(player, caf::exit_reason::user_shutdown);
      self->receive([](const caf::down_msg&) {});
    }
  }
  return total == 4 * 2 * 4000 ? 0 : 1;
}
