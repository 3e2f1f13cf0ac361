// A chain of fused operators as a plain object: what a subtask runs, without the actor.
#pragma once

#include "environment.hpp"
#include "operator.hpp"

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weir::inline v0 {

/// Where a chain's output leaves it: an edge to another task, or a sink's writer.
class chain_output : public batch_receiver {
public:
  /// Whether the chain should pause: there is no room for more.
  [[nodiscard]] virtual bool full() const noexcept = 0;
};

/// What one call of `operator_chain::work` came to.
enum class chain_progress : std::uint8_t {
  worked, ///< something was done; there may be more
  idle,   ///< nothing is pending inside the chain
  blocked ///< something is pending, and the output has no room or an operator holds
};

/// Operators fused into one task, upstream before downstream; the first is the head. Batches go depth first: what is
/// furthest downstream is worked off before the head sees more, so that a batch is still in the cache when the next
/// operator takes it, and so that little is pending when a barrier comes.
class operator_chain {
public:
  /// `slice` bounds the time of one call of `work`, by the time that earlier records took.
  operator_chain(environment& env, std::size_t batch_size,
                 std::chrono::microseconds slice = std::chrono::microseconds{200});
  ~operator_chain();
  operator_chain(const operator_chain&) = delete;
  operator_chain& operator=(const operator_chain&) = delete;

  /// Adds a stage; `ports` are the record types of its outputs. Returns the stage's index.
  std::size_t add(std::unique_ptr<any_operator> op, std::unique_ptr<operator_context> context,
                  const std::vector<const element_type*>& ports);
  /// Leads a port to an input of a later stage.
  void connect(std::size_t from, std::size_t port, std::size_t to_stage, std::size_t input);
  /// Leads a port out of the chain.
  void connect(std::size_t from, std::size_t port, chain_output& to);
  /// Batches for this stage, a sink, go to its writer instead.
  void set_writer(std::size_t index, chain_output& writer);
  /// Opens all operators.
  void open();
  /// All state is loaded.
  void ready(bool restored);

  /// Gives the head a batch. At most one may be pending.
  void accept(std::size_t input, batch_ptr batch);
  /// The head's watermark is now `time`: told to every stage in order, behind all that is pending.
  void advance_to(event_time time);
  /// All input has ended: told to every stage in order.
  void end_input();
  /// Calls `on_wake` of every stage: before any control, and also of a stage that holds.
  void wake();

  /// Does a bounded amount of what is pending. `barrier_waits`: batches that are kept out by an operator that holds are
  /// given to it all the same, so that the barrier can pass.
  chain_progress work(bool barrier_waits = false);
  /// For a barrier that overtakes: does a bounded amount of what is pending behind the head, whether or not the outputs
  /// have room, and also where an operator holds. `with_head`: and of the head's own batch. What a batch comes to goes
  /// out beyond the room; if no batch is pending, there should be room, as what a control makes has no bound.
  chain_progress work_off(bool with_head);
  /// A barrier that overtakes may be taken: like `settled`, but the head may have a batch, of which the rest is
  /// `rest_of_head`.
  [[nodiscard]] bool settled_behind_head() const noexcept;
  /// Whether batches wait inside the chain, those of the head included or not.
  [[nodiscard]] bool batches_pending() const noexcept { return pending_batches_ != 0; }
  [[nodiscard]] bool batches_pending_behind_head() const noexcept;
  /// Records [from, size) of a batch that the head has begun.
  struct rest {
    std::size_t input = 0;
    batch_ptr batch;
    std::size_t from = 0;
  };
  [[nodiscard]] std::optional<rest> rest_of_head() const;
  /// Nothing is pending.
  [[nodiscard]] bool idle() const noexcept {
    return pending_batches_ == 0 && controls_.empty() && stages_to_wake_ == 0;
  }
  /// A barrier may be taken: nothing is pending, or only a watermark or an end that an operator holds back. That comes
  /// behind the barrier then, which is late, and no wrong: a restored run tells it again.
  [[nodiscard]] bool settled() const noexcept;
  /// Whether an operator holds: the head is to be given nothing.
  [[nodiscard]] bool holding() const noexcept { return stages_holding_ != 0; }
  /// Whether an output has no room.
  [[nodiscard]] bool output_full() const noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return stages_.size(); }
  [[nodiscard]] any_operator& at(std::size_t index) noexcept;
  [[nodiscard]] operator_context& context(std::size_t index) noexcept;
  /// The outputs of the head: what a source emits into. Call `flush_head` after use.
  [[nodiscard]] operator_outputs& head_outputs() noexcept;
  void flush_head();
  /// Emits a batch that was filled elsewhere, as output of the head's port 0.
  void emit_from_head(batch_ptr batch);
  /// The name of the operator that ran last, for errors.
  [[nodiscard]] const std::string& current_operator() const noexcept;
  /// Records taken in by a stage, and emitted by it.
  [[nodiscard]] std::uint64_t records_in(std::size_t index) const noexcept;
  [[nodiscard]] std::uint64_t records_out(std::size_t index) const noexcept;

private:
  struct stage;
  struct control {
    enum class kind : std::uint8_t { watermark, end_of_input } what;
    event_time time{};
    std::size_t next_stage = 0;
  };

  [[nodiscard]] bool held_behind(std::size_t index) const noexcept;
  [[nodiscard]] bool control_is_held() const noexcept;
  chain_progress work_batch(stage& s);
  chain_progress work_wake(stage& s);
  chain_progress work_control();
  void resume(stage& s);
  void settle(stage& s);
  void flush(stage& s);

  environment& env_;
  std::size_t batch_size_;
  std::chrono::microseconds slice_;
  std::vector<std::unique_ptr<stage>> stages_;
  std::vector<chain_output*> leaving_;
  std::deque<control> controls_;
  std::size_t pending_batches_ = 0;
  std::size_t stages_to_wake_ = 0;
  std::size_t stages_holding_ = 0;
  std::size_t current_ = 0;
};

} // namespace weir::inline v0
