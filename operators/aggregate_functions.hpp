// What count, reduce and aggregate keep of a key, and what they emit.
#pragma once

#include "../persistence/fields.hpp"
#include "records.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

/// The state of `count`.
struct count_state {
  std::uint64_t count = 0;
  WEIR_FIELDS(count)
};

/// The state of `reduce`; empty only before a key's first record.
template <class T>
struct reduce_state {
  std::optional<T> value;
  WEIR_FIELDS(value)
};

namespace detail {

template <class K>
struct count_function {
  using state = count_state;
  using output = counted<K>;

  template <class T>
  void add(state& s, const T&) const {
    ++s.count;
  }
  template <class Key>
  output make(Key&& key, const state& s) const {
    return {std::forward<Key>(key), s.count};
  }
};

template <class K, class T, class F>
struct reduce_function {
  using state = reduce_state<T>;
  using output = aggregated<K, T>;

  void add(state& s, const T& record) const {
    if (s.value)
      s.value = std::invoke(combine, std::move(*s.value), record);
    else
      s.value.emplace(record);
  }
  template <class Key>
  output make(Key&& key, const state& s) const {
    return {std::forward<Key>(key), *s.value};
  }

  F combine;
};

template <class K, class Aggregator>
struct aggregate_function {
  using state = typename Aggregator::accumulator;
  using output =
      aggregated<K,
                 std::remove_cvref_t<decltype(std::declval<const Aggregator&>().result(std::declval<const state&>()))>>;

  template <class T>
  void add(state& s, const T& record) const {
    aggregator.add(s, record);
  }
  template <class Key>
  output make(Key&& key, const state& s) const {
    return {std::forward<Key>(key), aggregator.result(s)};
  }

  Aggregator aggregator;
};

} // namespace detail
} // namespace weir::inline v0
