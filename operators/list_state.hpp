// A list in the state of a key, of which a change writes the changed element only.
#pragma once

#include "entries_of_key.hpp"

#include <cstddef>
#include <iterator>
#include <utility>

namespace weir::inline v0 {

/// A member of the `struct state` of a keyed operator, named in its WEIR_FIELDS: a list under the key, however long,
/// each of whose elements is stored by itself. A checkpoint writes the elements that changed; an element keeps its
/// place in the store when others come and go at the ends. T is storable, and has a default.
///
/// It is the way to the elements of the present key, and holds none itself: it works in the call that was given the
/// state (`process`, `on_timer` and their kin), and there only. A copy belongs to no key; assigning to one changes no
/// elements. Whatever is asked of one outside of such a call throws `usage_error`, as does an element that is not
/// there. References and iterators are good until the next call that may insert or erase.
template <class T>
class list_state {
public:
  using weir_collection = void;
  using value_type = T;
  using size_type = std::size_t;

  list_state() = default;
  list_state(const list_state&) noexcept {}
  list_state& operator=(const list_state&) noexcept { return *this; } // NOLINT: the elements stay those of their key
  ~list_state() = default;

  void push_back(T value) { of().push_back() = std::move(value); }
  void pop_front() { need(0).pop_front(); }
  void pop_back() { need(0).pop_back(); }
  /// Replaces an element.
  void set(std::size_t index, T value) { at_for_write(index) = std::move(value); }
  /// An element for writing now: the next checkpoint writes it.
  [[nodiscard]] T& at_for_write(std::size_t index) { return need(index).at_for_write(index); }
  void clear() { of().clear(); }

  [[nodiscard]] const T& at(std::size_t index) const { return need(index).at(index); }
  [[nodiscard]] const T& operator[](std::size_t index) const { return at(index); }
  [[nodiscard]] const T& front() const { return at(0); }
  [[nodiscard]] const T& back() const { return need(0).at(of().size() - 1); }
  [[nodiscard]] std::size_t size() const { return of().size(); }
  [[nodiscard]] bool empty() const { return of().size() == 0; }

  class const_iterator {
  public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = const T*;
    using reference = const T&;

    const_iterator() = default;
    [[nodiscard]] reference operator*() const { return of_->at(at_); }
    [[nodiscard]] pointer operator->() const { return &of_->at(at_); }
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
    friend class list_state;
    const_iterator(const detail::list_of_key<T>* of, std::size_t at) : of_(of), at_(at) {}

    const detail::list_of_key<T>* of_ = nullptr;
    std::size_t at_ = 0;
  };
  using iterator = const_iterator;

  /// From the front to the back.
  [[nodiscard]] const_iterator begin() const { return {&of(), 0}; }
  [[nodiscard]] const_iterator end() const { return {&of(), of().size()}; }

  /// For the runtime: whose elements they are from now on; null for nobody's.
  void weir_bind(detail::list_of_key<T>* of) noexcept { of_ = of; }

private:
  [[nodiscard]] detail::list_of_key<T>& of() const {
    if (!of_) [[unlikely]]
      detail::throw_unbound("a list_state");
    return *of_;
  }
  [[nodiscard]] detail::list_of_key<T>& need(std::size_t index) const {
    detail::list_of_key<T>& elements = of();
    if (index >= elements.size()) [[unlikely]]
      detail::throw_no_element(index, elements.size());
    return elements;
  }

  detail::list_of_key<T>* of_ = nullptr;
};

} // namespace weir::inline v0
