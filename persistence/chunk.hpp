// The chunk: an encoded part of a state table, a base or a delta upon one.
#pragma once

#include "byte_buffer.hpp"
#include "encoding.hpp"
#include "entry_kind.hpp"
#include "ids.hpp"
#include "output_archive.hpp"
#include "snapshot_kind.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

namespace weir::inline v0 {

/// How entries go to subtasks when the parallelism changes: with their key group, or dealt out as a list.
enum class distribution : std::uint8_t { by_key_group = 0, list = 1 };

/// The newest chunk format that this program reads. It writes version 1, but for tables whose entries have times.
inline constexpr std::uint16_t chunk_format_version = 2;
/// A chunk that reaches this many bytes is finished, and the snapshot goes on in another. Fresh memory and a checksum
/// for so much take well under a millisecond, which is part of a pause.
inline constexpr std::size_t default_chunk_bytes = std::size_t{1} << 20;

/// When an entry of a table with a time to live was last refreshed, or what the table's clock shows.
using stored_time = std::chrono::sys_time<std::chrono::microseconds>;
/// Stands for none.
inline constexpr stored_time no_stored_time = stored_time::min();

/// A finished chunk, ready to be stored.
struct encoded_chunk {
  snapshot_kind kind = snapshot_kind::base;
  key_group first; ///< the first key group that it has entries of
  key_group last;  ///< the last one, inclusive
  std::uint64_t entries = 0;
  std::vector<std::byte> bytes;
  std::uint64_t checksum = 0; ///< XXH3-64 of `bytes`
};

namespace detail {

/// Appends the length of `append_content`'s bytes, and the bytes.
template <class AppendContent>
inline void append_sized(byte_buffer& out, AppendContent append_content) {
  const std::size_t start = out.size();
  out.extend(1); // most lengths take one byte; longer ones move the content
  append_content();
  const std::size_t content = out.size() - start - 1;
  if (content >= 0x80) [[unlikely]] {
    const std::size_t more = varint_size(content) - 1;
    out.extend(more);
    std::memmove(out.data() + start + 1 + more, out.data() + start + 1, content);
  }
  store_varint(out.data() + start, content);
}

/// Appends the archive bytes of `value` after their length.
template <class T>
inline void append_sized_value(byte_buffer& out, const T& value) {
  if constexpr (has_fixed_size<T>) {
    constexpr std::size_t size = fixed_size<T>();
    std::byte* at = out.extend(varint_size(size) + size);
    fixed_writer{store_varint(at, size)}.write(value);
  } else {
    append_sized(out, [&] { output_archive{out} << value; });
  }
}

inline constexpr std::byte tombstone_flag{0x08};
inline constexpr std::byte timed_flag{0x10};
inline constexpr std::size_t stored_time_bytes = 8;

/// Appends the first byte of an entry that has a time, and the time.
inline void append_timed_kind(byte_buffer& out, entry_kind kind, stored_time time) {
  std::byte* at = out.extend(1 + stored_time_bytes);
  *at = static_cast<std::byte>(kind) | timed_flag;
  store_number(at + 1, static_cast<std::int64_t>(time.time_since_epoch().count()));
}

} // namespace detail

/// Appends one entry: the kind, the key, and its value. `K` and `V` are stored by the archive.
template <class K, class V>
inline void append_value_entry(byte_buffer& out, const K& key, const V& value) {
  out.append(static_cast<std::byte>(entry_kind::value));
  detail::append_sized_value(out, key);
  detail::append_sized_value(out, value);
}

/// The same for an entry that has a time, in a chunk of a table with a clock.
template <class K, class V>
inline void append_timed_value_entry(byte_buffer& out, stored_time time, const K& key, const V& value) {
  detail::append_timed_kind(out, entry_kind::value, time);
  detail::append_sized_value(out, key);
  detail::append_sized_value(out, value);
}

/// Appends an entry that says that the key is gone.
template <class K>
inline void append_value_tombstone(byte_buffer& out, const K& key) {
  out.append(static_cast<std::byte>(entry_kind::value) | detail::tombstone_flag);
  detail::append_sized_value(out, key);
}

/// One entry as bytes; the spans point into the chunk or to the caller's memory.
struct chunk_entry {
  entry_kind kind = entry_kind::value;
  bool tombstone = false;
  std::span<const std::byte> key;
  std::span<const std::byte> sub_key;             ///< empty if the kind is `value`
  std::span<const std::byte> value;               ///< empty for a tombstone
  std::optional<stored_time> time = std::nullopt; ///< of its last refresh; none for a tombstone
};

/// Builds the chunks of one snapshot of one table. Key groups come in ascending order; entries of a group in any.
class chunk_writer {
public:
  /// `clock`: of a table with a time to live, what its clock showed at the mark, which may be `no_stored_time`. Only
  /// with a clock may entries have times.
  chunk_writer(snapshot_kind kind, distribution distributed_by, std::size_t split_bytes = default_chunk_bytes,
               std::optional<stored_time> clock = std::nullopt)
      : kind_(kind), distribution_(distributed_by), split_bytes_(split_bytes), clock_(clock) {}

  /// The entries that follow belong to `group`, which is not smaller than the one before.
  void begin_group(key_group group);

  /// Where the next entry's bytes go. Call `entry_added` after each entry.
  [[nodiscard]] byte_buffer& body() {
    if (section_start_ == 0)
      open_section();
    return out_;
  }
  void entry_added() { ++section_entries_; }
  /// Adds an entry of any kind.
  void add(const chunk_entry& entry);
  /// Adds entries that were encoded before, from the first one on, until they have `most_bytes` or more. Returns how
  /// many bytes it took. Finishes chunks into `out` where they reach the limit.
  std::size_t add_encoded(std::span<const std::byte> entries, std::size_t most_bytes, std::vector<encoded_chunk>& out);

  /// Bytes of the chunk so far.
  [[nodiscard]] std::size_t bytes() const { return out_.size(); }
  /// True when the chunk should be finished.
  [[nodiscard]] bool full() const { return out_.size() >= split_bytes_; }
  /// Nothing was added since the last finished chunk.
  [[nodiscard]] bool empty() const { return section_entries_ == 0 && closed_entries_ == 0; }
  /// Gives the chunk, and begins another, in the same key group. An empty chunk is for `empty_at`.
  [[nodiscard]] encoded_chunk finish(key_group empty_at = {});

private:
  [[nodiscard]] std::size_t header_size() const;
  void open_section();
  void close_section();

  snapshot_kind kind_;
  distribution distribution_;
  std::size_t split_bytes_;
  std::optional<stored_time> clock_;
  byte_buffer out_;
  std::size_t usual_bytes_ = 0;   // the size of the chunk before
  std::size_t section_start_ = 0; // 0: no section is open
  key_group group_;
  key_group first_;
  key_group last_;
  std::uint64_t section_entries_ = 0;
  std::uint64_t closed_entries_ = 0; // of the closed sections of this chunk
};

/// Reads a chunk that may be damaged: every length is checked before it is used. Throws `damaged_error`; the checksum
/// is for the caller to compare. Sections of key groups that are not wanted are skipped without being read.
class chunk_reader {
public:
  /// Reads the header. `bytes` must outlive the reader.
  explicit chunk_reader(std::span<const std::byte> bytes);
  /// Only entries of these key groups.
  chunk_reader(std::span<const std::byte> bytes, key_group_range wanted);

  [[nodiscard]] snapshot_kind kind() const { return kind_; }
  [[nodiscard]] distribution distributed_by() const { return distribution_; }
  [[nodiscard]] std::uint64_t entries() const { return entries_; }
  [[nodiscard]] key_group first() const { return first_; }
  [[nodiscard]] key_group last() const { return last_; }
  /// Set if the table has a time to live: what its clock showed at the mark, which may be `no_stored_time`.
  [[nodiscard]] std::optional<stored_time> clock() const { return clock_; }

  /// Moves to the next wanted entry; false at the end of the chunk.
  [[nodiscard]] bool next(chunk_entry& entry);
  /// The key group of the entry that `next` gave.
  [[nodiscard]] key_group group() const { return group_; }
  /// How many more entries this chunk has of that key group, and in how many bytes.
  [[nodiscard]] std::uint64_t left_in_group() const { return left_in_section_; }
  [[nodiscard]] std::size_t bytes_left_in_group() const { return static_cast<std::size_t>(section_end_ - at_); }
  /// How many entries of the chunk are before that one, those that were skipped included.
  [[nodiscard]] std::uint64_t entries_before() const { return seen_ - left_in_section_ - 1; }

private:
  bool next_section();

  const std::byte* at_ = nullptr;
  const std::byte* end_ = nullptr;
  const std::byte* section_end_ = nullptr;
  std::uint64_t left_in_section_ = 0;
  std::uint64_t seen_ = 0; // entries of all sections so far, skipped ones included
  key_group_range wanted_{0, UINT32_MAX};
  bool any_section_ = false;
  snapshot_kind kind_ = snapshot_kind::base;
  distribution distribution_ = distribution::by_key_group;
  key_group first_;
  key_group last_;
  key_group group_;
  std::uint64_t entries_ = 0;
  std::optional<stored_time> clock_;
};

} // namespace weir::inline v0
