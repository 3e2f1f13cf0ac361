// A subtask's part in barriers that overtake: what becomes part of its snapshots, and how it goes on from that.
#include "../persistence/saturating_time.hpp"
#include "subtask_loop.hpp"

#include <algorithm>
#include <utility>

namespace weir::inline v0 {

// -- tables -----------------------------------------------------------------------------------------------------------

void subtask_loop::add_in_flight_tables(std::vector<table_to_load>& to_load) {
  const auto add = [this](const in_flight_setup& of, std::optional<subtask_index> sender) {
    auto table = of.make(of.table);
    table->written_for(of.receivers, sender);
    snapshot_.add_in_flight(of.operator_name, *table, of.stored);
    return table;
  };
  for (const in_flight_setup& of : setup_.in_flight_inputs)
    in_flight_inputs_.push_back(add(of, std::nullopt));
  for (const in_flight_setup& of : setup_.in_flight_sent)
    in_flight_sent_.push_back(add(of, setup_.id.index));
  for (const stored_in_flight& of : setup_.in_flight_stored) {
    in_flight_loads_.push_back(of.make(of.table));
    in_flight_loads_.back()->read_for(
        {setup_.id.index, setup_.parallelism, setup_.key_groups, setup_.max_parallelism, setup_.keyed});
    to_load.push_back({to_load.size(), of.operator_name, of.table, distribution::list});
  }
}

/// A table that `open` has named: those of the operators come first.
any_state_table& subtask_loop::loading(std::size_t table) {
  if (table < snapshot_.size())
    return snapshot_.table(table);
  return *in_flight_loads_.at(table - snapshot_.size());
}

void subtask_loop::restore_in_flight() {
  for (std::size_t i = 0; i != in_flight_loads_.size(); ++i)
    for (batch_ptr& batch : in_flight_loads_[i]->take_loaded())
      restored_.push_back({setup_.in_flight_stored[i].input, std::move(batch), 0});
  in_flight_loads_.clear();
}

bool subtask_loop::take_restored() {
  operator_chain::rest next = std::move(restored_.front());
  restored_.pop_front();
  chain_.accept(next.input, std::move(next.batch));
  if (chain_.idle()) // the head is a sink, whose writer has the batch already
    note_counters();
  return true;
}

// -- when a barrier overtakes -----------------------------------------------------------------------------------------

/// A barrier, or a batch while some are recorded, has come into a queue.
void subtask_loop::on_queued(const channel_message& message) {
  const std::size_t channel = *inputs_.index_of(message.channel);
  if (const auto* batch = std::get_if<batch_ptr>(&message.payload)) {
    if (recording_->inputs && next_ack_.received[channel].at == sequence_number{0})
      in_flight_inputs_[inputs_.spec(channel).input]->record(setup_.id.index, *batch);
    return;
  }
  const auto* mark = std::get_if<barrier>(&message.payload);
  if (!mark)
    return;
  const checkpoint_id id = mark->checkpoint;
  // One checkpoint is under way at a time where barriers may overtake: an earlier one is given up.
  if (recording_ && recording_->mark.checkpoint < id)
    abandon_recording();
  if (aligner_.overtaking(id)) {
    aligner_.arrived(channel, id, message.sequence);
    if (due_barrier_ && due_barrier_->mark.checkpoint == id)
      due_barrier_->received[channel] = message.sequence;
    if (recording_ && recording_->mark.checkpoint == id) {
      next_ack_.received[channel].at = message.sequence;
      end_recording_if_whole();
    }
  } else if (mark->overtakes) {
    begin_to_overtake(*mark);
  } else if (mark->alignment_timeout.count() > 0) {
    if (!timed_ || timed_->checkpoint < id) // a barrier of one that was given up may come after that of the next
      timed_ = *mark;
    overtake_if_late();
  }
}

void subtask_loop::begin_to_overtake(const barrier& mark) {
  if (auto due = aligner_.overtake(mark, inputs_.barriers_of(mark.checkpoint), setup_.env->monotonic()))
    due_barrier_ = std::move(due);
}

/// Lets barriers overtake whose time has come, or asks for a wake when it will have.
void subtask_loop::overtake_if_late() {
  const monotonic_time now = setup_.env->monotonic();
  const auto late = [&](const barrier& mark) {
    if (is_late(mark, now))
      return true;
    ask_for_wake(saturating_until(now, saturating_add(mark.opened, mark.alignment_timeout)));
    return false;
  };
  if (due_barrier_ && !due_barrier_->mark.overtakes && due_barrier_->mark.alignment_timeout.count() > 0)
    due_barrier_->mark.overtakes = late(due_barrier_->mark);
  if (timed_ && late(*timed_))
    begin_to_overtake(*std::exchange(timed_, std::nullopt));
  if (recording_ && recording_->outputs && late(recording_->mark)) {
    overtake_outputs(recording_->mark.checkpoint);
    end_recording_if_whole();
  }
}

/// A step towards a snapshot that waits for nothing but what is inside the chain.
bool subtask_loop::overtake_step() {
  // The rest of the head's batch can be stored like what waits behind it, if that can.
  const bool with_head = in_flight_inputs_.empty();
  if (with_head ? chain_.settled() : chain_.settled_behind_head()) {
    if (snapshot_.open())
      return snapshot_.encoding(); // one open snapshot a table
    begin_snapshot();
    return true;
  }
  // What a watermark or the end of the input makes has no bound: it keeps to the room that there is.
  if (chain_.output_full() && !(with_head ? chain_.batches_pending() : chain_.batches_pending_behind_head())) {
    settle_idle();
    return snapshot_.encoding();
  }
  chain_.work_off(with_head);
  note_counters();
  return true;
}

// -- what it overtakes ------------------------------------------------------------------------------------------------

/// The snapshot has begun, and the barrier is in its place in the outputs.
void subtask_loop::begin_recording(const barrier& mark) {
  const checkpoint_id id = mark.checkpoint;
  recording_ = open_recording{mark, aligner_.overtaking(id), false};
  if (mark.overtakes) {
    record_inputs();
    overtake_outputs(id);
  } else {
    recording_->outputs = mark.alignment_timeout.count() > 0 && outputs_hold_back(id);
  }
}

/// In the order in which they will be worked off: what the head has begun, then what was there from the start, then the
/// channels.
void subtask_loop::record_inputs() {
  if (in_flight_inputs_.empty())
    return;
  const auto record = [this](std::size_t input, batch_ptr batch, std::size_t from = 0) {
    in_flight_inputs_[input]->record(setup_.id.index, std::move(batch), from);
  };
  if (auto rest = chain_.rest_of_head())
    record(rest->input, std::move(rest->batch), rest->from);
  for (const operator_chain::rest& next : restored_)
    record(next.input, next.batch);
  for (std::size_t i = 0; i != inputs_.size(); ++i)
    for (batch_ptr& batch : inputs_.batches_before(i, next_ack_.received[i].at))
      record(inputs_.spec(i).input, std::move(batch));
}

void subtask_loop::overtake_outputs(checkpoint_id id) {
  for (std::size_t i = 0; i != edges_.size(); ++i) {
    if (!setup_.edges[i].overtaken)
      continue;
    any_in_flight_table& table = *in_flight_sent_[*setup_.edges[i].overtaken];
    for (overtaken_batches& overtaken : edges_[i]->overtake(id)) {
      for (channel_position& sent : next_ack_.sent)
        if (sent.channel == overtaken.sent.channel)
          sent.at = overtaken.sent.at;
      const subtask_index receiver{static_cast<std::uint32_t>(overtaken.target)};
      for (batch_ptr& batch : overtaken.batches)
        table.record(receiver, std::move(batch));
    }
  }
}

bool subtask_loop::outputs_hold_back(checkpoint_id id) const {
  for (std::size_t i = 0; i != edges_.size(); ++i)
    if (setup_.edges[i].overtaken && edges_[i]->holds_back(id))
      return true;
  return false;
}

void subtask_loop::end_recording_if_whole() {
  if (!recording_)
    return;
  const checkpoint_id id = recording_->mark.checkpoint;
  recording_->inputs = recording_->inputs && aligner_.overtaking(id);
  recording_->outputs = recording_->outputs && outputs_hold_back(id);
  if (recording_->inputs || recording_->outputs)
    return;
  recording_.reset();
  snapshot_.close_recording(setup_.env->monotonic());
  finish_snapshot_if_whole();
}

/// The checkpoint is given up: its snapshot is stored as far as it has come, for later deltas, and not acknowledged.
void subtask_loop::abandon_recording() {
  recording_.reset();
  abandoned_ = true;
  snapshot_.close_recording(setup_.env->monotonic());
  finish_snapshot_if_whole();
}

} // namespace weir::inline v0
