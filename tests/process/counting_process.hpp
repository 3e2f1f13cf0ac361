// The program of the counting job, as tests start it.
#pragma once

#include "process/child_process.hpp"
#include "process/counting_job.hpp"

#include <string>
#include <vector>

namespace weir_test {

/// The command that runs the job with its files in `parts.folder`. More options, each with its value in a word of its
/// own, replace those that are there.
std::vector<std::string> counting_command(const counting& parts, const std::vector<std::string>& more = {});

/// Waits until the job has completed a checkpoint in this store; returns whether it did while it ran.
bool wait_for_checkpoint(child_process& job, const std::string& store);

/// Runs the job at a moderate rate, and stops it somewhere after a checkpoint. Throws if it does not stop well.
void stop_midway(const counting& parts, const std::vector<std::string>& more = {});

} // namespace weir_test
