// One strong type for every id that crosses an interface, so that a checkpoint is never passed for an attempt.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace weir::inline v0 {

/// An integer that only compares with its own kind.
template <class Tag, class Rep = std::uint64_t>
struct strong_id {
  using rep = Rep;

  Rep value{};

  constexpr strong_id() = default;
  constexpr explicit strong_id(Rep v) : value(v) {}

  /// The id after this one.
  [[nodiscard]] constexpr strong_id next() const { return strong_id{static_cast<Rep>(value + 1)}; }

  friend constexpr bool operator==(strong_id, strong_id) = default;
  friend constexpr auto operator<=>(strong_id, strong_id) = default;
  friend std::string to_string(strong_id id) { return std::to_string(id.value); }
};

/// Numbers the checkpoints of one run, from 1; never used again within the run, whether the checkpoint completed or
/// not.
using checkpoint_id = strong_id<struct checkpoint_id_tag>;
/// Numbers the deployments of one region, from 1; durable before anything is spawned.
using attempt_id = strong_id<struct attempt_id_tag>;
/// Numbers the regions of a plan, from 0.
using region_id = strong_id<struct region_id_tag, std::uint32_t>;
/// Numbers the tasks of a plan, from 0, upstream before downstream.
using task_id = strong_id<struct task_id_tag, std::uint32_t>;
/// Numbers the channels of a plan, from 0.
using channel_id = strong_id<struct channel_id_tag, std::uint32_t>;
/// Numbers the messages of one channel within one attempt, from 1.
using sequence_number = strong_id<struct sequence_number_tag>;
/// Numbers the stored chunks of one store.
using chunk_id = strong_id<struct chunk_id_tag>;
/// The unit in which keyed state is split and moved; smaller than the max parallelism.
using key_group = strong_id<struct key_group_tag, std::uint32_t>;
/// One parallel instance of an operator or a task, from 0 to its parallelism less one.
using subtask_index = strong_id<struct subtask_index_tag, std::uint32_t>;

/// One instance of a task: what a CAF actor runs.
struct subtask_id {
  task_id task;
  subtask_index index;
  friend constexpr bool operator==(const subtask_id&, const subtask_id&) = default;
  friend constexpr auto operator<=>(const subtask_id&, const subtask_id&) = default;
};

/// A half-open range of key groups.
struct key_group_range {
  std::uint32_t first = 0;
  std::uint32_t last = 0; ///< one past the last group

  [[nodiscard]] constexpr bool contains(key_group g) const { return g.value >= first && g.value < last; }
  [[nodiscard]] constexpr std::uint32_t size() const { return last - first; }
  friend constexpr bool operator==(const key_group_range&, const key_group_range&) = default;
};

} // namespace weir::inline v0

template <class Tag, class Rep>
struct std::hash<weir::strong_id<Tag, Rep>> {
  std::size_t operator()(weir::strong_id<Tag, Rep> id) const noexcept { return std::hash<Rep>{}(id.value); }
};
