// A test kit for two-phase sinks: it tries a sink against a crash between every two steps.
#pragma once

#include "../persistence/error.hpp"
#include "collector.hpp"
#include "sink.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace weir::inline v0::testing {

/// A sink that does not do what a two-phase sink has to do. `what()` says after which steps, and what was seen.
class sink_check_failed : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// What a check of a sink needs.
template <class T>
struct two_phase_check {
  /// A sink with empty output of its own, called for each run that is tried; what the run before wrote may go.
  std::function<std::shared_ptr<const any_sink>()> make_sink;
  /// What a reader of the output sees now, in any order but that of one subtask's records.
  std::function<std::vector<std::string>()> read_output;
  /// What that should be when the first n of the records are committed, and nothing else.
  std::function<std::vector<std::string>(std::size_t n)> expected;
  std::vector<T> records;
  std::size_t records_per_checkpoint = 3;
  /// Checkpoints that are prepared and never complete, by their number from 1.
  std::vector<std::uint64_t> aborted = {2};
  std::uint32_t parallelism = 1;
  /// What crashed runs are continued with, before they go on with the first one.
  std::uint32_t later_parallelism = 1;
  /// Whether readers may look only after a commit of all subtasks; of one subtask alone a reader looks after each step.
  bool atomic_for_readers = true;
};

/// What a check did.
struct sink_check_result {
  std::size_t steps = 0; ///< of a run that is not disturbed: each is a place where it was crashed
  std::size_t runs = 0;
};

namespace detail {

class sink_crash {};

/// What a job's store would remember of a job of one source, which is a vector, and the sink that is tried.
template <class T>
class sink_run {
public:
  explicit sink_run(const two_phase_check<T>& check) : check_(check), sink_(check.make_sink()) {}

  /// An attempt, which crashes before its n-th step; 0: it does not. Returns the number of its steps.
  std::size_t attempt(std::uint32_t parallelism, std::size_t crash_before) {
    parallelism_ = parallelism;
    crash_before_ = crash_before;
    steps_ = 0;
    ++attempt_;
    try {
      run();
    } catch (const sink_crash&) {
      history_ += "crash; ";
    }
    writers_.clear();
    return steps_;
  }
  [[nodiscard]] bool finished() const { return consumed_ == check_.records.size(); }
  /// How many checkpoints have been complete.
  [[nodiscard]] std::size_t checkpoints() const { return complete_; }
  [[noreturn]] void fail(const std::string& what) const {
    throw sink_check_failed{what + "; the steps were: " + history_};
  }

private:
  void step(const std::string& name) {
    if (parallelism_ == 1 && check_.atomic_for_readers)
      look();
    if (++steps_ == crash_before_)
      throw sink_crash{};
    history_ += name + ", ";
  }
  /// No reader ever sees anything but whole checkpoints.
  void look() {
    const auto seen = check_.read_output();
    if (seen != check_.expected(consumed_) && seen != check_.expected(shown_))
      fail("a reader saw what is no checkpoint: " + text_of(seen));
  }
  void all_committed() {
    shown_ = consumed_;
    if (const auto seen = check_.read_output(); seen != check_.expected(consumed_))
      fail("what is committed is not what was written: " + text_of(seen) + " instead of " +
           text_of(check_.expected(consumed_)));
  }
  static std::string text_of(const std::vector<std::string>& lines) {
    std::string text = "{";
    for (const auto& line : lines)
      text += (text.size() > 1 ? ", " : "") + line;
    return text + "}";
  }

  [[nodiscard]] sink_start start(std::uint32_t subtask) const {
    sink_start one;
    one.identity.job = "sink-check";
    one.identity.run = "00000000-0000-4000-8000-000000000001";
    one.identity.name = "sink";
    one.identity.attempt = attempt_id{attempt_};
    one.identity.subtask = subtask_index{subtask};
    one.identity.parallelism = parallelism_;
    one.restored = completed_ != 0;
    one.restored_checkpoint = checkpoint_id{completed_};
    return one;
  }
  [[nodiscard]] std::vector<prepared_output> share(const std::vector<prepared_output>& all,
                                                   std::uint32_t subtask) const {
    std::vector<prepared_output> mine;
    for (const auto& each : all)
      if (each.subtask.value % parallelism_ == subtask)
        mine.push_back(each);
    return mine;
  }
  [[nodiscard]] bool is_aborted(std::uint64_t checkpoint) const {
    for (const auto each : check_.aborted)
      if (each == checkpoint)
        return true;
    return false;
  }

  void run() {
    auto all = start(0);
    all.pending = pending_;
    sink_->check_output(all);
    sink_->prepare_output(all);
    step("prepare_output");
    for (std::uint32_t s = 0; s < parallelism_; ++s) {
      auto one = start(s);
      one.pending = share(pending_, s);
      writers_.push_back(sink_->open_writer(one));
      step("open_writer " + std::to_string(s));
    }
    all_committed();
    std::vector<prepared_output> prepared; // and not committed
    std::size_t at = consumed_;
    while (consumed_ < check_.records.size()) { // the last checkpoint is retried until it is complete
      at = write_some(at);
      const checkpoint_id id{++next_checkpoint_};
      for (std::uint32_t s = 0; s < parallelism_; ++s) {
        if (auto output = writers_[s]->prepare(id); !output.empty())
          prepared.push_back({id, subtask_index{s}, std::move(output)});
        step("prepare " + to_string(id) + " of " + std::to_string(s));
      }
      if (is_aborted(id.value))
        continue;
      completed_ = id.value; // the transaction that decides
      ++complete_;
      consumed_ = at;
      pending_ = prepared;
      step("complete " + to_string(id));
      for (std::uint32_t s = 0; s < parallelism_; ++s) {
        writers_[s]->commit(share(prepared, s));
        step("commit of " + std::to_string(s));
        writers_[s]->commit(share(prepared, s)); // again, without harm
        step("commit again of " + std::to_string(s));
      }
      prepared.clear();
      all_committed();
    }
  }

  std::size_t write_some(std::size_t at) {
    const std::size_t end = std::min(at + check_.records_per_checkpoint, check_.records.size());
    for (; at < end; ++at) {
      auto batch = element_type_of<T>().make_batch(1);
      as<T>(*batch).values.push_back(check_.records[at]);
      writers_[at % parallelism_]->write(*batch);
      step("write");
    }
    return at;
  }

  const two_phase_check<T>& check_;
  std::shared_ptr<const any_sink> sink_;
  // what a store keeps
  std::uint64_t completed_ = 0;
  std::size_t consumed_ = 0;
  std::vector<prepared_output> pending_;
  std::uint64_t next_checkpoint_ = 0;
  std::uint64_t attempt_ = 0;

  std::size_t complete_ = 0;
  std::uint32_t parallelism_ = 1;
  std::size_t shown_ = 0; // records that were surely visible
  std::vector<std::unique_ptr<sink_writer>> writers_;
  std::size_t crash_before_ = 0;
  std::size_t steps_ = 0;
  std::string history_;
};

/// Refuses a check that no sink could fail.
template <class T>
void require_sense(const two_phase_check<T>& check) {
  const auto refuse = [](const char* expected, const char* found) {
    throw usage_error({"check_two_phase_sink", expected, found, "change the check"});
  };
  if (check.records.empty())
    refuse("records to write", "none");
  if (check.records_per_checkpoint == 0 || check.parallelism == 0 || check.later_parallelism == 0)
    refuse("records_per_checkpoint, parallelism and later_parallelism of at least 1", "0");
  if (check.expected(check.records.size()) == check.expected(0))
    refuse("output in which the records show", "the same with all records as with none");
}

} // namespace detail

/// Runs a sink as a job would: without a disturbance; then, for each of its steps (prepare the output, open writers,
/// write, prepare, complete, commit, commit again), crashed before that step, started again at another parallelism from
/// what a store would have kept, crashed once more, and run to its end. After each commit of all subtasks the output
/// has to be exactly what was written before the checkpoint; with one subtask a reader looks between any two steps and
/// must never see anything but whole checkpoints. A crash is the end of all writers without another call.
///
/// Throws `sink_check_failed`, and what the sink throws; `usage_error` for a check that shows nothing: without records,
/// or with fewer than two complete checkpoints.
///
///     weir::testing::two_phase_check<order> check;
///     check.make_sink = [&] { clear(folder); return my_sink{folder}.sink<order>(); };
///     check.read_output = [&] { return lines_of(folder); };
///     check.expected = [&](std::size_t n) { return texts_of(orders, n); };
///     check.records = orders;
///     weir::testing::check_two_phase_sink(check);
template <class T>
sink_check_result check_two_phase_sink(const two_phase_check<T>& check) {
  detail::require_sense(check);
  sink_check_result result;
  {
    detail::sink_run<T> run{check};
    result.steps = run.attempt(check.parallelism, 0);
    ++result.runs;
    if (!run.finished())
      run.fail("a run that nothing disturbs does not finish");
    if (run.checkpoints() < 2)
      throw usage_error(
          {"check_two_phase_sink", "at least 2 complete checkpoints",
           std::to_string(run.checkpoints()) + " with " + std::to_string(check.records.size()) + " records",
           "give it more records, or fewer to a checkpoint"});
  }
  for (std::size_t first = 1; first <= result.steps; ++first) {
    detail::sink_run<T> run{check};
    run.attempt(check.parallelism, first);
    run.attempt(check.later_parallelism, 1 + first * 7 % 11);
    run.attempt(check.parallelism, 0);
    ++result.runs;
    if (!run.finished())
      run.fail("a run that was started again does not finish");
  }
  return result;
}

} // namespace weir::inline v0::testing
