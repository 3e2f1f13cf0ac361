// The tables of map_state and list_state: snapshots against a model, bytes, damage.
#include <weir/operators/state_collections.hpp>
#include <weir/persistence/chunk_merge.hpp>
#include <weir/persistence/error.hpp>

#include <catch2/catch.hpp>

#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace {

using weir::chunk_entry;
using weir::chunk_writer;
using weir::encoded_chunk;
using weir::entry_kind;
using weir::key_group;
using weir::key_group_range;
using weir::key_hash;
using weir::snapshot_kind;
using weir::detail::keyed_list_table;
using weir::detail::keyed_map_table;
using chunks = std::vector<encoded_chunk>;
using map_table = keyed_map_table<std::string, std::uint32_t, std::string>;
using list_table = keyed_list_table<std::string, std::string>;
using map_model = std::map<std::string, std::map<std::uint32_t, std::string>>;
using list_model = std::map<std::string, std::deque<std::string>>;

const std::vector<std::string> key_names{"a", "b", "c", "", "quite a long key that is no short string", "f", "g", "h"};

template <class Table>
void choose(Table& table, const std::string& key) {
  table.set_key(key_hash(key), key);
}

map_model contents_of(map_table& table) {
  map_model all;
  std::uint64_t entries = 0;
  for (const std::string& key : key_names) {
    choose(table, key);
    if (const auto* keys = table.keys())
      for (const std::uint32_t each : *keys) {
        REQUIRE(table.find(each) != nullptr);
        all[key][each] = *table.find(each);
        ++entries;
      }
  }
  REQUIRE(entries == table.table().entry_count());
  return all;
}

list_model contents_of(list_table& table) {
  list_model all;
  std::uint64_t entries = 0;
  for (const std::string& key : key_names) {
    choose(table, key);
    for (std::size_t i = 0; i != table.size(); ++i, ++entries)
      all[key].push_back(table.at(i));
  }
  REQUIRE(entries == table.table().entry_count());
  return all;
}

/// One random change of one entry, in the table and in the model.
void change(map_table& table, map_model& model, std::mt19937& random) {
  const std::string& key = key_names[random() % key_names.size()];
  choose(table, key);
  const auto entry = static_cast<std::uint32_t>(random() % 12);
  const std::string value = std::to_string(random() % 1000);
  switch (random() % 8) {
  case 0:
  case 1:
    CHECK(table.erase(entry) == (model.count(key) != 0 && model[key].erase(entry) != 0));
    break;
  case 2:
    if (random() % 6 == 0) {
      table.clear();
      model.erase(key);
    }
    break;
  case 3:
    if (std::string* known = table.find_for_write(entry))
      *known += (model[key].at(entry) += "+", "+");
    else
      CHECK((model.count(key) == 0 || model[key].count(entry) == 0));
    break;
  default:
    table.touch(entry) = value;
    model[key][entry] = value;
  }
  if (model.count(key) != 0 && model[key].empty())
    model.erase(key);
}

void change(list_table& table, list_model& model, std::mt19937& random) {
  const std::string& key = key_names[random() % key_names.size()];
  choose(table, key);
  std::deque<std::string>& list = model[key];
  REQUIRE(table.size() == list.size());
  const std::string value = std::to_string(random() % 1000);
  const auto what = random() % 8;
  if (what < 3 || list.empty()) {
    table.push_back() = value;
    list.push_back(value);
  } else if (what == 3) {
    table.pop_front();
    list.pop_front();
  } else if (what == 4) {
    table.pop_back();
    list.pop_back();
  } else if (what == 5 && random() % 4 == 0) {
    table.clear();
    list.clear();
  } else {
    const std::size_t at = random() % list.size();
    table.at_for_write(at) = value;
    list[at] = value;
  }
  if (list.empty())
    model.erase(key);
}

/// Restored in parts, as other subtasks would.
template <class Table, class Model>
Model restored(const chunks& chain, std::uint32_t max_parallelism) {
  Model whole;
  const std::uint32_t half = max_parallelism / 2;
  for (const key_group_range owned : {key_group_range{0, half}, key_group_range{half, max_parallelism}}) {
    Table table{"state.member"};
    table.configure(owned, max_parallelism, true);
    for (const encoded_chunk& chunk : chain)
      table.table().load(chunk.bytes);
    table.ready();
    const weir::key_groups groups{max_parallelism};
    std::uint64_t entries = 0;
    for (const std::string& key : key_names)
      if (owned.contains(groups.of(key_hash(key)))) {
        Table& in = table;
        choose(in, key);
        if constexpr (std::is_same_v<Table, map_table>) {
          if (const auto* keys = in.keys())
            for (const std::uint32_t each : *keys) {
              whole[key][each] = *in.find(each);
              ++entries;
            }
        } else {
          for (std::size_t i = 0; i != in.size(); ++i, ++entries)
            whole[key].push_back(in.at(i));
        }
      }
    CHECK(entries == table.table().entry_count());
  }
  return whole;
}

template <class Table, class Model>
void against_model(std::uint32_t seed, std::uint32_t max_parallelism) {
  INFO("seed " << seed << ", max parallelism " << max_parallelism);
  std::mt19937 random{seed};
  Table table{"state.member"};
  table.configure({0, max_parallelism}, max_parallelism, true);
  table.ready();
  Model model;
  chunks chain;
  for (int round = 0; round != 12; ++round) {
    for (auto i = random() % 60; i != 0; --i)
      change(table, model, random);
    if (random() % 5 == 0)
      table.table().require_base();
    const Model at_mark = model;
    table.table().mark();
    if (table.table().open_kind() == snapshot_kind::base)
      chain.clear();
    // Changes between the slices: the chunks say what was at the mark.
    while (!table.table().encode(1 + random() % 9, chain))
      for (auto i = random() % 9; i != 0; --i)
        change(table, model, random);
    REQUIRE((restored<Table, Model>(chain, max_parallelism) == at_mark));
    REQUIRE((contents_of(table) == model));
    std::vector<std::span<const std::byte>> bytes;
    for (const encoded_chunk& chunk : chain)
      bytes.emplace_back(chunk.bytes);
    const chunks merged = weir::merge_chunks(bytes);
    REQUIRE((restored<Table, Model>(merged, max_parallelism) == at_mark));
  }
}

chunks encoded(weir::any_state_table& table) {
  chunks out;
  table.mark();
  while (!table.encode(100, out)) {
  }
  return out;
}

std::size_t bytes_in(const chunks& some) {
  std::size_t sum = 0;
  for (const encoded_chunk& chunk : some)
    sum += chunk.bytes.size();
  return sum;
}

std::vector<std::byte> text_bytes(const std::string& text) {
  return weir::to_bytes(text);
}

/// One chunk with one entry, in the key group of its key.
std::vector<std::byte> chunk_of(const chunk_entry& entry) {
  chunk_writer writer{snapshot_kind::base, weir::distribution::by_key_group};
  writer.begin_group(weir::key_groups{16}.of(weir::checksum(entry.key)));
  writer.add(entry);
  return writer.finish().bytes;
}

} // namespace

TEST_CASE("maps and lists by key are what a model says, also in snapshots that are open while they change",
          "[collections]") {
  const auto first_seed = static_cast<std::uint32_t>(std::random_device{}());
  for (std::uint32_t seed = first_seed; seed != first_seed + 20; ++seed) {
    against_model<map_table, map_model>(seed, seed % 2 == 0 ? 16 : 7);
    against_model<list_table, list_model>(seed, seed % 2 == 0 ? 7 : 16);
  }
}

TEST_CASE("a change of one entry of a large map writes one entry", "[collections]") {
  map_table table{"state.member"};
  table.configure({0, 16}, 16, true);
  const std::string key = "the key";
  choose(table, key);
  for (std::uint32_t i = 0; i != 10'000; ++i)
    table.touch(i) = "value " + std::to_string(i);
  const chunks base = encoded(table.table());
  CHECK(bytes_in(base) > 10'000 * 20);
  CHECK_FALSE(table.table().changed_since_mark());

  table.touch(77) = "another";
  const chunks one = encoded(table.table());
  REQUIRE(one.size() == 1);
  CHECK(one[0].kind == snapshot_kind::delta);
  CHECK(one[0].entries == 1);
  CHECK(one[0].bytes.size() < 100);

  CHECK(table.erase(78));
  CHECK_FALSE(table.erase(78));
  const chunks gone = encoded(table.table());
  REQUIRE(gone.size() == 1);
  CHECK(gone[0].entries == 1);

  table.touch(78) = "again";
  CHECK(table.erase(78));
  table.touch(78) = "for good";
  const chunks again = encoded(table.table());
  REQUIRE(again.size() == 1);
  CHECK(again[0].entries == 1);
  CHECK(again[0].bytes.size() < 100);
}

TEST_CASE("what comes and goes at the ends of a long list writes these elements only", "[collections]") {
  list_table table{"state.member"};
  table.configure({0, 16}, 16, true);
  const std::string key = "the key";
  choose(table, key);
  for (int i = 0; i != 10'000; ++i)
    table.push_back() = std::to_string(i);
  static_cast<void>(encoded(table.table()));
  table.push_back() = "last";
  table.pop_front();
  const chunks two = encoded(table.table());
  REQUIRE(two.size() == 1);
  CHECK(two[0].entries == 2);
  CHECK(two[0].bytes.size() < 150);
  CHECK(table.size() == 10'000);
  CHECK(table.at(0) == "1");
  CHECK(table.at(9'999) == "last");
}

TEST_CASE("the bytes of a map's and of a list's entries do not change from version to version", "[collections]") {
  map_table maps{"state.member"};
  maps.configure({0, 16}, 16, true);
  const std::string key = "k";
  choose(maps, key);
  maps.touch(0x0102) = "v";
  list_table lists{"state.member"};
  lists.configure({0, 16}, 16, true);
  choose(lists, key);
  lists.push_back() = "x";
  lists.push_back() = "y";
  lists.pop_front();
  REQUIRE(weir::key_groups{16}.of(key_hash(key)).value == 10);
  const unsigned char map_golden[] = {'W', 'C', 'H', 'K', 1, 0, 0, 0, 10, 0, 0, 0,  10, 0, 0, 0,
                                      1,   0,   0,   0,   0, 0, 0, 0, 28, 0, 0, 0,  0,  0, 0, 0, // header
                                      10,  0,   0,   0,   1, 0, 0, 0, 12, 0, 0, 0,  0,  0, 0, 0, // section
                                      1,   2,   1,   'k', 4, 2, 1, 0, 0,  2, 1, 'v'};            // k, 0x0102 = v
  const unsigned char list_golden[] = {'W', 'C', 'H', 'K', 1, 0, 0, 0, 10, 0, 0, 0, 10, 0, 0, 0,
                                       1,   0,   0,   0,   0, 0, 0, 0, 32, 0, 0, 0, 0,  0, 0, 0,    // header
                                       10,  0,   0,   0,   1, 0, 0, 0, 16, 0, 0, 0, 0,  0, 0, 0,    // section
                                       2,   2,   1,   'k', 8, 0, 0, 0, 0,  0, 0, 0, 1,  2, 1, 'y'}; // k, 1 = y
  const chunks map_chunks = encoded(maps.table());
  const chunks list_chunks = encoded(lists.table());
  REQUIRE(map_chunks.size() == 1);
  REQUIRE(list_chunks.size() == 1);
  REQUIRE(map_chunks[0].bytes.size() == sizeof(map_golden));
  CHECK(std::memcmp(map_chunks[0].bytes.data(), map_golden, sizeof(map_golden)) == 0);
  REQUIRE(list_chunks[0].bytes.size() == sizeof(list_golden));
  CHECK(std::memcmp(list_chunks[0].bytes.data(), list_golden, sizeof(list_golden)) == 0);
  CHECK(maps.table().schema_json() == R"({"key":"string","sub_key":"u32","value":"string"})");
  CHECK(lists.table().schema_json() == R"({"key":"string","sub_key":"position","value":"string"})");
}

TEST_CASE("a table of entries and one of values do not take each other's state", "[collections]") {
  map_table maps{"state.member"};
  list_table lists{"state.member"};
  weir::state_table<std::string, std::string> values{"state.member"};
  CHECK_NOTHROW(maps.table().expect_stored_schema(maps.table().schema_json()));
  CHECK_THROWS_WITH(maps.table().expect_stored_schema(lists.table().schema_json()),
                    Catch::Contains("stored with the elements of a list and has the entries of a map now"));
  CHECK_THROWS_WITH(lists.table().expect_stored_schema(values.schema_json()),
                    Catch::Contains("stored with one value a key and has the elements of a list now"));
  CHECK_THROWS_WITH(values.expect_stored_schema(maps.table().schema_json()),
                    Catch::Contains("stored with the entries of a map and has one value a key now"));
  keyed_map_table<std::string, std::uint64_t, std::string> wider{"state.member"};
  CHECK_THROWS_WITH(wider.table().expect_stored_schema(maps.table().schema_json()),
                    Catch::Contains("the key of an entry was stored as u32 and is u64 now"));
}

TEST_CASE("entries of another kind and damaged ones are refused", "[collections]") {
  map_table maps{"state.member"};
  maps.configure({0, 16}, 16, true);
  list_table lists{"state.member"};
  lists.configure({0, 16}, 16, true);
  const auto key = text_bytes("k");
  const auto value = text_bytes("v");
  const auto sub_key = weir::to_bytes(std::uint32_t{7});
  const auto position = weir::to_bytes(std::uint64_t{7});
  const chunk_entry good{entry_kind::map_entry, false, key, sub_key, value};
  CHECK_NOTHROW(maps.table().load(chunk_of(good)));
  CHECK_NOTHROW(lists.table().load(chunk_of({entry_kind::list_entry, false, key, position, value})));

  CHECK_THROWS_AS(maps.table().load(chunk_of({entry_kind::value, false, key, {}, value})), weir::damaged_error);
  CHECK_THROWS_AS(maps.table().load(chunk_of({entry_kind::timer, false, key, sub_key, value})), weir::damaged_error);
  CHECK_THROWS_AS(maps.table().load(chunk_of({entry_kind::list_entry, false, key, position, value})),
                  weir::damaged_error);
  CHECK_THROWS_AS(maps.table().load(chunk_of({entry_kind::map_entry, false, key, position, value})),
                  weir::damaged_error);
  CHECK_THROWS_AS(maps.table().load(chunk_of({entry_kind::map_entry, false, key, {}, value})), weir::damaged_error);
  CHECK_THROWS_AS(maps.table().load(chunk_of({entry_kind::map_entry, false, key, sub_key, sub_key})),
                  weir::damaged_error);
  CHECK_THROWS_AS(lists.table().load(chunk_of({entry_kind::map_entry, false, key, sub_key, value})),
                  weir::damaged_error);
  CHECK_THROWS_AS(lists.table().load(chunk_of({entry_kind::list_entry, false, key, sub_key, value})),
                  weir::damaged_error);

  // In the key group of its key, not in that of anything else.
  chunk_writer elsewhere{snapshot_kind::base, weir::distribution::by_key_group};
  elsewhere.begin_group(key_group{(weir::key_groups{16}.of(weir::checksum(key)).value + 1) % 16});
  elsewhere.add(good);
  CHECK_THROWS_AS(maps.table().load(elsewhere.finish().bytes), weir::damaged_error);

  auto unknown = chunk_of(good);
  unknown[48] = std::byte{5};
  CHECK_THROWS_AS(maps.table().load(unknown), weir::damaged_error);
}

TEST_CASE("positions with gaps, as an edit leaves them, are counted anew", "[collections]") {
  list_table table{"state.member"};
  table.configure({0, 16}, 16, true);
  const auto add = [&](const std::string& key, std::uint64_t position, const std::string& value) {
    std::vector<std::byte> place(8);
    weir::detail::store_position(place.data(), position);
    const auto key_bytes = text_bytes(key);
    const auto value_bytes = text_bytes(value);
    table.table().load(chunk_of({entry_kind::list_entry, false, key_bytes, place, value_bytes}));
  };
  for (const std::uint64_t position : {3U, 4U, 9U})
    add("a", position, std::to_string(position));
  add("b", UINT64_MAX, "end");
  add("b", 0, "begin");
  add("c", 5, "five");
  add("c", 6, "six");
  add("f", UINT64_MAX, "alone");
  table.ready();
  const list_model expected{{"a", {"3", "4", "9"}}, {"b", {"begin", "end"}}, {"c", {"five", "six"}}, {"f", {"alone"}}};
  CHECK((contents_of(table) == expected));
  const std::string f = "f";
  choose(table, f);
  table.push_back() = "more";
  list_model more = expected;
  more["f"].push_back("more");
  CHECK((contents_of(table) == more));
  CHECK((restored<list_table, list_model>(encoded(table.table()), 16) == more));
}
