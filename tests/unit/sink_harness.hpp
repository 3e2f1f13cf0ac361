// Runs a two-phase sink without a runtime: writes, prepares, completes, commits, and crashes between any two steps.
#pragma once

#include <weir/operators/collector.hpp>
#include <weir/operators/sink.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace weir_test {

/// A batch of these records.
template <class T>
weir::batch_ptr batch_of(const std::vector<T>& records) {
  auto batch = weir::element_type_of<T>().make_batch(records.size());
  for (const auto& record : records)
    weir::as<T>(*batch).values.push_back(record);
  return batch;
}

/// What a sink is told at a start.
inline weir::sink_start start_of(const std::string& run, std::uint32_t subtask = 0, std::uint32_t parallelism = 1,
                                 std::uint64_t attempt = 1) {
  weir::sink_start start;
  start.identity.job = "job";
  start.identity.run = run;
  start.identity.name = "out";
  start.identity.attempt = weir::attempt_id{attempt};
  start.identity.subtask = weir::subtask_index{subtask};
  start.identity.parallelism = parallelism;
  return start;
}

/// A job of one source, which is a vector, and one sink; and what its store would remember.
template <class T>
class sink_harness {
public:
  struct crash {};

  std::shared_ptr<const weir::any_sink> sink;
  std::vector<T> records;
  std::size_t records_per_checkpoint = 3;
  std::set<std::uint64_t> aborted; ///< checkpoints that are prepared and never complete
  std::uint32_t parallelism = 1;
  std::function<std::uint32_t(const T&, std::size_t)> subtask_of = [](const T&, std::size_t i) {
    return static_cast<std::uint32_t>(i);
  };
  /// What a reader sees now, and what it should see when the first n records are committed.
  std::function<std::vector<std::string>()> visible;
  std::function<std::vector<std::string>(std::size_t n)> expected;

  /// Runs an attempt, which crashes before its n-th step; 0: it does not. Returns the number of its steps.
  std::size_t run(std::size_t crash_before = 0) {
    crash_before_ = crash_before;
    steps_ = 0;
    ++attempt_;
    writers_.clear();
    try {
      attempt();
    } catch (const crash&) {
      crashed_ = true;
    }
    writers_.clear();
    return steps_;
  }
  /// Forgets that anything ran.
  void reset() {
    completed_ = consumed_ = shown_ = 0;
    next_id_ = attempt_ = 0;
    pending_.clear();
    crashed_ = false;
  }
  [[nodiscard]] bool finished() const { return consumed_ == records.size(); }

private:
  void step() {
    look();
    if (++steps_ == crash_before_)
      throw crash{};
  }
  /// No reader ever sees anything but whole checkpoints.
  void look() {
    if (parallelism > 1)
      return; // subtasks commit one by one
    const auto seen = visible();
    if (seen != expected(consumed_) && seen != expected(shown_))
      throw std::logic_error{"a reader saw something that is no checkpoint"};
  }

  weir::sink_start start(std::uint32_t subtask) const {
    auto one = start_of("run-1", subtask, parallelism, attempt_);
    one.restored = completed_ != 0;
    one.restored_checkpoint = weir::checkpoint_id{completed_};
    return one;
  }
  std::vector<weir::prepared_output> share(const std::vector<weir::prepared_output>& all, std::uint32_t subtask) const {
    std::vector<weir::prepared_output> mine;
    for (const auto& each : all)
      if (each.subtask.value % parallelism == subtask)
        mine.push_back(each);
    return mine;
  }

  void attempt() {
    auto all = start(0);
    all.pending = pending_;
    sink->prepare_output(all);
    step();
    for (std::uint32_t s = 0; s < parallelism; ++s) {
      auto one = start(s);
      one.pending = share(pending_, s);
      writers_.push_back(sink->open_writer(one));
      step();
    }
    all_committed();
    std::vector<weir::prepared_output> pending; // prepared and not committed
    std::size_t at = consumed_;
    while (consumed_ < records.size()) { // the last checkpoint is retried until it is complete
      std::vector<std::vector<T>> shares(parallelism);
      for (std::size_t i = 0; i < records_per_checkpoint && at < records.size(); ++i, ++at)
        shares[subtask_of(records[at], at) % parallelism].push_back(records[at]);
      for (std::uint32_t s = 0; s < parallelism; ++s)
        for (const auto& record : shares[s]) {
          writers_[s]->write(*batch_of<T>({record}));
          step();
        }
      const weir::checkpoint_id id{++next_id_};
      for (std::uint32_t s = 0; s < parallelism; ++s) {
        if (auto prepared = writers_[s]->prepare(id); !prepared.empty())
          pending.push_back({id, weir::subtask_index{s}, std::move(prepared)});
        step();
      }
      if (aborted.count(id.value) != 0)
        continue;
      completed_ = id.value; // the transaction that decides
      consumed_ = at;
      pending_ = pending;
      step();
      for (std::uint32_t s = 0; s < parallelism; ++s) {
        writers_[s]->commit(share(pending, s));
        step();
        writers_[s]->commit(share(pending, s)); // again, without harm
        step();
      }
      pending.clear();
      all_committed();
    }
  }

  void all_committed() {
    shown_ = consumed_;
    if (visible() != expected(consumed_))
      throw std::logic_error{"what is committed is not what was written"};
  }

  // What a store keeps.
  std::uint64_t completed_ = 0;
  std::size_t consumed_ = 0;
  std::vector<weir::prepared_output> pending_;
  std::uint64_t next_id_ = 0;
  std::uint64_t attempt_ = 0;

  std::size_t shown_ = 0; // records that were surely visible
  std::vector<std::unique_ptr<weir::sink_writer>> writers_;
  std::size_t crash_before_ = 0;
  std::size_t steps_ = 0;
  bool crashed_ = false;
};

/// Crashes a job before each of its steps, and then before a step of the attempt after it, and lets it finish with
/// another parallelism. `begin` gives each such job a place of its own.
template <class T>
std::size_t crash_everywhere(sink_harness<T>& harness, const std::function<void()>& begin, std::uint32_t parallelism,
                             std::uint32_t later_parallelism) {
  begin();
  harness.reset();
  harness.parallelism = parallelism;
  const std::size_t steps = harness.run();
  if (!harness.finished())
    throw std::logic_error{"an undisturbed run does not finish"};
  for (std::size_t first = 1; first <= steps; ++first) {
    begin();
    harness.reset();
    harness.parallelism = parallelism;
    harness.run(first);
    harness.parallelism = later_parallelism;
    harness.run(1 + first * 7 % 11);
    harness.parallelism = parallelism;
    harness.run();
    if (!harness.finished())
      throw std::logic_error{"a restarted run does not finish"};
  }
  return steps;
}

} // namespace weir_test
