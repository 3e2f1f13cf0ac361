#include "simulation/troubles.hpp"

#include <weir/persistence/failpoint.hpp>

#include <algorithm>
#include <array>
#include <set>

namespace simulation {

namespace {

std::vector<trouble_kind> make_all() {
  std::vector<trouble_kind> all;
  const auto messages = [&all](const char* kind) {
    all.push_back({std::string{kind} + " lost", trouble_action::harm_message, kind, mishap::lost});
    all.push_back({std::string{kind} + " late", trouble_action::harm_message, kind, mishap::late});
    all.push_back({std::string{kind} + " repeated", trouble_action::harm_message, kind, mishap::repeated});
    all.push_back(
        {std::string{kind} + " from an old attempt", trouble_action::harm_message, kind, mishap::from_old_attempt});
  };
  messages("batch");
  messages("control message");
  messages("credit");
  messages("acknowledgement");
  messages("commit acknowledgement");
  messages("skip notice");
  messages("completion notice");
  messages("abort notice");
  // Within one process these are never lost. Of a node that was cut off they come late.
  for (const char* kind : {"snapshot", "loaded notice", "end notice"})
    all.push_back(
        {std::string{kind} + " from an old attempt", trouble_action::harm_message, kind, mishap::from_old_attempt});
  all.push_back({"state part repeated", trouble_action::harm_message, "state part", mishap::repeated});
  for (const char* place : {"process", "read", "open_split", "snapshot", "restore", "open_writer", "write", "prepare",
                            "prepared", "commit", "committed", "prepare_output", "check_restored"})
    all.push_back({std::string{"exception in "} + place, trouble_action::throw_in_user_code, place});
  all.push_back({"subtask killed", trouble_action::kill_subtask, ""});
  all.push_back({"companion killed", trouble_action::kill_companion, ""});
  all.push_back({"subtask killed before its sink's work", trouble_action::kill_before_sink, ""});
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

/// Failpoints that no simulation reaches, by the beginnings of their names.
constexpr std::array<std::string_view, 3> out_of_reach{
    "text_files.",     // simulated sinks are in memory
    "sqlite_table.",   // the same
    "store.put_aside", // only --fresh puts a store aside, and a simulated process goes on with the one it has
};

std::vector<trouble_kind> make_start() {
  std::vector<trouble_kind> all;
  all.push_back({"process died in a start", trouble_action::die_at_failpoint, ""});
  all.push_back({"power lost in a start", trouble_action::lose_power, ""});
  // What was enumerated is kept: a restart does not ask again.
  for (const char* place : {"prepare_output", "enumerate", "check_restored"})
    all.push_back({std::string{"exception in "} + place + " in a start", trouble_action::throw_in_user_code, place});
  for (const char* what :
       {"write failed", "write failed for good", "sync failed", "disk full", "write shortened", "lock busy"})
    all.push_back({std::string{what} + " in a start", trouble_action::harm_disk, what});
  return all;
}

} // namespace

const std::vector<trouble_kind>& all_troubles() {
  static const std::vector<trouble_kind> all = make_all();
  return all;
}

const std::vector<trouble_kind>& start_troubles() {
  static const std::vector<trouble_kind> all = make_start();
  return all;
}

bool needs_power_loss(const trouble_kind& kind) {
  return kind.action == trouble_action::lose_power || kind.what == "write torn";
}

const trouble_kind& draw_second_trouble(chance& random) {
  static const std::vector<const trouble_kind*> apt = [] {
    std::vector<const trouble_kind*> some;
    for (const trouble_kind& kind : all_troubles())
      if (!in_a_restart(kind.action).empty())
        some.push_back(&kind);
    return some;
  }();
  // Where regions are prepared, nothing else can throw.
  if (random.one_in(4)) {
    static constexpr std::array<std::string_view, 2> places{"prepare_output", "check_restored"};
    const std::string_view place = random.pick(places);
    return *std::find_if(all_troubles().begin(), all_troubles().end(), [&](const trouble_kind& k) {
      return k.action == trouble_action::throw_in_user_code && k.what == place;
    });
  }
  return *random.pick(apt);
}

std::string_view in_a_restart(trouble_action action) {
  switch (action) {
  case trouble_action::throw_in_user_code:
    return "exception in a restart";
  case trouble_action::kill_subtask:
  case trouble_action::kill_companion:
  case trouble_action::kill_before_sink:
  case trouble_action::lose_node:
    return "actor killed in a restart";
  case trouble_action::kill_store:
    return "store killed in a restart";
  case trouble_action::kill_coordinator:
    return "coordinator killed in a restart";
  case trouble_action::die:
  case trouble_action::die_at_failpoint:
  case trouble_action::lose_power:
    return "process died in a restart";
  case trouble_action::harm_disk:
    return "disk harmed in a restart";
  case trouble_action::harm_message:
  case trouble_action::ask:
    break;
  }
  return {};
}

const std::vector<std::string>& failpoints_in_reach() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const std::string_view name : weir::failpoints::names())
      if (std::none_of(out_of_reach.begin(), out_of_reach.end(),
                       [name](std::string_view beginning) { return name.substr(0, beginning.size()) == beginning; }))
        all.emplace_back(name);
    return all;
  }();
  return names;
}

std::vector<std::string> restart_trouble_names() {
  std::set<std::string> names;
  for (const trouble_kind& kind : all_troubles())
    if (const std::string_view name = in_a_restart(kind.action); !name.empty())
      names.insert(std::string{name});
  return {names.begin(), names.end()};
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
