// Drives a sink's writer, either inside the subtask or by a companion with a thread of its own.
#pragma once

#include "../operators/operator_chain.hpp"
#include "../operators/sink.hpp"
#include "messages.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace weir::inline v0 {

/// Told when a writer has done what it was asked.
struct sink_answers {
  std::function<void(checkpoint_id, std::string id)> prepared;
  std::function<void(checkpoint_id)> committed;
  std::function<void()> threw; ///< what it threw goes on to the caller
};

/// A sink's part of a subtask: takes batches as a chain's output, and the steps of the two-phase commit.
class sink_driver : public chain_output {
public:
  /// The writer is opened, and what was pending is committed, before any batch. Throws if it can't.
  virtual void start(sink_start start) = 0;
  /// Answered by `sink_answers::prepared`, perhaps at once; behind all batches so far.
  virtual void prepare(checkpoint_id checkpoint) = 0;
  /// Answered by `sink_answers::committed`, perhaps at once.
  virtual void commit(checkpoint_id up_to, std::vector<prepared_output> prepared) = 0;
  virtual void flush() = 0;
  /// Whether what was pending at the start is committed.
  [[nodiscard]] virtual bool started() const noexcept { return true; }
  /// Takes what has come from outside. Returns true if the sink has started by it.
  virtual bool collect() { return false; }
};

/// A sink whose writer does not block.
class inline_sink final : public sink_driver {
public:
  inline_sink(const any_sink& sink, sink_answers answers) : sink_(sink), answers_(std::move(answers)) {}
  void start(sink_start start) override;
  bool accept(batch_ptr batch) override;
  bool full() const noexcept override { return false; }
  void prepare(checkpoint_id checkpoint) override;
  void commit(checkpoint_id up_to, std::vector<prepared_output> prepared) override;
  void flush() override;

private:
  template <class Work>
  auto guarded(Work work);

  const any_sink& sink_;
  sink_answers answers_;
  std::unique_ptr<sink_writer> writer_;
};

/// What a sink's companion is asked to do, in order.
struct sink_command {
  struct start {
    sink_start with;
  };
  struct write {
    batch_ptr batch;
  };
  struct prepare {
    checkpoint_id checkpoint{0};
  };
  struct commit {
    checkpoint_id up_to{0};
    std::vector<prepared_output> prepared;
  };
  struct flush {};
  std::variant<start, write, prepare, commit, flush> what;
};

/// What a sink's companion answers.
struct sink_answer {
  struct started {};
  struct written {
    std::size_t batches = 0;
  };
  struct prepared {
    checkpoint_id checkpoint{0};
    std::string id;
  };
  struct committed {
    checkpoint_id up_to{0};
  };
  std::variant<started, written, prepared, committed> what;
};

/// A sink whose writer runs beside the subtask. At most `window` batches are under way to it.
class companion_sink final : public sink_driver {
public:
  companion_sink(std::function<void(sink_command)> tell, sink_answers answers, std::size_t window = 4)
      : tell_(std::move(tell)), answers_(std::move(answers)), window_(window) {}
  void start(sink_start start) override;
  bool accept(batch_ptr batch) override;
  bool full() const noexcept override { return under_way_ >= window_; }
  void prepare(checkpoint_id checkpoint) override;
  void commit(checkpoint_id up_to, std::vector<prepared_output> prepared) override;
  void flush() override;
  /// The companion has answered.
  void on_answer(sink_answer answer);
  [[nodiscard]] bool started() const noexcept override { return started_; }

private:
  std::function<void(sink_command)> tell_;
  sink_answers answers_;
  std::size_t window_;
  std::size_t under_way_ = 0;
  bool started_ = false;
  bool written_since_flush_ = false;
};

/// A sink whose writer does not block, and whose commits wait for others: what they answer is kept until `collect`. The
/// sink is full while more than `window` commits are under way.
class later_sink final : public sink_driver {
public:
  later_sink(const any_sink& sink, sink_answers answers, std::shared_ptr<waker> wakes, std::size_t window = 4);
  ~later_sink() override;
  void start(sink_start start) override;
  bool accept(batch_ptr batch) override;
  bool full() const noexcept override { return under_way_ >= window_; }
  void prepare(checkpoint_id checkpoint) override;
  void commit(checkpoint_id up_to, std::vector<prepared_output> prepared) override;
  void flush() override;
  [[nodiscard]] bool started() const noexcept override { return started_; }
  bool collect() override;

private:
  class answer_list;

  template <class Work>
  auto guarded(Work work);
  void begin(std::optional<checkpoint_id> up_to, const std::vector<prepared_output>& prepared);

  const any_sink& sink_;
  sink_answers answers_;
  std::shared_ptr<answer_list> list_; ///< outlives this driver if an answer is late
  std::size_t window_;
  std::size_t under_way_ = 0;
  bool started_ = false;
  std::unique_ptr<sink_writer> writer_;
};

/// Carries one command out. For companions.
[[nodiscard]] sink_answer carry_out(sink_command command, const any_sink& sink, std::unique_ptr<sink_writer>& writer);

} // namespace weir::inline v0
