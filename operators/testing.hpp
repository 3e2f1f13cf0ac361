// Runs the operators of a job as plain objects, for a user's tests: no actors, no threads, a clock that a test moves.
#pragma once

#include "../persistence/archive.hpp"
#include "job.hpp"
#include "testing_engine.hpp"
#include "to_text.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::inline v0::testing {

/// Stands for a source in a job that a `harness` runs: `job.source("in", weir::testing::input<reading>{})`. A job that
/// has it can't be run otherwise.
template <class T>
class input {
public:
  using value_type = T;
  static constexpr std::string_view kind_name = "test_input";

  [[nodiscard]] std::shared_ptr<const any_source> source() const { return pushed_source(); }
};

/// A job's operators, and what they emit. Every record that is pushed is worked off at once, by all operators, in one
/// thread. Sources are not read, and sinks do not write: records are pushed where sources are, and looked at where they
/// leave an operator. Wake-ups and timers fire when the clock is moved over their times, each at its own.
///
///     weir::job job{"test"};
///     auto readings = job.source("in", weir::testing::input<reading>{});
///     auto alarms = readings.key_by(&reading::sensor).process("silence", silence_alarm{});
///     weir::testing::harness test{job};
///     test.push(readings, {"a", 1});
///     test.advance_processing_time(5min);
///     REQUIRE(test.outputs(alarms) == …);
///
/// Throws `job_error` if the job has problems, `usage_error` if it is used wrongly, and what the operators throw: the
/// record is then lost, and the harness can go on. The job must live as long as the harness.
class harness {
public:
  explicit harness(const job& tested, harness_options options = {})
      : engine_(std::make_unique<engine>(tested.graph(), options, nullptr)) {}
  /// Goes on from a snapshot of the same job's operators, perhaps at another parallelism. Its outputs begin empty.
  harness(const job& tested, const snapshot& from, harness_options options = {})
      : engine_(std::make_unique<engine>(tested.graph(), options, &from)) {}

  // ---- input ----

  /// A record of a source's stream. While an operator holds, as a throttle does, it waits with those before it.
  template <class T>
  void push(const stream<T>& into, std::type_identity_t<T> record) {
    push_batch(into, std::move(record), std::nullopt);
  }
  template <class T>
  void push(const stream<T>& into, std::type_identity_t<T> record, event_time time) {
    push_batch(into, std::move(record), time);
  }
  /// All sources promise that no earlier event time follows.
  void watermark(event_time time) { engine_->push_watermark(time); }
  /// All sources have ended.
  void end_of_input() { engine_->push_end(); }

  // ---- time ----

  [[nodiscard]] processing_time now() const { return engine_->now(); }
  /// Moves the clock, and fires what was asked for on the way.
  void advance_processing_time(std::chrono::microseconds by) { engine_->advance_to(engine_->now() + by); }
  void advance_processing_time_to(processing_time time) { engine_->advance_to(time); }
  /// Lets operators look again that were woken from outside, by another thread or by the test.
  void work() { engine_->work(); }

  // ---- output ----

  /// All records of a stream, also of a side output, so far, in the order in which they were emitted.
  template <class T>
  [[nodiscard]] std::vector<T> outputs(const stream<T>& of) const {
    std::vector<T> all;
    engine_->visit_outputs(of.origin(), element_type_of<T>(), [&](const any_batch& records) {
      const auto& values = as<T>(records).values;
      all.insert(all.end(), values.begin(), values.end());
    });
    return all;
  }
  /// The event times of these records; empty for those that have none.
  template <class T>
  [[nodiscard]] std::vector<std::optional<event_time>> output_times(const stream<T>& of) const {
    std::vector<std::optional<event_time>> all;
    engine_->visit_outputs(of.origin(), element_type_of<T>(), [&](const any_batch& records) {
      for (std::size_t i = 0; i != records.size(); ++i)
        all.push_back(records.times.empty() ? std::nullopt : std::optional<event_time>{records.times[i]});
    });
    return all;
  }
  /// Forgets all outputs so far.
  void forget_outputs() { engine_->forget_outputs(); }
  /// Whether an operator holds back what was pushed.
  [[nodiscard]] bool holding() const { return engine_->holding(); }

  /// What the operators have counted, by operator and name. A fresh harness begins at 0.
  [[nodiscard]] std::vector<counter_value> counters() const { return engine_->counters(); }

  // ---- state ----

  /// The state of all operators, as a checkpoint would have it, and what was pushed and waits. The harness goes on.
  [[nodiscard]] testing::snapshot snapshot() { return engine_->take_snapshot(); }

private:
  template <class T>
  void push_batch(const stream<T>& into, T record, std::optional<event_time> time) {
    auto* made = new batch<T>;
    batch_ptr records{made};
    made->values.push_back(std::move(record));
    if (time)
      made->times.push_back(*time);
    engine_->push(into.origin(), std::move(records));
  }

  std::unique_ptr<engine> engine_;
};

/// How `same_with_snapshots` runs a job.
struct snapshot_comparison {
  /// The parallelism after the first restore, after the second one, and so on, again and again. If one is above 1,
  /// outputs are compared without their order.
  std::vector<std::uint32_t> parallelism = {1};
  /// How far the clock is moved after every record, and then before the end.
  std::chrono::microseconds step{0};
  std::chrono::microseconds before_end{0};
};

/// What `same_with_snapshots` found.
struct comparison {
  bool same = true;
  std::string difference; ///< a sentence
  explicit operator bool() const noexcept { return same; }
};

/// Runs operators twice with the same records: once straight on, and once with a snapshot and a fresh start from it
/// after every record. Says whether the outputs were the same. `compose` takes the stream of the records and returns
/// the one to compare.
///
///     auto found = weir::testing::same_with_snapshots(
///         readings, [](auto in) { return in.key_by(&reading::sensor).process("silence", silence_alarm{}); });
///     INFO(found.difference);
///     CHECK(found.same);
template <class In, class Compose>
[[nodiscard]] comparison same_with_snapshots(const std::vector<In>& records, const Compose& compose,
                                             const snapshot_comparison& how = {}) {
  job composed{"snapshots"};
  const stream<In> in = composed.source("in", input<In>{});
  const auto out = compose(in);
  using Out = typename std::remove_cvref_t<decltype(out)>::value_type;
  static_assert(serializable<Out>, "weir: same_with_snapshots compares outputs by their stored bytes; write "
                                   "WEIR_FIELDS(member, ...) into the output's class");
  std::vector<Out> expected;
  {
    harness straight{composed};
    for (const In& record : records) {
      straight.push(in, record);
      straight.advance_processing_time(how.step);
    }
    straight.advance_processing_time(how.before_end);
    straight.end_of_input();
    expected = straight.outputs(out);
  }
  std::vector<Out> found;
  auto interrupted = std::make_unique<harness>(composed);
  for (std::size_t i = 0; i != records.size(); ++i) {
    interrupted->push(in, records[i]);
    const snapshot taken = interrupted->snapshot();
    const std::vector<Out> before = interrupted->outputs(out);
    found.insert(found.end(), before.begin(), before.end());
    harness_options options;
    options.parallelism = how.parallelism.empty() ? 1 : how.parallelism[i % how.parallelism.size()];
    interrupted = std::make_unique<harness>(composed, taken, options);
    interrupted->advance_processing_time(how.step);
  }
  interrupted->advance_processing_time(how.before_end);
  interrupted->end_of_input();
  const std::vector<Out> last = interrupted->outputs(out);
  found.insert(found.end(), last.begin(), last.end());

  const auto by_bytes = [](const Out& a, const Out& b) { return to_bytes(a) < to_bytes(b); };
  if (std::any_of(how.parallelism.begin(), how.parallelism.end(), [](std::uint32_t p) { return p > 1; })) {
    std::stable_sort(expected.begin(), expected.end(), by_bytes);
    std::stable_sort(found.begin(), found.end(), by_bytes);
  }
  const std::size_t common = std::min(expected.size(), found.size());
  for (std::size_t i = 0; i != common; ++i)
    if (to_bytes(expected[i]) != to_bytes(found[i]))
      return {false, "output " + std::to_string(i) + " is " + to_text(found[i]) + " with snapshots, and " +
                         to_text(expected[i]) + " without"};
  if (expected.size() != found.size())
    return {false, std::to_string(found.size()) + " outputs with snapshots, and " + std::to_string(expected.size()) +
                       " without"};
  return {};
}

} // namespace weir::inline v0::testing
