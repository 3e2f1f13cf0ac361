// What a subtask does, as a plain class: the actor around it only carries messages.
#pragma once

#include "../operators/operator_chain.hpp"
#include "../operators/sink_operator.hpp"
#include "aligner.hpp"
#include "output_edge.hpp"
#include "sink_driver.hpp"
#include "source_driver.hpp"
#include "subtask_setup.hpp"
#include "task_snapshot.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace weir::inline v0 {

/// What a subtask needs to have carried. Calls may not come back into the loop.
class subtask_surroundings {
public:
  virtual ~subtask_surroundings();
  /// To the receiver of a channel.
  virtual void send(channel_message message) = 0;
  /// To the sender of a channel.
  virtual void grant(credit_grant grant) = 0;
  /// To the receiver of a channel.
  virtual void probe(channel_probe probe) = 0;
  /// To the coordinator.
  virtual void report(subtask_event event) = 0;
  /// To the store; answered by `on_stored`.
  virtual void store(subtask_snapshot snapshot) = 0;
  /// A call of `wake` after a while.
  virtual void wake_in(std::chrono::microseconds delay) = 0;
  /// What leads to a call of `on_outside_wake`, from any thread.
  [[nodiscard]] virtual std::shared_ptr<waker> outside_waker() = 0;
  /// Starts the companion of a blocking source; each `ask_source` is answered by `on_read`.
  virtual void start_source(const any_source& source, std::vector<source_operator::unread_split> splits) = 0;
  virtual void ask_source() = 0;
  /// To the companion of a blocking sink; answered by `on_sink_answer`, except for flushes.
  virtual void tell_sink(std::size_t stage, const any_sink& sink, sink_command command) = 0;
};

/// How long a sender waits before it asks whether all that it sent has come, and before it asks again.
inline constexpr std::chrono::milliseconds probe_interval{500};
/// The longest delay that is asked for: what is due later is asked for again, and by then the clock may have been set.
inline constexpr std::chrono::minutes longest_sleep{1};
/// Two clocks are not read in the same moment: what they differ by may change so much though nobody has set one.
inline constexpr std::chrono::milliseconds clock_jitter{1};

/// Names a state table of the task whose chunks `load` takes.
struct table_to_load {
  std::size_t index;
  std::string operator_name; ///< as the restored checkpoint has it
  std::string table;
  distribution distributed_by;
};

/// One subtask: input channels, a chain of operators, output edges, and the snapshots of its state.
///
/// Members called for messages only note what came; work is done by `step`, a bounded piece at a time. All on one
/// thread at a time; what user code throws passes through.
class subtask_loop {
public:
  subtask_loop(subtask_setup setup, subtask_surroundings& surroundings);
  ~subtask_loop();

  // -- starting: open, then load for each chunk, then loaded, then (when it has reported that) run

  /// Opens the operators. Returns the tables whose state can be loaded.
  std::vector<table_to_load> open();
  /// Says with which schema the chunks of a table were written. Throws store_error if they can't be read.
  void expect_schema(std::size_t table, std::string_view json) { loading(table).expect_stored_schema(json); }
  /// How much will come, for whoever looks at the counters.
  void expect_to_load(chunk_amount whole);
  /// Takes a chunk as it is stored.
  void load(std::size_t table, std::uint64_t entries, std::span<const std::byte> chunk);
  /// All chunks are loaded. Reports `subtask_loaded`, at once or when the sinks' companions have started.
  void loaded();
  void run();

  // -- messages

  void on_message(channel_message message);
  void on_grant(const credit_grant& grant);
  void on_probe(const channel_probe& probe);
  void on_trigger(const trigger_checkpoint& trigger);
  void on_completed(checkpoint_id id);
  void on_aborted(checkpoint_id id);
  void on_stored(checkpoint_id id, write_result result, std::chrono::microseconds taken);
  void on_drain();
  /// The actor was killed: what it reads may be read by somebody else. Nothing is called after this.
  void let_go_of_source();
  void on_resume();
  void on_read(companion_read read);
  void on_sink_answer(std::size_t stage, sink_answer answer);
  /// A delay asked for with `wake_in` is over.
  void wake();
  /// The outside waker was called.
  void on_outside_wake();

  /// Does a bounded piece of work: at most one batch, or about 200 µs. Returns true if there may be more to do at once.
  bool step();

  [[nodiscard]] const std::string& current_operator() const noexcept {
    return blamed_ ? setup_.stages[*blamed_].name : chain_.current_operator();
  }
  [[nodiscard]] const subtask_setup& setup() const noexcept { return setup_; }

private:
  class stage_context;
  struct sink_stage {
    std::size_t stage;
    sink_operator* op;
    std::unique_ptr<sink_driver> driver;
    companion_sink* companion = nullptr;
    bool preparing = false;
  };

  /// The in-flight batches of a snapshot that still come in or wait for their barrier to leave.
  struct open_recording {
    barrier mark;
    bool inputs = false;  ///< some channels' barriers are still to come
    bool outputs = false; ///< on some channels out the barrier waits, and may yet overtake
  };
  /// What is on its way to the store.
  struct stored_acknowledgement {
    checkpoint_acknowledged ack;
    bool counts = true; ///< false: it lacks in-flight batches, as its checkpoint is given up
  };

  void build();
  void add_in_flight_tables(std::vector<table_to_load>& to_load);
  [[nodiscard]] any_state_table& loading(std::size_t table);
  void restore_in_flight();
  bool take_restored();
  void on_queued(const channel_message& message);
  void begin_to_overtake(const barrier& mark);
  bool overtake_step();
  void overtake_if_late();
  void begin_recording(const barrier& mark);
  void record_inputs();
  void overtake_outputs(checkpoint_id id);
  [[nodiscard]] bool outputs_hold_back(checkpoint_id id) const;
  void end_recording_if_whole();
  void abandon_recording();
  void start_sinks();
  void on_started(sink_stage& started);
  bool take_step();
  void encode_slice();
  void begin_snapshot();
  void finish_snapshot_if_whole();
  void settle_idle();
  bool take_input(bool only_barriers);
  bool take_from_source();
  void end_input();
  void broadcast_end();
  void flush_edges();
  void flush_if_due();
  void note_sent(const channel_message& message);
  void note_first_output();
  void on_prepared(sink_stage& sink, checkpoint_id id, std::string prepared);
  void on_committed(sink_stage& sink, checkpoint_id up_to);
  void ask_for_wake(std::chrono::microseconds delay);
  void probe_if_due();
  struct moment {
    monotonic_time at;
    std::chrono::nanoseconds work;
  };
  [[nodiscard]] moment this_moment() const { return {setup_.env->monotonic(), setup_.env->thread_time()}; }
  void note_pause(const moment& since);
  void note_counters();
  [[nodiscard]] std::chrono::microseconds clock_ahead() const;

  subtask_setup setup_;
  subtask_surroundings& out_;
  operator_chain chain_;
  std::vector<std::unique_ptr<output_edge>> edges_;
  std::vector<sink_stage> sinks_;
  std::optional<std::size_t> blamed_; ///< the source's or sink's stage, if its code threw
  source_operator* source_op_ = nullptr;
  std::unique_ptr<source_driver> source_;
  companion_source* companion_source_ = nullptr;

  input_channels inputs_;
  aligner aligner_;
  task_snapshot snapshot_;
  std::optional<aligned_barrier> due_barrier_; ///< its snapshot waits for the chain, or for the snapshot before it
  checkpoint_acknowledged next_ack_;
  std::vector<stored_acknowledgement> at_store_;
  std::map<checkpoint_id, std::size_t> committing_; ///< how many sinks have not answered
  std::size_t slice_entries_ = 256;

  std::vector<std::byte> unpacked_;                                    ///< of the last chunk that was loaded
  std::vector<std::unique_ptr<any_in_flight_table>> in_flight_inputs_; ///< as in the setup
  std::vector<std::unique_ptr<any_in_flight_table>> in_flight_sent_;
  std::vector<std::unique_ptr<any_in_flight_table>> in_flight_loads_;
  std::deque<operator_chain::rest> restored_; ///< worked off before what comes in on channels
  std::optional<open_recording> recording_;
  bool abandoned_ = false;       ///< the open snapshot lacks in-flight batches
  std::optional<barrier> timed_; ///< a barrier that waits in a queue, until it overtakes

  std::vector<bool> ended_;            ///< per channel
  std::vector<event_time> watermarks_; ///< per channel
  event_time watermark_ = event_time::min();
  std::optional<event_time> watermark_to_send_;
  bool running_ = false;
  bool operators_wake_ = false; ///< an operator has asked for the outside waker
  bool suspended_ = false;      ///< a suspending barrier has passed: the source rests
  bool input_ended_ = false;    ///< end of input is in the chain
  bool end_sent_ = false;
  bool first_output_reported_ = false;
  std::multiset<monotonic_time> wakes_asked_; ///< one for each call of `wake` that is to come
  std::optional<monotonic_time> probe_due_;   ///< while something sent may be unacknowledged
  std::set<processing_time> operator_wakes_;  ///< that operators asked for
  /// By how much the clock was ahead of the monotonic one, at most, when one asked, or at the last wake.
  std::chrono::microseconds clock_ahead_ = std::chrono::microseconds::min();
  std::optional<monotonic_time> gathering_since_;
  std::uint64_t reported_records_ = 0;
};

} // namespace weir::inline v0
