// What a collection's table knows of each key that has entries.
#pragma once

#include "../persistence/key_groups.hpp"
#include "key_index.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace weir::inline v0::detail {

/// Maps keys to `Of`, which says what entries the key has. Each owned key group has its own index, so that growing one
/// is short. In memory only: made again of the table's entries after a restore. `hash` is the `key_hash` of the key.
template <class K, class Of>
class outer_keys {
public:
  void configure(key_group_range owned, std::uint32_t max_parallelism) {
    first_ = owned.first;
    arithmetic_ = key_groups{max_parallelism};
    groups_ = std::vector<group>(owned.size());
  }

  /// Null if the key has no entries.
  [[nodiscard]] Of* find(std::uint64_t hash, const K& key) {
    group& in = groups_.at(place_of(hash));
    const std::uint32_t number = in.find(tag_of(hash), key);
    return number == key_index::none ? nullptr : &in.entries[number].of;
  }
  [[nodiscard]] const Of* find(std::uint64_t hash, const K& key) const {
    const group& in = groups_.at(place_of(hash));
    const std::uint32_t number = in.find(tag_of(hash), key);
    return number == key_index::none ? nullptr : &in.entries[number].of;
  }
  /// Good until the next key is added.
  [[nodiscard]] Of& find_or_add(std::uint64_t hash, const K& key) {
    if (Of* known = find(hash, key))
      return *known;
    group& in = groups_.at(place_of(hash));
    std::uint32_t number = 0;
    if (in.free.empty()) {
      number = static_cast<std::uint32_t>(in.entries.size());
      in.entries.push_back({key, Of{}, true});
    } else {
      number = in.free.back();
      in.free.pop_back();
      in.entries[number] = {key, Of{}, true};
    }
    in.index.insert(tag_of(hash), number);
    return in.entries[number].of;
  }
  void remove(std::uint64_t hash, const K& key) {
    group& in = groups_.at(place_of(hash));
    const std::uint32_t number = in.find(tag_of(hash), key);
    if (number == key_index::none)
      return;
    in.index.remove(tag_of(hash), number);
    in.entries[number] = {};
    in.free.push_back(number);
  }
  void clear() { groups_ = std::vector<group>(groups_.size()); }

  /// Calls `fn(key, of)` for all keys, in an order that means nothing.
  template <class Fn>
  void for_each(Fn fn) {
    for (group& in : groups_)
      for (entry& each : in.entries)
        if (each.used)
          fn(std::as_const(each.key), each.of);
  }

private:
  struct entry {
    K key{};
    Of of{};
    bool used = false;
  };
  struct group {
    key_index index;
    std::vector<entry> entries;
    std::vector<std::uint32_t> free;

    [[nodiscard]] std::uint32_t find(std::uint32_t tag, const K& key) const {
      return index.find(tag, [&](std::uint32_t number) { return entries[number].key == key; });
    }
  };

  [[nodiscard]] static std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }
  [[nodiscard]] std::size_t place_of(std::uint64_t hash) const { return arithmetic_.of(hash).value - first_; }

  std::uint32_t first_ = 0;
  key_groups arithmetic_{1};
  std::vector<group> groups_;
};

} // namespace weir::inline v0::detail
