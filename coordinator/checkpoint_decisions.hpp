// What a checkpoint tracker decides.
#pragma once

#include "../persistence/checkpoint_records.hpp"
#include "../persistence/ids.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace weir::inline v0 {

/// What became of an acknowledgement.
enum class acknowledgement_result : std::uint8_t {
  accepted,
  repeated,        ///< was there already; counted once
  late,            ///< the checkpoint is not open any more
  unknown_subtask, ///< not part of this job
  old_attempt      ///< not from the present attempt of its region
};
[[nodiscard]] std::string_view to_text(acknowledgement_result);

/// A subtask that had not acknowledged, and what is known of the reason, as one sentence.
struct late_subtask {
  subtask_id subtask;
  std::string name;
  std::string why;
};

/// Ask the store for the next checkpoint; tell the tracker with `opened` or `open_failed`. What was asked for on demand
/// until now is answered by the next checkpoint with the trigger `demand`.
struct open_decision {
  checkpoint_trigger trigger = checkpoint_trigger::interval;
};
/// Every subtask has acknowledged: have the store complete it; tell the tracker with `completed` or `complete_failed`.
struct complete_decision {
  checkpoint_id id;
};
/// Tell every subtask that the checkpoint is complete: sinks commit, and say so.
struct commit_decision {
  checkpoint_id id;
  checkpoint_trigger trigger = checkpoint_trigger::interval;
};
/// Some sinks have not said for a while that they have committed up to this checkpoint: tell every subtask again.
/// Either word may have been lost.
struct remind_decision {
  checkpoint_id id;
};
/// All sinks have committed what belongs to this checkpoint: have the store note it.
struct committed_decision {
  checkpoint_id id;
};
/// Record the checkpoint as failed or aborted, and tell every subtask to give it up.
struct abort_decision {
  checkpoint_id id;
  checkpoint_trigger trigger = checkpoint_trigger::interval;
  checkpoint_status status = checkpoint_status::failed;
  std::string reason;
  std::vector<late_subtask> late;
};
/// Some subtasks have not said for a while that they know of an aborted checkpoint: tell these again. A notice that was
/// lost may hold their channels.
struct repeat_abort_decision {
  checkpoint_id id;
  std::vector<subtask_id> unheard;
};
/// What was asked for does not come to pass.
struct refuse_decision {
  checkpoint_trigger trigger = checkpoint_trigger::demand;
  std::string reason;
};
/// A stop has come to nothing: sources that rest since its barrier go on.
struct resume_decision {};
/// The checkpoint of a stop, a drain or the end of all input is complete and committed: the job is over.
struct end_decision {
  checkpoint_id id;
  checkpoint_trigger trigger = checkpoint_trigger::at_end;
};
/// More checkpoints have failed in a row than are tolerable.
struct fail_job_decision {
  std::string reason;
};

using checkpoint_decision =
    std::variant<open_decision, complete_decision, commit_decision, remind_decision, committed_decision, abort_decision,
                 repeat_abort_decision, refuse_decision, resume_decision, end_decision, fail_job_decision>;
/// To be carried out in this order.
using checkpoint_decisions = std::vector<checkpoint_decision>;

} // namespace weir::inline v0
