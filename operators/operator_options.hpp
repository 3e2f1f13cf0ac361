// What can be said of every operator, as the last argument of the call that adds it.
#pragma once

#include "time_to_live.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace weir::inline v0 {

/// What becomes of a record for which an operator's code throws.
enum class poison_policy : std::uint8_t {
  fail,       ///< the region fails, and is restarted: the right one for what may go away
  skip,       ///< the record is left out, and counted
  dead_letter ///< the record goes to the stream `dead_letters()` of the operator, with the error, and is counted
};

/// Options of one operator. `{}` leaves all to the job.
struct operator_options {
  /// How many subtasks; unset: the job's parallelism (a sink's or source's own limit is respected).
  std::optional<std::uint32_t> parallelism = std::nullopt;
  /// Whether this operator may be fused with the one before it into one actor; unset: as the job says.
  std::optional<bool> fusion = std::nullopt;
  /// The name under which earlier runs stored this operator's state.
  std::string renamed_from = {};
  /// For operators that call a function or struct of the program. Another policy than `fail` costs some time for every
  /// record. What the code had emitted before it threw is taken back; what it had changed in its state stays.
  poison_policy poison = poison_policy::fail;
  /// How long the state of a key lives that is not used; unset: for ever. For operators with state by key.
  std::optional<time_to_live> state_ttl = std::nullopt;
};

} // namespace weir::inline v0
