// All that a subtask is made of, worked out by the coordinator from the plan.
#pragma once

#include "../operators/environment.hpp"
#include "../operators/graph.hpp"
#include "../operators/source.hpp"
#include "delivery_mode.hpp"
#include "input_channels.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weir::inline v0 {

/// Counters of one subtask, written by it and read by anyone.
struct subtask_counters {
  std::atomic<std::uint64_t> records_in{0};
  std::atomic<std::uint64_t> records_out{0};
  std::atomic<std::uint64_t> batches_queued{0}; ///< now waiting in the input queues
  std::atomic<std::uint64_t> batches_queued_most{0};
  std::atomic<std::int64_t> longest_pause_us{0}; ///< of one snapshot slice or mark
  /// The same in processor time of the thread: what others took from the processor is not in it.
  std::atomic<std::int64_t> longest_pause_work_us{0};
  // Of a restore, as the chunks have it: an entry that a delta replaces counts again.
  std::atomic<std::uint64_t> entries_to_load{0};
  std::atomic<std::uint64_t> entries_loaded{0};
  std::atomic<std::uint64_t> bytes_to_load{0};
  std::atomic<std::uint64_t> bytes_loaded{0};
  std::atomic<std::int64_t> step_since_us{0}; ///< monotonic time at which the present step began; 0: none runs
};

/// One operator of the task, in chain order.
struct stage_setup {
  std::string name;
  std::string restored_name; ///< under which the restored checkpoint has its state
  std::function<std::unique_ptr<any_operator>()> make;
  std::vector<const element_type*> ports;
  struct fused_target {
    std::size_t port;
    std::size_t stage;
    std::size_t input;
  };
  std::vector<fused_target> fused;
};

/// In-flight batches of one input, or of one receiver, in a subtask's checkpoints.
struct in_flight_setup {
  std::string operator_name; ///< under which they are stored
  std::string table;
  in_flight_factory make = nullptr; ///< for the type of the records
  std::uint32_t receivers = 1;      ///< out of how many subtasks one was to get a batch
  bool stored = false;              ///< the restored checkpoint has such a table
};

/// In-flight batches in the restored checkpoint that are for the head of the task.
struct stored_in_flight {
  std::string operator_name; ///< as the restored checkpoint has it
  std::string table;
  std::size_t input = 0;
  in_flight_factory make = nullptr;
};

/// One edge out of the task.
struct edge_setup {
  std::size_t stage = 0;
  std::size_t port = 0;
  partitioning how = partitioning::forward;
  std::function<std::unique_ptr<any_partitioner>()> make_partitioner; ///< for keyed edges
  std::vector<channel_id> channels;                                   ///< in the order of targets
  std::optional<std::size_t> overtaken; ///< where barriers may overtake: of its batches, in `in_flight_sent`
};

/// A subtask of one attempt.
struct subtask_setup {
  subtask_id id{task_id{0}, subtask_index{0}};
  std::string job;
  std::string run;
  std::string task_name;
  region_id region{0};
  attempt_id attempt{1};
  std::uint32_t parallelism = 1;
  std::uint32_t max_parallelism = 128;
  key_group_range key_groups{0, 128};
  std::vector<stage_setup> stages;
  std::vector<edge_setup> edges;
  std::vector<input_channel_spec> inputs;

  /// One for each input of the head, if barriers may overtake on all channels into the task, or the restored checkpoint
  /// has in-flight batches of it. Else empty.
  std::vector<in_flight_setup> in_flight_inputs;
  std::vector<in_flight_setup> in_flight_sent;
  std::vector<stored_in_flight> in_flight_stored; ///< in the order in which they are worked off
  bool keyed = false;                             ///< the head's state is keyed

  delivery_mode mode = delivery_mode::exactly_once;
  bool checkpointing = true;
  std::size_t batch_size = 1024;
  std::chrono::microseconds flush_interval{5000};
  std::uint64_t credit_window = 4;
  std::uint64_t report_records_every = 0; ///< sources: 0 for never

  /// The checkpoint to restore; its state arrives through `subtask_loop::load`.
  bool restored = false;
  checkpoint_id restored_checkpoint{0};
  /// For a source of a run without a checkpoint: all its splits.
  std::shared_ptr<const std::vector<source_split>> splits;
  bool allow_duplicates = false;
  bool replace_output = false;

  std::shared_ptr<environment> env;
  std::shared_ptr<subtask_counters> counters;
  std::shared_ptr<counter_board> user_counters; ///< of the job; null: each operator has a board of its own
};

} // namespace weir::inline v0
