// How a life is to end.
#include "crash_loop/kill_plan.hpp"

#include <weir/persistence/failpoint.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace weir_test {

namespace {

using names = std::span<const std::string_view>;
using std::to_array;

constexpr auto making = to_array<std::string_view>({"store.make.before", "store.make.drafted", "store.make.renamed"});

constexpr auto starting = to_array<std::string_view>({
    "store.open.before",
    "store.open.after",
    "text_files.claim.before",
    "text_files.claim.after",
    "text_files.revert.removed",
    "text_files.revert.after",
    "sqlite_table.claim.before",
    "sqlite_table.claim.after",
    "store.register_plan.before",
    "store.register_plan.after",
    "store.restore.before",
    "store.restore.after",
    "store.begin_attempt.before",
    "store.begin_attempt.after",
    "coordinator.begin.before",
    "coordinator.begin.after",
    "coordinator.spawn.before",
    "coordinator.spawn.after",
    "store_actor.load.before",
    "store_actor.load.after",
    "coordinator.run_region.before",
    "coordinator.run_region.after",
});

constexpr auto failing = to_array<std::string_view>({
    "coordinator.abort.before",
    "coordinator.abort.after",
    "coordinator.fail.before",
    "store.record_failure.after",
    "coordinator.fail.after",
    "coordinator.restart.before",
    "coordinator.restart.prepared",
    "coordinator.restart.after",
});

constexpr auto ends = to_array<std::string_view>({
    "coordinator.end.before",
    "coordinator.end.after",
    "store.end_run.before",
    "store.end_run.after",
    "store_actor.close.before",
    "store_actor.close.after",
});

constexpr auto anew = to_array<std::string_view>({"store.put_aside.before", "store.put_aside.after"});

constexpr auto moving = to_array<std::string_view>(
    {"savepoint.make.before", "savepoint.make.drafted", "savepoint.make.sealed", "savepoint.make.renamed"});

bool is_in(names all, std::string_view name) {
  return std::find(all.begin(), all.end(), name) != all.end();
}

/// All the others are reached again and again while a job runs.
const std::vector<std::string_view>& running() {
  static const std::vector<std::string_view> found = [] {
    std::vector<std::string_view> rest;
    for (const auto name : weir::failpoints::names())
      if (!is_in(making, name) && !is_in(starting, name) && !is_in(failing, name) && !is_in(ends, name) &&
          !is_in(anew, name) && !is_in(moving, name))
        rest.push_back(name);
    return rest;
  }();
  return found;
}

} // namespace

std::span<const std::string_view> points_of(life_part part) {
  switch (part) {
  case life_part::making:
    return making;
  case life_part::starting:
    return starting;
  case life_part::running:
    return running();
  case life_part::failing:
    return failing;
  case life_part::ending:
    return ends;
  case life_part::anew:
    return anew;
  case life_part::moving:
    return moving;
  }
  return {};
}

life_part part_of(std::string_view point) {
  using parts = life_part;
  for (const auto part : {parts::making, parts::starting, parts::failing, parts::ending, parts::anew, parts::moving})
    if (is_in(points_of(part), point))
      return part;
  return parts::running;
}

std::string_view to_text(ending how) {
  switch (how) {
  case ending::none:
    return "not killed";
  case ending::at_random:
    return "at random";
  case ending::at_point:
    return "at a failpoint";
  case ending::in_recovery:
    return "in recovery";
  case ending::after_failure:
    return "after a failure";
  case ending::in_shutdown:
    return "in shutdown";
  case ending::at_last_point:
    return "at a failpoint of the shutdown";
  case ending::while_stopped:
    return "while stopped";
  case ending::after_stop:
    return "after a stop";
  }
  return "?";
}

std::string kill_plan::text() const {
  std::string text{to_text(how)};
  if (!point.empty())
    text += ", " + point + " " + std::to_string(nth);
  if (after.count() != 0)
    text += ", after " + std::to_string(after.count() / 1000) + " ms";
  if (then.count() != 0)
    text += ", then " + std::to_string(then.count() / 1000) + " ms";
  return text;
}

bool point_chooser::wants(std::string_view point) const {
  return wanted_.empty() || std::find(wanted_.begin(), wanted_.end(), point) != wanted_.end();
}

std::string point_chooser::choose(life_part part, std::span<const std::string_view> but, std::mt19937_64& random) {
  std::vector<std::string> best;
  double least = 0;
  for (const auto name : points_of(part)) {
    if (!wants(name) || is_in(but, name))
      continue;
    const std::string point{name};
    // One that is tried in vain again and again must not keep the others from their turn.
    const double score = hits_[point] + 0.3 * tries_[point];
    if (best.empty() || score < least) {
      best.clear();
      least = score;
    }
    if (score == least)
      best.push_back(point);
  }
  if (best.empty())
    return {};
  const auto& chosen = best[std::uniform_int_distribution<std::size_t>{0, best.size() - 1}(random)];
  ++tries_[chosen];
  return chosen;
}

std::vector<std::string> point_chooser::missing() const {
  std::vector<std::string> all;
  for (const auto name : weir::failpoints::names())
    if (const auto at = hits_.find(std::string{name}); wants(name) && (at == hits_.end() || at->second == 0))
      all.emplace_back(name);
  return all;
}

} // namespace weir_test
