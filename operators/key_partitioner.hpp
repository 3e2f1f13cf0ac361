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
    if constexpr (detail::written_in_place<T>)
      deal_in_place(in, to);
    else
      detail::with_ownership<T>(in, [&](auto move) { deal<move>(in, to); });
    for (std::size_t target = 0; target != waiting_.size(); ++target)
      if (waiting_[target] && waiting_[target]->size() >= batch_size_)
        hand_over(target, to);
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
    T* values = nullptr;
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

  batch<T>& fresh(std::size_t target) {
    auto* made = new batch<T>;
    waiting_[target] = batch_ptr{made};
    made->values.reserve(batch_size_);
    made->hashes.reserve(batch_size_);
    if (timed_)
      made->times.reserve(batch_size_);
    return *made;
  }

  // The batches are stretched to their full size while records are written, so that this needs no call and no check
  // but one.
  void deal_in_place(const batch<T>& in, partition_receiver& to) {
    for (std::size_t target = 0; target != lanes_.size(); ++target)
      lanes_[target] = waiting_[target] ? stretch(as<T>(*waiting_[target])) : lane{};
    const key_groups groups{max_parallelism_};
    const std::uint32_t* target_of_group = target_of_group_.data();
    const std::uint64_t* hashes = hashes_.data();
    const T* source = in.values.data();
    lane* lanes = lanes_.data();
    const std::size_t n = in.values.size();
    for (std::size_t i = 0; i != n; ++i) {
      const std::size_t target = target_of_group[groups.of(hashes[i]).value];
      lane& l = lanes[target];
      if (l.size == l.capacity) [[unlikely]]
        renew(target, to);
      std::construct_at(l.values + l.size, source[i]);
      l.hashes[l.size] = hashes[i];
      ++l.size;
      if (timed_)
        waiting_[target]->times.push_back(in.times[i]);
    }
    for (std::size_t target = 0; target != lanes_.size(); ++target)
      if (waiting_[target])
        shrink(target);
  }

  lane stretch(batch<T>& b) const {
    lane l;
    l.size = b.values.size();
    l.capacity = batch_size_;
    b.values.extend(batch_size_ - l.size);
    b.hashes.extend(batch_size_ - l.size);
    l.values = b.values.data();
    l.hashes = b.hashes.data();
    return l;
  }

  void shrink(std::size_t target) {
    auto& b = as<T>(*waiting_[target]);
    b.values.truncate(lanes_[target].size);
    b.hashes.truncate(lanes_[target].size);
  }

  void renew(std::size_t target, partition_receiver& to) {
    hand_over(target, to); // full to the last record, if there is one
    lanes_[target] = stretch(fresh(target));
  }

  template <bool Move>
  void deal(batch<T>& in, partition_receiver& to) {
    const key_groups groups{max_parallelism_};
    const std::size_t n = in.values.size();
    for (std::size_t i = 0; i != n; ++i) {
      const std::size_t target = target_of_group_[groups.of(hashes_[i]).value];
      if (waiting_[target] && waiting_[target]->hashes.size() >= batch_size_)
        hand_over(target, to);
      batch<T>& into = waiting_[target] ? as<T>(*waiting_[target]) : fresh(target);
      if constexpr (Move)
        into.values.emplace_back(std::move(in.values[i]));
      else
        into.values.emplace_back(std::as_const(in.values[i]));
      into.hashes.push_back(hashes_[i]);
      if (timed_)
        into.times.push_back(in.times[i]);
    }
  }

  KeyFn key_function_;
  std::vector<std::uint32_t> target_of_group_;
  std::vector<lane> lanes_;
  buffer<std::uint64_t> hashes_;
  bool timed_ = false;
};

} // namespace weir::inline v0
