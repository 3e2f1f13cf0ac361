// Loads any bytes, as a chain of chunks, into the tables of maps and lists by key. What can be loaded is what a plain
// map makes of the same entries, and what a table stores of it another one loads.
#include "allocation_limit.hpp"
#include "fuzz_check.hpp"
#include "fuzz_input.hpp"
#include "stored_types.hpp"

#include <weir/operators/state_collections.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace weir_fuzz;
using bytes = std::vector<std::byte>;
/// By key and sub-key, as a program knows them: a list's elements by their places, from 0 on.
using model = std::map<std::pair<bytes, bytes>, bytes>;

bytes copy(std::span<const std::byte> from) {
  return {from.begin(), from.end()};
}

/// A chunk whose frame is whole: entries with any bytes. A key that can be read is mostly put into its key group.
template <class K>
bytes chunk_of_entries(fuzz_input& input, weir::entry_kind kind, std::uint32_t max_parallelism) {
  std::map<std::uint32_t, std::vector<weir::chunk_entry>> groups;
  for (std::size_t left = input.below(24); left != 0 && !input.empty(); --left) {
    const unsigned what = input.byte();
    weir::chunk_entry entry;
    entry.kind = what % 16 == 15 ? static_cast<weir::entry_kind>(what / 16 % 4) : kind;
    entry.tombstone = what % 4 == 3;
    entry.key = input.sized_bytes();
    if (entry.kind != weir::entry_kind::value)
      entry.sub_key = input.sized_bytes();
    if (!entry.tombstone)
      entry.value = input.sized_bytes();
    std::uint32_t group = what / 16;
    if (what % 8 != 7)
      accepts(
          [&] { group = weir::key_groups{max_parallelism}.of(weir::key_hash(weir::from_bytes<K>(entry.key))).value; });
    groups[group].push_back(entry);
  }
  weir::chunk_writer writer{weir::snapshot_kind::delta, weir::distribution::by_key_group,
                            std::numeric_limits<std::size_t>::max()};
  for (const auto& [group, entries] : groups) {
    writer.begin_group(weir::key_group{group});
    for (const auto& entry : entries)
      writer.add(entry);
  }
  return writer.finish().bytes;
}

/// What the entries of a chunk, all of which were accepted, make of the state; sub-keys as they are stored.
template <class K, class V>
void apply(std::span<const std::byte> chunk, weir::entry_kind kind, weir::key_group_range owned, model& state) {
  weir::chunk_reader reader{chunk};
  weir::chunk_entry entry;
  while (reader.next(entry)) {
    if (!owned.contains(reader.group()))
      continue;
    require(entry.kind == kind, "a table takes entries of its kind alone");
    std::pair<bytes, bytes> place{weir::to_bytes(weir::from_bytes<K>(entry.key)), copy(entry.sub_key)};
    if (entry.tombstone)
      state.erase(place);
    else
      state[std::move(place)] = weir::to_bytes(weir::from_bytes<V>(entry.value));
  }
}

bytes place_bytes(std::uint64_t position) {
  bytes place(sizeof(position));
  weir::detail::store_position(place.data(), position);
  return place;
}

/// Positions are counted anew, in their order, which is that of their bytes.
model without_gaps(const model& stored) {
  model counted;
  const bytes* key = nullptr;
  std::uint64_t next = 0;
  for (const auto& [place, value] : stored) {
    next = key && *key == place.first ? next + 1 : 0;
    key = &place.first;
    counted[{place.first, place_bytes(next)}] = value;
  }
  return counted;
}

template <class K, class S, class V>
model content(weir::detail::keyed_map_table<K, S, V>& table, const model& expected) {
  model found;
  for (const auto& [place, value] : expected) {
    const K key = weir::from_bytes<K>(place.first);
    table.set_key(weir::key_hash(key), key);
    const auto* keys = table.keys();
    require(keys != nullptr, "a key has its entries");
    for (const S& each : *keys)
      found[{place.first, weir::to_bytes(each)}] = weir::to_bytes(*table.find(each));
  }
  require(found.size() == table.table().entry_count(), "a table counts its entries");
  return found;
}

template <class K, class T>
model content(weir::detail::keyed_list_table<K, T>& table, const model& expected) {
  model found;
  for (const auto& [place, value] : expected) {
    const K key = weir::from_bytes<K>(place.first);
    table.set_key(weir::key_hash(key), key);
    require(table.size() != 0, "a key has its elements");
    for (std::size_t i = 0; i != table.size(); ++i)
      found[{place.first, place_bytes(i)}] = weir::to_bytes(table.at(i));
  }
  require(found.size() == table.table().entry_count(), "a table counts its elements");
  return found;
}

template <class Table, class K, class V>
void load_chain(fuzz_input& input, weir::entry_kind kind) {
  const bool from_entries = input.below(2) == 1;
  const std::uint32_t max_parallelism = input.below(2) == 0 ? 1 : 7;
  const weir::key_group_range owned{0, max_parallelism == 1 ? 1U : 5U};
  Table table{"state.member"};
  table.configure(owned, max_parallelism, true);
  model stored;
  while (!input.empty()) {
    const bytes chunk = from_entries ? chunk_of_entries<K>(input, kind, max_parallelism)
                                     : copy(input.bytes(input.number<std::uint16_t>()));
    const allocation_limit limit{65536 + 2048 * chunk.size()};
    if (!accepts([&] { table.table().load(chunk); }))
      return;
    apply<K, V>(chunk, kind, owned, stored);
  }
  table.ready();
  const bool list = kind == weir::entry_kind::list_entry;
  const model expected = list ? without_gaps(stored) : stored;
  require(content(table, expected) == expected, "a table has what its chunks say");

  std::vector<weir::encoded_chunk> chunks;
  table.table().mark();
  while (!table.table().encode(3, chunks)) {
  }
  Table twin{"state.member"};
  twin.configure(owned, max_parallelism, true);
  for (const auto& chunk : chunks)
    twin.table().load(chunk.bytes);
  twin.ready();
  require(content(twin, expected) == expected, "what a table stored another one loads");
}

template <class K, class S, class V>
void load_map(fuzz_input& input) {
  load_chain<weir::detail::keyed_map_table<K, S, V>, K, V>(input, weir::entry_kind::map_entry);
}
template <class K, class T>
void load_list(fuzz_input& input) {
  load_chain<weir::detail::keyed_list_table<K, T>, K, T>(input, weir::entry_kind::list_entry);
}

constexpr void (*targets[])(fuzz_input&) = {&load_map<std::string, std::string, std::uint32_t>,
                                            &load_map<std::uint8_t, std::uint8_t, reading>,
                                            &load_map<std::string, std::vector<std::uint8_t>, std::string>,
                                            &load_list<std::string, std::uint8_t>, &load_list<std::uint16_t, reading>};

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input input{as_bytes(data, size)};
  const unsigned type = input.byte();
  if (type >= std::size(targets))
    return -1;
  targets[type](input);
  return 0;
}
