#include "simulation/troubles.hpp"

#include <algorithm>

namespace simulation {

namespace {

std::vector<trouble_kind> make_all() {
  std::vector<trouble_kind> all;
  const auto messages = [&all](const char* kind, bool old_attempts) {
    all.push_back({std::string{kind} + " lost", trouble_action::harm_message, kind, mishap::lost});
    all.push_back({std::string{kind} + " late", trouble_action::harm_message, kind, mishap::late});
    all.push_back({std::string{kind} + " repeated", trouble_action::harm_message, kind, mishap::repeated});
    if (old_attempts)
      all.push_back(
          {std::string{kind} + " from an old attempt", trouble_action::harm_message, kind, mishap::from_old_attempt});
  };
  messages("batch", true);
  messages("control message", true);
  messages("credit", true);
  messages("acknowledgement", true);
  messages("commit acknowledgement", true);
  messages("skip notice", true);
  messages("completion notice", false);
  messages("abort notice", false);
  for (const char* place : {"process", "read", "open_split", "snapshot", "restore", "open_writer", "write", "prepare",
                            "prepared", "commit", "committed"})
    all.push_back({std::string{"exception in "} + place, trouble_action::throw_in_user_code, place});
  all.push_back({"subtask killed", trouble_action::kill_subtask, ""});
  all.push_back({"companion killed", trouble_action::kill_companion, ""});
  all.push_back({"node lost", trouble_action::lose_node, ""});
  all.push_back({"store killed", trouble_action::kill_store, ""});
  all.push_back({"coordinator killed", trouble_action::kill_coordinator, ""});
  all.push_back({"process died", trouble_action::die, ""});
  all.push_back({"process died at a failpoint", trouble_action::die_at_failpoint, ""});
  all.push_back({"power lost", trouble_action::lose_power, ""});
  for (const char* what : {"write failed", "write failed for good", "sync failed", "disk full", "write torn",
                           "write shortened", "lock busy"})
    all.push_back({what, trouble_action::harm_disk, what});
  for (const char* what : {"checkpoint", "stop", "drain", "cancel"})
    all.push_back({std::string{"asked to "} + what, trouble_action::ask, what});
  return all;
}

} // namespace

const std::vector<trouble_kind>& all_troubles() {
  static const std::vector<trouble_kind> all = make_all();
  return all;
}

std::vector<planned_trouble> draw_troubles(chance& random, std::uint64_t last_step) {
  std::vector<planned_trouble> planned;
  const std::uint64_t count = random.one_in(8) ? 0 : random.between(1, 8);
  for (std::uint64_t i = 0; i != count; ++i) {
    planned_trouble t{&random.pick(all_troubles()), random.below(last_step), random.one_in(2) ? 0 : random.below(30)};
    // The whole process is the commonest victim in life.
    if (random.one_in(6))
      t.kind = &*std::find_if(all_troubles().begin(), all_troubles().end(),
                              [](const trouble_kind& k) { return k.action == trouble_action::die_at_failpoint; });
    planned.push_back(t);
  }
  std::sort(planned.begin(), planned.end(),
            [](const planned_trouble& a, const planned_trouble& b) { return a.from_step < b.from_step; });
  return planned;
}

} // namespace simulation
