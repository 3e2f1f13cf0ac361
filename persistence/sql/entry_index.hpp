// Finds entries of chunks by what they are of: kind, key and sub-key.
#pragma once

#include "../chunk.hpp"
#include "../hash.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace weir::inline v0 {

/// Whether both entries are of the same thing, so that the newer one replaces the older one.
[[nodiscard]] inline bool same_place(const chunk_entry& a, const chunk_entry& b) {
  return a.kind == b.kind && std::ranges::equal(a.key, b.key) && std::ranges::equal(a.sub_key, b.sub_key);
}

/// Equal for entries that `same_place` takes for one.
[[nodiscard]] inline std::uint64_t place_hash(const chunk_entry& entry) {
  std::uint64_t hash = checksum(entry.key);
  if (entry.kind != entry_kind::value) [[unlikely]]
    hash = (hash ^ static_cast<std::uint64_t>(entry.kind)) * 0x9e3779b97f4a7c15U + checksum(entry.sub_key);
  return hash;
}

/// Maps places to the numbers of a vector's elements. `entry_at(number)` gives an element's entry.
class entry_index {
public:
  static constexpr std::uint32_t none = UINT32_MAX;

  [[nodiscard]] std::size_t size() const { return used_; }
  void clear() {
    slots_.clear();
    used_ = 0;
  }

  /// The number of the element at this place, or `none`.
  template <class EntryAt>
  [[nodiscard]] std::uint32_t find(const chunk_entry& entry, EntryAt entry_at) const {
    if (used_ == 0)
      return none;
    const std::uint64_t hash = place_hash(entry);
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
      const slot& each = slots_[at];
      if (each.number == none)
        return none;
      if (each.tag == tag_of(hash) && same_place(entry_at(each.number), entry))
        return each.number;
    }
  }

  /// The number of the element at this place; `number` if there was none, and then it is that from now on.
  template <class EntryAt>
  std::uint32_t find_or_add(const chunk_entry& entry, std::uint32_t number, EntryAt entry_at) {
    if (used_ * 2 >= slots_.size())
      grow(entry_at);
    const std::uint64_t hash = place_hash(entry);
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = hash & mask;
    for (; slots_[at].number != none; at = (at + 1) & mask)
      if (slots_[at].tag == tag_of(hash) && same_place(entry_at(slots_[at].number), entry))
        return slots_[at].number;
    slots_[at] = {tag_of(hash), number};
    ++used_;
    return number;
  }

private:
  struct slot {
    std::uint32_t tag = 0;
    std::uint32_t number = none;
  };
  static std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }

  template <class EntryAt>
  void grow(EntryAt entry_at) {
    std::vector<slot> old(std::max<std::size_t>(64, slots_.size() * 2));
    old.swap(slots_);
    const std::size_t mask = slots_.size() - 1;
    for (const slot& each : old) {
      if (each.number == none)
        continue;
      std::size_t at = place_hash(entry_at(each.number)) & mask;
      while (slots_[at].number != none)
        at = (at + 1) & mask;
      slots_[at] = each;
    }
  }

  std::vector<slot> slots_;
  std::size_t used_ = 0;
};

} // namespace weir::inline v0
