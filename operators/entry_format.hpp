// How a state table writes the entries of a key into chunks, and reads them.
#pragma once

#include "../persistence/chunk.hpp"
#include "../persistence/hash.hpp"
#include "../persistence/input_archive.hpp"
#include "../persistence/key_groups.hpp"
#include "../persistence/schema.hpp"

#include <cstdint>

namespace weir::inline v0::detail {

/// For keys as users know them: one value a key. Keys of a table that has several entries a key specialize this.
template <class K>
struct entry_format {
  static constexpr entry_kind kind = entry_kind::value;
  static constexpr const char* expected = "one value a key";

  /// Decides the key group and the place in the index.
  [[nodiscard]] static std::uint64_t hash(const K& key, const key_groups&) { return key_hash(key); }
  template <class V>
  [[nodiscard]] static table_schema schema() {
    return {schema_of<K>(), schema_of<V>()};
  }
  template <class V>
  static void append(byte_buffer& out, const K& key, const V& value) {
    append_value_entry(out, key, value);
  }
  static void append_tombstone(byte_buffer& out, const K& key) { append_value_tombstone(out, key); }
  /// The key of an entry that is of `kind`. Throws `damaged_error`.
  [[nodiscard]] static K key_of(const chunk_entry& entry, const class_versions* versions) {
    return read_whole<K>(entry.key, versions);
  }

  template <class T>
  [[nodiscard]] static T read_whole(std::span<const std::byte> bytes, const class_versions* versions) {
    T read{};
    input_archive archive{bytes, versions};
    archive >> read;
    archive.expect_end();
    return read;
  }
};

} // namespace weir::inline v0::detail
