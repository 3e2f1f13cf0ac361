// Compares the state in a store with what the model says it must be.
#pragma once

#include "pipeline.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace simulation {

/// The newest complete checkpoint, and what the pipeline must have given when its sources stood where it says.
struct checked_state {
  std::uint64_t checkpoint = 0;
  bool all_read = true; ///< the sources stood at their ends
  expectation expected;
  /// By operator with in-flight records: how many subtasks it had.
  std::map<std::string, std::uint32_t> in_flight;
};

/// Reads the newest complete checkpoint of the present world's job, works out from its source positions what every step
/// must have, and notes a violation for each difference. Nothing if there is no complete checkpoint. `exact`: nothing
/// may be there twice, also if the job runs at-least-once.
std::optional<checked_state> check_newest_state(const std::filesystem::path& store, bool exact = false);

/// The same of the one checkpoint of a savepoint.
checked_state check_savepoint_state(const std::filesystem::path& savepoint);

/// The same of one complete checkpoint, which is being restored.
checked_state check_stored_state(const std::filesystem::path& store, std::uint64_t checkpoint);

} // namespace simulation
