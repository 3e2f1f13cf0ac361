// The calls on an un-keyed stream that make one result of all records: count, reduce, aggregate, top_k.
#pragma once

#include "aggregator_traits.hpp"
#include "guarded_operator.hpp"
#include "process_operator.hpp"
#include "top_k.hpp"
#include "unkeyed_aggregates.hpp"
#include "wrong_stream.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace weir::inline v0::detail {

/// The part of `stream` that aggregates. Each of these operators has one subtask, whatever the job's parallelism, and
/// keeps its state as a whole; after `key_by` there is one result a key, and any number of subtasks.
template <class T>
class stream_aggregates {
public:
  /// Counts the records; emits the number of them so far for every record.
  auto count(std::string name, operator_options options = {}, call_site where = caller()) const {
    return add<count_of_all<T>, std::uint64_t>("count", std::move(name), {}, std::move(options), where);
  }

  /// Combines the records: `function(T so_far, const T& record)` returns the new value, and the first record is the
  /// first value. Emits the value for every record.
  template <class F>
  auto reduce(std::string name, F function, operator_options options = {}, call_site where = caller()) const {
    if constexpr (!require_reduce<F, T>())
      return stream<wrong>{};
    else
      return add<reduce_of_all<T, F>, T>("reduce", std::move(name), {std::move(function)}, std::move(options), where);
  }

  /// Aggregates the records with a struct as for `keyed_stream::aggregate`. Emits its result for every record.
  template <class A>
  auto aggregate(std::string name, A aggregator, operator_options options = {}, call_site where = caller()) const {
    constexpr auto fault = aggregator_fault_of<A, T>();
    if constexpr (!require_aggregator<fault>()) {
      return stream<wrong>{};
    } else {
      using Result = std::remove_cvref_t<decltype(std::declval<const A&>().result(
          std::declval<const typename A::accumulator&>()))>;
      return add<aggregate_of_all<T, A, Result>, Result>("aggregate", std::move(name), {std::move(aggregator)},
                                                         std::move(options), where);
    }
  }

  /// The k best records; `by` as for `keyed_stream::top_k`. Emits `ranked<T>{best}` whenever the ranking changes.
  template <class F>
  auto top_k(std::string name, std::size_t k, F by, operator_options options = {}, call_site where = caller()) const {
    if constexpr (!require_top_k<F, T>()) {
      return stream<wrong>{};
    } else {
      self().origin().builder().check_top_k(name, k, where);
      return add<top_k_of_all<T, F>, ranked<T>>("top_k", std::move(name), {k, std::move(by)}, std::move(options),
                                                where);
    }
  }

protected:
  stream_aggregates() = default;
  ~stream_aggregates() = default;
  stream_aggregates(const stream_aggregates&) = default;
  stream_aggregates(stream_aggregates&&) noexcept = default;
  stream_aggregates& operator=(const stream_aggregates&) = default;
  stream_aggregates& operator=(stream_aggregates&&) noexcept = default;

private:
  template <class Op, class Out>
  stream<Out> add(std::string_view kind_name, std::string name, Op op, operator_options options,
                  call_site where) const {
    graph_node node = make_node(kind_name, std::move(name), std::move(options), where, &element_type_of<Out>());
    node.stateful = true;
    node.max_parallelism_limit = 1;
    node.make = [op = std::move(op)]() -> std::unique_ptr<any_operator> {
      return std::make_unique<process_operator<T, Op, Out>>(op);
    };
    return stream<Out>{self().origin().then(guarded<T>(std::move(node)))};
  }

  [[nodiscard]] const stream<T>& self() const { return static_cast<const stream<T>&>(*this); }
};

} // namespace weir::inline v0::detail
