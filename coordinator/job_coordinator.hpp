// The actor that supervises a job: deploys its regions, takes its checkpoints, restarts what fails.
#pragma once

#include "../actors/companions.hpp"
#include "../persistence/checkpoint_store.hpp"
#include "deployment.hpp"
#include "job_control.hpp"
#include "job_options.hpp"
#include "plan.hpp"

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::inline v0 {

/// Where the coordinator's remarks go: a level and a line. Called on the coordinator's thread.
using log_function = std::function<void(log_level, const std::string&)>;

/// A job that is ready to run.
struct prepared_job {
  std::shared_ptr<const job_graph> graph;
  std::shared_ptr<const job_plan> plan;
  std::vector<operator_facts> facts;
  job_options options;
  std::shared_ptr<checkpoint_store> store;
  std::vector<region_preparation> regions; ///< prepared for their first attempt
  bool resumed = false;
  monotonic_time begun{}; ///< when the start was asked for
  std::shared_ptr<environment> env;
  log_function log;
  blocking_work blocking = blocking_work::own_thread;
};

/// Spawns the coordinator of a job. It ends when the job has ended, all its actors are gone and its store is closed;
/// then `control` is told.
[[nodiscard]] caf::actor spawn_coordinator(caf::actor_system& system, prepared_job job,
                                           std::shared_ptr<job_control> control);

} // namespace weir::inline v0
