// What goes into the checkpoint store and comes out of it: plain structs, and the words by which their kinds are
// stored.
#pragma once

#include "ids.hpp"
#include "snapshot_kind.hpp"
#include "wall_time.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::inline v0 {

/// Numbers the rows of failures of one store.
using failure_id = strong_id<struct failure_id_tag>;

enum class run_status : std::uint8_t { running, stopped, finished, failed, abandoned };
enum class checkpoint_status : std::uint8_t { open, complete, failed, aborted, abandoned };
/// Why a checkpoint was taken; `at_end` is the one after the last record, stored as "final".
enum class checkpoint_trigger : std::uint8_t { interval, records, demand, stop, drain, at_end };

[[nodiscard]] std::string_view to_text(run_status);
[[nodiscard]] std::string_view to_text(checkpoint_status);
[[nodiscard]] std::string_view to_text(checkpoint_trigger);
[[nodiscard]] std::string_view to_text(snapshot_kind);
/// Throw damaged_error for a word that is none of theirs.
[[nodiscard]] run_status run_status_from(std::string_view);
[[nodiscard]] checkpoint_status checkpoint_status_from(std::string_view);
[[nodiscard]] checkpoint_trigger checkpoint_trigger_from(std::string_view);
[[nodiscard]] snapshot_kind snapshot_kind_from(std::string_view);

/// An operator of the present plan.
struct operator_record {
  std::string name;
  std::string kind;
  std::string task;
  region_id region;
  std::uint32_t parallelism = 1;
  std::string fingerprint; ///< free text; may be empty
};

/// The schema of one state table, as JSON.
struct schema_record {
  std::string operator_name;
  std::string table;
  std::string json;
};

/// One encoded part of a state table on its way to the store. `checksum` is XXH3-64 (seed 0) of `bytes`.
struct chunk_to_store {
  std::string operator_name;
  std::string table;
  key_group first; ///< the first key group that it has entries of
  key_group last;  ///< the last one, inclusive
  std::uint64_t entries = 0;
  std::vector<std::byte> bytes;
  std::uint64_t checksum = 0;
};

/// What one subtask says about one of its state tables at a checkpoint. Every table is named at every checkpoint, an
/// unchanged one too: what is not named is not part of the checkpoint.
struct table_snapshot {
  std::string operator_name;
  std::string table;
  snapshot_kind kind = snapshot_kind::base;
  bool changed = true; ///< false: there are no chunks, the state is that of `parent`
  /// The checkpoint of this table's previous snapshot, taken or restored; needed unless this is a base.
  std::optional<checkpoint_id> parent;
};

/// How long the phases of a subtask's snapshot took.
struct snapshot_phases {
  std::chrono::microseconds start_delay{}; ///< from the checkpoint's opening to the first barrier
  std::chrono::microseconds alignment{};   ///< from the first barrier to the last
  std::chrono::microseconds wait{};        ///< for the snapshot before it to be encoded
  std::chrono::microseconds encode{};
  std::chrono::microseconds write{}; ///< on the way to the store, until now
};

/// A subtask's acknowledgement together with its chunks: what `checkpoint_store::write` makes durable.
struct subtask_snapshot {
  region_id region;
  attempt_id attempt;
  std::string task;
  subtask_index index;
  std::uint32_t parallelism = 1;
  checkpoint_id checkpoint;
  snapshot_phases phases;
  std::vector<table_snapshot> tables;
  std::vector<chunk_to_store> chunks;
};

/// What became of a written snapshot.
enum class write_result : std::uint8_t {
  stored,            ///< durable, and acknowledged
  stored_late,       ///< durable as an ancestor of later deltas; its checkpoint had already failed
  repeated,          ///< this acknowledgement was in the store already; nothing was written
  refused_attempt,   ///< from an attempt that is fenced
  refused_parent,    ///< the parent of a delta is not the table's last snapshot in the store: send a base
  refused_checkpoint ///< never opened, overtaken by a complete one, or older than the table's last snapshot
};
[[nodiscard]] std::string_view to_text(write_result);

/// A subtask whose acknowledgement a checkpoint needs.
struct expected_subtask {
  region_id region;
  std::string task;
  subtask_index index;
  /// How long the store took to write, if it was measured; replaces the phase that the snapshot carried.
  std::optional<std::chrono::microseconds> write;
};

/// A checkpoint that is complete and whose state is kept.
struct complete_checkpoint {
  checkpoint_id id;
  checkpoint_trigger trigger = checkpoint_trigger::interval;
  wall_time opened;
  wall_time completed;
  std::optional<wall_time> committed; ///< when all sinks had committed
  std::uint64_t written_bytes = 0;    ///< in the chunks that were made for it
  std::uint64_t written_entries = 0;
  std::uint64_t state_chunks = 0; ///< of the whole state it refers to
  std::uint64_t state_entries = 0;
  std::uint64_t state_bytes = 0;
  std::uint64_t manifest = 0;
};

/// A chunk as it is read. `bytes` is valid during the call that passes it.
struct stored_chunk {
  chunk_id id;
  subtask_index subtask;
  std::uint32_t parallelism = 1;
  checkpoint_id made_in;
  snapshot_kind kind = snapshot_kind::base;
  key_group first;
  key_group last; ///< inclusive
  std::uint64_t entries = 0;
  std::optional<std::int64_t> schema; ///< `stored_schema::id`
  std::span<const std::byte> bytes;
};

/// What some chunks are together. Entries as they are stored: one that a delta replaces counts again.
struct chunk_amount {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
};

/// A schema that chunks in the store were written with.
struct stored_schema {
  std::int64_t id = 0;
  schema_record record;
  bool in_plan = false; ///< whether the present plan has it
};

/// The state of one table at one checkpoint.
struct stored_table {
  std::string operator_name;
  std::string table;
  std::uint32_t parallelism = 1; ///< of the operator when it was written
  std::uint64_t chunks = 0;
  std::uint64_t entries = 0; ///< as stored: an entry that a delta replaces counts again
  std::uint64_t bytes = 0;
  std::vector<std::int64_t> schemas; ///< `stored_schema::id`, oldest first
};

/// What is wrong with a checkpoint. Without a chunk it is the whole.
struct checkpoint_problem {
  std::optional<chunk_id> chunk;
  std::string operator_name;
  std::string table;
  std::string what; ///< a sentence for people, with all of the above
};

/// A complete checkpoint that was passed over, and why.
struct skipped_checkpoint {
  checkpoint_id id;
  std::vector<checkpoint_problem> problems;
};

/// The newest complete checkpoint that verifies, and the newer ones that do not.
struct verified_checkpoint {
  std::optional<checkpoint_id> id; ///< none if the run has no complete checkpoint
  std::vector<skipped_checkpoint> skipped;
};

/// One failure, as the table `failures` has it.
struct failure_record {
  wall_time time;
  std::optional<region_id> region;
  std::optional<attempt_id> attempt;
  std::string task; ///< may be empty, as the next two
  std::optional<subtask_index> subtask;
  std::string operator_name;
  std::string kind; ///< one word: exception, channel, node, timeout …
  std::string message;
};

/// One way back from a failure or a crash. Phases count from the failure, and are there when they have been reached.
struct recovery_record {
  std::optional<failure_id> failure; ///< none after a crash of the whole process
  region_id region;
  attempt_id attempt; ///< the new one
  wall_time time;
  std::optional<checkpoint_id> restored;
  std::optional<std::chrono::microseconds> detected;
  std::optional<std::chrono::microseconds> stopped;
  std::optional<std::chrono::microseconds> respawned;
  std::optional<std::chrono::microseconds> loaded;
  std::optional<std::chrono::microseconds> first_output;
};

} // namespace weir::inline v0
