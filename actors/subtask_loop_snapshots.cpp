// A subtask's snapshots: from the aligned barrier to the acknowledgement.
#include "../persistence/failpoint.hpp"
#include "subtask_loop.hpp"

#include <algorithm>
#include <utility>

namespace weir::inline v0 {

namespace {

/// What one slice of a snapshot may take.
constexpr std::chrono::microseconds slice_time{150};
constexpr std::size_t fewest_slice_entries = 16;
constexpr std::size_t most_slice_entries = 4096;

} // namespace

void subtask_loop::begin_snapshot() {
  WEIR_FAILPOINT("subtask.snapshot.before");
  const moment begun = this_moment();
  const monotonic_time now = begun.at;
  aligned_barrier due = std::move(*due_barrier_);
  due_barrier_.reset();
  due.mark.overtakes = due.mark.overtakes || is_late(due.mark, now);
  const barrier mark = due.mark;
  next_ack_ = {};
  next_ack_.checkpoint = mark.checkpoint;
  for (std::size_t i = 0; i != due.received.size(); ++i)
    next_ack_.received.push_back({inputs_.spec(i).id, due.received[i]});
  if (source_)
    source_->note_positions(mark.checkpoint);
  snapshot_.begin(std::move(due), now);
  note_pause(begun);
  WEIR_FAILPOINT("subtask.barrier.before");
  // Only now that the state is frozen may what follows the barrier come in, or the barrier go on.
  for (auto& edge : edges_)
    for (const channel_position& sent : edge->broadcast(mark))
      next_ack_.sent.push_back(sent);
  WEIR_FAILPOINT("subtask.barrier.after");
  begin_recording(mark);
  aligner_.release(mark.checkpoint);
  if (source_ && mark.suspend)
    suspended_ = true;
  for (sink_stage& sink : sinks_)
    sink.preparing = true;
  for (sink_stage& sink : sinks_) {
    next_ack_.commits_pending = next_ack_.commits_pending || sink.op->as_sink()->two_phase();
    sink.driver->prepare(mark.checkpoint);
  }
  end_recording_if_whole();
  if (recording_)
    overtake_if_late();
}

void subtask_loop::on_prepared(sink_stage& sink, checkpoint_id id, std::string prepared) {
  sink.preparing = false;
  sink.op->prepared(id, std::move(prepared));
  if (std::any_of(sinks_.begin(), sinks_.end(), [](const sink_stage& s) { return s.preparing; }))
    return;
  snapshot_.mark_late();
  finish_snapshot_if_whole();
}

void subtask_loop::encode_slice() {
  const moment before = this_moment();
  snapshot_.encode(slice_entries_);
  const auto taken = setup_.env->monotonic() - before.at;
  if (taken > slice_time)
    slice_entries_ = std::max(slice_entries_ / 2, fewest_slice_entries);
  else if (taken < slice_time / 2)
    slice_entries_ = std::min(slice_entries_ * 2, most_slice_entries);
  finish_snapshot_if_whole();
  note_pause(before);
}

void subtask_loop::finish_snapshot_if_whole() {
  if (!snapshot_.open() || snapshot_.recording() || snapshot_.encoding() ||
      std::any_of(sinks_.begin(), sinks_.end(), [](const sink_stage& s) { return s.preparing; }))
    return;
  next_ack_.bytes = snapshot_.encoded_bytes();
  subtask_snapshot snapshot = snapshot_.finish(setup_.env->monotonic());
  snapshot.region = setup_.region;
  snapshot.attempt = setup_.attempt;
  snapshot.task = setup_.task_name;
  snapshot.index = setup_.id.index;
  snapshot.parallelism = setup_.parallelism;
  next_ack_.phases = snapshot.phases;
  at_store_.push_back({std::move(next_ack_), !std::exchange(abandoned_, false)});
  WEIR_FAILPOINT("subtask.store.before");
  out_.store(std::move(snapshot));
  WEIR_FAILPOINT("subtask.store.after");
}

void subtask_loop::on_committed(sink_stage& sink, checkpoint_id up_to) {
  sink.op->committed(up_to);
  const auto at = committing_.find(up_to);
  if (at == committing_.end() || --at->second != 0)
    return;
  committing_.erase(at);
  WEIR_FAILPOINT("subtask.commit.after");
  out_.report(commit_acknowledged{up_to});
}

void subtask_loop::note_pause(const moment& since) {
  const moment now = this_moment();
  const auto raise = [](std::atomic<std::int64_t>& most, std::int64_t value) {
    if (value > most.load(std::memory_order_relaxed))
      most.store(value, std::memory_order_relaxed);
  };
  raise(setup_.counters->longest_pause_us, (now.at - since.at).count());
  raise(setup_.counters->longest_pause_work_us, (now.work - since.work) / std::chrono::microseconds{1});
}

} // namespace weir::inline v0
