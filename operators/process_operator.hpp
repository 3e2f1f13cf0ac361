// The operators that run a user's process struct on un-keyed streams: one input, or two.
#pragma once

#include "context.hpp"
#include "process_traits.hpp"
#include "record_loop.hpp"
#include "subtask_state.hpp"

#include <cstddef>
#include <utility>
#include <vector>

namespace weir::inline v0 {

namespace detail {

/// What un-keyed process operators have in common: the struct, its state, its side outputs, and the loop.
template <class Op, class Out>
class process_base : public any_operator {
public:
  explicit process_base(Op op) : op_(std::move(op)), sides_(side_outputs_of(op_)) {}

  void open(operator_context& surroundings) override {
    surroundings_ = &surroundings;
    if constexpr (has_state<Op>)
      state_.open(surroundings.identity());
  }
  void ready(operator_context& surroundings, bool) override {
    if constexpr (has_state<Op>)
      state_.ready(op_, surroundings.identity());
  }
  std::vector<any_state_table*> state_tables() override {
    if constexpr (has_state<Op>)
      return {&state_.table()};
    else
      return {};
  }

protected:
  template <class Member, class T>
  std::size_t run(any_batch& in, std::size_t from, std::size_t to, operator_outputs& out) {
    if constexpr (has_state<Op>) {
      auto& state = this->state();
      return loop<T>(in, from, to, out, [&](const T& record, context& ctx, collector<Out>& port) {
        Member::call(op_, record, state, ctx, port);
      });
    } else {
      return loop<T>(in, from, to, out, [&](const T& record, context& ctx, collector<Out>& port) {
        Member::call(op_, record, ctx, port);
      });
    }
  }

  [[nodiscard]] const Op& op() const noexcept { return op_; }
  /// The subtask's state, for writing until the next snapshot.
  [[nodiscard]] auto& state() { return state_.get(); }

  /// Calls `call_op(record, context, collector)` for the records, until an output is full.
  template <class T, class Call>
  std::size_t loop(any_batch& in, std::size_t from, std::size_t to, operator_outputs& out, Call call_op) {
    collector<Out>& port = out.port<Out>(0);
    const bool timed = !in.times.empty();
    const bool several_ports = !sides_.empty();
    if (!timed)
      port.clear_time();
    context ctx{*surroundings_, out, sides_, timed};
    const T* records = as<T>(in).values.data();
    std::size_t i = from;
    while (i != to) {
      if (timed) {
        ctx.time_ = in.times[i];
        port.set_time(in.times[i]);
      }
      call_op(records[i], ctx, port);
      ++i;
      if (several_ports ? out.full() : port.full())
        break;
    }
    return i;
  }

private:
  struct nothing {};

  Op op_;
  side_ports sides_;
  operator_context* surroundings_ = nullptr;
  [[no_unique_address]] std::conditional_t<has_state<Op>, subtask_state<Op, state_of_t<Op>>, nothing> state_;
};

} // namespace detail

/// Calls `op.process(record, [state,] context, collector)` for every record.
template <class T, class Op, class Out>
class process_operator final : public detail::process_base<Op, Out> {
public:
  using detail::process_base<Op, Out>::process_base;

  std::size_t process(std::size_t, any_batch& in, std::size_t from, std::size_t to, operator_outputs& out) override {
    return this->template run<detail::process_member, T>(in, from, to, out);
  }
};

/// Calls `op.process_left` for every record of input 0 and `op.process_right` for every record of input 1. Both see the
/// same state; the order in which the two inputs come is not defined.
template <class Left, class Right, class Op, class Out>
class two_input_process_operator final : public detail::process_base<Op, Out> {
public:
  using detail::process_base<Op, Out>::process_base;

  std::size_t process(std::size_t input, any_batch& in, std::size_t from, std::size_t to,
                      operator_outputs& out) override {
    if (input == 0)
      return this->template run<detail::process_left_member, Left>(in, from, to, out);
    return this->template run<detail::process_right_member, Right>(in, from, to, out);
  }
};

} // namespace weir::inline v0
