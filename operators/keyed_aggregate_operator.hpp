// The operator on which count, reduce and aggregate stand.
#pragma once

#include "concepts.hpp"
#include "operator.hpp"
#include "record_loop.hpp"
#include "state_expiry.hpp"
#include "state_table.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// Adds every record to the state of its key, and emits what that makes: one record for each.
template <class T, class K, class KeyFn, class Function>
class keyed_aggregate_operator final : public any_operator {
public:
  using output = typename Function::output;

  keyed_aggregate_operator(KeyFn key_function, Function function, const std::optional<time_to_live>& ttl = {})
      : key_function_(std::move(key_function)), function_(std::move(function)), expiry_(ttl) {}

  void open(operator_context& surroundings) override {
    const operator_identity& identity = surroundings.identity();
    state_.configure(identity.key_groups, identity.max_parallelism, identity.checkpointing);
    expiry_.open(surroundings, state_);
  }
  void ready(operator_context&, bool) override { expiry_.ready(state_); }
  std::vector<any_state_table*> state_tables() override { return {&state_}; }

  std::size_t process(std::size_t, any_batch& in, std::size_t from, std::size_t to, operator_outputs& out) override {
    if (from == to)
      return to;
    detail::require_hashes(in);
    collector<output>& port = out.port<output>(0);
    detail::follow_times(port, in, from);
    batch<output>& made = port.bulk(to - from);
    T* records = as<T>(in).values.data();
    // Asked once a batch, but not a template parameter: that would double the code of the table's loops.
    [[maybe_unused]] const bool may_move = in.sole_owner();
    const auto key_of = [&](std::size_t i) -> decltype(auto) {
      return std::invoke(key_function_, std::as_const(records[i]));
    };
    const auto add = [&](std::size_t i, const K& key, auto& state) {
      function_.add(state, std::as_const(records[i]));
      if constexpr (key_is_part_of_record && !std::is_trivially_copyable_v<K>) {
        if (may_move) {
          made.values.emplace_back(function_.make(std::move(std::invoke(key_function_, records[i])), state));
          return true;
        }
      }
      made.values.emplace_back(function_.make(key, state));
      return true;
    };
    expiry_.begin(state_);
    state_.for_each(in.hashes.data(), from, to, key_of, add, expiry_.times_of(in));
    detail::append_times(made, in, from, to);
    port.bulk_done();
    expiry_.end(to - from, state_);
    return to;
  }
  bool watermark(event_time time, operator_outputs&) override {
    expiry_.watermark(time, state_);
    return true;
  }
  bool on_wake(processing_time now, operator_outputs&) override {
    expiry_.wake(now, state_);
    return true;
  }

private:
  // Only then is what the function returns known to belong to the record, so that it may be moved out of it.
  static constexpr bool key_is_part_of_record =
      std::is_same_v<KeyFn, std::identity> || std::is_member_object_pointer_v<KeyFn>;

  KeyFn key_function_;
  Function function_;
  detail::state_expiry expiry_;
  state_table<K, typename Function::state> state_{"state"};
};

} // namespace weir::inline v0
