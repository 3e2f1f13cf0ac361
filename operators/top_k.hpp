// The process structs of top_k: the best records of a key, or of all.
#pragma once

#include "aggregator_traits.hpp"
#include "context.hpp"
#include "records.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// The state of `top_k`: the best first, never more than k.
template <class T>
struct top_k_state {
  std::vector<T> best;
  WEIR_FIELDS(best)
};

namespace detail {

/// Whether `a` ranks higher, by a comparison or by what a projection gives.
template <class F, class T>
bool ranks_higher(const F& by, const T& a, const T& b) {
  if constexpr (comparison_of<F, T>)
    return std::invoke(by, a, b);
  else
    return std::invoke(by, b) < std::invoke(by, a);
}

/// Puts a record at its rank, behind those that are as good and came earlier. Returns whether the ranking changed.
template <class T, class F>
bool rank(std::vector<T>& best, const T& record, std::size_t k, const F& by) {
  const auto place = std::upper_bound(best.begin(), best.end(), record,
                                      [&](const T& a, const T& b) { return ranks_higher(by, a, b); });
  if (place == best.end() && best.size() >= k)
    return false;
  best.insert(place, record);
  if (best.size() > k)
    best.pop_back();
  return true;
}

template <class K, class T, class F>
struct top_k_of_key {
  using state = top_k_state<T>;
  std::size_t k;
  F by;

  void process(const T& record, state& s, keyed_context<K>& ctx, collector<ranking<K, T>>& out) const {
    if (rank(s.best, record, k, by))
      out(ranking<K, T>{ctx.key(), s.best});
  }
};

template <class T, class F>
struct top_k_of_all {
  using state = top_k_state<T>;
  std::size_t k;
  F by;

  void process(const T& record, state& s, context&, collector<ranked<T>>& out) const {
    if (rank(s.best, record, k, by))
      out(ranked<T>{s.best});
  }
};

} // namespace detail
} // namespace weir::inline v0
