// A subtask: how it is built and started, and what it does about messages.
#include "subtask_loop.hpp"
#include "../persistence/chunk_compression.hpp"
#include "../persistence/failpoint.hpp"
#include "../persistence/saturating_time.hpp"

#include <algorithm>
#include <utility>

namespace weir::inline v0 {

/// An operator's surroundings inside a subtask.
class subtask_loop::stage_context final : public operator_context {
public:
  stage_context(operator_identity identity, subtask_loop& loop) : operator_context(std::move(identity)), loop_(loop) {}

  processing_time now() const override { return loop_.setup_.env->now(); }
  void wake_at(processing_time when) override {
    const processing_time now = this->now();
    loop_.clock_ahead_ = std::max(loop_.clock_ahead_, loop_.clock_ahead());
    loop_.operator_wakes_.insert(when);
    loop_.ask_for_wake(saturating_until(now, *loop_.operator_wakes_.begin()));
  }
  monotonic_time monotonic() const override { return loop_.setup_.env->monotonic(); }
  std::shared_ptr<waker> outside_waker() override {
    loop_.operators_wake_ = true;
    return loop_.out_.outside_waker();
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
    auto context = std::make_unique<stage_context>(std::move(identity), *this);
    if (setup_.user_counters)
      context->share_counters(setup_.user_counters);
    chain_.add(stage.make(), std::move(context), stage.ports);
  }
  for (std::size_t i = 0; i != setup_.stages.size(); ++i)
    for (const auto& target : setup_.stages[i].fused)
      chain_.connect(i, target.port, target.stage, target.input);
  for (const edge_setup& edge : setup_.edges) {
    std::vector<output_channel> channels;
    for (const channel_id id : edge.channels)
      channels.emplace_back(setup_.region, setup_.attempt, id, setup_.credit_window, [this](channel_message message) {
        note_sent(message);
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
    } else if (target.commits_later()) {
      sink.driver = std::make_unique<later_sink>(target, std::move(answers), out_.outside_waker());
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
  add_in_flight_tables(tables);
  return tables;
}

void subtask_loop::expect_to_load(chunk_amount whole) {
  setup_.counters->entries_to_load.store(whole.entries, std::memory_order_relaxed);
  setup_.counters->bytes_to_load.store(whole.bytes, std::memory_order_relaxed);
}

void subtask_loop::load(std::size_t table, std::uint64_t entries, std::span<const std::byte> chunk) {
  loading(table).load(plain_chunk(chunk, unpacked_));
  setup_.counters->entries_loaded.fetch_add(entries, std::memory_order_relaxed);
  setup_.counters->bytes_loaded.fetch_add(chunk.size(), std::memory_order_relaxed);
}

void subtask_loop::loaded() {
  unpacked_ = {};
  restore_in_flight();
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
    if (sink.driver->started())
      sink.op->committed(setup_.restored_checkpoint);
    else
      waiting = true;
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
    source_ = std::make_unique<inline_source>(*source_op_, chain_, *setup_.env, setup_.batch_size, out_.outside_waker(),
                                              setup_.checkpointing);
  }
}

// -- messages ---------------------------------------------------------------------------------------------------------

void subtask_loop::on_message(channel_message message) {
  std::optional<channel_message> seen;
  if (!in_flight_inputs_.empty() && (recording_ || std::holds_alternative<barrier>(message.payload)))
    seen = message;
  if (inputs_.push(std::move(message))) {
    if (seen)
      on_queued(*seen);
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
    if (edge->grant(g)) {
      if (recording_ && recording_->outputs)
        end_recording_if_whole();
      return;
    }
}

void subtask_loop::on_probe(const channel_probe& p) {
  if (const auto answer = inputs_.on_probe(p))
    out_.grant(*answer);
}

void subtask_loop::on_trigger(const trigger_checkpoint& trigger) {
  if (due_barrier_) {
    out_.report(checkpoint_declined{trigger.mark.checkpoint,
                                    "the barrier of checkpoint " + to_string(due_barrier_->mark.checkpoint) +
                                        " has not left this source yet",
                                    true});
    return;
  }
  const monotonic_time now = setup_.env->monotonic();
  if (recording_)
    abandon_recording(); // whoever opens another checkpoint has given that one up
  due_barrier_ = aligned_barrier{trigger.mark, now, now, {}};
  overtake_if_late();
}

void subtask_loop::on_completed(checkpoint_id id) {
  if (!running_)
    return; // what is prepared is not loaded, or being committed: that this subtask runs will say that it is
  if (source_)
    source_->completed(id);
  if (committing_.count(id) != 0)
    return; // told again while the sinks are at it
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
  WEIR_FAILPOINT("subtask.commit.before");
  committing_[id] = work.size();
  for (auto& [sink, prepared] : work)
    sink->driver->commit(id, std::move(prepared));
}

void subtask_loop::on_aborted(checkpoint_id id) {
  if (!setup_.inputs.empty())
    aligner_.abort(id);
  if (due_barrier_ && due_barrier_->mark.checkpoint == id) {
    due_barrier_.reset();
    aligner_.release(id);
  }
  if (recording_ && recording_->mark.checkpoint == id)
    abandon_recording();
  if (timed_ && timed_->checkpoint == id)
    timed_.reset();
  if (source_)
    source_->aborted(id);
  out_.report(barrier_skipped{id});
}

void subtask_loop::on_stored(checkpoint_id id, write_result result, std::chrono::microseconds taken) {
  const auto at = std::find_if(at_store_.begin(), at_store_.end(),
                               [id](const stored_acknowledgement& stored) { return stored.ack.checkpoint == id; });
  if (at == at_store_.end())
    return;
  const bool counts = at->counts;
  checkpoint_acknowledged ack = std::move(at->ack);
  at_store_.erase(at);
  ack.phases.write = taken;
  switch (result) {
  case write_result::stored:
  case write_result::repeated:
    if (!counts)
      break;
    WEIR_FAILPOINT("subtask.acknowledge.before");
    out_.report(std::move(ack));
    break;
  case write_result::refused_parent:
  case write_result::refused_checkpoint:
    // These chunks are in no chain: what comes next must not build on them.
    snapshot_.require_bases();
    out_.report(checkpoint_declined{id, result == write_result::refused_parent
                                            ? "the store has no parent for a delta: a base follows"
                                            : "the store does not take its chunks: it is not open there any more"});
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

void subtask_loop::let_go_of_source() {
  companion_source_ = nullptr;
  source_.reset();
}

void subtask_loop::on_resume() {
  suspended_ = false;
  if (due_barrier_)
    due_barrier_->mark.suspend = false; // the stop is off, whether or not its abort was heard
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
  if (started)
    on_started(*at);
}

void subtask_loop::on_started(sink_stage& started) {
  started.op->committed(setup_.restored_checkpoint);
  if (std::all_of(sinks_.begin(), sinks_.end(), [](const sink_stage& sink) { return sink.driver->started(); }))
    out_.report(subtask_loaded{});
}

void subtask_loop::wake() {
  if (!wakes_asked_.empty())
    wakes_asked_.erase(wakes_asked_.begin()); // they come in the order of their times
  const std::chrono::microseconds ahead = clock_ahead();
  const processing_time now = setup_.env->now();
  if (const auto later = operator_wakes_.upper_bound(now); later != operator_wakes_.begin()) {
    operator_wakes_.erase(operator_wakes_.begin(), later);
    chain_.wake();
  } else if (ahead < clock_ahead_ && clock_ahead_ - ahead > clock_jitter) {
    chain_.wake(); // the clock was set back: who waits for a duration has to ask for another time
  }
  clock_ahead_ = ahead;
  if (!operator_wakes_.empty())
    ask_for_wake(saturating_until(now, *operator_wakes_.begin()));
  probe_if_due();
  flush_if_due();
  overtake_if_late();
}

std::chrono::microseconds subtask_loop::clock_ahead() const {
  return setup_.env->now().time_since_epoch() - setup_.env->monotonic().time_since_epoch();
}

void subtask_loop::on_outside_wake() {
  if (operators_wake_)
    chain_.wake();
  if (source_)
    source_->wake();
  for (sink_stage& sink : sinks_)
    if (sink.driver->collect())
      on_started(sink);
}

void subtask_loop::probe_if_due() {
  if (!probe_due_)
    return;
  const monotonic_time now = setup_.env->monotonic();
  if (now >= *probe_due_) {
    probe_due_.reset();
    for (const auto& edge : edges_)
      for (const output_channel& channel : edge->channels())
        if (const auto question = channel.probe()) {
          probe_due_ = now + probe_interval;
          out_.probe(*question);
        }
  }
  if (probe_due_)
    ask_for_wake(*probe_due_ - now);
}

void subtask_loop::ask_for_wake(std::chrono::microseconds delay) {
  delay = std::clamp<std::chrono::microseconds>(delay, std::chrono::microseconds{0}, longest_sleep);
  const monotonic_time due = setup_.env->monotonic() + delay;
  if (!wakes_asked_.empty() && *wakes_asked_.begin() <= due)
    return; // what is due later is asked for again then
  wakes_asked_.insert(due);
  out_.wake_in(delay);
}

} // namespace weir::inline v0
