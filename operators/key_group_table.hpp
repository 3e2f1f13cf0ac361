// The entries of one key group of a state table, and the index that finds them.
#pragma once

#include "../persistence/byte_buffer.hpp"
#include "../persistence/chunk.hpp"
#include "key_index.hpp"

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

namespace weir::inline v0::detail {

/// What is known of an entry, in one byte.
namespace entry_stamp {
/// In which epoch the entry was last put on the list of changed ones: 1 or 2, by turns, or 0 if it is on none.
inline constexpr std::uint8_t epoch_bits = 0x03;
/// The chain of chunks has a value for the key: its erasure needs a tombstone.
inline constexpr std::uint8_t known = 0x04;
/// Erased; in the index until the tombstone is encoded.
inline constexpr std::uint8_t dead = 0x08;
/// Not in the index; its place can be taken.
inline constexpr std::uint8_t free = 0x10;
} // namespace entry_stamp

/// Dense entries and an index over them. An entry keeps its number as long as it lives.
template <class K, class V>
class alignas(64) key_group_table {
public:
  static constexpr std::uint32_t none = key_index::none;

  struct entry {
    template <class Query>
    explicit entry(const Query& query) : key(query), value() {}
    K key;
    V value;
  };

  [[nodiscard]] static std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }

  [[nodiscard]] entry& at(std::uint32_t number) { return entries_[number]; }
  [[nodiscard]] const entry& at(std::uint32_t number) const { return entries_[number]; }
  [[nodiscard]] std::uint8_t& stamp(std::uint32_t number) { return stamps_[number]; }
  [[nodiscard]] std::uint8_t stamp(std::uint32_t number) const { return stamps_[number]; }
  /// When an entry was last refreshed. Only of tables with a time to live, which set it for every entry.
  [[nodiscard]] stored_time time(std::uint32_t number) const { return times_[number]; }
  void set_time(std::uint32_t number, stored_time time) {
    if (number >= times_.size()) [[unlikely]]
      times_.resize(entries_.capacity(), no_stored_time);
    times_[number] = time;
  }
  /// How many entries there are, free ones included.
  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(entries_.size()); }

  void prefetch_slot(std::uint32_t tag) const { index_.prefetch(tag); }

  /// The number of the entry that a key with this tag is likely to have, whose memory is fetched; or `none`.
  [[nodiscard]] std::uint32_t prefetch_entry(std::uint32_t tag) const {
    const std::uint32_t number = index_.likely(tag);
    if (number != none) [[likely]]
      prefetch_numbered(number);
    return number;
  }

  /// Fetches the memory of an entry.
  void prefetch_numbered(std::uint32_t number) const {
    const char* memory = reinterpret_cast<const char*>(&entries_[number]);
    __builtin_prefetch(memory);
    if constexpr (64 % sizeof(entry) != 0)
      __builtin_prefetch(memory + sizeof(entry) - 1);
    __builtin_prefetch(&stamps_[number]);
  }

  void prefetch_time(std::uint32_t number) const { __builtin_prefetch(times_.data() + number); }

  template <class Query>
  [[nodiscard]] std::uint32_t find(std::uint32_t tag, const Query& key) const {
    return index_.find(tag, [&](std::uint32_t number) { return entries_[number].key == key; });
  }

  /// Adds a key that is not there, with a default value. Its stamp is 0, or that of the free entry whose place it took
  /// (but for `free`).
  template <class Query>
  std::uint32_t insert(std::uint32_t tag, const Query& key) {
    std::uint32_t number = 0;
    if (!free_.empty()) {
      number = free_.back();
      entries_[number].key = K(key);
      free_.pop_back();
      stamps_[number] = static_cast<std::uint8_t>(stamps_[number] & ~entry_stamp::free);
    } else {
      number = size();
      if (entries_.size() == entries_.capacity())
        grow_entries();
      entries_.emplace_back(key);
      stamps_.push_back(0);
    }
    index_.insert(tag, number);
    return number;
  }

  /// Makes room for so many entries, if there are none yet.
  void reserve(std::size_t entries) {
    if (!entries_.empty() || entries >= UINT32_MAX / 2)
      return;
    entries_.reserve(entries);
    stamps_.reserve(entries);
    index_.reserve(entries);
  }

  /// Takes an entry out of the index and frees what it holds. Keeps the epoch in its stamp.
  void remove(std::uint32_t tag, std::uint32_t number) {
    index_.remove(tag, number);
    free_.push_back(number);
    entries_[number].key = K{};
    entries_[number].value = V{};
    stamps_[number] = static_cast<std::uint8_t>((stamps_[number] & entry_stamp::epoch_bits) | entry_stamp::free);
  }

  /// Forgets everything and gives the memory back.
  void reset() {
    entries_ = {};
    stamps_ = {};
    times_ = {};
    free_ = {};
    index_ = {};
    dirty = {};
    frozen = {};
    saved = {};
    limit = 0;
  }

private:
  // By a half, not to twice the size: idle memory counts more here than a copy.
  [[gnu::noinline]] void grow_entries() {
    if (entries_.size() >= UINT32_MAX / 2)
      throw std::length_error("weir: a key group has more than two thousand million keys; raise the max parallelism");
    const std::size_t capacity = entries_.size() + entries_.size() / 2 + 4;
    entries_.reserve(capacity);
    stamps_.reserve(capacity);
  }

  // What finding needs comes first: one cache line.
  key_index index_;
  std::vector<entry> entries_;
  std::vector<std::uint8_t> stamps_;
  std::vector<std::uint32_t> free_;
  std::vector<stored_time> times_; // empty without a time to live

public:
  // What snapshots need; kept by state_table.
  std::vector<std::uint32_t> dirty;  ///< entries changed in this epoch, each once
  std::vector<std::uint32_t> frozen; ///< entries changed in the epoch that the open snapshot closes
  std::vector<byte_buffer> saved;    ///< entries as they were at the mark, encoded before they changed
  std::uint32_t limit = 0;           ///< the number of entries at the mark
};

} // namespace weir::inline v0::detail
