// The troubles that a seed plans: what goes wrong, and from which step on.
#pragma once

#include "chance.hpp"
#include "messages_seen.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace simulation {

/// What a planned trouble does.
enum class trouble_action : std::uint8_t {
  harm_message,
  throw_in_user_code,
  kill_subtask,
  kill_companion,
  kill_before_sink, ///< a subtask whose sink has an order to carry out
  lose_node,
  kill_store,
  kill_coordinator,
  die,              ///< the whole process, between two steps
  die_at_failpoint, ///< the whole process, within one
  lose_power,       ///< with the process: what was not synced may be gone
  harm_disk,
  ask ///< for a checkpoint, a stop, a drain, a cancellation
};

/// One kind of trouble, by the name under which it is counted.
struct trouble_kind {
  std::string name;
  trouble_action action = trouble_action::die;
  std::string what; ///< the kind of message, the place in user code, what the disk does or what is asked for
  mishap how = mishap::lost;
};
/// Those that come while the job runs.
[[nodiscard]] const std::vector<trouble_kind>& all_troubles();
/// Those that come while a process starts, before the job runs.
[[nodiscard]] const std::vector<trouble_kind>& start_troubles();
/// Whether only a disk that knows what is not synced can have it.
[[nodiscard]] bool needs_power_loss(const trouble_kind& kind);
/// Those that come when something has just failed.
[[nodiscard]] const trouble_kind& draw_second_trouble(chance& random);
/// Under which name a trouble is counted, too, if a region is between two attempts; empty: it is not.
[[nodiscard]] std::string_view in_a_restart(trouble_action action);
/// All such names.
[[nodiscard]] std::vector<std::string> restart_trouble_names();

/// The failpoints at which a simulated process can die.
[[nodiscard]] const std::vector<std::string>& failpoints_in_reach();

/// A trouble of one seed. From `from_step` on it comes at its `skip`-th next opportunity.
struct planned_trouble {
  const trouble_kind* kind = nullptr;
  std::uint64_t from_step = 0;
  std::uint64_t skip = 0;
};

/// The troubles of a seed, in the order of their steps. About one seed in eight has none.
[[nodiscard]] std::vector<planned_trouble> draw_troubles(chance& random, std::uint64_t last_step);

} // namespace simulation
