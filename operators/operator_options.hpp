// What can be said of every operator, as the last argument of the call that adds it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace weir::inline v0 {

/// Options of one operator. `{}` leaves all to the job.
struct operator_options {
  /// How many subtasks; unset: the job's parallelism (a sink's or source's own limit is respected).
  std::optional<std::uint32_t> parallelism = std::nullopt;
  /// Whether this operator may be fused with the one before it into one actor; unset: as the job says.
  std::optional<bool> fusion = std::nullopt;
  /// The name under which earlier runs stored this operator's state.
  std::string renamed_from = {};
};

} // namespace weir::inline v0
