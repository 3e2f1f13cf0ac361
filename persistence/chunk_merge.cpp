#include "chunk_merge.hpp"

#include "error.hpp"
#include "thread_pace.hpp"

#include <algorithm>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>

namespace weir::inline v0 {

namespace {

/// An entry, and how new it is.
struct dated_entry {
  chunk_entry entry;
  std::size_t chunk = 0;
  std::size_t number = 0;
};

std::strong_ordering compare(std::span<const std::byte> a, std::span<const std::byte> b) {
  const std::size_t common = std::min(a.size(), b.size());
  if (const int order = common == 0 ? 0 : std::memcmp(a.data(), b.data(), common); order != 0)
    return order <=> 0;
  return a.size() <=> b.size();
}

std::strong_ordering compare_identity(const chunk_entry& a, const chunk_entry& b) {
  if (const auto order = a.kind <=> b.kind; order != 0)
    return order;
  if (const auto order = compare(a.key, b.key); order != 0)
    return order;
  return compare(a.sub_key, b.sub_key);
}

/// A chunk that is being read, at its next entry.
struct open_chunk {
  explicit open_chunk(std::span<const std::byte> bytes) : reader(bytes) { advance(); }
  void advance() { more = reader.next(entry); }

  chunk_reader reader;
  chunk_entry entry;
  bool more = false;
};

/// The first key group of which an entry is left.
std::optional<key_group> next_group(const std::vector<open_chunk>& open) {
  std::optional<key_group> least;
  for (const open_chunk& chunk : open)
    if (chunk.more && (!least || chunk.reader.group() < *least))
      least = chunk.reader.group();
  return least;
}

/// By identity, and of one identity the newest first.
bool comes_before(const dated_entry& a, const dated_entry& b) {
  if (const auto order = compare_identity(a.entry, b.entry); order != 0)
    return order < 0;
  return a.chunk != b.chunk ? a.chunk > b.chunk : a.number > b.number;
}

} // namespace

std::vector<encoded_chunk> merge_chunks(std::span<const std::span<const std::byte>> chain, std::size_t split_bytes) {
  std::vector<encoded_chunk> merged;
  if (chain.empty())
    return merged;
  std::vector<open_chunk> open;
  open.reserve(chain.size());
  key_group empty_at{UINT32_MAX};
  std::optional<stored_time> clock;
  for (const std::span<const std::byte> bytes : chain) {
    open.emplace_back(bytes);
    if (open.back().reader.distributed_by() != open.front().reader.distributed_by())
      throw damaged_error({"a chain of chunks", "one way in which its entries are dealt out", "two",
                           "restore from another checkpoint"});
    empty_at = std::min(empty_at, open.back().reader.first());
    clock = std::max(clock, open.back().reader.clock()); // none is before any
  }
  chunk_writer writer{snapshot_kind::base, open.front().reader.distributed_by(), split_bytes, clock};
  std::vector<dated_entry> entries;
  // Groups ascend in every chunk: all are read through once, side by side.
  while (const auto group = next_group(open)) {
    entries.clear();
    for (std::size_t i = 0; i != open.size(); ++i)
      for (std::size_t number = 0; open[i].more && open[i].reader.group() == *group; open[i].advance())
        entries.push_back({open[i].entry, i, number++});
    std::sort(entries.begin(), entries.end(), comes_before);
    rest_if_due();
    writer.begin_group(*group);
    const chunk_entry* former = nullptr;
    for (const dated_entry& next : entries) {
      const bool older = former && compare_identity(*former, next.entry) == 0;
      former = &next.entry;
      if (older || next.entry.tombstone)
        continue;
      writer.add(next.entry);
      if (writer.full())
        merged.push_back(writer.finish());
    }
  }
  if (!writer.empty() || merged.empty())
    merged.push_back(writer.finish(empty_at));
  return merged;
}

} // namespace weir::inline v0
