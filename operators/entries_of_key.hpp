// How the collections in a state reach the entries of the key that is being worked on.
#pragma once

#include "../persistence/archive.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <set>

namespace weir::inline v0::detail {

/// The order of a map's keys: their own, or that of their stored bytes if they have none.
template <class K>
struct sub_key_order {
  bool operator()(const K& a, const K& b) const {
    if constexpr (std::totally_ordered<K>) {
      if (a < b)
        return true;
      if (b < a)
        return false;
    }
    return !(a == b) && to_bytes(a) < to_bytes(b); // an order may take different keys for equal
  }
};

template <class K>
using sub_keys = std::set<K, sub_key_order<K>>;

/// The entries that the present key has in the table of a map_state.
template <class K, class V>
class map_of_key {
public:
  map_of_key() = default;
  map_of_key(const map_of_key&) = delete;
  map_of_key& operator=(const map_of_key&) = delete;
  virtual ~map_of_key() = default;

  [[nodiscard]] virtual const V* find(const K& key) const = 0;
  [[nodiscard]] virtual V* find_for_write(const K& key) = 0;
  virtual V& touch(const K& key) = 0;
  virtual bool erase(const K& key) = 0;
  virtual void clear() = 0;
  /// Null if there are none.
  [[nodiscard]] virtual const sub_keys<K>* keys() const = 0;
};

/// The elements that the present key has in the table of a list_state. Indices are below `size`.
template <class T>
class list_of_key {
public:
  list_of_key() = default;
  list_of_key(const list_of_key&) = delete;
  list_of_key& operator=(const list_of_key&) = delete;
  virtual ~list_of_key() = default;

  [[nodiscard]] virtual std::size_t size() const = 0;
  [[nodiscard]] virtual const T& at(std::size_t index) const = 0;
  [[nodiscard]] virtual T& at_for_write(std::size_t index) = 0;
  virtual T& push_back() = 0;
  virtual void pop_front() = 0;
  virtual void pop_back() = 0;
  virtual void clear() = 0;
};

[[noreturn, gnu::cold]] void throw_unbound(const char* what);
[[noreturn, gnu::cold]] void throw_no_element(std::size_t index, std::size_t size);

} // namespace weir::inline v0::detail
