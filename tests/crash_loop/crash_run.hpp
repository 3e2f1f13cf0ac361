// What the crash loop knows of the run that it is killing.
#pragma once

#include "crash_loop/crash_loop.hpp"
#include "crash_loop/sink_watch.hpp"
#include "unit/scratch_folder.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace weir_test {

/// A run of a job, from its first life on.
struct crash_loop::one_run {
  explicit one_run(const job_model& of) : model(of), store(folder / "job.weir") {}

  const job_model& model;
  scratch_folder folder;
  std::string store;
  std::vector<std::string> options;
  bool rescaled = false;
  std::uint32_t parallelism = 2; ///< of the present life
  std::uint64_t reported = 0;    ///< the newest checkpoint that was ever said to be complete
  std::uint64_t newest = 0;      ///< the newest complete one at the last death
  bool begun = false;            ///< it was said that the run began
  bool killed = false;           ///< the last life
  std::string story;
  std::string last_log;
  std::unique_ptr<sink_watch> watch;
};

} // namespace weir_test
