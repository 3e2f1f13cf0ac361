// The operator that lets so many records pass a second.
#pragma once

#include "../persistence/fields.hpp"
#include "../persistence/saturating_time.hpp"
#include "operator.hpp"
#include "rate_limit.hpp"
#include "record_loop.hpp"
#include "subtask_state.hpp"

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// A record that waits, with its event time if it has one.
template <class T>
struct waiting_record {
  T record{};
  std::optional<event_time> time;
  WEIR_FIELDS(record, time)
};

/// What a throttle keeps: the records that wait, in their order.
template <class T>
struct throttle_state {
  std::deque<waiting_record<T>> waiting;
  WEIR_FIELDS(waiting)
};

/// Emits the records in their order, at a rate that the subtasks share evenly. What may not go on yet waits in the
/// operator's state, and the operator holds meanwhile, so that little more than one batch waits. A watermark comes
/// behind the records that were before it. After a change of parallelism the records that waited are dealt out by the
/// subtask that had them.
template <class T>
class throttle_operator final : public any_operator {
public:
  explicit throttle_operator(double records_per_second) : records_per_second_(records_per_second) {}

  void open(operator_context& surroundings) override {
    surroundings_ = &surroundings;
    state_.open(surroundings.identity());
  }
  void ready(operator_context& surroundings, bool) override {
    const operator_identity& identity = surroundings.identity();
    state_.ready(appending{}, identity);
    limit_ = rate_limit{records_per_second_ / identity.parallelism, surroundings.monotonic()};
    holding_ = !state_.get().waiting.empty();
    if (holding_)
      surroundings.wake_at(surroundings.now());
  }
  std::vector<any_state_table*> state_tables() override { return {&state_.table()}; }
  [[nodiscard]] bool holding() const noexcept override { return holding_; }

  std::size_t process(std::size_t, any_batch& in, std::size_t from, std::size_t to, operator_outputs& out) override {
    collector<T>& port = out.port<T>(0);
    const std::size_t passing = holding_ ? 0 : limit_.take(surroundings_->monotonic(), to - from);
    detail::with_ownership<T>(in, [&](auto move) {
      emit<move>(as<T>(in), from, from + passing, port);
      if (from + passing != to)
        keep<move>(as<T>(in), from + passing, to);
    });
    return to;
  }

  bool on_wake(processing_time, operator_outputs& out) override {
    if (!holding_)
      return true;
    const monotonic_time now = surroundings_->monotonic();
    collector<T>& port = out.port<T>(0);
    auto& waiting = state_.get().waiting;
    while (!port.full() && !waiting.empty() && limit_.take(now, 1) == 1) {
      emit_one(std::move(waiting.front().record), waiting.front().time, port);
      waiting.pop_front();
    }
    holding_ = !waiting.empty();
    if (!holding_)
      return true;
    if (!port.full())
      wake_for_next(now);
    return !port.full();
  }

private:
  /// Puts the records of subtasks that are no more behind each other.
  struct appending {
    void merge(throttle_state<T>& into, const throttle_state<T>& from) const {
      into.waiting.insert(into.waiting.end(), from.waiting.begin(), from.waiting.end());
    }
  };

  template <class Record>
  static void emit_one(Record&& record, const std::optional<event_time>& time, collector<T>& port) {
    if (time)
      port.set_time(*time);
    else
      port.clear_time();
    port(std::forward<Record>(record));
  }

  [[nodiscard]] static std::optional<event_time> time_of(const any_batch& in, std::size_t i) {
    return in.times.empty() ? std::nullopt : std::optional<event_time>{in.times[i]};
  }

  template <bool Move>
  static void emit(batch<T>& in, std::size_t from, std::size_t to, collector<T>& port) {
    for (std::size_t i = from; i != to; ++i) {
      if constexpr (Move)
        emit_one(std::move(in.values[i]), time_of(in, i), port);
      else
        emit_one(std::as_const(in.values[i]), time_of(in, i), port);
    }
  }

  template <bool Move>
  void keep(batch<T>& in, std::size_t from, std::size_t to) {
    auto& waiting = state_.get().waiting;
    for (std::size_t i = from; i != to; ++i) {
      if constexpr (Move)
        waiting.push_back({std::move(in.values[i]), time_of(in, i)});
      else
        waiting.push_back({in.values[i], time_of(in, i)});
    }
    if (!std::exchange(holding_, true))
      wake_for_next(surroundings_->monotonic());
  }

  /// By a clock that may be set: then it is asked for again.
  void wake_for_next(monotonic_time now) {
    surroundings_->wake_at(saturating_add(surroundings_->now(), limit_.next(now) - now));
  }

  double records_per_second_;
  rate_limit limit_;
  operator_context* surroundings_ = nullptr;
  detail::subtask_state<appending, throttle_state<T>> state_;
  bool holding_ = false;
};

} // namespace weir::inline v0
