// The records that the built-in keyed operators emit.
#pragma once

#include "../persistence/fields.hpp"

#include <cstdint>
#include <vector>

namespace weir::inline v0 {

/// How many records of a key there were until now.
template <class K>
struct counted {
  K key{};
  std::uint64_t count = 0;
  WEIR_FIELDS(key, count)

  friend bool operator==(const counted&, const counted&) = default;
};

/// What the records of a key came to until now.
template <class K, class V>
struct aggregated {
  K key{};
  V value{};
  WEIR_FIELDS(key, value)

  friend bool operator==(const aggregated&, const aggregated&) = default;
};

/// The best records of a key, the best one first.
template <class K, class T>
struct ranking {
  K key{};
  std::vector<T> best;
  WEIR_FIELDS(key, best)

  friend bool operator==(const ranking&, const ranking&) = default;
};

/// The best records of a stream, the best one first.
template <class T>
struct ranked {
  std::vector<T> best;
  WEIR_FIELDS(best)

  friend bool operator==(const ranked&, const ranked&) = default;
};

} // namespace weir::inline v0
