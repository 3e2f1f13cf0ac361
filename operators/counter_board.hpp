// Named counters that user code counts up and anyone can read.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// A counter of one operator, shared by its subtasks. A small value; valid as long as its board. From any thread.
class counter {
public:
  explicit counter(std::atomic<std::uint64_t>& value) noexcept : value_(&value) {}

  void add(std::uint64_t n = 1) noexcept { value_->fetch_add(n, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const noexcept { return value_->load(std::memory_order_relaxed); }

private:
  std::atomic<std::uint64_t>* value_;
};

/// What a counter said at one moment.
struct counter_value {
  std::string operator_name;
  std::string name;
  std::uint64_t value = 0;

  friend bool operator==(const counter_value&, const counter_value&) = default;
};

/// The counters of a job in this process. They are no state: what a lost attempt has counted stays counted, and a new
/// process begins at 0. From any thread.
class counter_board {
public:
  counter_board() = default;
  counter_board(const counter_board&) = delete;
  counter_board& operator=(const counter_board&) = delete;

  /// The counter of this name, made at 0 if there is none. Takes a lock: keep it for a loop.
  [[nodiscard]] counter find(std::string_view operator_name, std::string_view name);
  /// All of them, by operator and name.
  [[nodiscard]] std::vector<counter_value> values() const;

private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<std::atomic<std::uint64_t>>> counters_;
};

} // namespace weir::inline v0
