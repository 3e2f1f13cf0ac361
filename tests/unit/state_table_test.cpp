// Keyed state and its snapshots, against std::map.
#include <weir/operators/state_table.hpp>
#include <weir/persistence/error.hpp>
#include <weir/persistence/fields.hpp>

#include <catch2/catch.hpp>

#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace state_table_test {

struct counter {
  std::uint64_t count = 0;
  std::string note;
  WEIR_FIELDS(count, note)
  bool operator==(const counter&) const = default;
};

} // namespace state_table_test

namespace {

using state_table_test::counter;
using weir::encoded_chunk;
using weir::key_group_range;
using weir::key_hash;
using weir::snapshot_kind;
using weir::state_table;
using chunks = std::vector<encoded_chunk>;

constexpr std::uint32_t max_parallelism = 16;
constexpr key_group_range everything{0, max_parallelism};

template <class K, class V>
std::map<K, V> contents_of(const state_table<K, V>& table) {
  std::map<K, V> contents;
  table.for_each_entry([&](const K& key, const V& value) { REQUIRE(contents.emplace(key, value).second); });
  REQUIRE(contents.size() == table.entry_count());
  return contents;
}

template <class K, class V>
std::map<K, V> loaded(const chunks& chain, key_group_range owned) {
  state_table<K, V> table{"state"};
  table.configure(owned, max_parallelism, true);
  for (const encoded_chunk& chunk : chain)
    table.load(chunk.bytes);
  return contents_of(table);
}

// What the chain holds, put together from tables of three other ranges.
template <class K, class V>
std::map<K, V> loaded_in_parts(const chunks& chain) {
  std::map<K, V> whole;
  for (const key_group_range owned : {key_group_range{0, 5}, key_group_range{5, 6}, key_group_range{6, 16}})
    whole.merge(loaded<K, V>(chain, owned));
  return whole;
}

chunks encode_all(weir::any_state_table& table, std::size_t slice = 1000) {
  chunks out;
  while (!table.encode(slice, out)) {
  }
  return out;
}

std::uint64_t entries_in(const chunks& some) {
  std::uint64_t sum = 0;
  for (const encoded_chunk& chunk : some)
    sum += chunk.entries;
  return sum;
}

struct number_keys {
  using key = std::uint64_t;
  static key make(std::uint64_t i) { return i; }
};
struct text_keys {
  using key = std::string;
  static key make(std::uint64_t i) { return "a key that is long enough to be allocated " + std::to_string(i); }
};

// Random use of a table with random checkpoints; after each completed snapshot its chain must give the state at its
// mark.
template <class Keys>
void run_model(std::uint64_t seed, std::uint64_t key_space) {
  using K = typename Keys::key;
  INFO("seed " << seed << ", keys " << key_space);
  std::mt19937_64 random{seed};
  state_table<K, counter> table{"state", random() % 2 == 0 ? 200 : weir::default_chunk_bytes};
  table.configure(everything, max_parallelism, true);
  std::map<K, counter> model;
  std::map<K, counter> at_mark;
  chunks chain;
  chunks open;
  int deltas = 0;

  for (int step = 0; step < 3'000; ++step) {
    const K key = Keys::make(random() % key_space);
    const std::uint64_t hash = key_hash(key);
    const auto action = random() % 100;
    if (action < 45) {
      counter& value = table.touch(hash, key);
      REQUIRE(value == model[key]);
      value.count += random() % 10;
      value.note = std::to_string(step);
      model[key] = value;
    } else if (action < 55) {
      counter* value = table.find_for_write(hash, key);
      REQUIRE((value != nullptr) == (model.count(key) == 1));
      if (value != nullptr)
        model[key].count = value->count = random();
    } else if (action < 75) {
      REQUIRE(table.erase(hash, key) == (model.erase(key) == 1));
    } else if (action < 80) {
      const counter* value = table.find(hash, key);
      REQUIRE((value != nullptr) == (model.count(key) == 1));
      REQUIRE((value == nullptr || *value == model[key]));
    } else if (action < 83 && !table.snapshot_open()) {
      if (!table.changed_since_mark())
        REQUIRE(model == at_mark);
      table.mark();
      at_mark = model;
      open.clear();
      if (table.open_kind() == snapshot_kind::base) {
        chain.clear();
        deltas = 0;
      } else {
        ++deltas;
        REQUIRE(deltas <= static_cast<int>(weir::chunk_chain::max_deltas));
      }
    } else if (table.snapshot_open()) {
      if (!table.encode(random() % 8, open))
        continue;
      for (encoded_chunk& chunk : open) {
        REQUIRE(chunk.kind == table.open_kind());
        chain.push_back(std::move(chunk));
      }
      REQUIRE((loaded<K, counter>(chain, everything) == at_mark));
      REQUIRE((loaded_in_parts<K, counter>(chain) == at_mark));
      if (random() % 8 == 0)
        table.require_base(); // the store refused it, or another attempt took over
    }
  }
  REQUIRE(contents_of(table) == model);
}

} // namespace

TEST_CASE("every snapshot is the state at its mark, whatever is written while it is encoded", "[state_table]") {
  for (std::uint64_t seed = 0; seed < 12; ++seed)
    for (const std::uint64_t key_space : {5U, 60U, 900U}) {
      run_model<number_keys>(seed, key_space);
      run_model<text_keys>(seed, key_space);
    }
}

TEST_CASE("for_each gives every record its key's value, in order, and stops where it is told", "[state_table]") {
  for (const bool tracking : {false, true})
    for (const std::uint64_t key_space : {10U, 50'000U}) {
      state_table<std::uint64_t, std::uint64_t> table{"state"};
      table.configure(everything, max_parallelism, tracking);
      std::map<std::uint64_t, std::uint64_t> model;
      std::mt19937_64 random{key_space};
      std::vector<std::uint64_t> records;
      std::vector<std::uint64_t> hashes;
      for (int i = 0; i < 100'000; ++i) {
        records.push_back(random() % key_space);
        hashes.push_back(key_hash(records.back()));
      }
      std::size_t next = 0;
      while (next != records.size()) {
        const std::size_t to = std::min(next + random() % 500, records.size());
        const std::size_t stop = next + random() % 500;
        std::size_t expected = next;
        const std::size_t reached = table.for_each(
            hashes.data(), next, to, [&](std::size_t i) { return records[i]; },
            [&](std::size_t i, const std::uint64_t& key, std::uint64_t& value) {
              REQUIRE(i == expected++);
              REQUIRE(key == records[i]);
              REQUIRE(value == model[key]);
              value += i;
              model[key] += i;
              return i != stop;
            });
        REQUIRE(reached == std::min(to, stop + 1));
        REQUIRE(expected == reached);
        next = reached;
      }
      CHECK(contents_of(table) == model);
    }
}

TEST_CASE("for_each writes to a frozen state as touch does", "[state_table]") {
  state_table<std::uint64_t, std::uint64_t> table{"state"};
  table.configure(everything, max_parallelism, true);
  std::vector<std::uint64_t> keys(20'000);
  std::vector<std::uint64_t> hashes;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    keys[i] = i;
    hashes.push_back(key_hash(keys[i]));
  }
  const auto add_one = [&](std::size_t from, std::size_t to) {
    return table.for_each(
        hashes.data(), from, to, [&](std::size_t i) { return keys[i]; },
        [](std::size_t, const std::uint64_t&, std::uint64_t& value) { return ++value, true; });
  };
  add_one(0, keys.size());
  chunks chain;
  for (std::uint64_t round = 1; round < 4; ++round) {
    if (round == 2)
      add_one(0, keys.size()); // in one delta with what round 1 wrote
    table.mark();
    const auto at_mark = contents_of(table);
    std::size_t next = 0;
    while (!table.encode(700, chain)) {
      REQUIRE(add_one(next, next + 500) == next + 500);
      next += 500;
    }
    CHECK((loaded<std::uint64_t, std::uint64_t>(chain, everything) == at_mark));
  }
}

TEST_CASE("a slice is bounded in bytes, of large values and of what changed before it was encoded", "[state_table]") {
  constexpr std::size_t value_bytes = 2000;
  constexpr std::size_t values = 500;
  constexpr std::size_t slice = 256; // entries of up to 64 bytes: 16 KiB
  constexpr std::size_t chunk_bytes = 4096;
  state_table<std::uint64_t, std::string> table{"state", chunk_bytes};
  table.configure(everything, max_parallelism, true);
  const auto fill_last_group = [&](char with) {
    for (std::uint64_t key = 0, filled = 0; filled != values; ++key)
      if (weir::key_groups{max_parallelism}.of(key_hash(key)) == weir::key_group{max_parallelism - 1}) {
        table.touch(key_hash(key), key) = std::string(value_bytes, with);
        ++filled;
      }
  };
  fill_last_group('a');
  for (const bool changed : {false, true}) {
    table.require_base();
    table.mark();
    const auto at_mark = contents_of(table);
    if (changed)
      fill_last_group('b');
    chunks chain;
    std::size_t slices = 0;
    for (bool whole = false; !whole;) {
      const std::size_t before = chain.size();
      whole = table.encode(slice, chain);
      std::size_t bytes = 0; // with the chunk that was begun in the slice before
      for (std::size_t i = before; i != chain.size(); ++i)
        bytes += chain[i].bytes.size();
      REQUIRE(bytes < weir::bytes_for_an_entry * slice + 2 * (chunk_bytes + value_bytes));
      REQUIRE(++slices < 1000);
    }
    CHECK((loaded<std::uint64_t, std::string>(chain, everything) == at_mark));
  }
}

TEST_CASE("a string_view finds what a string made", "[state_table]") {
  state_table<std::string, int> table{"state"};
  table.configure(everything, max_parallelism, true);
  const std::string_view key = "a view";
  table.touch(key_hash(key), key) = 7;
  REQUIRE(table.find(key_hash(std::string{key}), std::string{key}) != nullptr);
  CHECK(*table.find(key_hash(key), key) == 7);
  CHECK(table.erase(key_hash(key), key));
}

TEST_CASE("a snapshot is a base at first, when asked for, when the deltas outgrow it, and after 256", "[state_table]") {
  state_table<std::uint64_t, std::uint64_t> table{"state"};
  table.configure(everything, max_parallelism, true);
  const auto touch = [&](std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t key = from; key != to; ++key)
      ++table.touch(key_hash(key), key);
  };
  const auto snapshot = [&] {
    table.mark();
    encode_all(table);
    return table.open_kind();
  };
  touch(0, 1000);
  CHECK(snapshot() == snapshot_kind::base);
  for (unsigned i = 0; i < weir::chunk_chain::max_deltas; ++i) {
    touch(0, 1);
    REQUIRE(snapshot() == snapshot_kind::delta);
  }
  touch(0, 1);
  CHECK(snapshot() == snapshot_kind::base);
  touch(0, 700);
  CHECK(snapshot() == snapshot_kind::delta);
  touch(0, 700);
  CHECK(snapshot() == snapshot_kind::delta);
  touch(0, 1);
  CHECK(snapshot() == snapshot_kind::base);
  touch(0, 1);
  table.require_base();
  CHECK(snapshot() == snapshot_kind::base);
  CHECK(snapshot() == snapshot_kind::delta);
}

TEST_CASE("a delta holds what changed, and an unchanged table none", "[state_table]") {
  state_table<std::uint64_t, std::uint64_t> table{"state"};
  table.configure(everything, max_parallelism, true);
  CHECK_FALSE(table.changed_since_mark());
  for (std::uint64_t key = 0; key != 100; ++key)
    table.touch(key_hash(key), key) = key;
  CHECK(table.changed_since_mark());
  table.mark();
  CHECK(entries_in(encode_all(table)) == 100);
  CHECK_FALSE(table.changed_since_mark());

  table.mark();
  CHECK(table.open_kind() == snapshot_kind::delta);
  CHECK(encode_all(table).empty());

  table.touch(key_hash(std::uint64_t{3}), 3U) = 0;
  table.erase(key_hash(std::uint64_t{4}), 4U);
  table.touch(key_hash(std::uint64_t{500}), 500U); // new, and gone again: no one needs to know
  table.erase(key_hash(std::uint64_t{500}), 500U);
  CHECK(table.changed_since_mark());
  table.mark();
  CHECK(entries_in(encode_all(table)) == 2);
  table.mark();
  CHECK(encode_all(table).empty());

  std::uint64_t other = 501; // takes the place of 500
  while (key_hash(other) % max_parallelism != key_hash(std::uint64_t{500}) % max_parallelism)
    ++other;
  table.touch(key_hash(std::uint64_t{500}), 500U);
  table.erase(key_hash(std::uint64_t{500}), 500U);
  table.touch(key_hash(other), other);
  table.mark();
  CHECK(entries_in(encode_all(table)) == 1);

  table.require_base();
  CHECK(table.changed_since_mark());
}

TEST_CASE("a table that became empty says so with an empty base", "[state_table]") {
  state_table<std::uint64_t, std::uint64_t> table{"state"};
  table.configure({4, 8}, max_parallelism, true);
  std::uint64_t key = 0;
  while (key_hash(key) % max_parallelism != 5)
    ++key;
  table.touch(key_hash(key), key);
  table.mark();
  encode_all(table);
  table.erase(key_hash(key), key);
  table.require_base();
  table.mark();
  const auto base = encode_all(table);
  REQUIRE(base.size() == 1);
  CHECK(base[0].kind == snapshot_kind::base);
  CHECK(base[0].entries == 0);
  CHECK(base[0].first == weir::key_group{4});
}

TEST_CASE("a loaded table goes on from there", "[state_table]") {
  state_table<std::uint64_t, std::uint64_t> first{"state"};
  first.configure(everything, max_parallelism, true);
  for (std::uint64_t key = 0; key != 100; ++key)
    first.touch(key_hash(key), key) = key;
  first.mark();
  const auto base = encode_all(first);

  state_table<std::uint64_t, std::uint64_t> second{"state"};
  second.configure(everything, max_parallelism, true);
  for (const encoded_chunk& chunk : base)
    second.load(chunk.bytes);
  second.erase(key_hash(std::uint64_t{7}), 7U);
  second.touch(key_hash(std::uint64_t{8}), 8U) = 80;
  auto expected = contents_of(second);
  second.mark();
  CHECK(second.open_kind() == snapshot_kind::base);
  CHECK((loaded<std::uint64_t, std::uint64_t>(encode_all(second), everything) == expected));

  second.clear();
  CHECK(second.entry_count() == 0);
  for (const encoded_chunk& chunk : base)
    second.load(chunk.bytes);
  CHECK(contents_of(second) == contents_of(first));
}

TEST_CASE("a table refuses what cannot be right", "[state_table]") {
  state_table<std::uint64_t, std::uint64_t> table{"counts/state"};
  CHECK_THROWS_AS(table.touch(1, 1U), weir::usage_error); // not configured: it owns nothing
  table.configure({0, 8}, max_parallelism, true);
  CHECK_THROWS_WITH(table.touch(9, 1U), Catch::Contains("counts/state") && Catch::Contains("key group"));
  CHECK_THROWS_AS(table.configure({0, 8}, max_parallelism, true), weir::usage_error);
  chunks out;
  CHECK_THROWS_AS(table.encode(1, out), weir::usage_error);
  table.mark();
  CHECK_THROWS_AS(table.mark(), weir::usage_error);

  state_table<std::uint64_t, std::uint64_t> untracked{"state"};
  untracked.configure(everything, max_parallelism, false);
  CHECK_THROWS_AS(untracked.mark(), weir::usage_error);
}

TEST_CASE("a chunk of another max parallelism, of a list or of other types is refused", "[state_table]") {
  state_table<std::uint64_t, std::uint64_t> stored{"state"};
  stored.configure({0, 32}, 32, true);
  for (std::uint64_t key = 0; key != 100; ++key)
    stored.touch(key_hash(key), key) = key;
  stored.mark();
  const auto base = encode_all(stored);

  state_table<std::uint64_t, std::uint64_t> other{"state"};
  other.configure(everything, max_parallelism, true);
  CHECK_THROWS_WITH(other.load(base[0].bytes), Catch::Contains("max parallelism"));

  state_table<std::uint64_t, std::uint32_t> other_type{"state"};
  other_type.configure({0, 32}, 32, true);
  CHECK_THROWS_AS(other_type.load(base[0].bytes), weir::damaged_error);
  CHECK_THROWS_WITH(other_type.expect_stored_schema(stored.schema_json()),
                    Catch::Contains("the value was stored as u64 and is u32 now"));

  weir::chunk_writer list{snapshot_kind::base, weir::distribution::list};
  CHECK_THROWS_AS(other.load(list.finish().bytes), weir::damaged_error);
}

TEST_CASE("the same use gives the same chunks", "[state_table]") {
  const auto run = [] {
    state_table<std::string, std::uint64_t> table{"state", 4096};
    table.configure(everything, max_parallelism, true);
    chunks out;
    std::mt19937_64 random{1};
    for (int round = 0; round < 5; ++round) {
      for (int i = 0; i < 500; ++i) {
        const auto key = std::to_string(random() % 300);
        if (random() % 4 == 0)
          table.erase(key_hash(key), key);
        else
          ++table.touch(key_hash(key), key);
      }
      table.mark();
      while (!table.encode(50, out))
        ++table.touch(key_hash("1"), std::string_view{"1"});
    }
    std::vector<std::uint64_t> checksums;
    for (const encoded_chunk& chunk : out)
      checksums.push_back(chunk.checksum);
    return checksums;
  };
  CHECK(run() == run());
}
