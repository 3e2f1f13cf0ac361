// Looks at, changes and repeats the message that an actor is about to receive.
#pragma once

#include <weir/actors/messages.hpp>

#include <caf/mailbox_element.hpp>
#include <caf/scheduled_actor.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace simulation {

/// What can go wrong with a message on its way.
enum class mishap : std::uint8_t { lost, late, repeated, from_old_attempt };

/// A message as a simulation sees it.
struct seen_message {
  /// Under which name its mishaps are counted; empty if nothing may happen to it.
  std::string kind;
  std::optional<weir::channel_id> channel;     ///< it travels on, in either direction
  std::string text;                            ///< for the trace
  std::function<void()> lose;                  ///< makes it one that the receiver ignores
  std::function<void(const caf::actor&)> send; ///< sends a copy
};

/// Of the message that the actor takes next; nothing if it has none.
[[nodiscard]] std::optional<seen_message> next_message(caf::scheduled_actor& receiver);

} // namespace simulation
