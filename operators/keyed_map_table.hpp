// The table of a map_state: entries by key and sub-key, and an index of what each key has.
#pragma once

#include "collection_entries.hpp"
#include "entries_of_key.hpp"
#include "outer_keys.hpp"
#include "state_table.hpp"

#include <cstdint>
#include <string>
#include <utility>

namespace weir::inline v0::detail {

/// A state table whose entries are those of all maps of one name, and the set of its keys for each map. One key at a
/// time is the present one.
template <class K, class S, class V>
class keyed_map_table final : public map_of_key<S, V> {
  static_assert(serializable<V> && std::default_initializable<V>,
                "weir: the values of a map_state must be storable and default constructible; write WEIR_FIELDS(member, "
                "...) into their class; a collection can't be in a collection");

public:
  explicit keyed_map_table(std::string name) : table_((require_key<S>(), std::move(name))) {}

  [[nodiscard]] any_state_table& table() noexcept { return table_; }
  void configure(key_group_range owned, std::uint32_t max_parallelism, bool track_changes) {
    table_.configure(owned, max_parallelism, track_changes);
    groups_ = key_groups{max_parallelism};
    keys_.configure(owned, max_parallelism);
  }
  /// The state is loaded.
  void ready() {
    keys_.clear();
    table_.for_each_entry([this](const map_entry_key<K, S>& at, const V&) {
      keys_.find_or_add(key_hash(at.key), at.key).insert(at.sub_key);
    });
  }
  /// Both outlive what is asked until the next call.
  void set_key(std::uint64_t hash, const K& key) noexcept {
    hash_ = hash;
    key_ = &key;
  }

  [[nodiscard]] const V* find(const S& sub_key) const override { return table_.find(hash_of(sub_key), ref(sub_key)); }
  [[nodiscard]] V* find_for_write(const S& sub_key) override {
    return table_.find_for_write(hash_of(sub_key), ref(sub_key));
  }
  V& touch(const S& sub_key) override {
    const std::uint64_t hash = hash_of(sub_key);
    if (V* known = table_.find_for_write(hash, ref(sub_key)))
      return *known;
    V& made = table_.touch(hash, ref(sub_key)); // first: what is noted is there
    keys_.find_or_add(hash_, *key_).insert(sub_key);
    return made;
  }
  bool erase(const S& sub_key) override {
    if (!table_.erase(hash_of(sub_key), ref(sub_key)))
      return false;
    sub_keys<S>& of_key = *keys_.find(hash_, *key_);
    of_key.erase(sub_key);
    if (of_key.empty())
      keys_.remove(hash_, *key_);
    return true;
  }
  void clear() override {
    const sub_keys<S>* all = keys();
    if (!all)
      return;
    for (const S& each : *all)
      table_.erase(hash_of(each), ref(each));
    keys_.remove(hash_, *key_);
  }
  /// Erases at most so many entries of the present key. Returns how many.
  std::size_t clear_some(std::size_t most) {
    const sub_keys<S>* all = keys();
    if (!all)
      return 0;
    if (const std::size_t count = all->size(); count <= most) {
      clear();
      return count;
    }
    for (std::size_t i = 0; i != most; ++i) {
      const S first = *all->begin(); // it goes with its place in the set
      erase(first);
    }
    return most;
  }
  [[nodiscard]] const sub_keys<S>* keys() const override { return keys_.find(hash_, *key_); }

private:
  [[nodiscard]] std::uint64_t hash_of(const S& sub_key) const { return entry_hash(hash_, key_hash(sub_key), groups_); }
  [[nodiscard]] entry_ref<K, S> ref(const S& sub_key) const { return {*key_, sub_key}; }

  state_table<map_entry_key<K, S>, V> table_;
  outer_keys<K, sub_keys<S>> keys_;
  key_groups groups_{1};
  std::uint64_t hash_ = 0;
  const K* key_ = nullptr;
};

} // namespace weir::inline v0::detail
