// Loads any bytes, as a chain of chunks, into state tables. What can be loaded is what a plain map makes of the same
// entries, and what a table stores of it another one loads.
#include "allocation_limit.hpp"
#include "fuzz_check.hpp"
#include "fuzz_input.hpp"
#include "stored_types.hpp"

#include <weir/operators/list_state_table.hpp>
#include <weir/operators/state_table.hpp>
#include <weir/operators/state_table_impl.hpp>

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace weir_fuzz;
using bytes = std::vector<std::byte>;
using model = std::map<bytes, bytes>;

/// How the chunks come about.
enum class form : unsigned { as_they_are, from_entries };

bytes copy(std::span<const std::byte> from) {
  return {from.begin(), from.end()};
}

/// A chunk whose frame is whole: entries with any bytes as keys and values. A key that can be read is put into its key
/// group, so that it gets further than that check.
template <class K>
bytes chunk_of_entries(fuzz_input& input, weir::distribution distributed_by, std::uint32_t max_parallelism) {
  std::map<std::uint32_t, std::vector<weir::chunk_entry>> groups;
  std::optional<weir::stored_time> clock;
  for (std::size_t left = input.below(24); left != 0 && !input.empty(); --left) {
    const unsigned what = input.byte();
    weir::chunk_entry entry;
    entry.kind = what % 16 == 15 ? weir::entry_kind::timer : weir::entry_kind::value;
    entry.tombstone = what % 4 == 3;
    entry.key = input.sized_bytes();
    if (!entry.tombstone)
      entry.value = input.sized_bytes();
    if (!entry.tombstone && (what & 0x40U) != 0) {
      entry.time = weir::stored_time{std::chrono::microseconds{what}};
      clock = weir::no_stored_time;
    }
    std::uint32_t group = what / 16;
    if (distributed_by == weir::distribution::list)
      group = 0;
    else if (what % 8 != 7)
      accepts(
          [&] { group = weir::key_groups{max_parallelism}.of(weir::key_hash(weir::from_bytes<K>(entry.key))).value; });
    groups[group].push_back(entry);
  }
  weir::chunk_writer writer{weir::snapshot_kind::delta, distributed_by, std::numeric_limits<std::size_t>::max(), clock};
  for (const auto& [group, entries] : groups) {
    writer.begin_group(weir::key_group{group});
    for (const auto& entry : entries)
      writer.add(entry);
  }
  return writer.finish().bytes;
}

template <class K>
bytes next_chunk(fuzz_input& input, form how, weir::distribution distributed_by, std::uint32_t max_parallelism) {
  if (how == form::from_entries)
    return chunk_of_entries<K>(input, distributed_by, max_parallelism);
  return copy(input.bytes(input.number<std::uint16_t>()));
}

/// What the entries of a chunk, all of which were accepted, make of the state.
template <class K, class V>
void apply(std::span<const std::byte> chunk, weir::key_group_range owned, model& state) {
  weir::chunk_reader reader{chunk};
  weir::chunk_entry entry;
  while (reader.next(entry)) {
    if (!owned.contains(reader.group()))
      continue;
    const bytes key = weir::to_bytes(weir::from_bytes<K>(entry.key));
    if (entry.tombstone)
      state.erase(key);
    else
      state[key] = weir::to_bytes(weir::from_bytes<V>(entry.value));
  }
}

template <class Table>
std::vector<weir::encoded_chunk> snapshot(Table& table) {
  std::vector<weir::encoded_chunk> chunks;
  table.mark();
  require(table.open_kind() == weir::snapshot_kind::base, "after loading comes a base");
  while (!table.encode(3, chunks)) {
  }
  return chunks;
}

template <class K, class V>
model content(const weir::state_table<K, V>& table) {
  model found;
  table.for_each_entry([&](const K& key, const V& value) {
    require(table.find(weir::key_hash(key), key) == &value, "an entry that is there is found");
    require(found.emplace(weir::to_bytes(key), weir::to_bytes(value)).second, "a key is there once");
  });
  require(found.size() == table.entry_count(), "a table counts its entries");
  return found;
}

template <class T>
model content(const weir::list_state_table<T>& table) {
  model found;
  for (const auto& [key, value] : table)
    found.emplace(weir::to_bytes(key), weir::to_bytes(value));
  require(found.size() == table.entry_count(), "a table counts its items");
  return found;
}

constexpr std::size_t small_chunk_bytes = 200;

template <class K, class V>
weir::state_table<K, V> make(const weir::state_table<K, V>*) {
  return weir::state_table<K, V>{"state", small_chunk_bytes};
}
template <class T>
weir::list_state_table<T> make(const weir::list_state_table<T>*) {
  return weir::list_state_table<T>{"state"};
}

template <class Table, class K, class V>
void load_chain(fuzz_input& input) {
  const auto how = static_cast<form>(input.below(2));
  const std::uint32_t max_parallelism = input.below(2) == 0 ? 1 : 8;
  const weir::key_group_range owned{0, max_parallelism == 1 ? 1U : 5U};
  const unsigned setting = static_cast<unsigned>(input.below(4));
  const bool old_version = setting == 3;
  auto table = make(static_cast<const Table*>(nullptr));
  table.configure(owned, max_parallelism, true);
  if constexpr (requires { table.set_time_to_live({}); })
    if (setting == 2) // but the clock stands still: times are kept, and nothing expires
      table.set_time_to_live({std::chrono::seconds{1}});
  if (old_version) {
    auto schema = weir::table_schema_from_json(table.schema_json());
    for (auto* type : {&schema.key, &schema.value})
      if (type->version > 1) {
        type->version = 1;
        type->parts.pop_back();
      }
    table.expect_stored_schema(weir::to_json(schema));
  }
  model expected;
  while (!input.empty()) {
    const bytes chunk = next_chunk<K>(input, how, table.distributed_by(), max_parallelism);
    {
      // Values may grow as in the archive's target; a new table of a key group takes some 3 KiB.
      const allocation_limit limit{65536 + 2048 * chunk.size()};
      if (!accepts([&] { table.load(chunk); }))
        return;
    }
    if (!old_version) {
      apply<K, V>(chunk, owned, expected);
      require(content(table) == expected, "a table has what its chunks say");
    }
  }

  const model loaded = content(table);
  const auto chunks = snapshot(table);
  require(content(table) == loaded, "a snapshot changes nothing");
  auto twin = make(static_cast<const Table*>(nullptr));
  twin.configure(owned, max_parallelism, true);
  for (const auto& chunk : chunks)
    twin.load(chunk.bytes);
  require(content(twin) == loaded, "what a table stored another one loads");
  table.clear();
  require(content(table).empty(), "a table that is cleared is empty");
}

template <class K, class V>
void load_keyed(fuzz_input& input) {
  load_chain<weir::state_table<K, V>, K, V>(input);
}
template <class T>
void load_list(fuzz_input& input) {
  load_chain<weir::list_state_table<T>, std::string, T>(input);
}

using structured_key = std::tuple<std::uint8_t, std::string>;

constexpr void (*targets[])(fuzz_input&) = {&load_keyed<std::uint64_t, std::uint64_t>,
                                            &load_keyed<std::string, std::uint64_t>,
                                            &load_keyed<std::string, reading>,
                                            &load_keyed<structured_key, std::vector<std::string>>,
                                            &load_keyed<std::uint8_t, versioned>,
                                            &load_keyed<std::set<std::uint8_t>, std::optional<std::uint8_t>>,
                                            &load_list<std::string>,
                                            &load_list<reading>,
                                            &load_list<versioned>};

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input input{as_bytes(data, size)};
  const unsigned type = input.byte();
  if (type >= std::size(targets))
    return -1;
  targets[type](input);
  return 0;
}
