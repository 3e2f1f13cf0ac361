// Looks at, changes and repeats the message that an actor is about to receive.
#pragma once

#include <weir/actors/actor_messages.hpp>

#include <caf/scheduled_actor.hpp>
#include <caf/type_erased_tuple.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace simulation {

/// What can go wrong with a message on its way.
enum class mishap : std::uint8_t { lost, late, repeated, from_old_attempt };

/// A message as a simulation sees it: in the mailbox, until its receiver has run.
struct seen_message {
  /// Under which name its mishaps are counted; empty if nothing may happen to it.
  std::string_view kind;
  caf::type_erased_tuple* content = nullptr;

  // What it is, if a simulation looks into it; else null.
  const weir::channel_message* on_channel = nullptr;
  const weir::credit_grant* grant = nullptr;
  const weir::subtask_report* report = nullptr;
  const weir::store_snapshot* snapshot = nullptr;
  weir::load_request* load = nullptr; ///< a simulation says how large its parts are
  const weir::state_part* part = nullptr;
  const weir::trigger_checkpoint* trigger = nullptr;
  const weir::companion_spawned* spawned = nullptr;
  const weir::sink_order* order = nullptr;
  bool opens = false; ///< a subtask begins its attempt

  /// The channel that it travels on, in either direction.
  [[nodiscard]] std::optional<weir::channel_id> channel() const;
  /// The region and attempt that it belongs to; none if it does not say.
  [[nodiscard]] std::optional<std::pair<weir::region_id, weir::attempt_id>> attempt() const;
  /// Makes it one that the receiver ignores.
  void lose() const;
  /// What sends a copy. Whoever would be answered, `answers` is instead, if there is one.
  [[nodiscard]] std::function<void(const caf::actor& to)> copy(const caf::actor& answers) const;
  /// For the trace.
  [[nodiscard]] std::string text() const;
};

/// The message that the actor takes next; nothing if it has none.
[[nodiscard]] std::optional<seen_message> next_message(caf::scheduled_actor& receiver);

} // namespace simulation
