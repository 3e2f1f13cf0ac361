// Where an operator puts its output records.
#pragma once

#include "batch.hpp"

#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace weir::inline v0 {

/// Takes the batches that a collector has filled.
class batch_receiver {
public:
  virtual ~batch_receiver();
  /// Takes a batch that is not empty. Returns false if the operator should pause before its next record.
  virtual bool accept(batch_ptr batch) = 0;
};

/// A collector whose record type is known by its tag only.
class any_collector {
public:
  virtual ~any_collector();
  any_collector(const any_collector&) = delete;
  any_collector& operator=(const any_collector&) = delete;

  [[nodiscard]] virtual const element_type& type() const noexcept = 0;
  /// Hands over the open batch, if there is one.
  virtual void flush() = 0;
  /// How many records the open batch has, and dropping those from number n on: for taking back what was emitted.
  [[nodiscard]] virtual std::size_t open_records() const noexcept = 0;
  virtual void truncate(std::size_t n) noexcept = 0;

  /// Connects this collector; every batch of `capacity` records goes to the receiver at once.
  void connect(batch_receiver& receiver, std::size_t capacity) {
    receiver_ = &receiver;
    capacity_ = capacity;
  }
  /// Whether the operator should pause before its next record. Output is bounded by this: what a single call emits
  /// beyond it is kept, and nothing more is asked of the operator until there is room again.
  [[nodiscard]] bool full() const noexcept { return full_; }
  void resume() noexcept { full_ = false; }

  /// The event time of the records emitted from now on.
  void set_time(event_time time) {
    if (!timed_)
      switch_times(true);
    time_ = time;
  }
  /// Records emitted from now on have no event time.
  void clear_time() {
    if (timed_)
      switch_times(false);
  }
  /// Emits a batch that was filled elsewhere.
  void pass_on(batch_ptr batch) {
    flush();
    hand_over(std::move(batch));
  }
  /// How many records were emitted in all.
  [[nodiscard]] std::uint64_t emitted() const noexcept { return emitted_; }

protected:
  any_collector() = default;

  void hand_over(batch_ptr batch) {
    emitted_ += batch->size();
    full_ = !receiver_->accept(std::move(batch));
  }
  void switch_times(bool timed) {
    flush(); // a batch has times for all of its records or for none
    timed_ = timed;
  }

  batch_receiver* receiver_ = nullptr;
  std::size_t capacity_ = 1024;
  event_time time_{};
  std::uint64_t emitted_ = 0;
  bool timed_ = false;
  bool full_ = false;
};

/// Takes the records that a user's function emits: `out(record)`.
template <class T>
class collector final : public any_collector {
public:
  using value_type = T;

  collector() = default;
  ~collector() override { delete batch_; }

  [[nodiscard]] const element_type& type() const noexcept override { return element_type_of<T>(); }

  /// Emits one record, with the event time of the record being processed.
  template <class U = T>
  requires std::constructible_from<T, U&&>
  void operator()(U&& value) {
    if (!batch_)
      open(capacity_);
    batch_->values.emplace_back(std::forward<U>(value));
    if (timed_)
      batch_->times.push_back(time_);
    if (batch_->values.size() >= capacity_)
      flush();
  }
  /// The same, as a named function.
  template <class U = T>
  requires std::constructible_from<T, U&&>
  void emit(U&& value) { (*this)(std::forward<U>(value)); }
  /// Emits one record with an event time of its own.
  template <class U = T>
  requires std::constructible_from<T, U&&>
  void emit(U&& value, event_time time) {
    set_time(time);
    (*this)(std::forward<U>(value));
  }

  /// The open batch with room for n records more, for operators that write many records at once (and their times,
  /// where the input has them). Call `bulk_done` after it.
  batch<T>& bulk(std::size_t n) {
    if (!batch_)
      open(n);
    batch_->values.reserve_more(n);
    return *batch_;
  }
  void bulk_done() {
    if (batch_->values.size() >= capacity_)
      flush();
  }

  [[nodiscard]] std::size_t open_records() const noexcept override { return batch_ ? batch_->values.size() : 0; }
  void truncate(std::size_t n) noexcept override {
    if (open_records() > n)
      batch_->values.truncate(n);
    if (batch_ && batch_->times.size() > n)
      batch_->times.truncate(n);
  }
  void flush() override {
    if (!batch_ || batch_->values.empty())
      return;
    hand_over(batch_ptr{std::exchange(batch_, nullptr)});
  }

private:
  void open(std::size_t capacity) {
    batch_ = new batch<T>;
    batch_->values.reserve(capacity);
  }

  batch<T>* batch_ = nullptr;
};

namespace detail {

template <class T>
consteval std::string_view element_name() {
  const std::string_view whole = __PRETTY_FUNCTION__;
  const std::size_t first = whole.find("T = ") + 4;
  const std::size_t semicolon = whole.find(';', first);
  const std::size_t last = semicolon == std::string_view::npos ? whole.rfind(']') : semicolon;
  return whole.substr(first, last - first);
}

template <class T>
struct element_type_holder {
  static constexpr element_type value{
      element_name<T>(), sizeof(T),
      [](std::size_t capacity) {
        auto* fresh = new batch<T>;
        fresh->values.reserve(capacity);
        return batch_ptr{fresh};
      },
      []() -> std::unique_ptr<any_collector> { return std::make_unique<collector<T>>(); }};
};

} // namespace detail

template <class T>
const element_type& element_type_of() noexcept {
  return detail::element_type_holder<T>::value;
}

} // namespace weir::inline v0
