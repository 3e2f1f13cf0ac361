// The unit that travels on a channel: records as a struct of arrays.
#pragma once

#include "buffer.hpp"
#include "event_time.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

class any_batch;
class any_collector;

/// A counted pointer to a batch. Copies share the batch; only a sole owner may change it.
class batch_ptr {
public:
  batch_ptr() = default;
  /// Takes over the reference that a new batch is born with.
  explicit batch_ptr(any_batch* adopted) noexcept : batch_(adopted) {}
  batch_ptr(const batch_ptr& other) noexcept;
  batch_ptr(batch_ptr&& other) noexcept : batch_(std::exchange(other.batch_, nullptr)) {}
  batch_ptr& operator=(batch_ptr other) noexcept {
    std::swap(batch_, other.batch_);
    return *this;
  }
  ~batch_ptr();

  [[nodiscard]] any_batch* get() const noexcept { return batch_; }
  any_batch& operator*() const noexcept { return *batch_; }
  any_batch* operator->() const noexcept { return batch_; }
  explicit operator bool() const noexcept { return batch_ != nullptr; }

private:
  any_batch* batch_ = nullptr;
};

/// What the runtime knows of a record type. One object a type: its address is the type's tag within a process.
struct element_type {
  std::string_view name;
  std::size_t size_bytes;
  batch_ptr (*make_batch)(std::size_t capacity);
  std::unique_ptr<any_collector> (*make_collector)();
};

/// A batch whose record type is known by its tag only.
class any_batch {
public:
  virtual ~any_batch();
  any_batch(any_batch&&) = delete;

  /// The tag of the record type, checked once per edge when the plan is built.
  [[nodiscard]] virtual const element_type& type() const noexcept = 0;
  [[nodiscard]] virtual std::size_t size() const noexcept = 0;
  /// A batch of its own with the same records.
  [[nodiscard]] virtual batch_ptr clone() const = 0;
  /// Appends records [from, to) of another batch of the same type, with their times and hashes.
  virtual void append_copy(const any_batch& other, std::size_t from, std::size_t to) = 0;

  /// Empty, or one event time a record.
  buffer<event_time> times;
  /// Empty, or one key hash a record: set by a keyed edge, so that no key is hashed twice.
  buffer<std::uint64_t> hashes;

  void retain() const noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() const noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      delete this;
  }
  /// Whether nobody else holds this batch, so that its records may be moved from.
  [[nodiscard]] bool sole_owner() const noexcept { return references_.load(std::memory_order_acquire) == 1; }

protected:
  any_batch() = default;
  any_batch(const any_batch& other) : times(other.times), hashes(other.hashes) {}

private:
  mutable std::atomic<std::uint32_t> references_{1};
};

inline batch_ptr::batch_ptr(const batch_ptr& other) noexcept : batch_(other.batch_) {
  if (batch_)
    batch_->retain();
}

inline batch_ptr::~batch_ptr() {
  if (batch_)
    batch_->release();
}

/// The tag of `T`.
template <class T>
[[nodiscard]] const element_type& element_type_of() noexcept;

/// Records of one type.
template <class T>
class batch final : public any_batch {
  static_assert(std::is_object_v<T> && !std::is_const_v<T> && !std::is_pointer_v<T>,
                "weir: a stream carries values; a record type can't be a reference, a pointer or const");

public:
  buffer<T> values;

  batch() = default;
  batch(const batch& other) : any_batch(other), values(other.values) {}

  [[nodiscard]] const element_type& type() const noexcept override { return element_type_of<T>(); }
  [[nodiscard]] std::size_t size() const noexcept override { return values.size(); }
  [[nodiscard]] batch_ptr clone() const override { return batch_ptr{new batch(*this)}; }
  void append_copy(const any_batch& other, std::size_t from, std::size_t to) override {
    const auto& source = static_cast<const batch&>(other);
    values.reserve(values.size() + (to - from));
    for (std::size_t i = from; i != to; ++i)
      values.push_back(source.values[i]);
    append_part(times, source.times, from, to);
    append_part(hashes, source.hashes, from, to);
  }

private:
  template <class U>
  static void append_part(buffer<U>& into, const buffer<U>& source, std::size_t from, std::size_t to) {
    if (!source.empty())
      for (std::size_t i = from; i != to; ++i)
        into.push_back(source[i]);
  }
};

/// The typed view of a batch that is known to hold `T`.
template <class T>
[[nodiscard]] batch<T>& as(any_batch& b) noexcept {
  return static_cast<batch<T>&>(b);
}
template <class T>
[[nodiscard]] const batch<T>& as(const any_batch& b) noexcept {
  return static_cast<const batch<T>&>(b);
}

} // namespace weir::inline v0
