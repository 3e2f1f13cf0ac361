// The table of a list_state: elements by key and position, and where the list of each key begins and ends.
#pragma once

#include "collection_entries.hpp"
#include "entries_of_key.hpp"
#include "outer_keys.hpp"
#include "state_table.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace weir::inline v0::detail {

/// A state table whose entries are the elements of all lists of one name. The positions of a list follow each other
/// without a gap; what is appended gets the next one. One key at a time is the present one.
template <class K, class T>
class keyed_list_table final : public list_of_key<T> {
  static_assert(serializable<T> && std::default_initializable<T>,
                "weir: the elements of a list_state must be storable and default constructible; write "
                "WEIR_FIELDS(member, ...) into their class; a collection can't be in a collection");

public:
  explicit keyed_list_table(std::string name) : table_(std::move(name)) {}

  [[nodiscard]] any_state_table& table() noexcept { return table_; }
  void configure(key_group_range owned, std::uint32_t max_parallelism, bool track_changes) {
    table_.configure(owned, max_parallelism, track_changes);
    groups_ = key_groups{max_parallelism};
    keys_.configure(owned, max_parallelism);
  }
  /// The state is loaded. Positions that somebody has edited may have gaps: they are counted anew.
  void ready() {
    keys_.clear();
    table_.for_each_entry([this](const list_entry_key<K>& at, const T&) {
      elements& known = keys_.find_or_add(key_hash(at.key), at.key);
      known.first = known.size == 0 ? at.sub_key : std::min(known.first, at.sub_key);
      known.last = std::max(known.last, at.sub_key);
      ++known.size;
    });
    bool gaps = false;
    keys_.for_each([&](const K&, const elements& known) { gaps = gaps || has_gaps(known); });
    if (gaps)
      close_gaps();
  }
  /// Both outlive what is asked until the next call.
  void set_key(std::uint64_t hash, const K& key) noexcept {
    hash_ = hash;
    key_ = &key;
  }

  [[nodiscard]] std::size_t size() const override {
    const elements* known = keys_.find(hash_, *key_);
    return known ? static_cast<std::size_t>(known->size) : 0;
  }
  [[nodiscard]] const T& at(std::size_t index) const override {
    const std::uint64_t position = keys_.find(hash_, *key_)->first + index;
    return *table_.find(hash_of(position), ref(position));
  }
  [[nodiscard]] T& at_for_write(std::size_t index) override {
    const std::uint64_t position = keys_.find(hash_, *key_)->first + index;
    return *table_.find_for_write(hash_of(position), ref(position));
  }
  T& push_back() override {
    elements& known = keys_.find_or_add(hash_, *key_);
    const std::uint64_t position = known.first + known.size;
    T& made = table_.touch(hash_of(position), ref(position));
    ++known.size;
    return made;
  }
  void pop_front() override {
    elements& known = *keys_.find(hash_, *key_);
    drop(known.first++, known);
  }
  void pop_back() override {
    elements& known = *keys_.find(hash_, *key_);
    drop(known.first + known.size - 1, known);
  }
  /// Erases at most so many elements of the present key. Returns how many.
  std::size_t clear_some(std::size_t most) {
    const std::size_t count = size();
    if (count <= most) {
      clear();
      return count;
    }
    for (std::size_t i = 0; i != most; ++i)
      pop_front();
    return most;
  }
  void clear() override {
    if (const elements* known = keys_.find(hash_, *key_)) {
      for (std::uint64_t i = 0; i != known->size; ++i)
        table_.erase(hash_of(known->first + i), ref(known->first + i));
      keys_.remove(hash_, *key_);
    }
  }

private:
  struct elements {
    std::uint64_t first = 0;
    std::uint64_t last = 0; // only while it is made ready
    std::uint64_t size = 0;
    bool in_pieces = false;
  };
  // What is stored beyond it cannot come of appending.
  static constexpr std::uint64_t greatest_position = std::uint64_t{1} << 62;

  void drop(std::uint64_t position, elements& known) {
    table_.erase(hash_of(position), ref(position));
    if (--known.size == 0)
      keys_.remove(hash_, *key_);
  }
  [[nodiscard]] static bool has_gaps(const elements& known) {
    return known.last - known.first != known.size - 1 || known.last >= greatest_position;
  }
  void close_gaps() {
    std::vector<std::pair<K, std::vector<std::uint64_t>>> lists;
    keys_.for_each([&](const K& key, elements& known) {
      if (!has_gaps(known))
        return;
      known.last = lists.size();
      known.in_pieces = true;
      lists.emplace_back(key, std::vector<std::uint64_t>{});
    });
    table_.for_each_entry([&](const list_entry_key<K>& at, const T&) {
      if (const elements* known = keys_.find(key_hash(at.key), at.key); known->in_pieces)
        lists[static_cast<std::size_t>(known->last)].second.push_back(at.sub_key);
    });
    for (auto& [key, positions] : lists) {
      set_key(key_hash(key), key);
      std::sort(positions.begin(), positions.end());
      for (std::uint64_t i = 0; i != positions.size(); ++i) {
        const std::uint64_t from = positions[i]; // never below i
        if (from == i)
          continue;
        T moved = std::move(*table_.find_for_write(hash_of(from), ref(from)));
        table_.erase(hash_of(from), ref(from));
        table_.touch(hash_of(i), ref(i)) = std::move(moved);
      }
      *keys_.find(hash_, *key_) = {0, 0, positions.size(), false};
    }
    key_ = nullptr;
  }

  [[nodiscard]] std::uint64_t hash_of(const std::uint64_t& position) const {
    return entry_hash(hash_, key_hash(position), groups_);
  }
  [[nodiscard]] entry_ref<K, std::uint64_t> ref(const std::uint64_t& position) const { return {*key_, position}; }

  state_table<list_entry_key<K>, T> table_;
  outer_keys<K, elements> keys_;
  key_groups groups_{1};
  std::uint64_t hash_ = 0;
  const K* key_ = nullptr;
};

} // namespace weir::inline v0::detail
