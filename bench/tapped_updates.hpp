// A source of updates that can be turned off and on while its job runs.
#pragma once

#include <weir/weir.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::bench {

struct update {
  std::uint64_t key = 0;
  std::uint64_t value = 0;
  WEIR_FIELDS(key, value)
};

/// What turns the source off and on, and says which part of the keys it updates. From any thread.
class update_tap {
public:
  explicit update_tap(std::uint64_t keys) : keys_(keys), part_keys_(std::max<std::uint64_t>(1, keys / 100)) {}

  void turn_on() {
    on_.store(true, std::memory_order_release);
    const std::lock_guard guard{mutex_};
    if (waker_)
      waker_->wake();
  }
  void turn_off() { on_.store(false, std::memory_order_release); }
  /// Goes on to the next hundredth of the keys.
  void move_on() { part_.fetch_add(1, std::memory_order_relaxed); }

  [[nodiscard]] bool is_on() const { return on_.load(std::memory_order_acquire); }
  void attach(std::shared_ptr<waker> wakes) {
    const std::lock_guard guard{mutex_};
    waker_ = std::move(wakes);
  }
  /// First every key once; then keys of one hundredth.
  [[nodiscard]] update at(std::uint64_t index) const {
    if (index < keys_)
      return key(index);
    counter_random random{0, index};
    return key((part_.load(std::memory_order_relaxed) * part_keys_ + random.below(part_keys_)) % keys_);
  }

private:
  static update key(std::uint64_t number) { return {number * 0x9e37'79b9'7f4a'7c15U, 1}; }

  std::uint64_t keys_;
  std::uint64_t part_keys_;
  std::atomic<bool> on_{true};
  std::atomic<std::uint64_t> part_{0};
  std::mutex mutex_;
  std::shared_ptr<waker> waker_;
};

/// Reads while the tap is on. What it reads depends on the tap as well as on the position: it is not replayed alike.
class tapped_reader final : public split_reader {
public:
  tapped_reader(std::shared_ptr<update_tap> tap, std::uint64_t next) : tap_(std::move(tap)), next_(next) {}

  read_status read(any_collector& out, std::size_t max_records) override {
    if (!tap_->is_on())
      return read_status::later;
    auto& updates = static_cast<collector<update>&>(out);
    update* at = updates.bulk(max_records).values.extend(max_records);
    for (std::size_t i = 0; i != max_records; ++i)
      at[i] = tap_->at(next_++);
    updates.bulk_done();
    return read_status::more;
  }
  [[nodiscard]] std::string position() const override { return std::to_string(next_); }
  [[nodiscard]] processing_time next_at() const override { return processing_time::max(); }
  void attach(std::shared_ptr<waker> wakes) override { tap_->attach(std::move(wakes)); }

private:
  std::shared_ptr<update_tap> tap_;
  std::uint64_t next_;
};

/// One split, which never ends.
class tapped_source final : public any_source {
public:
  explicit tapped_source(std::shared_ptr<update_tap> tap) : tap_(std::move(tap)) {}

  [[nodiscard]] bool blocking() const override { return false; }
  [[nodiscard]] std::vector<source_split> enumerate(std::uint32_t) const override { return {{"updates", "{}"}}; }
  [[nodiscard]] std::unique_ptr<split_reader> open_split(const source_split&, const std::string& position,
                                                         processing_time) const override {
    return std::make_unique<tapped_reader>(tap_, position.empty() ? 0 : std::stoull(position));
  }

private:
  std::shared_ptr<update_tap> tap_;
};

/// What a job is given.
struct tapped_updates {
  using value_type = update;
  static constexpr std::string_view kind_name = "tapped updates";
  std::shared_ptr<update_tap> tap;

  [[nodiscard]] std::shared_ptr<const any_source> source() const { return std::make_shared<tapped_source>(tap); }
};

} // namespace weir::bench
