#include "run.hpp"

#include "../persistence/savepoint.hpp"
#include "../persistence/terminal_text.hpp"
#include "explain.hpp"
#include "human_text.hpp"
#include "plan.hpp"
#include "runtime.hpp"
#include "signal_watch.hpp"
#include "state_fit.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <utility>

namespace weir::inline v0 {

namespace {

using namespace std::chrono_literals;

/// What shells report for a program that an interrupt ended.
constexpr int hard_stop_code = 130;

/// After a stop that came to nothing: once in five seconds.
constexpr int looks_before_asking_again = 50;

spdlog::level::level_enum level_of(log_level level) {
  switch (level) {
  case log_level::trace:
    return spdlog::level::trace;
  case log_level::debug:
    return spdlog::level::debug;
  case log_level::info:
    return spdlog::level::info;
  case log_level::warning:
    return spdlog::level::warn;
  case log_level::error:
    return spdlog::level::err;
  case log_level::off:
    break;
  }
  return spdlog::level::off;
}

/// A line on the terminal that is written over and over. Thread-safe: the log makes room for its own lines.
class progress_line {
public:
  progress_line() : shown_(::isatty(STDERR_FILENO) != 0) {}
  ~progress_line() { clear(); }

  void show(const job_status& status) {
    if (!shown_)
      return;
    std::string line = status.job + ": " + std::string{to_text(status.state)} + ", ";
    if (const restore_status& restore = status.restore; restore.entries_loaded < restore.entries)
      line += human_count(restore.entries_loaded) + " of " + human_count(restore.entries) + " entries loaded, " +
              human_bytes(restore.bytes_loaded) + " of " + human_bytes(restore.bytes);
    else
      line += human_count(status.records_read) + " records, " + human_rate(status.records_read, status.running_for) +
              ", " + std::to_string(status.checkpoints) + (status.checkpoints == 1 ? " checkpoint" : " checkpoints");
    if (status.restarts != 0)
      line += ", " + std::to_string(status.restarts) + " restarts";
    const std::lock_guard lock(mutex_);
    std::fprintf(stderr, "\r\x1b[2K%s", line.c_str());
    std::fflush(stderr);
    dirty_ = true;
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    if (std::exchange(dirty_, false)) {
      std::fputs("\r\x1b[2K", stderr);
      std::fflush(stderr);
    }
  }

private:
  std::mutex mutex_;
  bool shown_;
  bool dirty_ = false;
};

/// Who speaks: the job, if its name can be spoken of.
std::string speaker(const job& j) {
  return is_valid_name(j.name()) ? j.name() : "weir";
}

/// An error may be of several lines, such as all the problems of a job: each says whose it is.
void print_error(const job& j, const std::string& text) {
  const std::string who = speaker(j);
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);)
    std::fprintf(stderr, "%s: %s\n", who.c_str(), terminal_text(line).c_str()); // a file's names may be in it
}

int explain(const job& j, const parsed_command& command) {
  const plan_result planned = make_plan(j.graph(), command.options);
  if (!planned.problems.empty())
    throw job_error({to_text(planned.problems), "", "", ""});
  std::fputs(explain(planned.plan, command.format).c_str(), stdout);
  return 0;
}

/// Says what would become of the stored state, and starts nothing. Throws what the start would throw.
int check(const job& j, const parsed_command& command) {
  const job_graph& graph = j.graph();
  const plan_result planned = make_plan(graph, command.options);
  if (!planned.problems.empty())
    throw job_error({to_text(planned.problems), "", "", ""});
  const bool begins = !command.options.from_savepoint.empty();
  const std::string path = begins                          ? command.options.from_savepoint
                           : command.options.store.empty() ? j.name() + ".weir"
                                                           : command.options.store;
  const checkpoint_reader stored = checkpoint_reader::open(path, begins ? store_kind::savepoint : store_kind::store);
  if (const std::string job = stored.job_name(); job != j.name())
    throw store_error({"the store " + path, "that of job \"" + j.name() + "\"", "that of job \"" + job + "\"",
                       "name another path with --store"});
  const std::optional<checkpoint_id> newest = stored.newest_verified().id;
  if (!newest)
    throw store_error({"the store " + path, "a complete checkpoint", "none yet", "start the job"});
  const std::vector<state_fit> fits =
      fit_state(planned.plan, inspect_operators(planned.plan, command.options.checkpoints), stored, *newest);
  std::fputs((command.format == explain_format::json ? fit_json(fits) : fit_text(fits)).c_str(), stdout);
  std::fflush(stdout);
  require_fit(fits, command.options.drop_state, *newest);
  return 0;
}

/// Waits for the end, passing signals on and showing progress. Returns the final status; throws the job's error.
job_status supervise(job_handle& handle, const signal_watch& signals, progress_line& progress) {
  int seen = 0;
  int looks = looks_before_asking_again;
  while (!handle.wait_for(100ms)) {
    const int count = signals.count();
    // Again if the last checkpoint failed: the job went on then.
    if (count == 1 && (seen == 0 || (--looks == 0 && handle.status().state == job_state::running)))
      handle.stop();
    if (looks <= 0)
      looks = looks_before_asking_again;
    if (count >= 2 && seen < 2)
      handle.cancel();
    seen = count;
    progress.show(handle.status());
  }
  return handle.wait();
}

/// How it ended, and what can be done next; empty if that is said already.
std::string last_words(const job_status& status) {
  const std::string ended{to_text(status.state)};
  if (status.state != job_state::stopped && status.state != job_state::cancelled) {
    if (status.tasks.empty())
      return {}; // it was finished before
    std::string line =
        ended + ": " + human_count(status.records_read) + " records in " + human_duration(status.running_for);
    if (!status.store.empty())
      line += "; its checkpoints are in " + status.store;
    return line;
  }
  if (status.store.empty())
    return ended + "; nothing is stored, so the next start begins anew (a sink with output needs --replace-output)";
  return ended + "; the next start goes on " +
         (status.newest_checkpoint ? "from checkpoint " + to_string(*status.newest_checkpoint) : "from the beginning");
}

void write_last_savepoint(const job_options& options, const job_status& status, spdlog::logger& logger) {
  const bool at_rest = status.state == job_state::stopped || status.state == job_state::finished;
  if (options.savepoint_at_end.empty() || !at_rest)
    return;
  const written_savepoint written =
      write_savepoint(status.store, std::nullopt, options.savepoint_at_end,
                      wall_time{system_environment()->now().time_since_epoch().count()}, options.compress_checkpoints);
  logger.info("savepoint {}: checkpoint {}, {} entries, {} of state", options.savepoint_at_end,
              to_string(written.checkpoint), human_count(written.entries), human_bytes(written.bytes));
}

int run_command(const job& j, const parsed_command& command, job_status& status) {
  const auto logger =
      std::make_shared<spdlog::logger>(j.name(), std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_pattern("%H:%M:%S.%e %^%l%$ %n: %v");
  logger->set_level(level_of(command.options.log));
  if (!command.options.savepoint_at_end.empty())
    require_savepoint_place(command.options.savepoint_at_end); // not when all the work is done
  progress_line progress;
  const signal_watch signals; // before the job starts: one that comes then stops it as soon as it runs

  caf::actor_system_config config;
  config.set("logger.verbosity", caf::atom("quiet"));
  use_fair_scheduler(config, command.options.threads);
  auto system = std::make_unique<caf::actor_system>(config);

  try {
    runtime jobs{*system};
    jobs.log_to([logger, &progress](log_level level, const std::string& line) {
      if (logger->should_log(level_of(level)))
        progress.clear();
      logger->log(level_of(level), line);
    });
    job_handle handle = jobs.start(j, command.options);
    try {
      status = supervise(handle, signals, progress);
    } catch (...) {
      status = handle.status();
      throw;
    }
    progress.clear();
    for (const counter_value& each : status.counters)
      logger->info("counter {} of {}: {}", each.name, each.operator_name, each.value);
    if (const std::string line = last_words(status); !line.empty())
      logger->info(line);
    write_last_savepoint(command.options, status, *logger);
  } catch (const stuck_error& e) {
    // An actor is caught in user code: leaving the normal way would wait for it for ever.
    progress.clear();
    print_error(j, e.what());
    std::fflush(nullptr);
    std::_Exit(e.exit_code());
  }
  return status.state == job_state::cancelled ? hard_stop_code : 0;
}

} // namespace

int run(const job& j, const command_line& cli, job_status& status, const job_options& defaults) {
  try {
    const parsed_command command = cli.parse(j.name(), defaults);
    switch (command.action) {
    case command_action::help:
    case command_action::version:
      std::fputs(command.text.c_str(), stdout);
      return 0;
    case command_action::explain:
      return explain(j, command);
    case command_action::check:
      return check(j, command);
    case command_action::run:
      break;
    }
    return run_command(j, command, status);
  } catch (const error& e) {
    print_error(j, e.what());
    return e.exit_code();
  } catch (const std::exception& e) {
    print_error(j, e.what());
    return 1;
  }
}

int run(const job& j, const command_line& cli, const job_options& defaults) {
  job_status status;
  return run(j, cli, status, defaults);
}

int run(const job& j, int argc, const char* const* argv, const job_options& defaults) {
  return run(j, command_line{argc, argv}, defaults);
}

} // namespace weir::inline v0
