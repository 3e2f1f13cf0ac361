// The index of one key group: from the upper half of a key's hash to the number of its entry.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir::inline v0::detail {

/// An open-addressing index of buckets of eight, each one cache line, all eight compared at once (as Folly's F14). A
/// slot has 32 bits of the hash, its tag, from whose upper bits the bucket derives, so that the index grows and shrinks
/// without the keys. Equal tags are told apart by the caller. At most four fifths full.
class key_index {
public:
  /// What a search gives that found nothing.
  static constexpr std::uint32_t none = UINT32_MAX;

  key_index() : buckets_(1) {}

  void prefetch(std::uint32_t tag) const { __builtin_prefetch(&buckets_[home(tag)]); }

  /// The number of the first entry with this tag in its own bucket, which is nearly always the only one; or `none`.
  [[nodiscard]] std::uint32_t likely(std::uint32_t tag) const {
    const bucket& in = buckets_[home(tag)];
    const unsigned matches = in.matches(in.tags, tag);
    if (matches == 0) [[unlikely]]
      return none;
    return in.numbers_and_one[std::countr_zero(matches)] - 1; // 0, an empty slot, gives none
  }

  /// The number of the entry with this tag for which `same(number)` is true, or `none`.
  template <class Same>
  [[nodiscard]] std::uint32_t find(std::uint32_t tag, Same same) const {
    for (std::size_t at = home(tag);; at = next(at)) {
      const bucket& in = buckets_[at];
      for (unsigned matches = in.matches(in.tags, tag); matches != 0; matches &= matches - 1) {
        const std::uint32_t number = in.numbers_and_one[std::countr_zero(matches)] - 1;
        if (number != none && same(number)) [[likely]]
          return number;
      }
      if (in.empty_slots() != 0) [[likely]]
        return none;
    }
  }

  /// Makes room for so many entries; for an index that is empty.
  void reserve(std::size_t entries) {
    std::size_t buckets = buckets_.size();
    for (; entries * 5 > buckets * 8 * 4; buckets *= 2)
      --shift_;
    buckets_.resize(buckets);
  }

  /// Adds an entry that is not there.
  void insert(std::uint32_t tag, std::uint32_t number) {
    if ((used_ + std::size_t{1}) * 5 > buckets_.size() * 8 * 4) [[unlikely]]
      grow();
    put(tag, number + 1);
    ++used_;
  }

  /// Removes an entry that is there.
  void remove(std::uint32_t tag, std::uint32_t number) {
    std::size_t at = home(tag);
    while (buckets_[at].matches(buckets_[at].numbers_and_one, number + 1) == 0)
      at = next(at);
    std::size_t hole = at;
    unsigned slot = slot_of(hole, number + 1);
    bool search_on = buckets_[hole].empty_slots() == 0;
    buckets_[hole].clear(slot);
    --used_;
    // Entries that went past the bucket because it was full must be found again: one of them moves into the hole.
    for (at = next(hole); search_on; at = next(at)) {
      bucket& in = buckets_[at];
      search_on = in.empty_slots() == 0;
      for (unsigned i = 0; i < 8; ++i) {
        if (in.numbers_and_one[i] == 0 || distance(home(in.tags[i]), at) < distance(hole, at))
          continue;
        buckets_[hole].tags[slot] = in.tags[i];
        buckets_[hole].numbers_and_one[slot] = in.numbers_and_one[i];
        in.clear(i);
        hole = at;
        slot = i;
        break;
      }
    }
  }

private:
  struct alignas(64) bucket {
    std::uint32_t tags[8] = {};
    std::uint32_t numbers_and_one[8] = {}; // 0: the slot is empty

    // A bit for each of the eight that is equal.
    [[nodiscard]] static unsigned matches(const std::uint32_t (&eight)[8], std::uint32_t wanted) {
#if defined(__SSE2__)
      using four = std::uint32_t __attribute__((vector_size(16)));
      using four_floats = float __attribute__((vector_size(16)));
      const four all = {wanted, wanted, wanted, wanted};
      const auto low = reinterpret_cast<four_floats>(*reinterpret_cast<const four*>(eight) == all);
      const auto high = reinterpret_cast<four_floats>(*reinterpret_cast<const four*>(eight + 4) == all);
      return static_cast<unsigned>(__builtin_ia32_movmskps(low)) | static_cast<unsigned>(__builtin_ia32_movmskps(high))
                                                                       << 4;
#else
      unsigned found = 0;
      for (unsigned i = 0; i < 8; ++i)
        found |= static_cast<unsigned>(eight[i] == wanted) << i;
      return found;
#endif
    }
    [[nodiscard]] unsigned empty_slots() const {
      return matches(numbers_and_one, 0);
    }
    void clear(unsigned slot) {
      tags[slot] = 0;
      numbers_and_one[slot] = 0;
    }
  };

  [[nodiscard]] std::size_t home(std::uint32_t tag) const {
    return static_cast<std::size_t>(std::uint64_t{tag} >> shift_);
  }
  [[nodiscard]] std::size_t next(std::size_t at) const {
    return (at + 1) & (buckets_.size() - 1);
  }
  [[nodiscard]] std::size_t distance(std::size_t from, std::size_t to) const {
    return (to - from) & (buckets_.size() - 1);
  }
  [[nodiscard]] unsigned slot_of(std::size_t at, std::uint32_t number_and_one) const {
    return static_cast<unsigned>(std::countr_zero(buckets_[at].matches(buckets_[at].numbers_and_one, number_and_one)));
  }

  void put(std::uint32_t tag, std::uint32_t number_and_one) {
    std::size_t at = home(tag);
    unsigned empty = buckets_[at].empty_slots();
    while (empty == 0) {
      at = next(at);
      empty = buckets_[at].empty_slots();
    }
    const auto slot = std::countr_zero(empty);
    buckets_[at].tags[slot] = tag;
    buckets_[at].numbers_and_one[slot] = number_and_one;
  }

  [[gnu::noinline]] void grow() {
    std::vector<bucket> old(buckets_.size() * 2);
    old.swap(buckets_);
    --shift_;
    for (const bucket& each : old)
      for (unsigned i = 0; i < 8; ++i)
        if (each.numbers_and_one[i] != 0)
          put(each.tags[i], each.numbers_and_one[i]);
  }

  std::vector<bucket> buckets_; // a power of two
  unsigned shift_ = 32;
  std::uint32_t used_ = 0;
};

} // namespace weir::inline v0::detail
