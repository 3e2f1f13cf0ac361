// Drives a source's readers, either inside the subtask or by a companion with a thread of its own.
#pragma once

#include "../operators/operator_chain.hpp"
#include "../operators/source_operator.hpp"
#include "../persistence/monotonic_time.hpp"

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// What a call of `source_driver::produce` came to.
enum class source_progress : std::uint8_t {
  produced, ///< there may be more at once
  waiting,  ///< nothing until `next_at`, or until a companion reports
  ended     ///< all splits are read
};

/// The readers of one source subtask, used in turn. Serves both a subtask and a companion.
class split_readers {
public:
  struct result {
    std::string split;
    std::string position;
    read_status status = read_status::more;
  };

  /// `wakes_readers`: for readers that do not block. `keep_ended`: they are to hear that their end is durable.
  split_readers(const any_source& source, std::vector<source_operator::unread_split> splits,
                std::shared_ptr<waker> wakes_readers = nullptr, bool keep_ended = false);

  /// Reads once from the reader whose turn it is. False if all are exhausted or none is due before `next_at()`. What
  /// readers wait for goes by the monotonic time: `now` may be set forward and back.
  /// The position is given with every read if `every_position`, else only at a split's end: making its text costs time.
  bool read(any_collector& out, std::size_t max_records, processing_time now, monotonic_time monotonic,
            bool every_position, result& into);
  [[nodiscard]] bool exhausted() const noexcept { return open_.empty() && waiting_.empty(); }
  [[nodiscard]] monotonic_time next_at() const noexcept { return next_at_; }
  /// The present positions of all splits that were begun and are not exhausted.
  [[nodiscard]] std::vector<result> positions() const;
  /// The ends of those that have ended and have not heard that this is durable.
  [[nodiscard]] std::vector<result> kept_ends() const;
  /// A complete checkpoint has this position.
  void durable(const result& at);
  /// What a reader has said for the log since the last call.
  [[nodiscard]] std::string take_remark() { return std::exchange(remark_, {}); }
  /// Readers that wait for nothing but this are due.
  void wake();
  /// Ends a `read` that blocks, now or as soon as it begins. The only member for other threads.
  void interrupt() noexcept;

private:
  struct open_reader {
    std::string split;
    std::string description;
    std::unique_ptr<split_reader> reader;
    monotonic_time due{};
    processing_time named{}; ///< what `due` came of, as the reader gave it
    std::size_t reads = 0;
  };

  [[nodiscard]] monotonic_time due_after(const open_reader& asked, processing_time next, processing_time now,
                                         monotonic_time monotonic) const;
  bool begin_read(split_reader& reader);
  void end_read();

  const any_source& source_;
  std::deque<source_operator::unread_split> waiting_;
  std::shared_ptr<waker> waker_;
  bool keep_ended_;
  std::deque<open_reader> open_;
  std::deque<open_reader> ended_; ///< kept until their end is durable
  monotonic_time next_at_{};
  std::string remark_;
  std::size_t idle_reads_ = 0; ///< in a row
  std::mutex interrupt_mutex_;
  split_reader* reading_ = nullptr;
  bool interrupted_ = false;
};

/// A source's part of a subtask.
class source_driver {
public:
  virtual ~source_driver();
  /// Emits about one batch into the chain, if there is one.
  virtual source_progress produce() = 0;
  /// After `waiting`: when to ask again; the epoch if a companion will report.
  [[nodiscard]] virtual monotonic_time next_at() const = 0;
  /// Writes the positions of all that was emitted into the operator's state, for the snapshot of this checkpoint.
  virtual void note_positions(checkpoint_id checkpoint) = 0;
  /// What became of a checkpoint.
  virtual void completed(checkpoint_id checkpoint) { static_cast<void>(checkpoint); }
  virtual void aborted(checkpoint_id checkpoint) { static_cast<void>(checkpoint); }
  /// The subtask was woken from outside.
  virtual void wake() {}
  /// A sentence for the log, or nothing.
  [[nodiscard]] virtual std::string take_remark() { return {}; }
  /// Nothing more is read.
  virtual void halt() = 0;
};

/// A source whose reads do not block.
class inline_source final : public source_driver {
public:
  /// `checkpointing`: completed checkpoints will be told.
  inline_source(source_operator& op, operator_chain& chain, environment& env, std::size_t batch_size,
                std::shared_ptr<waker> wakes_readers = no_waker(), bool checkpointing = false);
  source_progress produce() override;
  monotonic_time next_at() const override { return readers_.next_at(); }
  void note_positions(checkpoint_id checkpoint) override;
  void completed(checkpoint_id checkpoint) override;
  void aborted(checkpoint_id checkpoint) override { in_flight_.erase(checkpoint); }
  void wake() override { readers_.wake(); }
  [[nodiscard]] std::string take_remark() override { return readers_.take_remark(); }
  void halt() override { halted_ = true; }

private:
  source_operator& op_;
  operator_chain& chain_;
  environment& env_;
  std::size_t batch_size_;
  bool checkpointing_;
  split_readers readers_;
  std::map<checkpoint_id, std::vector<split_readers::result>> in_flight_; ///< positions that belong to checkpoints
  bool halted_ = false;
};

/// What a companion has read at one go.
struct companion_read {
  std::vector<batch_ptr> batches;
  std::string split; ///< empty: nothing was read
  std::string position;
  bool split_ended = false;
  bool all_ended = false;
};

/// A source whose reads run beside the subtask. `ask` requests one more read from the companion.
class companion_source final : public source_driver {
public:
  companion_source(source_operator& op, operator_chain& chain, std::function<void()> ask, std::size_t reads_ahead = 3);
  source_progress produce() override;
  monotonic_time next_at() const override { return {}; }
  void note_positions(checkpoint_id) override {}
  void halt() override { halted_ = true; }
  /// The companion has read.
  void on_read(companion_read read);

private:
  void ask_more();

  source_operator& op_;
  operator_chain& chain_;
  std::function<void()> ask_;
  std::size_t reads_ahead_;
  std::size_t asked_ = 0;
  std::deque<companion_read> ready_;
  bool all_ended_ = false;
  bool halted_ = false;
};

} // namespace weir::inline v0
