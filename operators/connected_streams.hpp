// Two streams as the two inputs of one operator, while a job is composed.
#pragma once

#include "process_operator.hpp"
#include "stream.hpp"

#include <memory>
#include <string>
#include <utility>

namespace weir::inline v0 {

/// Two un-keyed streams, left and right.
template <class Left, class Right>
class [[nodiscard]] connected_streams {
public:
  connected_streams(stream_origin left, stream_origin right) : left_(std::move(left)), right_(std::move(right)) {}

  /// A struct with `process_left(const Left&, …)` and `process_right(const Right&, …)`, parameters and state as for
  /// `stream::process`; both emit the same type. The order in which the two inputs come is not defined.
  template <class Op>
  auto process(std::string name, Op op, operator_options options = {}, call_site where = caller()) const {
    constexpr auto fault = detail::two_input_fault<Op, Left, Right, context>();
    detail::require_two_input_process<fault, false, detail::emits_one_type<Op>>();
    if constexpr (fault != detail::process_fault::none || !detail::emits_one_type<Op>) {
      return stream<wrong>{};
    } else {
      using Out = detail::process_output<detail::process_left_member, Op>;
      graph_node node = make_node("process", std::move(name), std::move(options), where, &element_type_of<Out>());
      detail::append_side_outputs(node.outputs, op);
      node.stateful = detail::has_state<Op>;
      node.make = [op = std::move(op)]() -> std::unique_ptr<any_operator> {
        return std::make_unique<two_input_process_operator<Left, Right, Op, Out>>(op);
      };
      return stream<Out>{left_.then(detail::guarded<Left, Right>(std::move(node)), right_)};
    }
  }

private:
  stream_origin left_;
  stream_origin right_;
};

} // namespace weir::inline v0
