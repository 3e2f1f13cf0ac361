// What a sink that takes part in checkpoints is made of.
#pragma once

#include "../persistence/ids.hpp"
#include "batch.hpp"
#include "operator_context.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace weir::inline v0 {

/// Output that a sink has made durable, but not visible, with a barrier.
struct prepared_output {
  checkpoint_id checkpoint;
  subtask_index subtask; ///< of the writer that prepared it, at the parallelism of that time
  std::string id;        ///< the sink's own name for it, as JSON text; never empty
};

/// What a writer needs to know to start.
struct sink_start {
  operator_identity identity;
  bool restored = false;
  checkpoint_id restored_checkpoint{0};
  /// Prepared at or before the restored checkpoint and perhaps not committed: this subtask's share. To be committed.
  std::vector<prepared_output> pending;
  bool allow_duplicates = false; ///< start although this output is already committed beyond the restored checkpoint
  bool replace_output = false;   ///< remove another run's output
  /// In `prepare_output`: the name that the sink may have had when it wrote what is there; empty: none but its own.
  std::string former_name = {};
};

/// Writes the records of one sink subtask. Used by one thread at a time: the sink's own, if the sink blocks.
///
/// Two-phase sinks follow Flink's TwoPhaseCommitSinkFunction: what was written since the last barrier is made durable
/// by `prepare`, visible by `commit`.
class sink_writer {
public:
  virtual ~sink_writer();
  /// Writes the records of a batch. Throws io_error if it can't.
  virtual void write(any_batch& batch) = 0;
  /// The barrier of a checkpoint: makes all that was written since the last one durable, and returns its id, or an
  /// empty string if there is nothing to commit.
  virtual std::string prepare(checkpoint_id checkpoint) {
    static_cast<void>(checkpoint);
    return {};
  }
  /// Makes prepared output visible, oldest first; called again with the same output after a recovery, without harm.
  virtual void commit(const std::vector<prepared_output>& prepared) { static_cast<void>(prepared); }
  /// Nothing comes for a while, or the flush interval is over: what is buffered for reasons of speed goes out.
  virtual void flush() {}
  /// What `commit` does, for a sink that `commits_later`: returns at once. `done` is to be called once, from any
  /// thread, also after this writer is gone: with an empty text, or with what went wrong, which fails the region.
  virtual void commit_later(const std::vector<prepared_output>& prepared, std::function<void(std::string)> done) {
    commit(prepared);
    done({});
  }
};

/// The sink's part of an operator.
class any_sink {
public:
  virtual ~any_sink();
  /// Whether writing may block: the writer then runs on a thread of its own.
  [[nodiscard]] virtual bool blocking() const = 0;
  /// Whether output becomes visible with `commit` only.
  [[nodiscard]] virtual bool two_phase() const = 0;
  /// One sentence: what a reader of the output sees after failures.
  [[nodiscard]] virtual std::string guarantee() const = 0;
  /// The files this sink writes, to be compared with the store's: a sink on the store's file is refused.
  [[nodiscard]] virtual std::vector<std::string> files() const { return {}; }
  /// Called for every sink of a job before `prepare_output` is called for any, with the same start: throws what that
  /// would refuse, and changes nothing. So that the refusal of one sink leaves the output of the others as it was.
  virtual void check_output(const sink_start& start) const { static_cast<void>(start); }
  /// Called once before the first attempt of a process, before any writer is opened, on the coordinator's thread: finds
  /// output of another run (refuses, or removes it if `replace_output`), and output committed beyond the restored
  /// checkpoint (reverts it where that is possible, else refuses unless `allow_duplicates`). Called again before each
  /// later attempt. Throws `usage_error`.
  virtual void prepare_output(const sink_start& start) const { static_cast<void>(start); }
  /// A writer for one subtask; commits `start.pending` first.
  [[nodiscard]] virtual std::unique_ptr<sink_writer> open_writer(const sink_start& start) const = 0;
  /// Of a two-phase sink that does not block: whether its commits wait for somebody else, and are made by
  /// `commit_later`. The runtime asks for that of `start.pending`, too, and `open_writer` does not commit it.
  [[nodiscard]] virtual bool commits_later() const { return false; }
};

} // namespace weir::inline v0
