// A subtask's work: steps, input, flushing and counting.
#include "../persistence/saturating_time.hpp"
#include "subtask_loop.hpp"

#include <algorithm>
#include <utility>

namespace weir::inline v0 {

bool subtask_loop::step() {
  if (!running_)
    return false;
  // So that others can see what a step that does not return is at.
  setup_.counters->step_since_us.store(setup_.env->monotonic().time_since_epoch().count(), std::memory_order_relaxed);
  const bool more = take_step();
  setup_.counters->step_since_us.store(0, std::memory_order_relaxed);
  return more;
}

bool subtask_loop::take_step() {
  if (snapshot_.encoding())
    encode_slice();
  if (due_barrier_ && due_barrier_->mark.overtakes)
    return overtake_step();
  if (!chain_.idle()) {
    const bool worked = chain_.work(due_barrier_.has_value()) == chain_progress::worked;
    note_counters();
    if (worked) {
      flush_if_due(); // a slow operator may be at one batch for long
      return true;
    }
    if (!chain_.holding())
      return snapshot_.encoding();
  }
  const bool idle = chain_.idle();
  if (idle && watermark_to_send_) {
    for (auto& edge : edges_)
      edge->broadcast(watermark{*watermark_to_send_});
    watermark_to_send_.reset();
  }
  if (idle && input_ended_ && !end_sent_) {
    broadcast_end();
    return true;
  }
  if (due_barrier_ && chain_.settled()) {
    if (snapshot_.open())
      return snapshot_.encoding(); // one open snapshot a table: this one waits, which its phases tell
    begin_snapshot();
    return true;
  }
  if (chain_.holding())
    settle_idle(); // what was emitted so far does not wait for the rest
  // Without room, or while an operator holds, a barrier may come all the same: it goes behind what waits, and its
  // snapshot needs no room.
  if (!idle || chain_.output_full() || chain_.holding())
    return (!source_ && !due_barrier_ && take_input(true)) || snapshot_.encoding();
  const bool took = source_ ? take_from_source() : take_input(false);
  if (took)
    flush_if_due();
  else
    settle_idle();
  return took || snapshot_.encoding();
}

bool subtask_loop::take_from_source() {
  if (input_ended_ || suspended_)
    return false;
  source_progress progress = source_progress::waiting;
  try {
    progress = source_->produce();
  } catch (...) {
    if (!blamed_) // a fused sink is to blame itself
      blamed_ = 0;
    throw;
  }
  switch (progress) {
  case source_progress::produced:
    note_counters();
    return true;
  case source_progress::ended:
    end_input();
    return true;
  case source_progress::waiting:
    break;
  }
  if (std::string remark = source_->take_remark(); !remark.empty())
    out_.report(subtask_remark{setup_.stages.front().name + ": " + remark});
  flush_edges(); // an idle source does not let records wait
  if (const monotonic_time next = source_->next_at(); next != monotonic_time{} && next != monotonic_time::max())
    ask_for_wake(saturating_until(setup_.env->monotonic(), next));
  return false;
}

bool subtask_loop::take_input(bool only_barriers) {
  if (!restored_.empty()) // a barrier comes behind them, unless it overtakes
    return !only_barriers && take_restored();
  const auto channel =
      inputs_.next([&](std::size_t i) { return aligner_.held(i) || (only_barriers && !inputs_.barrier_is_next(i)); });
  if (!channel)
    return false;
  channel_message message = inputs_.take(*channel);
  if (const auto due = inputs_.due_grant(*channel))
    out_.grant(*due);
  if (auto* batch = std::get_if<batch_ptr>(&message.payload)) {
    chain_.accept(inputs_.spec(*channel).input, std::move(*batch));
    if (chain_.idle()) // the head is a sink, whose writer has the batch already
      note_counters();
  } else if (const auto* mark = std::get_if<barrier>(&message.payload)) {
    due_barrier_ = aligner_.on_barrier(*channel, *mark, message.sequence, setup_.env->monotonic());
  } else {
    if (const auto* reached = std::get_if<watermark>(&message.payload))
      watermarks_[*channel] = std::max(watermarks_[*channel], reached->time);
    else
      ended_[*channel] = true;
    event_time lowest = event_time::max();
    bool all_ended = true;
    for (std::size_t i = 0; i != ended_.size(); ++i)
      if (!ended_[i]) {
        all_ended = false;
        lowest = std::min(lowest, watermarks_[i]);
      }
    if (all_ended)
      end_input();
    else if (lowest > watermark_) {
      watermark_ = lowest;
      watermark_to_send_ = lowest;
      chain_.advance_to(lowest);
    }
  }
  return true;
}

void subtask_loop::end_input() {
  input_ended_ = true;
  chain_.end_input();
}

void subtask_loop::broadcast_end() {
  end_sent_ = true;
  for (auto& edge : edges_)
    edge->broadcast(end_of_stream{});
  for (sink_stage& sink : sinks_)
    sink.driver->flush();
  note_counters();
  out_.report(subtask_ended{});
}

// -- flushing and counting -------------------------------------------------------------------------------------------

void subtask_loop::flush_edges() {
  for (auto& edge : edges_)
    edge->flush();
  gathering_since_.reset();
}

void subtask_loop::flush_if_due() {
  const bool gathering = std::any_of(edges_.begin(), edges_.end(), [](const auto& edge) { return edge->gathering(); });
  if (!gathering) {
    gathering_since_.reset();
    return;
  }
  const monotonic_time now = setup_.env->monotonic();
  if (!gathering_since_)
    gathering_since_ = now;
  if (now - *gathering_since_ >= setup_.flush_interval)
    flush_edges();
}

void subtask_loop::settle_idle() {
  flush_if_due();
  if (gathering_since_)
    ask_for_wake(saturating_until(setup_.env->monotonic(), saturating_add(*gathering_since_, setup_.flush_interval)));
  for (sink_stage& sink : sinks_)
    sink.driver->flush();
}

void subtask_loop::note_sent(const channel_message& message) {
  if (!probe_due_) {
    probe_due_ = setup_.env->monotonic() + probe_interval;
    ask_for_wake(probe_interval);
  }
  if (std::holds_alternative<batch_ptr>(message.payload))
    note_first_output();
}

void subtask_loop::note_first_output() {
  if (!std::exchange(first_output_reported_, true))
    out_.report(subtask_first_output{});
}

void subtask_loop::note_counters() {
  const std::uint64_t out = chain_.records_out(0);
  setup_.counters->records_in.store(source_op_ ? out : chain_.records_in(0), std::memory_order_relaxed);
  setup_.counters->records_out.store(chain_.records_out(chain_.size() - 1), std::memory_order_relaxed);
  setup_.counters->batches_queued.store(inputs_.queued(), std::memory_order_relaxed);
  if (!first_output_reported_ && std::any_of(sinks_.begin(), sinks_.end(), [this](const sink_stage& sink) {
        return chain_.records_in(sink.stage) != 0;
      }))
    note_first_output();
  if (source_op_ && setup_.report_records_every != 0 && out - reported_records_ >= setup_.report_records_every) {
    out_.report(records_emitted{out - reported_records_});
    reported_records_ = out;
  }
}

} // namespace weir::inline v0
