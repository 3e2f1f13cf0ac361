// A map in the state of a key, of which a change writes the changed entry only.
#pragma once

#include "entries_of_key.hpp"

#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// A member of the `struct state` of a keyed operator, named in its WEIR_FIELDS: a map under the key, however large,
/// each of whose entries is stored by itself. A checkpoint writes the entries that changed. K is what a key of a stream
/// may be; V is storable, and has a default.
///
/// It is the way to the entries of the present key, and holds none itself: it works in the call that was given the
/// state (`process`, `on_timer` and their kin), and there only. A copy belongs to no key; assigning to one changes no
/// entries. Whatever is asked of one outside of such a call throws `usage_error`. References and iterators are good
/// until the next call that may insert or erase.
template <class K, class V>
class map_state {
public:
  using weir_collection = void;
  using key_type = K;
  using mapped_type = V;
  using size_type = std::size_t;

  map_state() = default;
  map_state(const map_state&) noexcept {}
  map_state& operator=(const map_state&) noexcept { return *this; } // NOLINT: the entries stay those of their key
  ~map_state() = default;

  /// The value of the entry, or null.
  [[nodiscard]] const V* find(const K& key) const { return of().find(key); }
  /// The same for writing now: the entry is written by the next checkpoint.
  [[nodiscard]] V* find_for_write(const K& key) { return of().find_for_write(key); }
  /// The value of the entry for writing now, made by default if there is none.
  V& operator[](const K& key) { return of().touch(key); }
  /// Sets the entry, new or not.
  void put(const K& key, V value) { of().touch(key) = std::move(value); }
  /// True if the entry was there.
  bool erase(const K& key) { return of().erase(key); }
  /// Erases the entries for which `unwanted(key, value)` is true. Returns how many.
  template <class Predicate>
  std::size_t erase_if(Predicate unwanted) {
    std::vector<K> found;
    for (const auto& [key, value] : *this)
      if (unwanted(key, value))
        found.push_back(key);
    for (const K& key : found)
      of().erase(key);
    return found.size();
  }
  void clear() { of().clear(); }

  [[nodiscard]] bool contains(const K& key) const { return of().find(key) != nullptr; }
  [[nodiscard]] std::size_t size() const {
    const auto* keys = of().keys();
    return keys ? keys->size() : 0;
  }
  [[nodiscard]] bool empty() const { return of().keys() == nullptr; }

  /// Gives pairs of a key and a value, both const.
  class const_iterator {
  public:
    using iterator_category = std::input_iterator_tag;
    using value_type = std::pair<const K&, const V&>;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = value_type;

    const_iterator() = default;
    [[nodiscard]] value_type operator*() const { return {*at_, *of_->find(*at_)}; }
    const_iterator& operator++() {
      ++at_;
      return *this;
    }
    const_iterator operator++(int) {
      const_iterator before = *this;
      ++at_;
      return before;
    }
    friend bool operator==(const const_iterator& a, const const_iterator& b) { return a.at_ == b.at_; }

  private:
    friend class map_state;
    using place = typename detail::sub_keys<K>::const_iterator;
    const_iterator(const detail::map_of_key<K, V>* of, place at) : of_(of), at_(at) {}

    const detail::map_of_key<K, V>* of_ = nullptr;
    place at_{};
  };
  using iterator = const_iterator;

  /// In the order of the keys; of their stored bytes if keys have no order.
  [[nodiscard]] const_iterator begin() const {
    const auto* keys = of().keys();
    return keys ? const_iterator{&of(), keys->begin()} : const_iterator{};
  }
  [[nodiscard]] const_iterator end() const {
    const auto* keys = of().keys();
    return keys ? const_iterator{&of(), keys->end()} : const_iterator{};
  }

  /// For the runtime: whose entries they are from now on; null for nobody's.
  void weir_bind(detail::map_of_key<K, V>* of) noexcept { of_ = of; }

private:
  [[nodiscard]] detail::map_of_key<K, V>& of() const {
    if (!of_) [[unlikely]]
      detail::throw_unbound("a map_state");
    return *of_;
  }

  detail::map_of_key<K, V>* of_ = nullptr;
};

} // namespace weir::inline v0
