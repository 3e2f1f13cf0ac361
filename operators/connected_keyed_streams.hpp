// Two keyed streams as the two inputs of one operator, while a job is composed.
#pragma once

#include "keyed_process_operator.hpp"
#include "keyed_stream.hpp"

#include <memory>
#include <string>
#include <utility>

namespace weir::inline v0 {

/// Two streams with keys of one type, left and right.
template <class K, class Left, class Right, class LeftKeyFn, class RightKeyFn>
class [[nodiscard]] connected_keyed_streams {
public:
  connected_keyed_streams(keyed_stream<K, Left, LeftKeyFn> left, keyed_stream<K, Right, RightKeyFn> right)
      : left_(std::move(left)), right_(std::move(right)) {}

  /// A struct with `process_left(const Left&, …)` and `process_right(const Right&, …)`, parameters and state as for
  /// `keyed_stream::process`; both emit the same type and see the same state of a key. The order in which the two
  /// inputs come is not defined.
  template <class Op>
  auto process(std::string name, Op op, operator_options options = {}, call_site where = caller()) const {
    constexpr auto fault = detail::two_input_fault<Op, Left, Right, keyed_context<K>>();
    detail::require_two_input_process<fault, true, detail::emits_one_type<Op>>();
    if constexpr (fault != detail::process_fault::none || !detail::emits_one_type<Op>) {
      return stream<wrong>{};
    } else if constexpr (!detail::require_timers<Op, keyed_context<K>,
                                                 detail::process_output<detail::process_left_member, Op>>()) {
      return stream<wrong>{};
    } else {
      using Out = detail::process_output<detail::process_left_member, Op>;
      graph_node node = make_node("process", std::move(name), std::move(options), where, &element_type_of<Out>());
      detail::append_side_outputs(node.outputs, op);
      node.keyed = true;
      node.stateful = detail::has_state<Op> || detail::takes_timers<Op, keyed_context<K>, Out>();
      node.state_expires = detail::has_state<Op>;
      node.make = [left = left_.key_function(), right = right_.key_function(), op = std::move(op),
                   ttl = node.options.state_ttl]() -> std::unique_ptr<any_operator> {
        return std::make_unique<two_input_keyed_process_operator<Left, Right, K, LeftKeyFn, RightKeyFn, Op, Out>>(
            left, right, op, ttl);
      };
      return stream<Out>{left_.origin().then(detail::guarded<Left, Right>(std::move(node)), right_.origin())};
    }
  }

private:
  keyed_stream<K, Left, LeftKeyFn> left_;
  keyed_stream<K, Right, RightKeyFn> right_;
};

} // namespace weir::inline v0
