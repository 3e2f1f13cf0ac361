// The partitioner of a keyed edge: deals records to subtasks by the key groups of their keys.
#pragma once

#include "../persistence/hash.hpp"
#include "../persistence/key_groups.hpp"
#include "concepts.hpp"
#include "partitioner.hpp"
#include "record_loop.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// Hashes every key once, writes the hashes beside the records, and deals these out: a record goes to the subtask that
/// owns its key group. Records of one key stay in order.
template <class T, class KeyFn>
class key_partitioner final : public any_partitioner {
public:
  explicit key_partitioner(KeyFn key_function) : key_function_(std::move(key_function)) {}

  void route(batch_ptr any, partition_receiver& to) override {
    if (any->size() == 0)
      return;
    if (waiting_.size() == 1) {
      // Hashes are written into the batch, which must be ours alone for that.
      if (!any->sole_owner())
        any = any->clone();
      hash_all(as<T>(*any), any->hashes);
      gather(std::move(any), to);
      return;
    }
    auto& in = as<T>(*any);
    hash_all(in, hashes_);
    if (const bool timed = !in.times.empty(); timed != timed_) {
      flush(to); // a batch has times for all of its records or for none
      timed_ = timed;
    }
    detail::with_ownership<T>(in, [&](auto move) { deal<move>(in, to); });
  }

protected:
  void configured() override {
    const key_groups groups{max_parallelism_};
    target_of_group_.resize(groups.count());
    for (std::uint32_t group = 0; group != groups.count(); ++group)
      target_of_group_[group] = groups.subtask_of(key_group{group}, static_cast<std::uint32_t>(waiting_.size())).value;
    lanes_.resize(waiting_.size());
  }

private:
  /// Where the next record for a target goes. `size == capacity`: nowhere, the batch is full or there is none.
  struct lane {
    batch<T>* into = nullptr;
    T* values = nullptr; ///< used only where records are written in place
    std::uint64_t* hashes = nullptr;
    std::size_t size = 0;
    std::size_t capacity = 0;
  };

  void hash_all(const batch<T>& in, buffer<std::uint64_t>& hashes) const {
    detail::in_loop<KeyFn> key_function = key_function_;
    const std::size_t n = in.values.size();
    hashes.clear();
    std::uint64_t* __restrict target = hashes.extend(n);
    const T* source = in.values.data();
    for (std::size_t i = 0; i != n; ++i)
      target[i] = key_hash(std::invoke(key_function, source[i]));
  }

  // With one target, batches pass as they are; only small ones are put together.
  void gather(batch_ptr any, partition_receiver& to) {
    batch_ptr& waiting = waiting_[0];
    if (waiting && (waiting->times.empty() != any->times.empty() || waiting->size() + any->size() > batch_size_))
      hand_over(0, to);
    if (!waiting) {
      if (any->size() * 2 >= batch_size_)
        to.deliver(0, std::move(any));
      else
        waiting = std::move(any);
      return;
    }
    auto& into = as<T>(*waiting);
    auto& from = as<T>(*any);
    into.values.reserve(batch_size_);
    for (T& record : from.values)
      into.values.emplace_back(std::move(record));
    append(into.hashes, from.hashes);
    append(into.times, from.times);
    if (into.size() == batch_size_)
      hand_over(0, to);
  }

  template <class U>
  void append(buffer<U>& into, const buffer<U>& from) const {
    if (from.empty())
      return;
    into.reserve(batch_size_);
    for (const U& element : from)
      into.push_back(element);
  }

  template <bool Move>
  void deal(batch<T>& in, partition_receiver& to) {
    for (std::size_t target = 0; target != lanes_.size(); ++target)
      lanes_[target] = waiting_[target] ? begin_lane(as<T>(*waiting_[target])) : lane{};
    const key_groups groups{max_parallelism_};
    const std::uint32_t* target_of_group = target_of_group_.data();
    const std::uint64_t* hashes = hashes_.data();
    T* source = in.values.data();
    lane* lanes = lanes_.data();
    const bool timed = timed_;
    const std::size_t n = in.values.size();
    for (std::size_t i = 0; i != n; ++i) {
      const std::size_t target = target_of_group[groups.of(hashes[i]).value];
      lane& l = lanes[target];
      if (l.size == l.capacity) [[unlikely]]
        renew_lane(target, to);
      if constexpr (detail::written_in_place<T>)
        std::construct_at(l.values + l.size, std::as_const(source[i]));
      else if constexpr (Move)
        l.into->values.emplace_back(std::move(source[i]));
      else
        l.into->values.emplace_back(std::as_const(source[i]));
      l.hashes[l.size] = hashes[i];
      ++l.size;
      if (timed)
        l.into->times.push_back(in.times[i]);
    }
    for (std::size_t target = 0; target != lanes_.size(); ++target)
      end_lane(target, to);
  }

  // While records are dealt, the arrays have their full size, so that an element costs neither a call nor a check.
  lane begin_lane(batch<T>& into) const {
    lane l;
    l.into = &into;
    l.size = into.values.size();
    l.capacity = batch_size_;
    if constexpr (detail::written_in_place<T>) {
      into.values.extend(batch_size_ - l.size);
      l.values = into.values.data();
    }
    into.hashes.extend(batch_size_ - l.size);
    l.hashes = into.hashes.data();
    return l;
  }

  void renew_lane(std::size_t target, partition_receiver& to) {
    hand_over(target, to); // full to the last record, if there is one
    auto* made = new batch<T>;
    waiting_[target] = batch_ptr{made};
    made->values.reserve(batch_size_);
    if (timed_)
      made->times.reserve(batch_size_);
    lanes_[target] = begin_lane(*made);
  }

  void end_lane(std::size_t target, partition_receiver& to) {
    const lane& l = lanes_[target];
    if (l.into == nullptr)
      return;
    if constexpr (detail::written_in_place<T>)
      l.into->values.truncate(l.size);
    l.into->hashes.truncate(l.size);
    if (l.size == l.capacity)
      hand_over(target, to);
  }

  KeyFn key_function_;
  std::vector<std::uint32_t> target_of_group_;
  std::vector<lane> lanes_;
  buffer<std::uint64_t> hashes_;
  bool timed_ = false;
};

} // namespace weir::inline v0
