// What subtasks, companions, the store and the coordinator say to each other.
#pragma once

#include "../operators/batch.hpp"
#include "../persistence/checkpoint_records.hpp"
#include "../persistence/ids.hpp"
#include "../persistence/monotonic_time.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace weir::inline v0 {

// -- on channels, in order --------------------------------------------------------------------------------------------

/// Separates checkpoint n from n+1 on a channel.
struct barrier {
  checkpoint_id checkpoint{0};
  bool suspend = false;                           ///< sources emit nothing after it until they are told to resume
  monotonic_time opened{};                        ///< when the coordinator opened the checkpoint
  bool overtakes = false;                         ///< what waits on its way, which becomes part of the checkpoint
  std::chrono::microseconds alignment_timeout{0}; ///< after `opened`: when it begins to overtake; 0: never
};

/// No earlier event time follows.
struct watermark {
  event_time time{};
};

/// No more batches follow; barriers still do.
struct end_of_stream {};

using channel_payload = std::variant<batch_ptr, barrier, watermark, end_of_stream>;

/// Whatever travels on a channel. A gap, a repeat or an old attempt is noticed by these numbers.
struct channel_message {
  region_id region{0};
  attempt_id attempt{0};
  channel_id channel{0};
  sequence_number sequence{0};
  channel_payload payload;
};

/// A receiver's permission, against the direction of the channel. Absolute, so that a lost or repeated grant does no
/// harm.
struct credit_grant {
  region_id region{0};
  attempt_id attempt{0};
  channel_id channel{0};
  std::uint64_t limit = 0; ///< how many batches may have been sent on this channel in all
  sequence_number received_through{0};
};

/// A sender's question, in order on the channel but unnumbered: has all that was sent arrived? It is asked while
/// anything is unacknowledged, and answered by a grant, so that neither a lost last message nor a lost grant goes
/// unnoticed.
struct channel_probe {
  region_id region{0};
  attempt_id attempt{0};
  channel_id channel{0};
  sequence_number sent_through{0};
};

// -- from the coordinator to a subtask ------------------------------------------------------------------------------

/// Begin: all subtasks of the region are loaded.
struct start_running {};
/// To sources: take checkpoint n, and send its barrier.
struct trigger_checkpoint {
  barrier mark;
};
struct checkpoint_completed {
  checkpoint_id checkpoint{0};
};
struct checkpoint_aborted {
  checkpoint_id checkpoint{0};
};
/// To sources: behave as if the input ended here.
struct drain_sources {};
/// To sources: a suspending checkpoint failed; go on.
struct resume_sources {};
/// Stop at once; nothing more is sent.
struct stop_subtask {};

// -- from a subtask to the coordinator ------------------------------------------------------------------------------

/// Where a subtask stood on one channel when the barrier passed: both ends must say the same.
struct channel_position {
  channel_id channel{0};
  sequence_number at{0};
  friend bool operator==(const channel_position&, const channel_position&) = default;
};

/// Its state is there, and it runs.
struct subtask_loaded {};
/// Its snapshot is durable.
struct checkpoint_acknowledged {
  checkpoint_id checkpoint{0};
  std::vector<channel_position> received;
  std::vector<channel_position> sent;
  bool commits_pending = false; ///< a `commit_acknowledged` will follow the completion
  std::uint64_t bytes = 0;
  snapshot_phases phases;
};
/// It gives no snapshot for this checkpoint, which is given up.
struct checkpoint_declined {
  checkpoint_id checkpoint{0};
  std::string reason;
  bool busy = false; ///< with an earlier checkpoint: nothing has failed
};
/// The barrier of an aborted checkpoint is skipped here.
struct barrier_skipped {
  checkpoint_id checkpoint{0};
};
/// All output prepared up to this checkpoint is committed.
struct commit_acknowledged {
  checkpoint_id checkpoint{0};
};
/// It has stopped for good; its region is to be restarted, or the job fails.
struct subtask_failed {
  std::string operator_name;
  std::string kind; ///< exception, io, store, channel, died
  std::string message;
  bool usage = false;                              ///< a usage_error: restarting would not help
  std::optional<monotonic_time> at = std::nullopt; ///< when it happened, if that is known
};
/// All input has ended and all output of it is on its way.
struct subtask_ended {};
/// The first output after a start.
struct subtask_first_output {};
/// Sources: records emitted since the last such report.
struct records_emitted {
  std::uint64_t records = 0;
};
/// A sentence for the log.
struct subtask_remark {
  std::string text;
};
using subtask_event =
    std::variant<subtask_loaded, checkpoint_acknowledged, checkpoint_declined, barrier_skipped, commit_acknowledged,
                 subtask_failed, subtask_ended, subtask_first_output, records_emitted, subtask_remark>;

/// An event with its sender.
struct subtask_report {
  subtask_id subtask{task_id{0}, subtask_index{0}};
  region_id region{0};
  attempt_id attempt{0};
  subtask_event event;
};

} // namespace weir::inline v0
