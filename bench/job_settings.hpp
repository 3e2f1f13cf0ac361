// How the benchmarks' jobs run.
#pragma once

#include <weir/coordinator/job_options.hpp>

#include <chrono>
#include <string>

namespace weir::bench {

/// Two subtasks an operator, exactly-once with a checkpoint a second into a store in `folder`; or no checkpoints, and
/// then no store.
inline job_options job_settings(const std::string& folder, bool checkpoints) {
  job_options options;
  options.parallelism = 2;
  options.checkpoint_interval = std::chrono::seconds{1};
  options.checkpoints = checkpoints;
  if (checkpoints)
    options.store = folder + "/bench.weir";
  return options;
}

} // namespace weir::bench
