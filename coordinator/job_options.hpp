// What can be chosen about how a job runs, with the defaults.
#pragma once

#include "../actors/delivery_mode.hpp"
#include "../persistence/error.hpp"
#include "restart_strategy.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::inline v0 {

/// How much is logged.
enum class log_level : std::uint8_t { trace, debug, info, warning, error, off };

[[nodiscard]] std::string_view to_text(delivery_mode);
[[nodiscard]] std::string_view to_text(log_level);

/// How many threads the hardware has; at least 1.
[[nodiscard]] std::uint32_t hardware_threads() noexcept;

inline constexpr std::uint32_t default_max_parallelism = 128;

/// As SQLite calls it.
inline constexpr std::string_view store_in_memory = ":memory:";

/// Options of one job. All durations are in microseconds at the finest.
struct job_options {
  // ---- the store ----

  /// The SQLite file with the checkpoints. Empty: `./<job>.weir`. `store_in_memory`: none, for tests; checkpoints are
  /// taken, failures go back to them, and the end of the process forgets them.
  std::string store;
  /// Begin a new run: a store that is there is renamed, never deleted.
  bool fresh = false;
  /// Begin the store with the state of this savepoint: a file that `job_handle::savepoint` made. Empty: with none.
  std::string from_savepoint;
  /// Where `weir::run` writes a savepoint when the job has stopped or finished. Empty: it writes none.
  std::string savepoint_at_end;
  /// How many complete checkpoints are kept. At least 1; with 2 or more a damaged one can be passed over.
  std::uint32_t retain = 5;
  /// Whether checkpoints are taken and stored. If not, nothing is resumed and a failure restarts from the beginning.
  bool checkpoints = true;

  // ---- parallelism ----

  /// How many subtasks an operator has that says nothing itself.
  std::uint32_t parallelism = std::min(hardware_threads(), default_max_parallelism);
  /// How many key groups there are: the most subtasks an operator can ever have. Fixed for the life of a run.
  std::uint32_t max_parallelism = default_max_parallelism;
  /// How many threads run the actors.
  std::uint32_t threads = hardware_threads();
  /// Whether operators are fused into one actor where that is possible.
  bool fusion = true;

  // ---- checkpoints ----

  /// From one opening to the next; 0: none by time.
  std::chrono::microseconds checkpoint_interval = std::chrono::seconds{1};
  /// Open one after so many records from all sources together; 0: none by count.
  std::uint64_t checkpoint_records = 0;
  delivery_mode mode = delivery_mode::exactly_once;
  /// A checkpoint that takes longer is aborted.
  std::chrono::microseconds checkpoint_timeout = std::chrono::seconds{60};
  /// From the end of one to the opening of the next, except those that somebody asked for.
  std::chrono::microseconds min_pause{0};
  /// How many may be under way at once, aborted ones whose barriers still travel included. Only one where barriers may
  /// overtake.
  std::uint32_t max_concurrent = 1;
  /// Barriers overtake the batches that wait, on edges where that is possible; the batches become part of the
  /// checkpoint. Only in exactly-once mode. Checkpoints that somebody asked for and the last one are aligned all the
  /// same.
  bool unaligned = false;
  /// Barriers begin to overtake when their checkpoint has been open for so long; 0: never.
  std::chrono::microseconds alignment_timeout{0};
  /// How many may fail in a row before the job fails.
  std::uint32_t tolerable_failures = 3;
  /// Compress what checkpoints write, and savepoints: less on the disk, more work for the store's thread.
  bool compress_checkpoints = false;

  // ---- failures ----

  restart_settings restart = default_restart_settings();
  /// Start although there is state that no operator takes: it is dropped.
  bool drop_state = false;
  /// Start although a sink has already committed output that will come again.
  bool allow_duplicates = false;
  /// Remove output of another run where a sink finds it.
  bool replace_output = false;

  // ---- batches ----

  /// The most records in a batch.
  std::uint32_t batch_size = 1024;
  /// The longest that a record waits for its batch to fill; 0: batches go out at once.
  std::chrono::microseconds flush_interval = std::chrono::milliseconds{5};

  log_level log = log_level::info;
};

/// Whether a barrier may overtake batches, at once or after a time.
[[nodiscard]] constexpr bool may_overtake(const job_options& options) {
  return options.unaligned || options.alignment_timeout.count() > 0;
}

/// All that is wrong with options; empty if they can be used.
[[nodiscard]] std::vector<error_text> validate(const job_options& options);

} // namespace weir::inline v0
