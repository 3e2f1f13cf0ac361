// Reads any bytes as a chunk, which may be a compressed one. What can be read is, byte by byte, what the writer makes
// of the same entries.
#include "allocation_limit.hpp"
#include "fuzz_check.hpp"

#include <weir/persistence/chunk.hpp>
#include <weir/persistence/chunk_compression.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace {

using namespace weir_fuzz;
using weir::chunk_entry;
using weir::chunk_reader;
using weir::chunk_writer;
using weir::key_group;

struct placed_entry {
  key_group group;
  chunk_entry entry;
};

bool same(const placed_entry& a, const placed_entry& b) {
  return a.group == b.group && a.entry.kind == b.entry.kind && a.entry.tombstone == b.entry.tombstone &&
         std::ranges::equal(a.entry.key, b.entry.key) && std::ranges::equal(a.entry.sub_key, b.entry.sub_key) &&
         std::ranges::equal(a.entry.value, b.entry.value) && a.entry.time == b.entry.time;
}

void read_all(chunk_reader reader, std::vector<placed_entry>& into) {
  chunk_entry entry;
  while (reader.next(entry))
    into.push_back({reader.group(), entry});
}

/// The same entries, encoded beforehand and split into small chunks, as a state table adds those that changed.
void check_split(const chunk_reader& reader, const std::vector<placed_entry>& entries) {
  constexpr std::size_t split_bytes = 100;
  chunk_writer writer{reader.kind(), reader.distributed_by(), split_bytes, reader.clock()};
  std::vector<weir::encoded_chunk> chunks;
  for (auto each = entries.begin(); each != entries.end();) {
    const auto end = std::find_if(each, entries.end(), [&](const auto& other) { return other.group != each->group; });
    chunk_writer encoder{reader.kind(), reader.distributed_by(), std::numeric_limits<std::size_t>::max(),
                         reader.clock()};
    encoder.begin_group(each->group);
    const std::size_t start = encoder.body().size();
    writer.begin_group(each->group);
    for (; each != end; ++each)
      encoder.add(each->entry);
    std::size_t most_bytes = 1; // grows from piece to piece
    for (auto left = encoder.body().bytes().subspan(start); !left.empty(); most_bytes *= 2)
      left = left.subspan(writer.add_encoded(left, most_bytes, chunks));
  }
  if (!writer.empty())
    chunks.push_back(writer.finish());
  std::vector<placed_entry> found;
  for (const auto& chunk : chunks) {
    const std::size_t before = found.size();
    const chunk_reader part{chunk.bytes};
    read_all(part, found);
    require(found.size() - before == chunk.entries && chunk.entries != 0, "a chunk says how many entries it has");
    require(part.clock() == reader.clock(), "a chunk says what the clock showed");
    require(part.first() == chunk.first && part.last() == chunk.last, "a chunk says its key groups");
    require(found[before].group == chunk.first && found.back().group == chunk.last, "and has entries of the outer two");
  }
  require(std::ranges::equal(found, entries, same), "entries that are split into chunks stay the same");
}

/// Whatever can be compressed comes back.
void check_compression(std::span<const std::byte> bytes) {
  const auto packed = weir::compress_chunk(bytes);
  if (!packed)
    return;
  require(packed->size() < bytes.size(), "what is compressed is smaller");
  std::vector<std::byte> room;
  require(std::ranges::equal(weir::plain_chunk(*packed, room), bytes), "and is unpacked as it was");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::byte> room;
  std::span<const std::byte> bytes;
  {
    const allocation_limit limit{weir::most_compressed_chunk_bytes + 4096};
    if (!accepts([&] { bytes = weir::plain_chunk(as_bytes(data, size), room); }))
      return 0;
  }
  check_compression(bytes);
  std::vector<placed_entry> entries;
  entries.reserve(bytes.size()); // an entry takes two bytes at least
  {
    const allocation_limit limit{4096};
    if (!accepts([&] { read_all(chunk_reader{bytes}, entries); }))
      return 0;
  }
  const chunk_reader reader{bytes};
  require(reader.entries() == entries.size(), "a chunk has as many entries as its header says");

  chunk_writer writer{reader.kind(), reader.distributed_by(), std::numeric_limits<std::size_t>::max(), reader.clock()};
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i == 0 || entries[i].group != entries[i - 1].group)
      writer.begin_group(entries[i].group);
    writer.add(entries[i].entry);
  }
  const auto written = writer.finish(reader.first());
  require(std::ranges::equal(written.bytes, bytes), "a chunk that was read is written with the same bytes");
  require(written.first == reader.first() && written.last == reader.last(), "and with the same key groups");

  // Of a range of key groups exactly its entries are read.
  if (!entries.empty()) {
    const auto middle = entries[entries.size() / 2].group.value;
    for (const weir::key_group_range wanted :
         {weir::key_group_range{middle, middle + 1}, {0, middle}, {middle + 1, reader.last().value + 1}}) {
      std::vector<placed_entry> some;
      read_all(chunk_reader{bytes, wanted}, some);
      std::vector<placed_entry> expected;
      std::ranges::copy_if(entries, std::back_inserter(expected),
                           [&](const auto& each) { return wanted.contains(each.group); });
      require(std::ranges::equal(some, expected, same), "of the key groups that are wanted all entries are read");
    }
  }
  check_split(reader, entries);
  return 0;
}
