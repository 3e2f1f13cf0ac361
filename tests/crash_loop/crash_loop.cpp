// The crash loop: runs of jobs, from the first life to the last, and what is checked after each.
#include "crash_loop/crash_loop.hpp"

#include "crash_loop/crash_run.hpp"
#include "crash_loop/output_check.hpp"
#include "process/database.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <utility>

using namespace std::chrono_literals;

namespace weir_test {

namespace {

namespace fs = std::filesystem;

/// The number behind a text in a line.
std::optional<std::uint64_t> number_behind(const std::string& line, const std::string& text) {
  const auto at = line.find(text);
  if (at == std::string::npos)
    return std::nullopt;
  return std::strtoull(line.c_str() + at + text.size(), nullptr, 10);
}

std::string run_of(const std::string& store) {
  return database{store}.value("SELECT uuid FROM runs");
}

std::string last_lines(const std::string& text, std::size_t most) {
  std::size_t at = text.size();
  for (std::size_t lines = 0; at != 0; --at)
    if (text[at - 1] == '\n' && lines++ == most)
      break;
  return text.substr(at);
}

} // namespace

crash_loop::crash_loop(std::uint64_t seed, std::vector<std::string> wanted)
    : seed_(seed), random_(seed), points_(std::move(wanted)) {}

void crash_loop::read_log(one_run& run, const life_end& life) {
  std::istringstream lines{life.log};
  for (std::string line; std::getline(lines, line);) {
    const std::uint64_t least = std::max(run.reported, run.newest);
    if (line.find("begins run") != std::string::npos) {
      if (run.begun)
        throw std::runtime_error{"the job began again: " + line};
      run.begun = true;
      ++counts_.beginnings;
    }
    if (line.find("resumes run") != std::string::npos) {
      const auto from = number_behind(line, "from checkpoint ");
      if (from.value_or(0) < least)
        throw std::runtime_error{"checkpoint " + std::to_string(least) + " was complete: " + line};
      run.begun = true;
      counts_.resumed += from.has_value();
    }
    if (line.find(" complete: ") != std::string::npos)
      if (const auto complete = number_behind(line, ": checkpoint "))
        run.reported = std::max(run.reported, *complete);
    if (line.find("the job fails") != std::string::npos)
      throw std::runtime_error{line};
  }
}

void crash_loop::check(one_run& run) {
  const seen_output seen = run.watch->look();
  if (!fs::exists(run.store)) {
    if (run.begun || run.reported != 0 || !seen.files.empty() || !seen.table.empty())
      throw std::runtime_error{"the store is gone"};
    return;
  }
  const auto result = check_dead_job(run.model, run.store, seen, std::max({run.reported, run.newest, seen.checkpoint}),
                                     run.rescaled ? std::nullopt : std::optional{run.parallelism});
  run.newest = result.newest;
  // Within a process, too. (The attempt that copied a savepoint is as old as its checkpoint.)
  const auto from_old = database{run.store}.rows(
      "SELECT a.attempt, coalesce(a.restored_from, 0), max(c.id) FROM attempts a JOIN checkpoints c "
      "ON c.completed < a.started AND c.id > coalesce(a.restored_from, 0) GROUP BY 1, 2");
  if (!from_old.empty())
    throw std::runtime_error{"attempt " + from_old.front().at(0) + " began at checkpoint " + from_old.front().at(1) +
                             ", though " + from_old.front().at(2) + " was complete"};
  ++counts_.checks;
  counts_.states += result.states;
  counts_.partitions += result.partitions;
  counts_.forgotten += result.forgotten;
}

void crash_loop::check_finished(one_run& run) {
  const seen_output seen = run.watch->look();
  counts_.looks += seen.looks;
  require_equal(seen.files, run.model.total(), "a finished job's folder");
  if (!run.model.table().empty())
    require_equal(seen.table, run.model.total(), "a finished job's table");
  const life_end again = live(run, {}, {});
  if (again.log.find("finished at checkpoint " + std::to_string(run.newest)) == std::string::npos)
    throw std::runtime_error{"the finished job did not say at which checkpoint it had finished"};
  require_equal(run.watch->look().files, run.model.total(), "the folder of a job that was started after its end");
  ++counts_.finished;
}

void crash_loop::guarded(one_run& run, const std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& e) {
    run.watch.reset();
    const fs::path kept = fs::current_path() / "crash_loop_failure";
    std::error_code ignored;
    fs::remove_all(kept, ignored);
    fs::copy(run.folder.path(), kept, fs::copy_options::recursive, ignored);
    throw std::runtime_error{std::string{e.what()} + "\nWEIR_CRASH_LOOP_SEED=" + std::to_string(seed_) +
                             " chooses the same again; files: " + kept.string() + "\njob " + run.model.name() + " " +
                             run.story + "\n" + last_lines(run.last_log, 20)};
  }
}

void crash_loop::run(const job_model& model, int kills) {
  one_run run{model};
  prepare(run);
  guarded(run, [&] {
    int died = 0;
    for (bool finished = false; !finished;) {
      const life_end life = live(run, died < kills ? next_plan(run) : kill_plan{}, {});
      died += life.killed;
      read_log(run, life);
      check(run);
      if (!run.killed) {
        finished = database{run.store}.value("SELECT status FROM runs") == "finished";
        counts_.shut_down += !finished;
      }
    }
    check_finished(run);
  });
}

void crash_loop::begin_anew(const job_model& model, const std::vector<std::string>& points) {
  one_run run{model};
  prepare(run);
  guarded(run, [&] {
    for (int tries = 0; run.newest == 0; ++tries) {
      if (tries == 10)
        throw std::runtime_error{"the job completes no checkpoint"};
      read_log(run, live(run, {ending::at_random, "", 1, some(300 + tries * 200, 500 + tries * 200), {}}, {}));
      check(run);
    }
    const std::string former = run_of(run.store);
    const std::uint64_t newest = run.newest;
    run.watch.reset(); // what it saw is to go away now
    const std::vector<std::string> anew{"--fresh", "--replace-output"};
    for (const std::string& point : points) {
      const life_end life = live(run, {ending::at_point, point, 1, {}, {}}, anew);
      if (!life.killed || life.by_signal)
        throw std::runtime_error{point + " was not reached"};
      bool found = false;
      for (const auto& each : fs::directory_iterator{run.folder.path()}) {
        const std::string path = each.path().string();
        if ((path == run.store || path.ends_with(".old")) && run_of(path) == former)
          found = newest_verified(path) >= newest;
      }
      if (!found)
        throw std::runtime_error{"the former run's store is lost"};
    }
    live(run, {}, anew);
    run.newest = newest_verified(run.store);
    run.watch = std::make_unique<sink_watch>(run.folder.path().string(), model);
    check_finished(run);
  });
}

void crash_loop::move(const job_model& model) {
  one_run run{model};
  prepare(run);
  run.rescaled = model.rescales();
  guarded(run, [&] {
    const std::string savepoint = run.folder / "moved.save";
    const std::vector<std::string> writing{"--savepoint", savepoint};
    // Stopped while it works: it then writes the savepoint. A life that had not begun to listen is not counted.
    const auto stop_at = [&](const std::string& point) {
      for (int tries = 0;; ++tries) {
        if (tries == 10)
          throw std::runtime_error{"no savepoint was written, or " + point + " was not reached"};
        const life_end life = live(run, {ending::at_last_point, point, 1, some(200, 400), {}}, writing);
        read_log(run, life);
        check(run);
        if (point.empty() ? fs::exists(savepoint) : life.killed && !life.by_signal)
          return;
      }
    };
    for (const auto point : points_of(life_part::moving)) {
      stop_at(std::string{point});
      if (fs::exists(savepoint) != (point == "savepoint.make.renamed"))
        throw std::runtime_error{"a process that died at " + std::string{point} + " left a wrong savepoint"};
    }
    if (newest_in_savepoint(savepoint) != run.newest)
      throw std::runtime_error{"the savepoint does not have the newest checkpoint"};
    fs::remove(savepoint);
    stop_at({});
    run.watch.reset(); // it would miss the store
    for (const char* suffix : {"", "-wal", "-shm", ".lock"})
      fs::remove(run.store + suffix);
    const std::vector<std::string> beginning{"--from", savepoint};
    for (const auto point : points_of(life_part::making)) {
      const life_end life = live(run, {ending::at_point, std::string{point}, 1, {}, {}}, beginning);
      if (!life.killed || life.by_signal)
        throw std::runtime_error{std::string{point} + " was not reached"};
      if (fs::exists(run.store) != (point == "store.make.renamed"))
        throw std::runtime_error{"a process that died at " + std::string{point} + " left a wrong store"};
    }
    run.watch = std::make_unique<sink_watch>(run.folder.path().string(), model);
    check(run);
    read_log(run, live(run, {ending::at_random, "", 1, some(100, 400), {}}, {}));
    check(run);
    read_log(run, live(run, {}, {}));
    check(run);
    check_finished(run);
    ++counts_.moved;
  });
}

std::vector<ending> crash_loop::missing_kinds() const {
  std::vector<ending> missing;
  for (const auto how : {ending::at_random, ending::at_point, ending::in_recovery, ending::after_failure,
                         ending::in_shutdown, ending::at_last_point, ending::while_stopped, ending::after_stop})
    if (counts_.kills.count(how) == 0)
      missing.push_back(how);
  return missing;
}

std::string crash_loop::summary() const {
  std::ostringstream text;
  text << "crash loop, seed " << seed_ << ": " << counts_.total_kills << " kills";
  const char* between = " (";
  for (const auto& [how, count] : counts_.kills) {
    text << between << count << " " << to_text(how);
    between = ", ";
  }
  std::size_t hit = 0;
  for (const auto& [point, count] : points_.hits())
    hit += count != 0;
  text << "), " << hit << " failpoints hit, " << counts_.stops << " stops, " << counts_.lives << " lives, "
       << counts_.resumed << " resumed, " << counts_.shut_down << " shut down, " << counts_.terminated
       << " dead of SIGTERM, " << counts_.finished << " runs finished, " << counts_.moved << " moved by savepoints, "
       << counts_.checks << " checks: " << counts_.states << " states and " << counts_.partitions
       << " partitions exact, " << counts_.forgotten << " too old to compare; " << counts_.looks
       << " looks from outside";
  return text.str();
}

std::uint64_t crash_loop_seed() {
  if (const char* text = std::getenv("WEIR_CRASH_LOOP_SEED"); text && *text) // NOLINT(concurrency-mt-unsafe)
    return std::strtoull(text, nullptr, 10);
  return std::random_device{}() & 0xffffffU;
}

} // namespace weir_test
