// Which key group a key is in, and which subtask has which key groups.
#pragma once

#include "ids.hpp"

#include <bit>
#include <cstdint>

namespace weir::inline v0 {

/// The arithmetic of key groups for one max parallelism. A subtask has one contiguous range of them, and the sizes of
/// the ranges differ by one at the most (as Flink's KeyGroupRangeAssignment). Needs 1 <= parallelism <= max
/// parallelism.
class key_groups {
public:
  constexpr explicit key_groups(std::uint32_t max_parallelism)
      : count_(max_parallelism), mask_(std::has_single_bit(max_parallelism) ? max_parallelism - 1 : 0) {}

  /// The max parallelism: how many key groups there are.
  [[nodiscard]] constexpr std::uint32_t count() const { return count_; }

  /// The key group of a key with this hash.
  [[nodiscard]] constexpr key_group of(std::uint64_t hash) const {
    if (mask_ != 0) [[likely]]
      return key_group{static_cast<std::uint32_t>(hash) & mask_};
    return key_group{static_cast<std::uint32_t>(hash % count_)};
  }

  /// The key groups of one of `parallelism` subtasks.
  [[nodiscard]] constexpr key_group_range range_of(subtask_index subtask, std::uint32_t parallelism) const {
    return {bound(subtask.value, parallelism), bound(std::uint64_t{subtask.value} + 1, parallelism)};
  }

  /// The one of `parallelism` subtasks that has the key group.
  [[nodiscard]] constexpr subtask_index subtask_of(key_group group, std::uint32_t parallelism) const {
    return subtask_index{static_cast<std::uint32_t>(std::uint64_t{group.value} * parallelism / count_)};
  }

private:
  // The first key group of a subtask: the least one for which subtask_of gives it.
  [[nodiscard]] constexpr std::uint32_t bound(std::uint64_t subtask, std::uint32_t parallelism) const {
    return static_cast<std::uint32_t>((subtask * count_ + parallelism - 1) / parallelism);
  }

  std::uint32_t count_;
  std::uint32_t mask_;
};

} // namespace weir::inline v0
