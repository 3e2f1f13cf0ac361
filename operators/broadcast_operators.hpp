// The operators that run a user's process struct on a stream and a broadcast.
#pragma once

#include "broadcast_state.hpp"
#include "keyed_process_operator.hpp"
#include "process_operator.hpp"

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace weir::inline v0 {

namespace detail {

/// A process operator with a broadcast state beside its own: opened, made ready and stored with it.
template <class Base, class BroadcastState>
class with_broadcast_state : public Base {
public:
  using Base::Base;

  void open(operator_context& surroundings) override {
    Base::open(surroundings);
    broadcast_.open(surroundings.identity());
  }
  void ready(operator_context& surroundings, bool restored) override {
    Base::ready(surroundings, restored);
    broadcast_.ready();
  }
  std::vector<any_state_table*> state_tables() override {
    std::vector<any_state_table*> tables = Base::state_tables();
    tables.push_back(&broadcast_.table());
    return tables;
  }

protected:
  [[nodiscard]] broadcast_copy<BroadcastState>& broadcast() noexcept { return broadcast_; }

private:
  broadcast_copy<BroadcastState> broadcast_;
};

} // namespace detail

/// Calls `op.process(record, [state,] broadcast_state, context, collector)` for every record of input 0, with the state
/// of the record's key, and `op.process_broadcast(rule, broadcast_state, context, collector)` for every record of
/// input 1, which every subtask gets.
template <class T, class Rule, class K, class KeyFn, class Op, class Out>
class keyed_broadcast_operator final
    : public detail::with_broadcast_state<detail::keyed_process_base<K, Op, Out>, typename Op::broadcast_state> {
  using base = detail::with_broadcast_state<detail::keyed_process_base<K, Op, Out>, typename Op::broadcast_state>;

public:
  keyed_broadcast_operator(KeyFn key_function, Op op, const std::optional<time_to_live>& ttl = {})
      : base(std::move(op), ttl), key_function_(std::move(key_function)) {}

  std::size_t process(std::size_t input, any_batch& in, std::size_t from, std::size_t to,
                      operator_outputs& out) override {
    const Op& op = this->op();
    if (input == 1) {
      auto& shared = this->broadcast().get_for_write();
      return this->template run_unkeyed<Rule>(
          in, from, to, out,
          [&](const Rule& rule, context& ctx, collector<Out>& port) { op.process_broadcast(rule, shared, ctx, port); });
    }
    const auto& shared = this->broadcast().get();
    if constexpr (detail::has_state<Op>)
      return this->template run_keyed<detail::process_member, T>(
          key_function_, in, from, to, out,
          [&](const T& record, auto& state, keyed_context<K>& ctx, collector<Out>& port) {
            op.process(record, state, shared, ctx, port);
          });
    else
      return this->template run_keyed<detail::process_member, T>(
          key_function_, in, from, to, out,
          [&](const T& record, keyed_context<K>& ctx, collector<Out>& port) { op.process(record, shared, ctx, port); });
  }

private:
  KeyFn key_function_;
};

/// The same on an un-keyed stream; the state, if there is one, is that of the subtask.
template <class T, class Rule, class Op, class Out>
class broadcast_operator final
    : public detail::with_broadcast_state<detail::process_base<Op, Out>, typename Op::broadcast_state> {
  using base = detail::with_broadcast_state<detail::process_base<Op, Out>, typename Op::broadcast_state>;

public:
  using base::base;

  std::size_t process(std::size_t input, any_batch& in, std::size_t from, std::size_t to,
                      operator_outputs& out) override {
    const Op& op = this->op();
    if (input == 1) {
      auto& shared = this->broadcast().get_for_write();
      return this->template loop<Rule>(in, from, to, out, [&](const Rule& rule, context& ctx, collector<Out>& port) {
        op.process_broadcast(rule, shared, ctx, port);
      });
    }
    const auto& shared = this->broadcast().get();
    if constexpr (detail::has_state<Op>) {
      auto& state = this->state();
      return this->template loop<T>(in, from, to, out, [&](const T& record, context& ctx, collector<Out>& port) {
        op.process(record, state, shared, ctx, port);
      });
    } else {
      return this->template loop<T>(in, from, to, out, [&](const T& record, context& ctx, collector<Out>& port) {
        op.process(record, shared, ctx, port);
      });
    }
  }
};

} // namespace weir::inline v0
