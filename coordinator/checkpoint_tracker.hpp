// Decides when checkpoints are opened, when they are complete, and when they are given up.
#pragma once

#include "../persistence/monotonic_time.hpp"
#include "checkpoint_decisions.hpp"
#include "checkpoint_schedule.hpp"
#include "checkpoint_topology.hpp"
#include "pending_checkpoint.hpp"
#include "pending_commits.hpp"
#include "travelling_barriers.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace weir::inline v0 {

/// How long sinks may say nothing of a commit before they are told again.
inline constexpr std::chrono::milliseconds commit_reminder_after{500};

/// The state machine of a job's checkpoints. Input in, decisions out: no actor, no clock, no I/O. Every member that
/// returns decisions may be called at any time; the caller carries them out in order. One thread at a time.
///
/// A checkpoint is *wanted*, *opening* (the store is asked for its id), *open* (acknowledgements come in), *completing*
/// (the store is asked to complete it), then complete, and *committed* when every sink has said so. From opening to
/// completing it can be given up; how it ended is decided by the store's word alone.
///
/// Nothing is opened unless every region runs, and nothing after a stop or the final checkpoint, unless that fails. A
/// failed stop is not repeated: the sources go on. A failed final checkpoint is repeated, and counts as a failure like
/// any other.
class checkpoint_tracker {
public:
  checkpoint_tracker(checkpoint_settings settings, checkpoint_topology topology);

  // ---- regions ----

  /// A region is deployed in this attempt. From now on its subtasks are heard.
  void region_starting(region_id region, attempt_id attempt);
  /// All subtasks of a region run, in this attempt, from this checkpoint (none: from the beginning). What was to be
  /// committed by its sinks up to there is committed: they do that before they run.
  [[nodiscard]] checkpoint_decisions region_running(region_id region, attempt_id attempt,
                                                    std::optional<checkpoint_id> restored, monotonic_time now);
  /// A region has failed: what is in flight is aborted, and nothing is opened until it runs again.
  [[nodiscard]] checkpoint_decisions region_failed(region_id region, std::string_view reason, monotonic_time now);

  // ---- reasons for a checkpoint ----

  /// Time has come to `now`. To be called at `next_deadline`; sooner or more often does no harm.
  [[nodiscard]] checkpoint_decisions tick(monotonic_time now);
  /// A source subtask has emitted so many records since it last said so.
  [[nodiscard]] checkpoint_decisions records_emitted(subtask_id subtask, attempt_id attempt, std::uint64_t records,
                                                     monotonic_time now);
  /// A subtask has sent the end of its output: a source has read all, and nothing is left inside of the others. When
  /// all have, the final checkpoint is taken: it has nothing that is still to be emitted.
  [[nodiscard]] checkpoint_decisions subtask_ended(subtask_id subtask, attempt_id attempt, monotonic_time now);
  /// Somebody asks for one: `demand`, `stop`, or `drain`, which only names the final checkpoint to come.
  [[nodiscard]] checkpoint_decisions request(checkpoint_trigger trigger, monotonic_time now);

  // ---- the store's words ----

  [[nodiscard]] checkpoint_decisions opened(checkpoint_id id, monotonic_time now);
  [[nodiscard]] checkpoint_decisions open_failed(std::string_view reason, monotonic_time now);
  [[nodiscard]] checkpoint_decisions completed(checkpoint_id id, monotonic_time now);
  [[nodiscard]] checkpoint_decisions complete_failed(checkpoint_id id, std::string_view reason, monotonic_time now);

  // ---- the subtasks' words ----

  struct acknowledged {
    acknowledgement_result result = acknowledgement_result::accepted;
    checkpoint_decisions decisions;
  };
  [[nodiscard]] acknowledged acknowledge(subtask_id subtask, attempt_id attempt, const checkpoint_acknowledged& ack,
                                         monotonic_time now);
  /// A subtask can't do its part. If it is only `busy` with an earlier checkpoint, the job is slower than checkpoints
  /// are opened, and this counts as no failure.
  [[nodiscard]] checkpoint_decisions decline(checkpoint_id id, subtask_id subtask, attempt_id attempt,
                                             std::string_view reason, monotonic_time now, bool busy = false);
  /// A subtask has skipped the barrier of an aborted checkpoint. The barriers of that one count as travelling until all
  /// have acknowledged it or said this, but no longer than the timeout.
  [[nodiscard]] checkpoint_decisions barrier_skipped(checkpoint_id id, subtask_id subtask, attempt_id attempt,
                                                     monotonic_time now);
  /// What a subtask is busy with, should it be late.
  void remark(subtask_id subtask, attempt_id attempt, std::string_view text);
  /// A subtask has committed all that it prepared up to `id`.
  [[nodiscard]] checkpoint_decisions committed(checkpoint_id id, subtask_id subtask, attempt_id attempt,
                                               monotonic_time now);

  // ---- the end ----

  /// The job is cancelled or fails: what is in flight is aborted, and nothing is opened any more.
  [[nodiscard]] checkpoint_decisions shut_down(std::string_view reason);

  // ---- what can be asked ----

  /// When `tick` has something to do next; none if only messages can change anything.
  [[nodiscard]] std::optional<monotonic_time> next_deadline() const;
  /// Who has not acknowledged an open checkpoint, and why as far as it is known.
  [[nodiscard]] std::vector<late_subtask> late(checkpoint_id id) const;
  [[nodiscard]] std::size_t open_checkpoints() const noexcept { return pending_.size(); }
  /// Whether a checkpoint waits for the commits of sinks.
  [[nodiscard]] bool commits_pending() const noexcept { return !commits_.empty(); }
  [[nodiscard]] std::uint32_t consecutive_failures() const noexcept { return consecutive_failures_; }
  [[nodiscard]] std::optional<checkpoint_id> newest_complete() const noexcept { return newest_complete_; }

private:
  struct region_state {
    bool running = false;
    attempt_id attempt{0};
  };
  /// What the job is coming to.
  enum class ending : std::uint8_t { none, wanted, under_way, complete, over };

  /// The member's index, if the attempt is the present one of its region.
  [[nodiscard]] std::optional<std::size_t> present(subtask_id subtask, attempt_id attempt) const;
  [[nodiscard]] bool all_running() const;
  [[nodiscard]] bool all_ended() const { return !ended_.empty() && ended_.size() == topology_.members().size(); }
  [[nodiscard]] bool may_open() const;
  [[nodiscard]] std::optional<checkpoint_trigger> next_trigger(monotonic_time now) const;
  [[nodiscard]] std::optional<monotonic_time> next_opening() const;

  void open_if_due(monotonic_time now, checkpoint_decisions& out);
  void complete_if_ready(checkpoint_id id, checkpoint_decisions& out);
  void want_final(checkpoint_decisions& out);
  /// Gives up an open checkpoint; `counts`: as one more failure in a row.
  void give_up(checkpoint_id id, checkpoint_status status, const std::string& reason, bool counts, monotonic_time now,
               checkpoint_decisions& out);
  void count_failure(const std::string& reason, checkpoint_decisions& out);
  void ended_without_success(checkpoint_trigger trigger, checkpoint_decisions& out);
  void commits_of_lost_checkpoints(checkpoint_id newer_than, checkpoint_decisions& out);
  void settle_commits(checkpoint_decisions& out);

  checkpoint_settings settings_;
  checkpoint_topology topology_;
  std::vector<region_state> regions_;

  checkpoint_schedule schedule_;
  std::optional<checkpoint_trigger> opening_; // the store is asked for the id
  std::optional<std::string> opening_void_;   // why the checkpoint that is opening is given up as soon as it has an id
  std::map<checkpoint_id, pending_checkpoint> pending_;
  travelling_barriers travelling_;
  pending_commits commits_;
  monotonic_time remind_at_{}; // while commits are pending
  std::optional<checkpoint_id> newest_complete_;
  std::uint32_t consecutive_failures_ = 0;

  bool demanded_ = false;
  ending stop_ = ending::none;
  ending final_ = ending::none;
  bool final_failed_ = false; // so that the next try obeys the pause
  bool draining_ = false;
  bool shut_ = false;
  std::set<std::size_t> ended_; // sources that have reached their end
};

} // namespace weir::inline v0
