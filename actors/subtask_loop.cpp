#include "subtask_loop.hpp"

#include "../persistence/error.hpp"

#include <algorithm>
#include <utility>

namespace weir::inline v0 {

namespace {

/// What one slice of a snapshot may take.
constexpr std::chrono::microseconds slice_time{150};
constexpr std::size_t fewest_slice_entries = 16;
constexpr std::size_t most_slice_entries = 4096;

} // namespace

/// An operator's surroundings inside a subtask.
class subtask_loop::stage_context final : public operator_context {
public:
  stage_context(operator_identity identity, subtask_loop& loop) : operator_context(std::move(identity)), loop_(loop) {}

  processing_time now() const override { return loop_.setup_.env->now(); }
  void wake_at(processing_time when) override {
    loop_.operator_wakes_.insert(when);
    loop_.ask_for_wake(*loop_.operator_wakes_.begin() - now());
  }

private:
  subtask_loop& loop_;
};

subtask_surroundings::~subtask_surroundings() = default;

subtask_loop::subtask_loop(subtask_setup setup, subtask_surroundings& surroundings)
    : setup_(std::move(setup)),
      out_(surroundings),
      chain_(*setup_.env, setup_.batch_size),
      inputs_(setup_.region, setup_.attempt, setup_.inputs, setup_.credit_window),
      aligner_(setup_.inputs.size(), setup_.mode),
      ended_(setup_.inputs.size(), false),
      watermarks_(setup_.inputs.size(), event_time::min()) {
  build();
}

subtask_loop::~subtask_loop() = default;

void subtask_loop::build() {
  for (const stage_setup& stage : setup_.stages) {
    operator_identity identity{setup_.job,
                               setup_.run,
                               stage.name,
                               setup_.attempt,
                               setup_.id.index,
                               setup_.parallelism,
                               setup_.max_parallelism,
                               setup_.key_groups,
                               setup_.checkpointing};
    chain_.add(stage.make(), std::make_unique<stage_context>(std::move(identity), *this), stage.ports);
  }
  for (std::size_t i = 0; i != setup_.stages.size(); ++i)
    for (const auto& target : setup_.stages[i].fused)
      chain_.connect(i, target.port, target.stage, target.input);
  for (const edge_setup& edge : setup_.edges) {
    std::vector<output_channel> channels;
    for (const channel_id id : edge.channels)
      channels.emplace_back(setup_.region, setup_.attempt, id, setup_.credit_window, [this](channel_message message) {
        note_output();
        out_.send(std::move(message));
      });
    auto partitioner =
        edge.make_partitioner ? edge.make_partitioner() : make_partitioner(edge.how, setup_.id.index.value);
    edges_.push_back(std::make_unique<output_edge>(std::move(partitioner), std::move(channels), setup_.batch_size,
                                                   setup_.max_parallelism));
    chain_.connect(edge.stage, edge.port, *edges_.back());
  }
  for (std::size_t i = 0; i != chain_.size(); ++i) {
    if (chain_.at(i).as_source())
      source_op_ = static_cast<source_operator*>(&chain_.at(i));
    if (chain_.at(i).as_sink())
      sinks_.push_back({i, static_cast<sink_operator*>(&chain_.at(i)), nullptr, nullptr, false});
  }
  // The callbacks refer to elements of `sinks_`, which does not grow any more.
  for (sink_stage& sink : sinks_) {
    sink_answers answers{
        [this, &sink](checkpoint_id id, std::string prepared) { on_prepared(sink, id, std::move(prepared)); },
        [this, &sink](checkpoint_id id) { on_committed(sink, id); }, [this, &sink] { blamed_ = sink.stage; }};
    const any_sink& target = *sink.op->as_sink();
    if (target.blocking()) {
      auto driver = std::make_unique<companion_sink>(
          [this, &sink, &target](sink_command command) { out_.tell_sink(sink.stage, target, std::move(command)); },
          std::move(answers));
      sink.companion = driver.get();
      sink.driver = std::move(driver);
    } else {
      sink.driver = std::make_unique<inline_sink>(target, std::move(answers));
    }
    chain_.set_writer(sink.stage, *sink.driver);
  }
}

// -- starting ---------------------------------------------------------------------------------------------------------

std::vector<table_to_load> subtask_loop::open() {
  chain_.open();
  std::vector<table_to_load> tables;
  for (std::size_t i = 0; i != chain_.size(); ++i) {
    const any_sink* sink = chain_.at(i).as_sink();
    if (!setup_.checkpointing && !sink)
      continue; // no changes are tracked: there is nothing to snapshot
    for (any_state_table* table : chain_.at(i).state_tables()) {
      snapshot_.add(setup_.stages[i].name, *table, sink != nullptr);
      tables.push_back({tables.size(), setup_.stages[i].restored_name, table->name(), table->distributed_by()});
    }
  }
  return tables;
}

void subtask_loop::loaded() {
  chain_.ready(setup_.restored);
  if (source_op_ && setup_.splits)
    source_op_->assign(*setup_.splits);
  start_sinks();
}

void subtask_loop::start_sinks() {
  bool waiting = false;
  for (sink_stage& sink : sinks_) {
    sink_start start;
    start.identity = chain_.context(sink.stage).identity();
    start.restored = setup_.restored;
    start.restored_checkpoint = setup_.restored_checkpoint;
    start.pending = sink.op->pending();
    start.allow_duplicates = setup_.allow_duplicates;
    start.replace_output = setup_.replace_output;
    sink.driver->start(std::move(start));
    if (sink.companion)
      waiting = true;
    else
      sink.op->committed(setup_.restored_checkpoint);
  }
  if (!waiting)
    out_.report(subtask_loaded{});
}

void subtask_loop::run() {
  running_ = true;
  if (!source_op_)
    return;
  const any_source& source = *source_op_->as_source();
  if (source.blocking()) {
    out_.start_source(source, source_op_->unread());
    auto driver = std::make_unique<companion_source>(*source_op_, chain_, [this] { out_.ask_source(); });
    companion_source_ = driver.get();
    source_ = std::move(driver);
  } else {
    source_ = std::make_unique<inline_source>(*source_op_, chain_, *setup_.env, setup_.batch_size);
  }
}

// -- messages ---------------------------------------------------------------------------------------------------------

void subtask_loop::on_message(channel_message message) {
  if (inputs_.push(std::move(message))) {
    const auto queued = static_cast<std::uint64_t>(inputs_.queued());
    setup_.counters->batches_queued.store(queued, std::memory_order_relaxed);
    if (queued > setup_.counters->batches_queued_most.load(std::memory_order_relaxed))
      setup_.counters->batches_queued_most.store(queued, std::memory_order_relaxed);
  }
}

void subtask_loop::on_grant(const credit_grant& g) {
  if (g.region != setup_.region || g.attempt != setup_.attempt)
    return;
  for (auto& edge : edges_)
    if (edge->grant(g))
      return;
}

void subtask_loop::on_trigger(const trigger_checkpoint& trigger) {
  if (due_barrier_) {
    out_.report(checkpoint_declined{trigger.mark.checkpoint, "the barrier of checkpoint " +
                                                                 to_string(due_barrier_->mark.checkpoint) +
                                                                 " has not left this source yet"});
    return;
  }
  const monotonic_time now = setup_.env->monotonic();
  due_barrier_ = aligned_barrier{trigger.mark, now, now, {}};
}

void subtask_loop::on_completed(checkpoint_id id) {
  std::vector<std::pair<sink_stage*, std::vector<prepared_output>>> work;
  for (sink_stage& sink : sinks_)
    if (sink.op->as_sink()->two_phase()) {
      std::vector<prepared_output> prepared = sink.op->pending();
      std::erase_if(prepared, [id](const prepared_output& p) { return p.checkpoint > id; });
      if (!prepared.empty())
        work.emplace_back(&sink, std::move(prepared));
    }
  if (work.empty()) {
    if (!sinks_.empty())
      out_.report(commit_acknowledged{id});
    return;
  }
  committing_[id] = work.size();
  for (auto& [sink, prepared] : work)
    sink->driver->commit(id, std::move(prepared));
}

void subtask_loop::on_aborted(checkpoint_id id) {
  aligner_.abort(id);
  if (due_barrier_ && due_barrier_->mark.checkpoint == id) {
    due_barrier_.reset();
    aligner_.release(id);
  }
  out_.report(barrier_skipped{id});
}

void subtask_loop::on_stored(checkpoint_id id, write_result result, std::chrono::microseconds taken) {
  const auto at = std::find_if(at_store_.begin(), at_store_.end(),
                               [id](const checkpoint_acknowledged& ack) { return ack.checkpoint == id; });
  if (at == at_store_.end())
    return;
  checkpoint_acknowledged ack = std::move(*at);
  at_store_.erase(at);
  ack.phases.write = taken;
  switch (result) {
  case write_result::stored:
  case write_result::repeated:
    out_.report(std::move(ack));
    break;
  case write_result::refused_parent:
  case write_result::refused_checkpoint:
    // These chunks are in no chain: what comes next must not build on them.
    snapshot_.require_bases();
    out_.report(checkpoint_declined{id, "the store has no parent for a delta: a base follows"});
    break;
  case write_result::stored_late:
  case write_result::refused_attempt:
    break; // the coordinator has decided already
  }
}

void subtask_loop::on_drain() {
  if (source_)
    source_->halt();
}

void subtask_loop::on_resume() {
  suspended_ = false;
}

void subtask_loop::on_read(companion_read read) {
  if (companion_source_)
    companion_source_->on_read(std::move(read));
}

void subtask_loop::on_sink_answer(std::size_t stage, sink_answer answer) {
  const auto at =
      std::find_if(sinks_.begin(), sinks_.end(), [stage](const sink_stage& sink) { return sink.stage == stage; });
  const bool started = std::holds_alternative<sink_answer::started>(answer.what);
  at->companion->on_answer(std::move(answer));
  if (!started)
    return;
  at->op->committed(setup_.restored_checkpoint);
  if (std::all_of(sinks_.begin(), sinks_.end(),
                  [](const sink_stage& sink) { return !sink.companion || sink.companion->started(); }))
    out_.report(subtask_loaded{});
}

void subtask_loop::wake() {
  wake_due_.reset();
  const processing_time now = setup_.env->now();
  if (const auto later = operator_wakes_.upper_bound(now); later != operator_wakes_.begin()) {
    operator_wakes_.erase(operator_wakes_.begin(), later);
    chain_.wake();
  }
  if (!operator_wakes_.empty())
    ask_for_wake(*operator_wakes_.begin() - now);
  flush_if_due();
}

void subtask_loop::ask_for_wake(std::chrono::microseconds delay) {
  const monotonic_time due = setup_.env->monotonic() + std::max(delay, std::chrono::microseconds{0});
  if (wake_due_ && *wake_due_ <= due)
    return;
  wake_due_ = due;
  out_.wake_in(std::max(delay, std::chrono::microseconds{0}));
}

// -- work -------------------------------------------------------------------------------------------------------------

bool subtask_loop::step() {
  if (!running_)
    return false;
  if (snapshot_.encoding())
    encode_slice();
  if (!chain_.idle()) {
    const bool worked = chain_.work() == chain_progress::worked;
    note_counters();
    if (worked)
      flush_if_due(); // a slow operator may be at one batch for long
    return worked || snapshot_.encoding();
  }
  if (watermark_to_send_) {
    for (auto& edge : edges_)
      edge->broadcast(watermark{*watermark_to_send_});
    watermark_to_send_.reset();
  }
  if (input_ended_ && !end_sent_) {
    broadcast_end();
    return true;
  }
  if (due_barrier_) {
    if (snapshot_.open())
      return snapshot_.encoding(); // one open snapshot a table: this one waits, which its phases tell
    begin_snapshot();
    return true;
  }
  // Without room a barrier may come all the same: it goes behind what waits, and its snapshot needs no room.
  if (chain_.output_full())
    return (!source_ && take_input(true)) || snapshot_.encoding();
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
  flush_edges(); // an idle source does not let records wait
  if (const processing_time next = source_->next_at(); next != processing_time{})
    ask_for_wake(next - setup_.env->now());
  return false;
}

bool subtask_loop::take_input(bool only_barriers) {
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

// -- snapshots --------------------------------------------------------------------------------------------------------

void subtask_loop::begin_snapshot() {
  const monotonic_time now = setup_.env->monotonic();
  aligned_barrier due = std::move(*due_barrier_);
  due_barrier_.reset();
  const barrier mark = due.mark;
  next_ack_ = {};
  next_ack_.checkpoint = mark.checkpoint;
  for (std::size_t i = 0; i != due.received.size(); ++i)
    next_ack_.received.push_back({inputs_.spec(i).id, due.received[i]});
  if (source_)
    source_->note_positions();
  snapshot_.begin(std::move(due), now);
  note_pause(now);
  // Only now that the state is frozen may what follows the barrier come in, or the barrier go on.
  for (auto& edge : edges_)
    for (const channel_position& sent : edge->broadcast(mark))
      next_ack_.sent.push_back(sent);
  aligner_.release(mark.checkpoint);
  if (source_ && mark.suspend)
    suspended_ = true;
  for (sink_stage& sink : sinks_)
    sink.preparing = true;
  for (sink_stage& sink : sinks_) {
    next_ack_.commits_pending = next_ack_.commits_pending || sink.op->as_sink()->two_phase();
    sink.driver->prepare(mark.checkpoint);
  }
  finish_snapshot_if_whole();
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
  const monotonic_time before = setup_.env->monotonic();
  snapshot_.encode(slice_entries_);
  note_pause(before);
  const auto taken = setup_.env->monotonic() - before;
  if (taken > slice_time)
    slice_entries_ = std::max(slice_entries_ / 2, fewest_slice_entries);
  else if (taken < slice_time / 2)
    slice_entries_ = std::min(slice_entries_ * 2, most_slice_entries);
  finish_snapshot_if_whole();
}

void subtask_loop::finish_snapshot_if_whole() {
  if (!snapshot_.open() || snapshot_.encoding() ||
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
  at_store_.push_back(std::move(next_ack_));
  out_.store(std::move(snapshot));
}

void subtask_loop::on_committed(sink_stage& sink, checkpoint_id up_to) {
  sink.op->committed(up_to);
  const auto at = committing_.find(up_to);
  if (at == committing_.end() || --at->second != 0)
    return;
  committing_.erase(at);
  out_.report(commit_acknowledged{up_to});
}

// -- flushing and counting
// ----------------------------------------------------------------------------------------------

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
    ask_for_wake(*gathering_since_ + setup_.flush_interval - setup_.env->monotonic());
  for (sink_stage& sink : sinks_)
    sink.driver->flush();
}

void subtask_loop::note_output() {
  if (!std::exchange(first_output_reported_, true))
    out_.report(subtask_first_output{});
}

void subtask_loop::note_pause(monotonic_time since) {
  const auto taken = (setup_.env->monotonic() - since).count();
  if (taken > setup_.counters->longest_pause_us.load(std::memory_order_relaxed))
    setup_.counters->longest_pause_us.store(taken, std::memory_order_relaxed);
}

void subtask_loop::note_counters() {
  const std::uint64_t out = chain_.records_out(0);
  setup_.counters->records_in.store(source_op_ ? out : chain_.records_in(0), std::memory_order_relaxed);
  setup_.counters->records_out.store(chain_.records_out(chain_.size() - 1), std::memory_order_relaxed);
  setup_.counters->batches_queued.store(inputs_.queued(), std::memory_order_relaxed);
  if (source_op_ && setup_.report_records_every != 0 && out - reported_records_ >= setup_.report_records_every) {
    out_.report(records_emitted{out - reported_records_});
    reported_records_ = out;
  }
}

} // namespace weir::inline v0
