// Runs jobs inside an actor system that the program already has.
#pragma once

#include "../operators/environment.hpp"
#include "../operators/job.hpp"
#include "job_coordinator.hpp"
#include "job_handle.hpp"
#include "job_options.hpp"

#include <caf/actor_system.hpp>

#include <memory>
#include <string>

namespace weir::inline v0 {

/// Starts jobs in an actor system. Several jobs may run in one system, each with a store of its own.
class runtime {
public:
  /// `env` is where time and chance come from; `blocking` says where blocking sources, sinks and the store run.
  explicit runtime(caf::actor_system& system, std::shared_ptr<environment> env = system_environment(),
                   blocking_work blocking = blocking_work::own_thread);

  /// Where the remarks of jobs that are started from now on go; by default nowhere.
  void log_to(log_function log) { log_ = std::move(log); }

  /// Starts a job, or goes on with it from its store. Blocks while the store is opened and sources look at their input.
  ///
  /// Throws `job_error` with all problems of the job, a line each; `usage_error` for options, inputs or outputs that
  /// can't be used; `store_error` for a store that can't be. A job that had finished is not run again: its handle says
  /// finished.
  job_handle start(const job& j, const job_options& options = {});

private:
  void resume_or_begin(prepared_job& prepared, job_status& status, wall_time now, const log_function& say);

  caf::actor_system& system_;
  std::shared_ptr<environment> env_;
  blocking_work blocking_;
  log_function log_;
};

/// Settings for an actor system of Weir's own: a scheduler that is fair, and that sleeps when nothing is to be done.
/// `threads` workers; 0 for as many as the hardware has.
void use_fair_scheduler(caf::actor_system_config& config, std::size_t threads = 0);

} // namespace weir::inline v0
