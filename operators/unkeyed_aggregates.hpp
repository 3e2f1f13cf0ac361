// The process structs of count, reduce and aggregate on an un-keyed stream.
#pragma once

#include "aggregate_functions.hpp"
#include "context.hpp"

#include <cstdint>
#include <functional>
#include <utility>

namespace weir::inline v0::detail {

template <class T>
struct count_of_all {
  using state = count_state;
  void process(const T&, state& s, context&, collector<std::uint64_t>& out) const { out(++s.count); }
};

template <class T, class F>
struct reduce_of_all {
  using state = reduce_state<T>;
  F combine;
  void process(const T& record, state& s, context&, collector<T>& out) const {
    if (s.value)
      s.value = std::invoke(combine, std::move(*s.value), record);
    else
      s.value.emplace(record);
    out(*s.value);
  }
};

template <class T, class Aggregator, class Result>
struct aggregate_of_all {
  using state = typename Aggregator::accumulator;
  Aggregator aggregator;
  void process(const T& record, state& s, context&, collector<Result>& out) const {
    aggregator.add(s, record);
    out(aggregator.result(s));
  }
};

} // namespace weir::inline v0::detail
