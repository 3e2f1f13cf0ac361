// The operators that run a user's process struct on keyed streams: one input, or two that share the state of a key.
#pragma once

#include "context.hpp"
#include "process_traits.hpp"
#include "processing_timers.hpp"
#include "record_loop.hpp"
#include "state_collections.hpp"
#include "state_expiry.hpp"
#include "state_table.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace weir::inline v0 {

namespace detail {

/// What keyed process operators have in common: the struct, the state of each key, the side outputs, and the loop.
template <class K, class Op, class Out>
class keyed_process_base : public any_operator {
public:
  explicit keyed_process_base(Op op, const std::optional<time_to_live>& ttl = {})
      : op_(std::move(op)), sides_(side_outputs_of(op_)), expiry_(ttl) {}

  void open(operator_context& surroundings) override {
    surroundings_ = &surroundings;
    if constexpr (has_state<Op>) {
      const operator_identity& identity = surroundings.identity();
      state_.configure(identity.key_groups, identity.max_parallelism, identity.checkpointing);
      if constexpr (has_collections) {
        collections_.configure(identity.key_groups, identity.max_parallelism, identity.checkpointing);
        if (expiry_.runs())
          state_.when_expired([this](std::uint64_t hash, const K& key, std::size_t most) {
            return collections_.erase(hash, key, most);
          });
      }
      expiry_.open(surroundings, state_);
    }
    if constexpr (has_timers)
      timers_.open(surroundings);
  }
  void ready(operator_context&, bool) override {
    if constexpr (has_collections) {
      collections_.ready();
    }
    if constexpr (has_state<Op>)
      expiry_.ready(state_);
    if constexpr (has_timers)
      timers_.ready();
  }
  std::vector<any_state_table*> state_tables() override {
    std::vector<any_state_table*> tables;
    if constexpr (has_state<Op>)
      tables.push_back(&state_);
    if constexpr (has_collections)
      collections_.append_to(tables);
    if constexpr (has_timers)
      tables.push_back(&timers_.table());
    return tables;
  }
  bool watermark(event_time time, operator_outputs&) override {
    if constexpr (has_state<Op>)
      expiry_.watermark(time, state_);
    return true;
  }
  bool on_wake(processing_time now, [[maybe_unused]] operator_outputs& out) override {
    if constexpr (has_state<Op>)
      expiry_.wake(now, state_);
    if constexpr (has_timers) {
      if constexpr (has_state<Op>)
        expiry_.begin(state_);
      collector<Out>& port = out.port<Out>(0);
      port.clear_time(); // what a timer emits has no event time
      keyed_context<K> ctx{*surroundings_, out, sides_, false};
      ctx.timers_ = &timers_;
      const auto full = [&] { return out.full(); };
      return timers_.fire_due(now, full, [&](processing_time at, const K& key, std::uint64_t hash) {
        ctx.key_ = &key;
        ctx.hash_ = hash;
        if constexpr (only_reads<on_timer_member>) {
          if (expiry_.runs())
            return op_.on_timer(at, read(hash, key), ctx, port);
        }
        if constexpr (has_state<Op>)
          with_state(hash, key, state_.touch(hash, key), [&](auto& state) { op_.on_timer(at, state, ctx, port); });
        else
          op_.on_timer(at, ctx, port);
      });
    } else {
      return true;
    }
  }

protected:
  [[nodiscard]] const Op& op() const noexcept { return op_; }

  template <class Member, class T, class KeyFn>
  std::size_t run(const KeyFn& key_function, any_batch& in, std::size_t from, std::size_t to, operator_outputs& out) {
    return run_keyed<Member, T>(key_function, in, from, to, out,
                                [this](const T& record, auto&... more) { Member::call(op_, record, more...); });
  }

  /// Calls `call_op(record, [state,] context, collector)` for the records, until an output is full. `Member` is what
  /// the call leads to.
  template <class Member, class T, class KeyFn, class Call>
  std::size_t run_keyed(const KeyFn& key_function, any_batch& in, std::size_t from, std::size_t to,
                        operator_outputs& out, Call call_op) {
    require_hashes(in);
    collector<Out>& port = out.port<Out>(0);
    const bool timed = !in.times.empty();
    const bool several_ports = !sides_.empty();
    if (!timed)
      port.clear_time();
    keyed_context<K> ctx{*surroundings_, out, sides_, timed};
    const T* records = as<T>(in).values.data();
    const auto key_of = [&](std::size_t i) -> decltype(auto) { return std::invoke(key_function, records[i]); };
    // What is the same with and without state: the context before a call, and whether to go on after it.
    if constexpr (has_timers)
      ctx.timers_ = &timers_;
    const auto begin_record = [&](std::size_t i, const K& key) {
      ctx.key_ = &key;
      if constexpr (has_timers)
        ctx.hash_ = in.hashes[i];
      if (timed) {
        ctx.time_ = in.times[i];
        port.set_time(in.times[i]);
      }
    };
    const auto go_on = [&] { return !(several_ports ? out.full() : port.full()); };
    if constexpr (has_state<Op>) {
      expiry_.begin(state_);
      const event_time* const times = expiry_.times_of(in);
      std::size_t reached = from;
      if (only_reads<Member> && expiry_.runs()) {
        if constexpr (only_reads<Member>)
          for (bool more = true; more && reached != to; ++reached) {
            const K& key = key_of(reached);
            if (times != nullptr)
              state_.set_access_time(times[reached]);
            begin_record(reached, key);
            call_op(records[reached], read(in.hashes[reached], key), ctx, port);
            more = go_on();
          }
      } else {
        const auto one = [&](std::size_t i, const K& key, auto& entry) {
          begin_record(i, key);
          with_state(in.hashes[i], key, entry, [&](auto& state) { call_op(records[i], state, ctx, port); });
          return go_on();
        };
        reached = state_.for_each(in.hashes.data(), from, to, key_of, one, times);
      }
      expiry_.end(reached - from, state_);
      return reached;
    } else {
      for (std::size_t i = from; i != to; ++i) {
        const K& key = key_of(i);
        begin_record(i, key);
        call_op(records[i], ctx, port);
        if (!go_on())
          return i + 1;
      }
      return to;
    }
  }

  /// The same for records that have no key: `call_op(record, context, collector)`.
  template <class T, class Call>
  std::size_t run_unkeyed(any_batch& in, std::size_t from, std::size_t to, operator_outputs& out, Call call_op) {
    collector<Out>& port = out.port<Out>(0);
    const bool timed = !in.times.empty();
    if (!timed)
      port.clear_time();
    context ctx{*surroundings_, out, sides_, timed};
    const T* records = as<T>(in).values.data();
    for (std::size_t i = from; i != to; ++i) {
      if (timed) {
        ctx.time_ = in.times[i];
        port.set_time(in.times[i]);
      }
      call_op(records[i], ctx, port);
      if (out.full())
        return i + 1;
    }
    return to;
  }

private:
  static constexpr bool has_timers = takes_timers<Op, keyed_context<K>, Out>();
  static constexpr bool has_collections = holds_collections<state_of_t<Op>>();
  /// Collections are reached by way of a state that can be changed.
  template <class Member>
  static constexpr bool only_reads = !has_collections && reads_state<Member, Op>();

  /// The state of a key for code that only reads it.
  [[nodiscard]] const auto& read(std::uint64_t hash, const K& key) {
    static const state_of_t<Op> none{};
    const auto* found = state_.find(hash, key);
    return found ? *found : none;
  }

  struct no_timers {};
  struct no_table {
    explicit no_table(const char*) {}
  };

  template <class State>
  struct table_of {
    using type = state_table<K, entry_of_state<State>>;
  };
  template <class State>
  struct collections_of {
    using type = state_collections<K, State>;
  };

  /// Calls `call(state)` with the state of a key, in which the collections are those of the key meanwhile.
  template <class Entry, class Call>
  void with_state([[maybe_unused]] std::uint64_t hash, [[maybe_unused]] const K& key, Entry& entry, Call call) {
    if constexpr (has_collections) {
      const typename state_collections<K, state_of_t<Op>>::binding bound{collections_, hash, key, state_in(entry)};
      call(state_in(entry));
    } else {
      call(entry);
    }
  }

  Op op_;
  side_ports sides_;
  operator_context* surroundings_ = nullptr;
  state_expiry expiry_;
  [[no_unique_address]] std::conditional_t<has_timers, processing_timers<K>, no_timers> timers_;
  [[no_unique_address]]
  typename std::conditional_t<has_state<Op>, table_of<state_of_t<Op>>, std::type_identity<no_table>>::type state_{
      "state"};
  [[no_unique_address]]
  typename std::conditional_t<has_collections, collections_of<state_of_t<Op>>, std::type_identity<no_collections>>::type
      collections_{"state"};
};

} // namespace detail

/// Calls `op.process(record, [state,] context, collector)` for every record, with the state of the record's key.
template <class T, class K, class KeyFn, class Op, class Out>
class keyed_process_operator final : public detail::keyed_process_base<K, Op, Out> {
public:
  keyed_process_operator(KeyFn key_function, Op op, const std::optional<time_to_live>& ttl = {})
      : detail::keyed_process_base<K, Op, Out>(std::move(op), ttl), key_function_(std::move(key_function)) {}

  std::size_t process(std::size_t, any_batch& in, std::size_t from, std::size_t to, operator_outputs& out) override {
    return this->template run<detail::process_member, T>(key_function_, in, from, to, out);
  }

private:
  KeyFn key_function_;
};

/// Calls `op.process_left` and `op.process_right`; both see the same state of a key. The order in which the two inputs
/// come is not defined.
template <class Left, class Right, class K, class LeftKeyFn, class RightKeyFn, class Op, class Out>
class two_input_keyed_process_operator final : public detail::keyed_process_base<K, Op, Out> {
public:
  two_input_keyed_process_operator(LeftKeyFn left_key, RightKeyFn right_key, Op op,
                                   const std::optional<time_to_live>& ttl = {})
      : detail::keyed_process_base<K, Op, Out>(std::move(op), ttl),
        left_key_(std::move(left_key)),
        right_key_(std::move(right_key)) {}

  std::size_t process(std::size_t input, any_batch& in, std::size_t from, std::size_t to,
                      operator_outputs& out) override {
    if (input == 0)
      return this->template run<detail::process_left_member, Left>(left_key_, in, from, to, out);
    return this->template run<detail::process_right_member, Right>(right_key_, in, from, to, out);
  }

private:
  LeftKeyFn left_key_;
  RightKeyFn right_key_;
};

} // namespace weir::inline v0
