// What a source is made of: splits, and readers that can start anywhere in one.
#pragma once

#include "collector.hpp"
#include "event_time.hpp"
#include "waker.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace weir::inline v0 {

/// An independent part of a source's input. Enumerated once a run, then kept in the source's state.
struct source_split {
  std::string id;          ///< unique within the source; the order of ids is the order of the splits
  std::string description; ///< what a reader needs to find the split again, as JSON text, so that SQL can read it
};

/// What a reader says after a call of `read`.
enum class read_status : std::uint8_t {
  more,  ///< there may be more at once
  later, ///< nothing before `split_reader::next_at`
  end    ///< the split is exhausted
};

/// Reads one split, from a position on. Used by one thread at a time.
class split_reader {
public:
  virtual ~split_reader();
  /// Emits at most about `max_records` records. A blocking reader returns as soon as it has some, and when
  /// `interrupt` was called.
  virtual read_status read(any_collector& out, std::size_t max_records) = 0;
  /// Where the next `read` starts, as JSON text: stored with the checkpoint, and given to `any_source::open_split`.
  [[nodiscard]] virtual std::string position() const = 0;
  /// After `later`: when to ask again. `read` is not called before that time, so a reader needs no clock. A reader that
  /// does not block may say `processing_time::max()`: it is asked again after a call of its waker only.
  [[nodiscard]] virtual processing_time next_at() const { return {}; }
  /// Ends a blocking wait; called from another thread.
  virtual void interrupt() noexcept {}
  /// Of a source that does not block, before the first `read`: `wake` of this, from any thread, says that there may be
  /// something to read.
  virtual void attach(std::shared_ptr<waker> wakes_reader) { static_cast<void>(wakes_reader); }
  /// Of a source that does not block: a complete checkpoint has this position, one of those that `position` gave, so
  /// that what lies before it will not be asked for again. Each later one is beyond the one before.
  virtual void durable(const std::string& position) { static_cast<void>(position); }
  /// Of a source that does not block, after `later`: one sentence for the log about what is waited for, once; else
  /// empty.
  [[nodiscard]] virtual std::string take_remark() { return {}; }
};

/// The source's part of an operator. The same object enumerates and opens; the runtime keeps the positions.
class any_source {
public:
  virtual ~any_source();
  /// Whether reading may block: the readers then run on a thread of their own.
  [[nodiscard]] virtual bool blocking() const = 0;
  /// Whether a subtask reads one split to its end before the next, which keeps the order of bounded input. Otherwise it
  /// reads its splits in turn.
  [[nodiscard]] virtual bool one_split_at_a_time() const { return true; }
  /// The splits of the whole input, for a source of the given parallelism. Called once a run; may block; throws
  /// `usage_error` if the input is missing or unreadable.
  [[nodiscard]] virtual std::vector<source_split> enumerate(std::uint32_t parallelism) const = 0;
  /// Compares the splits of a restored run with the input as it is now: throws if a split's input has changed so that
  /// its position means nothing any more, and returns a sentence for each difference that is harmless.
  [[nodiscard]] virtual std::vector<std::string> check_restored(const std::vector<source_split>& splits) const {
    static_cast<void>(splits);
    return {};
  }
  /// A reader that starts at `position`, or at the split's start if it is empty. `now` is the environment's time.
  [[nodiscard]] virtual std::unique_ptr<split_reader> open_split(const source_split& split, const std::string& position,
                                                                 processing_time now) const = 0;
  /// Of a source that does not block: this split was read to its end, `position`, before the run was resumed. There
  /// will be no reader for it.
  virtual void already_read(const source_split& split, const std::string& position) const {
    static_cast<void>(split), static_cast<void>(position);
  }
};

} // namespace weir::inline v0
