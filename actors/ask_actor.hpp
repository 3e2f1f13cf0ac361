// The function that an async_map calls to ask an actor.
#pragma once

#include "../operators/async_reply.hpp"

#include <caf/actor.hpp>
#include <caf/error.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/message.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

namespace detail {

/// Asks an actor for others, by an actor of its own: requests of one operator go through it.
class actor_asker {
public:
  /// Makes a request as the actor given, and handles its answer.
  using request_function =
      std::function<void(caf::event_based_actor*, const caf::actor& to, std::chrono::milliseconds)>;

  /// `to` may be empty: then every request fails at once.
  actor_asker(caf::actor to, std::chrono::milliseconds timeout);
  ~actor_asker();
  actor_asker(const actor_asker&) = delete;
  actor_asker& operator=(const actor_asker&) = delete;

  /// Whether there is an actor to ask.
  [[nodiscard]] bool can_ask() const noexcept { return static_cast<bool>(asks_); }
  void ask(request_function request) const;

private:
  caf::actor asks_;
};

/// What an error says, for people.
[[nodiscard]] std::string text_of(const caf::event_based_actor& self, const caf::error& why);

} // namespace detail

/// A function for `stream::async_map<Out>` that asks an actor: `make_request(const T&)` returns the `caf::message` for
/// a record, and the actor answers with one `Out`. An error, an answer of another type, an actor that is gone and the
/// timeout are failures; give the operator itself a longer timeout, or none.
///
///     orders.async_map<customer>("customers", weir::ask_actor<customer>(directory, [](const order& o) {
///       return caf::make_message(find_atom::value, o.customer); }))
template <class Out, class MakeRequest>
[[nodiscard]] auto ask_actor(caf::actor to, MakeRequest make_request,
                             std::chrono::milliseconds timeout = std::chrono::seconds{10}) {
  return [asker = std::make_shared<const detail::actor_asker>(std::move(to), timeout),
          make_request = std::move(make_request)](const auto& record, async_reply<Out> reply) {
    static_assert(std::is_invocable_r_v<caf::message, const MakeRequest&, decltype(record)>,
                  "weir: the function given to ask_actor must be callable const with the stream's record, and return a "
                  "caf::message, which caf::make_message makes");
    if (!asker->can_ask())
      return reply.fail("there is no actor to ask: an empty handle");
    asker->ask([reply = std::move(reply), request = make_request(record)](
                   caf::event_based_actor* self, const caf::actor& whom, std::chrono::milliseconds patience) {
      self->request(whom, patience, request)
          .then([reply](const Out& out) { reply(out); },
                [reply, self](const caf::error& why) { reply.fail("the actor: " + detail::text_of(*self, why)); });
    });
  };
}

} // namespace weir::inline v0
