// Whether a job's operators can go on from stored state: table by table, before anything starts.
#pragma once

#include "../persistence/checkpoint_reader.hpp"
#include "deployment.hpp"
#include "plan.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::inline v0 {

/// What becomes of one state table.
enum class state_verdict : std::uint8_t {
  fits,         ///< it is loaded as it is
  converted,    ///< it is loaded by classes of a higher version, which read the stored one
  begins_empty, ///< the job has it, and the checkpoint does not
  not_taken,    ///< the checkpoint has it, and no operator of the job does
  does_not_fit, ///< its types differ
  not_divided,  ///< its types fit, but not how it is shared out among subtasks
};
[[nodiscard]] std::string_view to_text(state_verdict verdict);

/// What becomes of one table of an operator, and why.
struct state_fit {
  std::string operator_name; ///< in the job; of `not_taken`, in the checkpoint
  std::string table;
  std::string stored_as;     ///< the operator's name in the checkpoint, if it was renamed
  std::uint64_t entries = 0; ///< stored ones: a base's, and its deltas' with their tombstones
  state_verdict verdict = state_verdict::fits;
  std::string why; ///< of `does_not_fit` and `converted`: the first difference; of `not_divided`: what differs
  std::uint32_t parallelism = 0; ///< of the operator
  std::string remedy = {};       ///< of `not_divided`
};

/// Compares the state of a checkpoint with a plan's operators, in the order of the plan; state that nobody takes comes
/// last. Reads only.
[[nodiscard]] std::vector<state_fit> fit_state(const job_plan& plan, const std::vector<operator_facts>& facts,
                                               const checkpoint_reader& store, checkpoint_id checkpoint);

/// Refuses what can't be loaded: store_error for types that differ, usage_error for state that can't be shared out and
/// for what nobody takes, unless that may be dropped. Each names the first, and the remedy.
void require_fit(const std::vector<state_fit>& fits, bool may_drop, checkpoint_id checkpoint);

/// A table for people, or JSON.
[[nodiscard]] std::string fit_text(const std::vector<state_fit>& fits);
[[nodiscard]] std::string fit_json(const std::vector<state_fit>& fits);

} // namespace weir::inline v0
