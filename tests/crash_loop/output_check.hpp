// Compares a dead job's store and output with its model.
#pragma once

#include "crash_loop/job_model.hpp"
#include "crash_loop/sink_watch.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace weir_test {

/// What a check compared, and how much it had to leave out.
struct check_result {
  std::uint64_t newest = 0; ///< the newest complete checkpoint; it verifies
  int states = 0;           ///< keyed states that equal the model
  int partitions = 0;       ///< of sinks, that are the exact prefix which their last commit says
  int forgotten = 0;        ///< partitions whose last commit's checkpoint is not kept any more
};

/// Checks, of a job of which no process is left:
///
///  - the newest complete checkpoint in `store` verifies, and is not older than `reported`;
///  - its keyed state is what the positions of its sources make of the input;
///  - each partition of each sink is exactly what the positions at its last commit make of it; if the parallelism
///    changed since then (`parallelism` is nothing), each key is what it was at one of the commits;
///  - what the store says is committed is in the output.
///
/// Throws std::runtime_error that says what differs.
check_result check_dead_job(const job_model& model, const std::string& store, const seen_output& seen,
                            std::uint64_t reported, std::optional<std::uint32_t> parallelism);

/// The newest complete checkpoint of a store that verifies; 0 if none is complete. Throws if one had to be passed over.
std::uint64_t newest_verified(const std::string& store);

/// The checkpoint of a savepoint, which verifies.
std::uint64_t newest_in_savepoint(const std::string& savepoint);

/// Throws std::runtime_error unless both are the same.
void require_equal(const key_counts& found, const key_counts& expected, const std::string& what);

} // namespace weir_test
