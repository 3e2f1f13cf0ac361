// The calls on a keyed stream that are thin over process: functions of a record and a state, deduplicate, top_k.
#pragma once

#include "keyed_process_operator.hpp"
#include "state_functions.hpp"
#include "stream.hpp"
#include "top_k.hpp"

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

template <class K, class T, class KeyFn>
class keyed_stream;

namespace detail {

/// The part of `keyed_stream` that stands on keyed process operators.
template <class K, class T, class KeyFn>
class keyed_stream_functions {
public:
  /// One record for each: `function(const T& record, State& state)`, with the state of the record's key. `State` is
  /// deduced from the function's second parameter; for a generic function it is said: `map_with_state<State>(…)`.
  template <class State = deduced, class F>
  auto map_with_state(std::string name, F function, operator_options options = {}, call_site where = caller()) const {
    using S = function_state_t<State, F>;
    constexpr auto fault = map_with_state_fault<F, T, S>();
    if constexpr (!require_state_function<fault>()) {
      return stream<wrong>{};
    } else {
      using Out = std::remove_cvref_t<std::invoke_result_t<const F&, const T&, S&>>;
      return add<map_with_state_function<K, T, S, F, Out>, Out>("map_with_state", std::move(name),
                                                                {std::move(function)}, std::move(options), where);
    }
  }

  /// The records for which `predicate(const T& record, State& state)` is true; the state as for `map_with_state`.
  template <class State = deduced, class F>
  auto filter_with_state(std::string name, F predicate, operator_options options = {},
                         call_site where = caller()) const {
    using S = function_state_t<State, F>;
    constexpr auto fault = filter_with_state_fault<F, T, S>();
    if constexpr (!require_state_function<fault>())
      return stream<wrong>{};
    else
      return add<filter_with_state_function<K, T, S, F>, T>("filter_with_state", std::move(name),
                                                            {std::move(predicate)}, std::move(options), where);
  }

  /// Any number of records for each: `function(const T& record, State& state, weir::collector<Out>&)`. For a generic
  /// function both are said: `flat_map_with_state<State, Out>(…)`.
  template <class State = deduced, class Out = deduced, class F>
  auto flat_map_with_state(std::string name, F function, operator_options options = {},
                           call_site where = caller()) const {
    using S = function_state_t<State, F>;
    using Emitted = typename flat_map_output<Out, F>::type;
    constexpr auto fault = flat_map_fault<S, Emitted, F>();
    if constexpr (!require_state_function<fault>())
      return stream<wrong>{};
    else
      return add<flat_map_with_state_function<K, T, S, F, Emitted>, Emitted>(
          "flat_map_with_state", std::move(name), {std::move(function)}, std::move(options), where);
  }

  /// The first record of each key. The keys that were seen are state, and are kept for ever, or for their time to live:
  /// since the record that came through, or, with `ttl_refresh::on_read_or_write`, since the last one. Whole records
  /// are deduplicated after `key_by()`.
  stream<T> deduplicate(std::string name, operator_options options = {}, call_site where = caller()) const {
    return add<filter_with_state_function<K, T, seen_state, is_first>, T>("deduplicate", std::move(name), {is_first{}},
                                                                          std::move(options), where);
  }

  /// The k best records of each key. `by` is a function or pointer to a member that gives what they are ranked by, the
  /// greatest first, or a function (const T& a, const T& b) that says whether a ranks higher. Of records that are
  /// equally good the earlier one is better. Emits `ranking<K, T>{key, best}` whenever a ranking changes.
  template <class F>
  auto top_k(std::string name, std::size_t k, F by, operator_options options = {}, call_site where = caller()) const {
    if constexpr (!require_top_k<F, T>()) {
      return stream<wrong>{};
    } else {
      self().origin().builder().check_top_k(name, k, where);
      return add<top_k_of_key<K, T, F>, ranking<K, T>>("top_k", std::move(name), {k, std::move(by)}, std::move(options),
                                                       where);
    }
  }

protected:
  keyed_stream_functions() = default;
  ~keyed_stream_functions() = default;
  keyed_stream_functions(const keyed_stream_functions&) = default;
  keyed_stream_functions(keyed_stream_functions&&) noexcept = default;
  keyed_stream_functions& operator=(const keyed_stream_functions&) = default;
  keyed_stream_functions& operator=(keyed_stream_functions&&) noexcept = default;

  /// Adds a keyed process operator.
  template <class Op, class Out>
  stream<Out> add(std::string_view kind_name, std::string name, Op op, operator_options options,
                  call_site where) const {
    graph_node node = make_node(kind_name, std::move(name), std::move(options), where, &element_type_of<Out>());
    append_side_outputs(node.outputs, op);
    node.keyed = true;
    node.stateful = has_state<Op> || takes_timers<Op, keyed_context<K>, Out>();
    node.state_expires = has_state<Op>;
    node.make = [key = self().key_function(), op = std::move(op),
                 ttl = node.options.state_ttl]() -> std::unique_ptr<any_operator> {
      return std::make_unique<keyed_process_operator<T, K, KeyFn, Op, Out>>(key, op, ttl);
    };
    return stream<Out>{self().origin().then(guarded<T>(std::move(node)))};
  }

private:
  template <class S, class Emitted, class F>
  static constexpr state_function_fault flat_map_fault() {
    if constexpr (std::is_void_v<Emitted>)
      return signature_of<F>::known ? state_function_fault::wrong_call : state_function_fault::unknown_state;
    else
      return state_function_fault_of<F, T, S, collector<Emitted>&>();
  }

  [[nodiscard]] const keyed_stream<K, T, KeyFn>& self() const {
    return static_cast<const keyed_stream<K, T, KeyFn>&>(*this);
  }
};

} // namespace detail
} // namespace weir::inline v0
