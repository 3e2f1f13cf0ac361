// A growable run of bytes that archives and chunks are written into.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// Bytes that only grow at their end. Memory is kept by `clear`, so that a buffer in a loop stops allocating.
/// Growing zeroes fresh memory once, not at every append. Not safe to share between threads.
class byte_buffer {
public:
  byte_buffer() = default;
  explicit byte_buffer(std::size_t capacity_bytes) { reserve(capacity_bytes); }
  byte_buffer(const byte_buffer&) = default;
  byte_buffer& operator=(const byte_buffer&) = default;
  byte_buffer(byte_buffer&& other) noexcept
      : storage_(std::move(other.storage_)), size_(std::exchange(other.size_, 0)) {}
  byte_buffer& operator=(byte_buffer&& other) noexcept {
    storage_ = std::move(other.storage_);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }
  ~byte_buffer() = default;

  [[nodiscard]] std::byte* data() noexcept { return storage_.data(); }
  [[nodiscard]] const std::byte* data() const noexcept { return storage_.data(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return storage_.capacity(); }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {storage_.data(), size_}; }

  /// Forgets the bytes and keeps the memory.
  void clear() noexcept { size_ = 0; }
  /// Forgets the bytes after the first `size` ones; `size` is at most `this->size()`.
  void truncate(std::size_t size) noexcept { size_ = size; }
  void reserve(std::size_t capacity_bytes) { storage_.reserve(capacity_bytes); }

  /// Grows by `count` bytes of any content and returns where they start; valid until the next growth.
  std::byte* extend(std::size_t count) {
    if (count > storage_.size() - size_) [[unlikely]]
      grow(count);
    std::byte* start = storage_.data() + size_;
    size_ += count;
    return start;
  }
  void append(const void* bytes, std::size_t count) {
    if (count != 0)
      std::memcpy(extend(count), bytes, count);
  }
  void append(std::span<const std::byte> bytes) { append(bytes.data(), bytes.size()); }
  void append(std::byte value) { *extend(1) = value; }

  /// Gives the bytes away and leaves the buffer empty. Copies only where more than half of the memory would be idle.
  [[nodiscard]] std::vector<std::byte> take() {
    std::vector<std::byte> taken;
    if (size_ < storage_.capacity() / 2) {
      taken.assign(storage_.data(), storage_.data() + size_);
    } else {
      storage_.resize(size_);
      taken.swap(storage_);
    }
    size_ = 0;
    return taken;
  }

private:
  // The system gives fresh memory page by page, when it is touched: so that this is no pause, a piece at a time is.
  [[gnu::noinline]] void grow(std::size_t count) {
    constexpr std::size_t piece = std::size_t{64} << 10;
    const std::size_t needed = size_ + count;
    if (needed > storage_.capacity())
      storage_.reserve(std::max({std::size_t{64}, storage_.capacity() * 2, needed}));
    storage_.resize(std::min(storage_.capacity(), std::max(needed, storage_.size() + piece)));
  }

  std::vector<std::byte> storage_; // what of it is beyond `size_` has been touched and is free
  std::size_t size_ = 0;
};

} // namespace weir::inline v0
