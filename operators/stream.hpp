// A stream of records while a job is composed: the stage on which un-keyed operators are called.
#pragma once

#include "async_map_operator.hpp"
#include "callable.hpp"
#include "concepts.hpp"
#include "filter_operator.hpp"
#include "flat_map_operator.hpp"
#include "graph_builder.hpp"
#include "guarded_operator.hpp"
#include "in_flight_table.hpp"
#include "key_partitioner.hpp"
#include "map_operator.hpp"
#include "process_operator.hpp"
#include "side_output.hpp"
#include "sink.hpp"
#include "stream_aggregates.hpp"
#include "stream_routing.hpp"
#include "throttle_operator.hpp"
#include "transform.hpp"
#include "wrong_stream.hpp"

#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::inline v0 {

template <class K, class T, class KeyFn>
class keyed_stream;
template <class Left, class Right>
class connected_streams;
template <class T, class Rule>
class stream_with_broadcast;

namespace detail {

template <class S>
inline constexpr bool is_stream = false;
template <class T>
inline constexpr bool is_stream<stream<T>> = true;

} // namespace detail

/// A description of a sink that `stream<T>::sink` takes: `kind_name`, `sink<T>()`, optionally `problems<T>()`.
template <class S, class T>
concept sink_spec = requires(const S& spec) {
  { S::kind_name } -> std::convertible_to<std::string_view>;
  { spec.template sink<T>() } -> std::convertible_to<std::shared_ptr<const any_sink>>;
};

/// The records that an operator emits. A value: copies stand for the same stream, and a stream may be used any number
/// of times. Calls only add to the job's graph; what is wrong with them is found in `job_graph::problems`.
///
/// Every subtask calls a copy of its own of the functions given here, const: what a function captured and changed would
/// not be part of checkpoints. State belongs into the `state` struct of a `process`.
template <class T>
class [[nodiscard]] stream : public detail::stream_aggregates<T>,
                             public detail::stream_async<T>,
                             public detail::stream_routing<T> {
public:
  using value_type = T;

  explicit stream(stream_origin origin) : origin_(std::move(origin)) {}
  /// Where the records come from; for code that adds stages of its own.
  [[nodiscard]] const stream_origin& origin() const noexcept { return origin_; }

  /// One record for each: `function(record)`.
  template <class F>
  auto map(std::string name, F function, operator_options options = {}, call_site where = caller()) const {
    using enum detail::function_fault;
    constexpr auto fault = detail::map_fault<F, T>();
    static_assert(fault != wrong_argument, "weir: the function given to map can't be called with this stream's record; "
                                           "it takes the record by value or as const T&");
    static_assert(fault != not_const, "weir: the function given to map must be callable const; what it changes would "
                                      "not be checkpointed: use process with a state struct");
    static_assert(fault != returns_nothing, "weir: the function given to map returns nothing; return a record, or use "
                                            "flat_map");
    static_assert(fault != returns_view, "weir: the function given to map returns a view or pointer, which would "
                                         "outlive the record; return a std::string or another value");
    if constexpr (fault != none) {
      return stream<wrong>{};
    } else {
      using Out = detail::result_of<F, T>;
      graph_node node = make_node("map", std::move(name), std::move(options), where, &element_type_of<Out>());
      node.make = [function = std::move(function)]() -> std::unique_ptr<any_operator> {
        return std::make_unique<map_operator<T, Out, F>>(function);
      };
      return stream<Out>{origin_.then(detail::guarded<T>(std::move(node)))};
    }
  }

  /// The records for which `predicate(record)` is true.
  template <class F>
  auto filter(std::string name, F predicate, operator_options options = {}, call_site where = caller()) const {
    using enum detail::function_fault;
    constexpr auto fault = detail::filter_fault<F, T>();
    static_assert(fault != wrong_argument, "weir: the predicate given to filter can't be called with this stream's "
                                           "record; it takes the record by value or as const T&");
    static_assert(fault != not_const, "weir: the predicate given to filter must be callable const; what it changes "
                                      "would not be checkpointed: use process with a state struct");
    static_assert(fault != wrong_result, "weir: the predicate given to filter must return a bool");
    if constexpr (fault != none) {
      return stream<wrong>{};
    } else {
      graph_node node = make_node("filter", std::move(name), std::move(options), where, &element_type_of<T>());
      node.make = [predicate = std::move(predicate)]() -> std::unique_ptr<any_operator> {
        return std::make_unique<filter_operator<T, F>>(predicate);
      };
      return stream{origin_.then(detail::guarded<T>(std::move(node)))};
    }
  }

  /// Any number of records for each: `function(record, weir::collector<Out>&)`. `Out` is deduced from the function's
  /// second parameter; for a generic function it is said: `flat_map<Out>(…)`.
  template <class Out = detail::deduced, class F>
  auto flat_map(std::string name, F function, operator_options options = {}, call_site where = caller()) const {
    using enum detail::function_fault;
    using Emitted = typename detail::flat_map_output<Out, F>::type;
    constexpr auto fault = flat_map_fault<Out, Emitted, F>();
    static_assert(fault != unknown_output, "weir: flat_map can't tell what a generic or overloaded function emits; say "
                                           "it: flat_map<Out>(name, function)");
    static_assert(fault != no_collector, "weir: the function given to flat_map needs two parameters: the record, and a "
                                         "weir::collector<Out>& that it emits to");
    static_assert(fault != wrong_argument, "weir: the function given to flat_map can't be called with this stream's "
                                           "record and a collector; it takes the record by value or as const T&");
    static_assert(fault != not_const, "weir: the function given to flat_map must be callable const; what it changes "
                                      "would not be checkpointed: use process with a state struct");
    if constexpr (fault != none) {
      return stream<wrong>{};
    } else {
      graph_node node = make_node("flat_map", std::move(name), std::move(options), where, &element_type_of<Emitted>());
      node.make = [function = std::move(function)]() -> std::unique_ptr<any_operator> {
        return std::make_unique<flat_map_operator<T, Emitted, F>>(function);
      };
      return stream<Emitted>{origin_.then(detail::guarded<T>(std::move(node)))};
    }
  }

  /// A struct with `void process(const T&, state&, weir::context&, weir::collector<Out>&) const`, or without the
  /// `state&` if it has no `struct state`. The state is one a subtask; see `subtask_state` for what a change of
  /// parallelism does to it.
  template <class Op>
  auto process(std::string name, Op op, operator_options options = {}, call_site where = caller()) const {
    constexpr auto fault = detail::process_fault_of<detail::process_member, Op, T, context>();
    detail::require_process<fault, false>();
    static_assert(fault != detail::process_fault::none || !detail::names_on_timer<Op>,
                  "weir: on_timer needs a keyed stream; call key_by first");
    if constexpr (fault != detail::process_fault::none) {
      return stream<wrong>{};
    } else {
      using Out = detail::process_output<detail::process_member, Op>;
      graph_node node = make_node("process", std::move(name), std::move(options), where, &element_type_of<Out>());
      detail::append_side_outputs(node.outputs, op);
      node.stateful = detail::has_state<Op>;
      node.make = [op = std::move(op)]() -> std::unique_ptr<any_operator> {
        return std::make_unique<process_operator<T, Op, Out>>(op);
      };
      return stream<Out>{origin_.then(detail::guarded<T>(std::move(node)))};
    }
  }

  /// A user's own operator: `factory()` makes one instance, as a `std::unique_ptr` to a class derived from
  /// `any_operator` that takes batches of `T` and emits `Out`. One instance is made at once, to see if it has state.
  template <class Out, class Factory>
  auto transform(std::string name, Factory factory, operator_options options = {}, call_site where = caller()) const {
    static_assert(detail::operator_factory<Factory>,
                  "weir: the factory given to transform must be copyable, callable const without arguments, and return "
                  "a std::unique_ptr of a class derived from weir::any_operator");
    if constexpr (!detail::operator_factory<Factory>)
      return stream<wrong>{};
    else
      return stream<Out>{
          detail::transform<T, Out>(origin_, std::move(name), std::move(factory), std::move(options), where, false)};
  }

  /// The same records, dealt by key: those with equal keys go to one subtask, in order. `key` is a function, a pointer
  /// to a member, or `std::identity{}`; it is called for every record, more than once, and must always give the same.
  template <class F = std::identity>
  auto key_by(F key = {}) const {
    using enum detail::function_fault;
    constexpr auto fault = detail::key_function_fault<F, T>();
    static_assert(fault != wrong_argument, "weir: the function given to key_by can't be called with this stream's "
                                           "record; it takes the record as const T&, or is a pointer to its member");
    static_assert(fault != not_const, "weir: the function given to key_by must be callable const, and give the same "
                                      "key for the same record, always");
    static_assert(fault != returns_nothing, "weir: the function given to key_by returns nothing; return the key");
    static_assert(fault != returns_view, "weir: a key owns its value; return a std::string instead of a string_view");
    if constexpr (fault != none) {
      return stream<wrong>{};
    } else {
      using K = detail::key_of<F, T>;
      constexpr auto key_fault = detail::key_fault_of<K>();
      static_assert(key_fault != detail::key_fault::floating_point,
                    "weir: a key must not hold floating-point numbers: equal ones can differ in bits; round to an "
                    "integer first");
      static_assert(key_fault != detail::key_fault::unordered,
                    "weir: a key must not hold unordered containers, whose order is not defined; use std::map or "
                    "std::set");
      static_assert(key_fault != detail::key_fault::not_serializable,
                    "weir: a key must be storable: a number, a std::string, a standard container, or a class with "
                    "WEIR_FIELDS");
      static_assert(key_fault != detail::key_fault::none || key_type<K>,
                    "weir: a key must be default constructible, copyable, and comparable with ==");
      if constexpr (!key_type<K>) {
        return stream<wrong>{};
      } else {
        auto make_partitioner = [key]() -> std::unique_ptr<any_partitioner> {
          return std::make_unique<key_partitioner<T, F>>(key);
        };
        return keyed_stream<K, T, F>{origin_.keyed(std::move(make_partitioner), in_flight_factory_of<T>()),
                                     std::move(key)};
      }
    }
  }

  /// These records and those of other streams of the same type, in no defined order.
  stream union_with(const stream& other, call_site where = caller()) const {
    return stream{origin_.united_with(other.origin_, where)};
  }
  stream union_with(const stream& second, const stream& third, call_site where = caller()) const {
    return union_with(second, where).union_with(third, where);
  }
  stream union_with(const std::vector<stream>& others, call_site where = caller()) const {
    stream all = *this;
    for (const stream& other : others)
      all = all.union_with(other, where);
    return all;
  }
  template <class U>
  auto union_with(const stream<U>&, call_site = {}) const {
    static_assert(std::same_as<U, wrong>,
                  "weir: union_with needs streams of one type; map one of them, or use connect");
    return stream<wrong>{};
  }

  /// The same records, at most so many a second, by processing time; the operator's subtasks share the rate evenly. It
  /// holds the source back. About one batch waits in the operator's state, which survives a failure. Barriers pass what
  /// waits there, but not what waits in a channel before it. So its parallelism is that of the operator before it,
  /// unless said, which lets it be fused with that; a slow one does best right behind the source.
  auto throttle(std::string name, double records_per_second, operator_options options = {},
                call_site where = caller()) const {
    static_assert(serializable<T>, "weir: throttle keeps records as state, so that they must be storable; write "
                                   "WEIR_FIELDS(member, ...) into the record's class");
    if constexpr (!serializable<T>) {
      return stream<wrong>{};
    } else {
      graph_node node = make_node("throttle", std::move(name), std::move(options), where, &element_type_of<T>());
      node.stateful = true;
      origin_.builder().check_rate(node, records_per_second);
      origin_.keep_parallelism(node);
      node.make = [records_per_second]() -> std::unique_ptr<any_operator> {
        return std::make_unique<throttle_operator<T>>(records_per_second);
      };
      return stream{origin_.then(std::move(node))};
    }
  }

  /// Two streams as the two inputs of one operator.
  template <class U>
  auto connect(const stream<U>& right) const {
    if constexpr (std::same_as<U, wrong>)
      return right;
    else
      return connected_streams<T, U>{origin_, right.origin()};
  }
  template <class K, class U, class KeyFn>
  auto connect(const keyed_stream<K, U, KeyFn>&) const {
    static_assert(detail::never<K>, "weir: connect needs two keyed streams, or two un-keyed ones; call key_by on this "
                                    "one, too");
    return stream<wrong>{};
  }

  /// This stream, and one of which every subtask of the next operator gets every record: rules, prices, settings.
  template <class Rules>
  auto connect_broadcast(const Rules& rules) const {
    constexpr bool takes = detail::is_stream<Rules>;
    static_assert(takes, "weir: connect_broadcast needs an un-keyed stream, which is sent to every subtask");
    if constexpr (!takes || std::same_as<Rules, stream<wrong>>)
      return stream<wrong>{};
    else
      return stream_with_broadcast<T, typename Rules::value_type>{origin_,
                                                                  rules.origin().dealt(partitioning::broadcast)};
  }

  /// The same records; the next operator's subtasks take turns, batch by batch.
  stream rebalance() const { return stream{origin_.dealt(partitioning::rebalance, in_flight_factory_of<T>())}; }
  /// The same records; each goes to every subtask of the next operator.
  stream broadcast() const { return stream{origin_.dealt(partitioning::broadcast)}; }

  /// A side output of the operator that emits this stream.
  template <class U>
  stream<U> side(const side_output<U>& output, call_site where = caller()) const {
    return stream<U>{origin_.side(output.name(), element_type_of<U>(), where)};
  }

  /// The records that the operator which emits this stream refused: those for which its code threw. The operator needs
  /// the option `{.poison = weir::poison_policy::dead_letter}`.
  stream<dead_letter> dead_letters(call_site where = caller()) const {
    return stream<dead_letter>{origin_.dead_letters(where)};
  }

  /// Calls `composite(stream)` and returns what it returns: a part of a job that is composed elsewhere. The operators
  /// that it adds, and those of composites in it, have `name` and a slash before their names.
  template <class Composite>
  auto apply(std::string name, const Composite& composite) const {
    constexpr bool takes = std::is_invocable_v<const Composite&, const stream&>;
    static_assert(takes, "weir: what is given to apply must be callable const with this stream");
    if constexpr (!takes) {
      return stream<wrong>{};
    } else {
      const auto inside = origin_.builder().enter(name);
      return std::invoke(composite, *this);
    }
  }

  /// Ends the stream in a sink.
  template <class S>
  void sink(std::string name, S spec, operator_options options = {}, call_site where = caller()) const {
    static_assert(sink_spec<S, T>, "weir: sink needs a sink such as weir::print{} or weir::text_files{...} that takes "
                                   "this stream's record");
    if constexpr (sink_spec<S, T>) {
      graph_node node = make_node(S::kind_name, std::move(name), std::move(options), where, nullptr);
      node.kind = operator_kind::sink;
      origin_.builder().ask_spec(node, [&] {
        if constexpr (requires { spec.max_parallelism_limit; })
          node.max_parallelism_limit = spec.max_parallelism_limit;
        if constexpr (requires { spec.template problems<T>(); })
          origin_.builder().add_problems(node, spec.template problems<T>());
        origin_.builder().set_sink(node, spec.template sink<T>());
      });
      origin_.then(std::move(node));
    }
  }

  // What needs a keyed stream.
  template <class State = void, class F>
  auto map_with_state(std::string_view, F&&, operator_options = {}) const {
    static_assert(detail::never<F>, "weir: map_with_state needs a keyed stream; call key_by first");
    return stream<wrong>{};
  }
  template <class State = void, class F>
  auto filter_with_state(std::string_view, F&&, operator_options = {}) const {
    static_assert(detail::never<F>, "weir: filter_with_state needs a keyed stream; call key_by first");
    return stream<wrong>{};
  }
  template <class State = void, class Out = void, class F>
  auto flat_map_with_state(std::string_view, F&&, operator_options = {}) const {
    static_assert(detail::never<F>, "weir: flat_map_with_state needs a keyed stream; call key_by first");
    return stream<wrong>{};
  }
  template <class Trap = void>
  auto deduplicate(std::string_view = {}, operator_options = {}) const {
    static_assert(detail::never<Trap>, "weir: deduplicate needs a keyed stream; call key_by first, or key_by() for "
                                       "whole records");
    return stream<wrong>{};
  }

private:
  template <class Out, class Emitted, class F>
  static constexpr detail::function_fault flat_map_fault() {
    using enum detail::function_fault;
    using found = detail::signature_of<F>;
    if constexpr (std::is_void_v<Emitted>)
      return found::known ? no_collector : unknown_output;
    else if constexpr (found::known && found::parameter_types::count != 2)
      return no_collector;
    else
      return detail::argument_fault<F, T, collector<Emitted>&>();
  }

  stream_origin origin_;
};

} // namespace weir::inline v0

#include "broadcast_streams.hpp"
#include "connected_keyed_streams.hpp"
#include "connected_streams.hpp"
#include "keyed_stream.hpp"
