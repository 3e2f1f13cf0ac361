// A job as an actor: watched and stopped by messages.
#pragma once

#include "job_handle.hpp"

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/atom.hpp>
#include <caf/error.hpp>

#include <cstdint>
#include <string>

namespace weir::inline v0 {

/// To a job's actor: take a checkpoint; answered by its id, a `std::uint64_t`, when it is complete, or by an error of
/// `job_error_category` with a sentence.
using job_checkpoint_atom = caf::atom_constant<caf::atom("checkpoint")>;
/// To a job's actor: end as `job_handle` says of the member of the same name. Not answered: monitor the actor.
using job_stop_atom = caf::atom_constant<caf::atom("stop")>;
using job_drain_atom = caf::atom_constant<caf::atom("drain")>;
using job_cancel_atom = caf::atom_constant<caf::atom("cancel")>;
/// To a job's actor: answered by the text of its state, such as "running".
using job_state_atom = caf::atom_constant<caf::atom("state")>;

/// The category of the reason with which a job's actor ends, and of its errors.
inline constexpr caf::atom_value job_error_category = caf::atom("weir_job");

/// An actor that stands for a job. It ends when the job does: with the normal reason if the job has finished, else with
/// one that `how_job_ended` reads. It is kept alive by the job, and never blocks.
[[nodiscard]] caf::actor spawn_job_actor(caf::actor_system& system, const job_handle& job);

/// How a job ended, from the reason of its actor's `caf::down_msg`.
struct job_end {
  job_state state = job_state::failed;
  std::string why; ///< of a failure
};
[[nodiscard]] job_end how_job_ended(const caf::error& reason);

} // namespace weir::inline v0
