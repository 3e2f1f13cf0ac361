// Runs a job as a program: command line, signals, progress, exit code.
#pragma once

#include "../operators/job.hpp"
#include "command_line.hpp"
#include "job_handle.hpp"

namespace weir::inline v0 {

/// Runs a job with a command line of its own, to its end, in an actor system of its own. Returns the exit code: 0 if it
/// finished or was stopped, 1 if it failed, 2 if it was asked wrongly (one line on stderr says what).
///
/// SIGINT and SIGTERM stop the job with a last checkpoint; a second one stops it hard, with code 130. On a terminal, a
/// line on stderr shows progress.
///
/// `defaults` are the options of the job for which the command line says nothing.
int run(const job& j, int argc, const char* const* argv, const job_options& defaults = {});
/// The same with a command line that has given the program its own options.
int run(const job& j, const command_line& cli, const job_options& defaults = {});
/// The same; `status` receives how the job ended, for a program that says more about it; after a failure, what it was
/// when it failed. Untouched if the job did not run.
int run(const job& j, const command_line& cli, job_status& status, const job_options& defaults = {});

} // namespace weir::inline v0
