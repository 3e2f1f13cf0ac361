// Sinks whose subtask is killed while they have orders: they are kept from running until its successor could.
#include "simulation/simulated_run.hpp"

#include <caf/send.hpp>

#include <algorithm>

namespace simulation {

namespace {

/// So often the time jumps while nothing but the orphan has work. Fewer than the looks after which a job is given up.
constexpr int most_jumps = 12;

} // namespace

/// Kills the subtask of a sink that is about to commit or to prepare, if that is planned. Returns whether it did: the
/// order then stays where it is for a while. Nobody has told the sink that it has no subtask any more.
bool simulated_run::make_orphan(caf::scheduled_actor& sink) {
  const auto planned = std::find_if(harms_.begin(), harms_.end(), [](const planned_trouble& t) {
    return t.kind->action == trouble_action::kill_before_sink;
  });
  const auto owner = owners_.find(sink.id());
  if (planned == harms_.end() || owner == owners_.end())
    return false;
  const auto message = next_message(sink);
  if (!message || !message->order ||
      (!std::holds_alternative<weir::sink_command::commit>(message->order->command.what) &&
       !std::holds_alternative<weir::sink_command::prepare>(message->order->command.what)))
    return false;
  const auto subtask = actors_.find(owner->second);
  if (subtask == actors_.end() || !lives(subtask->second))
    return false;
  if (planned->skip != 0) {
    planned->skip = std::min<std::uint64_t>(planned->skip - 1, 3); // there are few such orders
    return false;
  }
  caf::anon_send_exit(subtask->second, caf::exit_reason::kill);
  happened(*planned->kind);
  harms_.erase(planned);
  region_is_harmed();
  orphan_ = sink.id();
  orphan_waits_until_ = result_.steps + random_.between(20, 300);
  orphan_jumps_ = most_jumps;
  return true;
}

bool simulated_run::waits(const caf::scheduled_actor& actor) const {
  return actor.id() == orphan_ && result_.steps < orphan_waits_until_;
}

/// Whether only the orphan has work: then time goes on without it.
bool simulated_run::time_passes_an_orphan() {
  const auto& jobs = scheduler_->jobs;
  const auto* actor = jobs.size() == 1 ? dynamic_cast<caf::scheduled_actor*>(jobs.front()) : nullptr;
  return actor && waits(*actor) && orphan_jumps_ > 0 && orphan_jumps_-- > 0;
}

} // namespace simulation
