// A stream and a broadcast as the two inputs of one operator, while a job is composed.
#pragma once

#include "broadcast_operators.hpp"
#include "broadcast_traits.hpp"
#include "keyed_stream.hpp"

#include <memory>
#include <string>
#include <utility>

namespace weir::inline v0 {

namespace detail {

/// What both kinds have in common: the node of the operator.
template <class Op, class Out>
graph_node make_broadcast_node(const Op& op, std::string name, operator_options options, call_site where) {
  graph_node node = make_node("process", std::move(name), std::move(options), where, &element_type_of<Out>());
  append_side_outputs(node.outputs, op);
  node.stateful = true;
  return node;
}

} // namespace detail

/// A keyed stream, and a stream of which every subtask gets every record.
template <class K, class T, class KeyFn, class Rule>
class [[nodiscard]] keyed_stream_with_broadcast {
public:
  keyed_stream_with_broadcast(keyed_stream<K, T, KeyFn> records, stream_origin rules)
      : records_(std::move(records)), rules_(std::move(rules)) {}

  /// A struct with a `struct broadcast_state`, `void process(const T&, state&, const broadcast_state&,
  /// weir::keyed_context<K>&, weir::collector<Out>&) const`, without the `state&` if it has no `struct state`, and
  /// `void process_broadcast(const Rule&, broadcast_state&, weir::context&, weir::collector<Out>&) const`; timers as
  /// for `keyed_stream::process`.
  ///
  /// Every subtask has its copy of the broadcast state. Records of one subtask of the broadcast come in order, those of
  /// several in any, so that what `process_broadcast` makes of them should not depend on that. What it emits is emitted
  /// by every subtask. A checkpoint has the first subtask's copy; after a restore all have that one.
  template <class Op>
  auto process(std::string name, Op op, operator_options options = {}, call_site where = caller()) const {
    constexpr auto fault = detail::broadcast_fault_of<Op, T, Rule, keyed_context<K>>();
    detail::require_broadcast<fault, true>();
    if constexpr (fault != detail::broadcast_fault::none) {
      return stream<wrong>{};
    } else if constexpr (!detail::require_timers<Op, keyed_context<K>,
                                                 detail::process_output<detail::process_member, Op>>()) {
      return stream<wrong>{};
    } else {
      using Out = detail::process_output<detail::process_member, Op>;
      graph_node node = detail::make_broadcast_node<Op, Out>(op, std::move(name), std::move(options), where);
      node.keyed = true;
      node.state_expires = detail::has_state<Op>;
      node.make = [key = records_.key_function(), op = std::move(op),
                   ttl = node.options.state_ttl]() -> std::unique_ptr<any_operator> {
        return std::make_unique<keyed_broadcast_operator<T, Rule, K, KeyFn, Op, Out>>(key, op, ttl);
      };
      return stream<Out>{records_.origin().then(detail::guarded<T, Rule>(std::move(node)), rules_)};
    }
  }

private:
  keyed_stream<K, T, KeyFn> records_;
  stream_origin rules_;
};

/// An un-keyed stream, and a stream of which every subtask gets every record.
template <class T, class Rule>
class [[nodiscard]] stream_with_broadcast {
public:
  stream_with_broadcast(stream_origin records, stream_origin rules)
      : records_(std::move(records)), rules_(std::move(rules)) {}

  /// As for a keyed stream, with a `weir::context&`; a `struct state` is one a subtask.
  template <class Op>
  auto process(std::string name, Op op, operator_options options = {}, call_site where = caller()) const {
    constexpr auto fault = detail::broadcast_fault_of<Op, T, Rule, context>();
    detail::require_broadcast<fault, false>();
    if constexpr (fault != detail::broadcast_fault::none) {
      return stream<wrong>{};
    } else {
      using Out = detail::process_output<detail::process_member, Op>;
      graph_node node = detail::make_broadcast_node<Op, Out>(op, std::move(name), std::move(options), where);
      node.make = [op = std::move(op)]() -> std::unique_ptr<any_operator> {
        return std::make_unique<broadcast_operator<T, Rule, Op, Out>>(op);
      };
      return stream<Out>{records_.then(detail::guarded<T, Rule>(std::move(node)), rules_)};
    }
  }

private:
  stream_origin records_;
  stream_origin rules_;
};

} // namespace weir::inline v0
