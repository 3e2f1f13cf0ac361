// A stream dealt by key while a job is composed: the stage on which keyed operators are called.
#pragma once

#include "aggregate_functions.hpp"
#include "aggregator_traits.hpp"
#include "keyed_aggregate_operator.hpp"
#include "keyed_process_operator.hpp"
#include "keyed_stream_functions.hpp"
#include "stream.hpp"

#include <concepts>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

template <class K, class Left, class Right, class LeftKeyFn, class RightKeyFn>
class connected_keyed_streams;
template <class K, class T, class KeyFn, class Rule>
class keyed_stream_with_broadcast;

/// Records of type `T` that are dealt by a key of type `K`: all records of one key pass one subtask, in order.
template <class K, class T, class KeyFn>
class [[nodiscard]] keyed_stream : public detail::keyed_stream_functions<K, T, KeyFn> {
public:
  using key_type = K;
  using value_type = T;

  keyed_stream(stream_origin origin, KeyFn key) : origin_(std::move(origin)), key_(std::move(key)) {}
  /// Where the records come from; for code that adds stages of its own.
  [[nodiscard]] const stream_origin& origin() const noexcept { return origin_; }
  [[nodiscard]] const KeyFn& key_function() const noexcept { return key_; }

  /// Counts the records of each key; emits `counted<K>{key, count}` for every record.
  stream<counted<K>> count(std::string name, operator_options options = {}, call_site where = caller()) const {
    return aggregate_by("count", std::move(name), std::move(options), where, detail::count_function<K>{});
  }

  /// Combines the records of each key: `function(T so_far, const T& record)` returns the new value, and a key's first
  /// record is its first value. Emits `aggregated<K, T>{key, value}` for every record.
  template <class F>
  auto reduce(std::string name, F function, operator_options options = {}, call_site where = caller()) const {
    if constexpr (!detail::require_reduce<F, T>())
      return stream<wrong>{};
    else
      return aggregate_by("reduce", std::move(name), std::move(options), where,
                          detail::reduce_function<K, T, F>{std::move(function)});
  }

  /// Aggregates the records of each key with a struct that has a `struct accumulator`, `void add(accumulator&, const
  /// T&) const` and `R result(const accumulator&) const`. Emits `aggregated<K, R>{key, value}` for every record.
  template <class A>
  auto aggregate(std::string name, A aggregator, operator_options options = {}, call_site where = caller()) const {
    constexpr auto fault = detail::aggregator_fault_of<A, T>();
    if constexpr (!detail::require_aggregator<fault>())
      return stream<wrong>{};
    else
      return aggregate_by("aggregate", std::move(name), std::move(options), where,
                          detail::aggregate_function<K, A>{std::move(aggregator)});
  }

  /// A struct with `void process(const T&, state&, weir::keyed_context<K>&, weir::collector<Out>&) const`, or without
  /// the `state&` if it has no `struct state`. The state is one a key.
  ///
  /// With `void on_timer(weir::processing_time at, state&, weir::keyed_context<K>&, weir::collector<Out>&) const` it
  /// has timers: `keyed_context::set_timer` asks for a call for the record's key at a time of the environment's clock.
  template <class Op>
  auto process(std::string name, Op op, operator_options options = {}, call_site where = caller()) const {
    constexpr auto fault = detail::process_fault_of<detail::process_member, Op, T, keyed_context<K>>();
    detail::require_process<fault, true>();
    if constexpr (fault != detail::process_fault::none) {
      return stream<wrong>{};
    } else if constexpr (!detail::require_timers<Op, keyed_context<K>,
                                                 detail::process_output<detail::process_member, Op>>()) {
      return stream<wrong>{};
    } else {
      using Out = detail::process_output<detail::process_member, Op>;
      return this->template add<Op, Out>("process", std::move(name), std::move(op), std::move(options), where);
    }
  }

  /// A user's own operator, as `stream::transform`; its batches have key hashes, and it owns the key groups that its
  /// `operator_identity` says.
  template <class Out, class Factory>
  auto transform(std::string name, Factory factory, operator_options options = {}, call_site where = caller()) const {
    static_assert(detail::operator_factory<Factory>,
                  "weir: the factory given to transform must be copyable, callable const without arguments, and return "
                  "a std::unique_ptr of a class derived from weir::any_operator");
    if constexpr (!detail::operator_factory<Factory>)
      return stream<wrong>{};
    else
      return stream<Out>{
          detail::transform<T, Out>(origin_, std::move(name), std::move(factory), std::move(options), where, true)};
  }

  /// Two keyed streams as the two inputs of one operator, which sees one state a key for both.
  template <class U, class OtherKeyFn>
  connected_keyed_streams<K, T, U, KeyFn, OtherKeyFn> connect(const keyed_stream<K, U, OtherKeyFn>& right) const {
    return {*this, right};
  }
  template <class K2, class U, class OtherKeyFn>
  requires(!std::same_as<K, K2>) auto connect(const keyed_stream<K2, U, OtherKeyFn>&) const {
    static_assert(detail::never<K2>, "weir: connect needs two streams with the same type of key");
    return stream<wrong>{};
  }
  template <class U>
  auto connect(const stream<U>&) const {
    static_assert(std::same_as<U, wrong>,
                  "weir: connect needs two keyed streams, or two un-keyed ones; call key_by on the "
                  "other one, too");
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
      return keyed_stream_with_broadcast<K, T, KeyFn, typename Rules::value_type>{
          *this, rules.origin().dealt(partitioning::broadcast)};
  }

  /// As `stream::apply`, with this keyed stream.
  template <class Composite>
  auto apply(std::string name, const Composite& composite) const {
    constexpr bool takes = std::is_invocable_v<const Composite&, const keyed_stream&>;
    static_assert(takes, "weir: what is given to apply must be callable const with this keyed stream");
    if constexpr (!takes) {
      return stream<wrong>{};
    } else {
      const auto inside = origin_.builder().enter(name);
      return std::invoke(composite, *this);
    }
  }

  // What needs an un-keyed stream.
  template <std::size_t N = 2, class F>
  auto split(std::string_view, F&&, operator_options = {}) const {
    static_assert(detail::never<F>, "weir: split doesn't keep keys; call it before key_by");
    return std::array<stream<wrong>, N>{};
  }
  template <class F>
  auto partition_by(F&&) const {
    static_assert(detail::never<F>, "weir: partition_by deals records in another way than key_by; use one of the two");
    return stream<wrong>{};
  }
  template <class F>
  auto map(std::string_view, F&&, operator_options = {}) const {
    static_assert(detail::never<F>, "weir: map doesn't keep keys; call it before key_by");
    return stream<wrong>{};
  }
  template <class F>
  auto filter(std::string_view, F&&, operator_options = {}) const {
    static_assert(detail::never<F>, "weir: filter doesn't keep keys; call it before key_by");
    return stream<wrong>{};
  }
  template <class... Out, class F>
  auto flat_map(std::string_view, F&&, operator_options = {}) const {
    static_assert(detail::never<F>, "weir: flat_map doesn't keep keys; call it before key_by");
    return stream<wrong>{};
  }
  template <class Rate>
  auto throttle(std::string_view, Rate, operator_options = {}) const {
    static_assert(detail::never<Rate>, "weir: throttle doesn't keep keys; call it before key_by");
    return stream<wrong>{};
  }
  template <class Other>
  auto union_with(const Other&) const {
    static_assert(detail::never<Other>, "weir: union_with takes un-keyed streams; call it before key_by");
    return stream<wrong>{};
  }
  template <class S>
  void sink(std::string_view, S&&, operator_options = {}) const {
    static_assert(detail::never<S>,
                  "weir: a keyed stream needs a keyed operator such as count or process before a sink");
  }

private:
  template <class Function>
  stream<typename Function::output> aggregate_by(std::string_view kind_name, std::string name, operator_options options,
                                                 call_site where, Function function) const {
    using Out = typename Function::output;
    graph_node node = make_node(kind_name, std::move(name), std::move(options), where, &element_type_of<Out>());
    node.keyed = true;
    node.stateful = true;
    node.state_expires = true;
    node.make = [key = key_, function = std::move(function),
                 ttl = node.options.state_ttl]() -> std::unique_ptr<any_operator> {
      return std::make_unique<keyed_aggregate_operator<T, K, KeyFn, Function>>(key, function, ttl);
    };
    return stream<Out>{origin_.then(detail::guarded<T>(std::move(node)))};
  }

  stream_origin origin_;
  KeyFn key_;
};

} // namespace weir::inline v0
