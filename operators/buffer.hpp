// The array that batches are made of.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

/// A growable array like `std::vector`, but with plain `bool` elements and `extend`, which leaves trivial elements
/// uninitialized: operators write whole batches, and writing zeros first would cost as much as many a user's function.
template <class T>
class buffer {
public:
  using value_type = T;

  buffer() = default;
  buffer(const buffer& other) {
    reserve(other.size_);
    std::uninitialized_copy_n(other.data_, other.size_, data_);
    size_ = other.size_;
  }
  buffer(buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  buffer& operator=(buffer other) noexcept {
    swap(other);
    return *this;
  }
  ~buffer() {
    std::destroy_n(data_, size_);
    release(data_, capacity_);
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] T* data() noexcept { return data_; }
  [[nodiscard]] const T* data() const noexcept { return data_; }
  [[nodiscard]] T* begin() noexcept { return data_; }
  [[nodiscard]] T* end() noexcept { return data_ + size_; }
  [[nodiscard]] const T* begin() const noexcept { return data_; }
  [[nodiscard]] const T* end() const noexcept { return data_ + size_; }
  [[nodiscard]] T& operator[](std::size_t i) noexcept { return data_[i]; }
  [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return data_[i]; }
  [[nodiscard]] T& back() noexcept { return data_[size_ - 1]; }

  void reserve(std::size_t n) {
    if (n > capacity_)
      grow(n);
  }

  /// Room for n elements more; grows by at least half, so that many small requests stay cheap.
  void reserve_more(std::size_t n) {
    if (size_ + n > capacity_)
      grow(size_ + n > capacity_ + capacity_ / 2 ? size_ + n : capacity_ + capacity_ / 2);
  }

  template <class... Args>
  T& emplace_back(Args&&... args) {
    if (size_ == capacity_) {
      // Built before the move, as an argument may be an element of this buffer.
      T element(std::forward<Args>(args)...);
      grow(capacity_ < 8 ? 16 : capacity_ * 2);
      return *std::construct_at(data_ + size_++, std::move(element));
    }
    return *std::construct_at(data_ + size_++, std::forward<Args>(args)...);
  }
  void push_back(const T& value) { emplace_back(value); }
  void push_back(T&& value) { emplace_back(std::move(value)); }

  /// Adds n elements, uninitialized if `T` is trivial, else default-constructed; returns the first of them.
  T* extend(std::size_t n) {
    reserve_more(n);
    T* first = data_ + size_;
    std::uninitialized_default_construct_n(first, n);
    size_ += n;
    return first;
  }

  /// Drops the elements from index n on.
  void truncate(std::size_t n) noexcept {
    std::destroy(data_ + n, data_ + size_);
    size_ = n;
  }

  void clear() noexcept { truncate(0); }

  void swap(buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

private:
  void grow(std::size_t n) {
    T* fresh = std::allocator<T>{}.allocate(n);
    std::uninitialized_move_n(data_, size_, fresh);
    std::destroy_n(data_, size_);
    release(data_, capacity_);
    data_ = fresh;
    capacity_ = n;
  }

  static void release(T* data, std::size_t n) noexcept {
    if (data)
      std::allocator<T>{}.deallocate(data, n);
  }

  T* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

} // namespace weir::inline v0
