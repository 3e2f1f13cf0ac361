// The keys of the tables that collections are kept in: the key of the state, and what tells its entries apart.
#pragma once

#include "../persistence/error.hpp"
#include "../persistence/fields.hpp"
#include "entry_format.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace weir::inline v0::detail {

/// A key and the key of an entry in its map, where they are: to look an entry up without a copy.
template <class K, class S>
struct entry_ref {
  const K& key;
  const S& sub_key;
};

/// What tells the entries of map_state members apart.
template <class K, class S>
struct map_entry_key {
  map_entry_key() = default;
  explicit map_entry_key(const entry_ref<K, S>& of) : key(of.key), sub_key(of.sub_key) {}
  K key{};
  S sub_key{};
  friend bool operator==(const map_entry_key&, const map_entry_key&) = default;
  friend bool operator==(const map_entry_key& a, const entry_ref<K, S>& b) {
    return a.sub_key == b.sub_key && a.key == b.key;
  }
  WEIR_FIELDS(key, sub_key)
};

/// What tells the elements of list_state members apart. Positions ascend from the front to the back.
template <class K>
struct list_entry_key {
  list_entry_key() = default;
  explicit list_entry_key(const entry_ref<K, std::uint64_t>& of) : key(of.key), sub_key(of.sub_key) {}
  K key{};
  std::uint64_t sub_key = 0;
  friend bool operator==(const list_entry_key&, const list_entry_key&) = default;
  friend bool operator==(const list_entry_key& a, const entry_ref<K, std::uint64_t>& b) {
    return a.sub_key == b.sub_key && a.key == b.key;
  }
  WEIR_FIELDS(key, sub_key)
};

/// A hash for an entry under a key: in the key group of the key, and else of both hashes.
[[nodiscard]] inline std::uint64_t entry_hash(std::uint64_t of_key, std::uint64_t of_entry, const key_groups& groups) {
  std::uint64_t mixed = of_key ^ (of_entry * 0x9e3779b97f4a7c15U);
  mixed = (mixed ^ (mixed >> 32)) * 0xd6e8feb86659fd93U;
  const std::uint64_t high = mixed & 0xffffffff00000000U;
  const std::uint64_t count = groups.count();
  return high + (groups.of(of_key).value + count - high % count) % count;
}

/// What both formats have in common: the key, then the sub-key in its own way, then the value.
template <class K, class EntryKey, entry_kind Kind>
struct collection_format {
  static constexpr entry_kind kind = Kind;

  [[nodiscard]] static std::uint64_t hash(const EntryKey& key, const key_groups& groups) {
    return entry_hash(key_hash(key.key), key_hash(key.sub_key), groups);
  }
  template <class V>
  static void append(byte_buffer& out, const EntryKey& key, const V& value) {
    out.append(static_cast<std::byte>(Kind));
    append_sized_value(out, key.key);
    entry_format<EntryKey>::append_sub_key(out, key.sub_key);
    append_sized_value(out, value);
  }
  static void append_tombstone(byte_buffer& out, const EntryKey& key) {
    out.append(static_cast<std::byte>(Kind) | tombstone_flag);
    append_sized_value(out, key.key);
    entry_format<EntryKey>::append_sub_key(out, key.sub_key);
  }
};

template <class K, class S>
struct entry_format<map_entry_key<K, S>> : collection_format<K, map_entry_key<K, S>, entry_kind::map_entry> {
  static constexpr const char* expected = "entries of a map";

  template <class V>
  [[nodiscard]] static table_schema schema() {
    return {schema_of<K>(), schema_of<V>(), schema_of<S>()};
  }
  static void append_sub_key(byte_buffer& out, const S& sub_key) { append_sized_value(out, sub_key); }
  [[nodiscard]] static map_entry_key<K, S> key_of(const chunk_entry& entry, const class_versions* versions) {
    map_entry_key<K, S> key;
    key.key = entry_format<K>::template read_whole<K>(entry.key, versions);
    key.sub_key = entry_format<K>::template read_whole<S>(entry.sub_key, versions);
    return key;
  }
};

template <class K>
struct entry_format<list_entry_key<K>> : collection_format<K, list_entry_key<K>, entry_kind::list_entry> {
  static constexpr const char* expected = "elements of a list";

  template <class V>
  [[nodiscard]] static table_schema schema() {
    return {schema_of<K>(), schema_of<V>(), type_schema{schema_kind::position, {}, 0, 0, {}}};
  }
  static void append_sub_key(byte_buffer& out, std::uint64_t position) {
    out.append(std::byte{sizeof(position)});
    store_position(out.extend(sizeof(position)), position);
  }
  [[nodiscard]] static list_entry_key<K> key_of(const chunk_entry& entry, const class_versions* versions) {
    list_entry_key<K> key;
    key.key = entry_format<K>::template read_whole<K>(entry.key, versions);
    if (entry.sub_key.size() != sizeof(key.sub_key))
      throw damaged_error{{"a chunk of a list", "positions of 8 bytes", std::to_string(entry.sub_key.size()),
                           "restore from another checkpoint"}};
    key.sub_key = load_position(entry.sub_key.data());
    return key;
  }
};

} // namespace weir::inline v0::detail
