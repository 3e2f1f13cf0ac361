// The crash loop's lives: how each is started, and how it is ended.
#include "crash_loop/crash_loop.hpp"
#include "crash_loop/crash_run.hpp"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>

using namespace std::chrono_literals;

namespace weir_test {

namespace {

namespace fs = std::filesystem;

constexpr auto patience = 60s;
/// A failpoint that is not reached by then is not reached at all.
constexpr auto point_patience = 10s;
constexpr const char* program_path = WEIR_BINARY_DIR "/tests/crash_loop/crash_loop_program";

bool is_stopped(pid_t pid) {
  const std::string text = scratch_folder::read("/proc/" + std::to_string(pid) + "/stat");
  const auto at = text.rfind(") ");
  return at != std::string::npos && at + 2 < text.size() && text[at + 2] == 'T';
}

/// Whether a file of the sink lies there that no checkpoint has made final.
bool has_leftovers(const std::string& folder, std::uint64_t newest) {
  std::error_code none;
  for (fs::directory_iterator each{folder, none}, end; !none && each != end; each.increment(none)) {
    const std::string name = each->path().filename().string();
    unsigned long checkpoint = 0;
    if (name.ends_with(".open"))
      return true;
    if (name.ends_with(".part") && name.size() > 17) {
      checkpoint = std::strtoul(name.c_str() + name.size() - 17, nullptr, 10);
      if (checkpoint > newest)
        return true;
    }
  }
  return false;
}

} // namespace

std::chrono::microseconds crash_loop::some(int least_ms, int most_ms) {
  return std::chrono::microseconds{std::uniform_int_distribution<>{least_ms * 1000, most_ms * 1000}(random_)};
}

bool crash_loop::chance(double of) {
  return std::uniform_real_distribution<>{}(random_) < of;
}

void crash_loop::prepare(one_run& run) {
  const auto pick = [this](std::vector<std::string> from) {
    return from[std::uniform_int_distribution<std::size_t>{0, from.size() - 1}(random_)];
  };
  if (!run.model.input().empty())
    run.folder.write("input.txt", run.model.input());
  run.options = {"--checkpoint-interval",
                 pick({"5ms", "10ms", "20ms", "40ms"}),
                 "--retain",
                 pick({"2", "1000", "1000"}),
                 "--max-concurrent",
                 pick({"1", "1", "3"}),
                 "--batch-size",
                 pick({"16", "64"})};
  if (chance(0.5))
    run.options.emplace_back("--no-fusion");
  run.rescaled = run.model.rescales() && chance(0.3);
  run.parallelism = run.model.rescales() ? std::uniform_int_distribution<std::uint32_t>{1, 3}(random_) : 3;
  for (const std::string& option : run.options)
    run.story += option + " ";
  run.watch = std::make_unique<sink_watch>(run.folder.path().string(), run.model);
}

kill_plan crash_loop::next_plan(const one_run& run) {
  std::vector<std::string_view> but;
  if (run.model.table().empty())
    for (const auto part : {life_part::starting, life_part::running})
      for (const auto point : points_of(part))
        if (point.starts_with("sqlite_table."))
          but.push_back(point);
  kill_plan plan;
  const auto at_point = [&](ending how, life_part part, unsigned most) {
    plan.how = how;
    plan.point = points_.choose(part, but, random_);
    plan.nth = std::uniform_int_distribution<unsigned>{1, most}(random_);
    if (plan.point.empty()) // none of this part is wanted
      plan = {ending::at_random, "", 1, some(5, 400), {}};
    return plan;
  };
  // A failpoint that was never hit has the first turn, if this life can reach it.
  std::optional<life_part> wanted;
  if (const auto missing = points_.missing(); !missing.empty() && chance(0.5))
    wanted = part_of(missing[std::uniform_int_distribution<std::size_t>{0, missing.size() - 1}(random_)]);
  if (!fs::exists(run.store) && (wanted == life_part::making || chance(0.5)))
    return at_point(ending::at_point, life_part::making, 1);
  if (wanted == life_part::starting || (run.killed && chance(0.4))) {
    if (run.newest == 0)
      but.insert(but.end(), {"store_actor.load.before", "store_actor.load.after"});
    if (!has_leftovers(run.folder / "files", run.newest))
      but.emplace_back("text_files.revert.removed");
    return at_point(run.killed ? ending::in_recovery : ending::at_point, life_part::starting, 1);
  }
  if (wanted == life_part::running)
    return at_point(ending::at_point, life_part::running, 3);
  if (wanted == life_part::failing || chance(0.16))
    return at_point(ending::after_failure, life_part::failing, 2);
  if (wanted == life_part::ending || chance(0.12)) {
    at_point(ending::at_last_point, life_part::ending, 1);
    plan.after = some(60, 250);
    return plan;
  }
  double kind = std::uniform_real_distribution<>{}(random_);
  // So has a kind of kill that did not happen yet.
  for (const auto& [how, at] : {std::pair{ending::at_random, 0.0}, std::pair{ending::in_shutdown, 0.85},
                                std::pair{ending::while_stopped, 0.9}, std::pair{ending::after_stop, 0.95}})
    if (counts_.kills.count(how) == 0 && chance(0.5))
      kind = at;
  if (kind < 0.32)
    return {ending::at_random, "", 1, some(5, 450), {}};
  if (kind < 0.80)
    return at_point(ending::at_point, life_part::running, 5);
  if (kind < 0.88)
    return {ending::in_shutdown, "", 1, some(60, 300), some(0, 180)};
  if (chance(0.5))
    at_point(ending::while_stopped, life_part::running, 3);
  plan.how = kind < 0.94 ? ending::while_stopped : ending::after_stop;
  plan.after = some(20, 300);
  plan.then = some(20, 120);
  return plan;
}

void crash_loop::carry_out(child_process& life, const kill_plan& plan, life_end& outcome) {
  const auto kill = [&] {
    outcome.by_signal = true;
    life.signal(SIGKILL);
  };
  switch (plan.how) {
  case ending::none:
    return;
  case ending::at_random:
    if (!life.wait_for(plan.after))
      kill();
    return;
  case ending::at_point:
  case ending::in_recovery:
  case ending::after_failure:
    if (!life.wait_for(point_patience))
      kill();
    return;
  case ending::in_shutdown:
    if (life.wait_for(plan.after))
      return;
    life.signal(SIGTERM);
    if (!life.wait_for(plan.then))
      kill();
    return;
  case ending::at_last_point:
    if (life.wait_for(plan.after))
      return;
    life.signal(SIGTERM);
    if (!life.wait_for(point_patience))
      kill();
    return;
  case ending::while_stopped:
  case ending::after_stop:
    if (plan.point.empty()) {
      if (life.wait_for(plan.after))
        return;
      life.signal(SIGSTOP);
    }
    for (int looks = 0; looks != 300 && !outcome.stopped; ++looks) {
      if (life.wait_for(5ms))
        return;
      outcome.stopped = is_stopped(life.pid());
    }
    if (life.wait_for(plan.then))
      return;
    if (plan.how == ending::after_stop) {
      life.signal(SIGCONT);
      if (life.wait_for(plan.after))
        return;
    }
    kill();
    return;
  }
}

crash_loop::life_end crash_loop::live(one_run& run, const kill_plan& plan, const std::vector<std::string>& more) {
  if (run.rescaled)
    run.parallelism = std::uniform_int_distribution<std::uint32_t>{1, 4}(random_);
  const bool stops = plan.how == ending::while_stopped || plan.how == ending::after_stop;
  const std::string armed =
      plan.point.empty() ? "" : plan.point + ":" + std::to_string(plan.nth) + (stops ? ":stop" : ":kill");
  std::vector<std::string> command{"/usr/bin/env", "WEIR_FAILPOINT=" + armed, program_path};
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
           {"job", run.model.name()},
           {"folder", run.folder.path().string()},
           {"store", run.store},
           {"parallelism", std::to_string(run.parallelism)},
           {"threads", "3"},
           {"log-level", "debug"},
           {"restart", "fixed:1000,5ms"},
       })
    command.insert(command.end(), {"--" + name, value});
  for (const auto& options : {run.model.options(), run.options, more})
    command.insert(command.end(), options.begin(), options.end());
  if (plan.how == ending::after_failure) {
    const double every = run.model.pace() * std::uniform_real_distribution<>{0.05, 0.25}(random_);
    command.insert(command.end(), {"--fail-every", std::to_string(static_cast<std::uint64_t>(every))});
  }
  run.story += "\n  parallelism " + std::to_string(run.parallelism) + ", " + plan.text();

  life_end life;
  child_process process{command, run.folder / "life"};
  carry_out(process, plan, life);
  const auto end = process.wait_for(patience);
  life.log = run.last_log = process.standard_error();
  if (!end)
    throw std::runtime_error{"the program neither ends nor dies"};
  life.end = *end;
  life.killed = end->signal == SIGKILL;
  run.killed = life.killed;
  ++counts_.lives;
  counts_.stops += life.stopped;
  if (life.killed) {
    ++counts_.total_kills;
    // Whoever died without a signal of ours died at the failpoint.
    const bool at_the_point = !plan.point.empty() && !stops && !life.by_signal;
    if (at_the_point)
      points_.hit(plan.point);
    const bool as_planned = at_the_point || plan.how == ending::in_shutdown || (stops && life.stopped);
    ++counts_.kills[as_planned ? plan.how : ending::at_random];
    run.story += at_the_point ? ": died there" : ": killed";
  } else {
    run.story += end->signal != 0 ? ": died of signal " + std::to_string(end->signal)
                                  : ": ended with " + std::to_string(end->code);
    // Before the program listens to SIGTERM, and when it listens no more, it dies of it.
    const bool asked_to_end = plan.how == ending::in_shutdown || plan.how == ending::at_last_point;
    if (end->signal == SIGTERM && asked_to_end) {
      ++counts_.terminated;
      run.killed = true;
      return life;
    }
    if (end->signal != 0)
      throw std::runtime_error{"the program died of signal " + std::to_string(end->signal)};
    if (end->code != 0)
      throw std::runtime_error{"the program ended with status " + std::to_string(end->code)};
  }
  return life;
}

} // namespace weir_test
