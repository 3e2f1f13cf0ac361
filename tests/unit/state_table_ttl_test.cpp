// Keyed state with a time to live, and its snapshots, against a plain model with a clock.
#include <weir/operators/state_table.hpp>
#include <weir/persistence/error.hpp>
#include <weir/persistence/fields.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace state_table_ttl_test {

struct counter {
  std::uint64_t count = 0;
  std::string note;
  WEIR_FIELDS(count, note)
  bool operator==(const counter&) const = default;
};

} // namespace state_table_ttl_test

namespace {

using namespace std::chrono_literals;
using state_table_ttl_test::counter;
using weir::encoded_chunk;
using weir::event_time;
using weir::key_hash;
using weir::no_stored_time;
using weir::snapshot_kind;
using weir::state_table;
using weir::stored_time;
using weir::time_to_live;
using weir::ttl_clock;
using weir::ttl_refresh;
using chunks = std::vector<encoded_chunk>;

constexpr std::uint32_t max_parallelism = 16;
constexpr weir::key_group_range everything{0, max_parallelism};
constexpr std::chrono::milliseconds after{100};

std::uint64_t hash_of(const std::string& key) {
  return key_hash(key);
}

stored_time at(std::chrono::milliseconds since) {
  return stored_time{since};
}

/// What the table should do, without any of its ways.
struct model {
  struct entry {
    counter value;
    stored_time time = no_stored_time;
  };

  void set_time(stored_time to) {
    now = std::max(now, to);
    if (first == no_stored_time)
      first = now;
    access = now;
  }
  [[nodiscard]] stored_time known(const entry& e) const { return e.time == no_stored_time ? first : e.time; }
  [[nodiscard]] bool lives(const entry& e) const {
    return now == no_stored_time || known(e) == no_stored_time || now - known(e) < after;
  }
  void refresh(entry& e) const {
    if (known(e) < access)
      e.time = access;
  }
  entry* find(const std::string& key) {
    const auto found = entries.find(key);
    return found == entries.end() || !lives(found->second) ? nullptr : &found->second;
  }
  counter& touch(const std::string& key) {
    if (entry* there = find(key)) {
      refresh(*there);
      return there->value;
    }
    return (entries[key] = {{}, access}).value;
  }
  [[nodiscard]] std::map<std::string, counter> living() const {
    std::map<std::string, counter> all;
    for (const auto& [key, e] : entries)
      if (lives(e))
        all.emplace(key, e.value);
    return all;
  }

  std::map<std::string, entry> entries;
  stored_time now = no_stored_time;
  stored_time first = no_stored_time;
  stored_time access = no_stored_time;
};

using text_table = state_table<std::string, counter>;

std::map<std::string, counter> contents_of(const text_table& table) {
  std::map<std::string, counter> contents;
  table.for_each_entry(
      [&](const std::string& key, const counter& value) { REQUIRE(contents.emplace(key, value).second); });
  return contents;
}

void load_all(text_table& table, const chunks& chain) {
  for (const encoded_chunk& chunk : chain)
    table.load(chunk.bytes);
}

chunks encode_all(weir::any_state_table& table, std::size_t slice = 1000) {
  chunks out;
  while (!table.encode(slice, out)) {
  }
  return out;
}

void clean_all(text_table& table) {
  static_cast<void>(table.clean(100'000)); // from the middle of a round
  REQUIRE(table.clean(100'000));
}

/// A chain is what the model was at the mark: for a table that only looks, for one that goes on, for those of parts of
/// the key groups, and for one without a time to live.
void check_chain(const chunks& chain, const model& marked, const time_to_live& ttl) {
  const auto expected = marked.living();
  std::map<std::string, counter> parts;
  for (const weir::key_group_range owned : {everything, {0, 5}, {5, 6}, {6, 16}}) {
    text_table table{"state"};
    table.configure(owned, max_parallelism, true);
    table.set_time_to_live(ttl);
    if (ttl.clock == ttl_clock::processing)
      table.set_time(marked.now);
    load_all(table, chain);
    if (owned == everything) {
      REQUIRE(contents_of(table) == expected);
      // Times came along: what is left at a later time is what the model says, to the microsecond.
      model later = marked;
      for (const std::chrono::microseconds by : {after / 3, after / 2, after}) {
        for (const std::chrono::microseconds more : {-1us, 0us, 1us}) {
          later.set_time(marked.now == no_stored_time ? at(1000ms) : marked.now + by + more);
          table.set_time(later.now);
          REQUIRE(contents_of(table) == later.living());
        }
      }
      clean_all(table);
      REQUIRE(table.entry_count() == later.living().size());
    } else {
      parts.merge(contents_of(table));
    }
  }
  REQUIRE(parts == expected);

  text_table timeless{"state"};
  timeless.configure(everything, max_parallelism, true);
  load_all(timeless, chain);
  for (const auto& [key, value] : contents_of(timeless)) { // what had expired may still be stored, but nothing else
    const auto known = marked.entries.find(key);
    REQUIRE(known != marked.entries.end());
    if (marked.lives(known->second))
      REQUIRE(value == known->second.value);
  }
  for (const auto& [key, value] : expected)
    REQUIRE(timeless.find(key_hash(key), key) != nullptr);
}

void run_model(std::uint64_t seed, const time_to_live& ttl, std::uint64_t key_space, bool tracked) {
  INFO("seed " << seed << ", keys " << key_space << ", clock " << static_cast<int>(ttl.clock) << ", refresh "
               << static_cast<int>(ttl.refresh) << ", tracked " << tracked);
  std::mt19937_64 random{seed};
  const bool event = ttl.clock == ttl_clock::event;
  const bool reads_refresh = ttl.refresh == ttl_refresh::on_read_or_write;
  text_table table{"state", random() % 2 == 0 ? 200 : weir::default_chunk_bytes};
  table.configure(everything, max_parallelism, tracked);
  table.set_time_to_live(ttl);
  model expected;
  model marked;
  chunks chain;
  chunks open;
  std::int64_t ms = 5'000;
  std::uint64_t deltas = 0;
  std::uint64_t seen_expired = 0;
  const auto key_at = [&] {
    return "a key that is long enough to be allocated " + std::to_string(random() % key_space);
  };

  if (!event)
    expected.set_time(at(5'000ms)), table.set_time(at(5'000ms));
  for (int step = 0; step < 2'500; ++step) {
    const std::string key = key_at();
    const std::uint64_t hash = key_hash(key);
    const auto action = random() % 100;
    if (action < 15) {
      // It may be told to go back, and does not; and jumps, so that also what is often used expires.
      ms += static_cast<std::int64_t>(random() % 12) - 1 + (random() % 30 == 0 ? 150 : 0);
      if (event && random() % 3 == 0) {
        const event_time of_record{std::chrono::milliseconds{ms + static_cast<std::int64_t>(random() % 60) - 30}};
        table.set_access_time(of_record);
        expected.access = of_record;
      } else if (!event || ms > 5'050) {
        table.set_time(at(std::chrono::milliseconds{ms}));
        expected.set_time(at(std::chrono::milliseconds{ms}));
      }
    } else if (action < 40) {
      seen_expired += expected.entries.count(key) != 0 && expected.find(key) == nullptr ? 1 : 0;
      counter& value = table.touch(hash, key);
      counter& wanted = expected.touch(key);
      REQUIRE(value == wanted);
      value.count += random() % 10;
      value.note = std::to_string(step);
      wanted = value;
    } else if (action < 47) {
      std::vector<std::string> keys;
      std::vector<std::uint64_t> hashes;
      std::vector<event_time> times;
      for (auto n = random() % 60; n != 0; --n) {
        keys.push_back(key_at());
        hashes.push_back(key_hash(keys.back()));
        times.emplace_back(std::chrono::milliseconds{ms + static_cast<std::int64_t>(random() % 60) - 30});
      }
      table.for_each(
          hashes.data(), 0, keys.size(), [&](std::size_t i) -> const std::string& { return keys[i]; },
          [&](std::size_t i, const std::string& of, counter& value) {
            REQUIRE(of == keys[i]);
            if (event)
              expected.access = times[i];
            counter& wanted = expected.touch(of);
            REQUIRE(value == wanted);
            wanted.count = ++value.count;
            return true;
          },
          event ? times.data() : nullptr);
    } else if (action < 53) {
      counter* value = table.find_for_write(hash, key);
      model::entry* wanted = expected.find(key);
      REQUIRE((value != nullptr) == (wanted != nullptr));
      if (value != nullptr) {
        expected.refresh(*wanted);
        wanted->value.count = value->count = random();
      }
    } else if (action < 60) {
      REQUIRE(table.erase(hash, key) == (expected.find(key) != nullptr));
      expected.entries.erase(key);
    } else if (action < 68) {
      const bool only_looks = random() % 2 == 0;
      const counter* value = only_looks ? std::as_const(table).find(hash, key) : table.find(hash, key);
      model::entry* wanted = expected.find(key);
      REQUIRE((value != nullptr) == (wanted != nullptr));
      REQUIRE((value == nullptr || *value == wanted->value));
      if (wanted != nullptr && !only_looks && reads_refresh)
        expected.refresh(*wanted);
    } else if (action < 76) {
      static_cast<void>(table.clean(random() % 40));
    } else if (action < 80 && tracked && !table.snapshot_open()) {
      if (!table.changed_since_mark()) {
        REQUIRE(expected.living() == [&] {
          model then = marked;
          then.set_time(expected.now);
          return then.living();
        }());
        REQUIRE((!event || expected.now == marked.now || expected.entries.empty()));
      }
      table.mark();
      marked = expected;
      open.clear();
      if (table.open_kind() == snapshot_kind::base)
        chain.clear();
      else
        ++deltas;
    } else if (table.snapshot_open()) {
      if (!table.encode(random() % (key_space / 10 + 8), open))
        continue;
      for (encoded_chunk& chunk : open)
        chain.push_back(std::move(chunk));
      check_chain(chain, marked, ttl);
      if (random() % 8 == 0)
        table.require_base();
    }
  }
  REQUIRE(contents_of(table) == expected.living());
  clean_all(table);
  REQUIRE(table.entry_count() == expected.living().size());
  REQUIRE((deltas > 3 || !tracked));
  REQUIRE(seen_expired > 0);
}

std::unique_ptr<text_table> table_with(const time_to_live& ttl, bool tracked = true) {
  auto table = std::make_unique<text_table>("state");
  table->configure(everything, max_parallelism, tracked);
  table->set_time_to_live(ttl);
  return table;
}

void set(text_table& table, const std::string& key, std::uint64_t count) {
  table.touch(key_hash(key), key).count = count;
}

std::uint64_t entries_in(const chunks& some) {
  std::uint64_t sum = 0;
  for (const encoded_chunk& chunk : some)
    sum += chunk.entries;
  return sum;
}

} // namespace

TEST_CASE("with a time to live every snapshot is what lived at its mark, and the table is what lives", "[state_ttl]") {
  for (const ttl_clock clock : {ttl_clock::processing, ttl_clock::event})
    for (const ttl_refresh refresh : {ttl_refresh::on_write, ttl_refresh::on_read_or_write})
      for (std::uint64_t seed = 0; seed < 6; ++seed)
        for (const std::uint64_t keys : {4U, 40U, 400U})
          run_model(seed, {after, refresh, clock}, keys, seed % 3 != 2);
}

TEST_CASE("an entry expires to the microsecond, and begins anew then", "[state_ttl]") {
  const auto table_owner = table_with({after});
  text_table& table = *table_owner;
  table.set_time(at(1000ms));
  set(table, "a", 1);
  table.set_time(at(1100ms) - 1us);
  CHECK(table.find(hash_of("a"), std::string{"a"}) != nullptr);
  table.set_time(at(1100ms));
  CHECK(table.find(hash_of("a"), std::string{"a"}) == nullptr);
  CHECK(table.find_for_write(hash_of("a"), std::string{"a"}) == nullptr);
  table.set_time(at(1000ms)); // a clock that is set back brings nothing back
  CHECK(table.find(hash_of("a"), std::string{"a"}) == nullptr);
  CHECK(table.touch(hash_of("a"), std::string{"a"}).count == 0);
  CHECK_FALSE(table.erase(hash_of("b"), std::string{"b"}));
}

TEST_CASE("cleaning frees what has expired without any snapshot, a few entries at a time", "[state_ttl]") {
  for (const bool tracked : {false, true}) {
    const auto table_owner = table_with({after}, tracked);
    text_table& table = *table_owner;
    table.set_time(at(1000ms));
    for (int i = 0; i != 1000; ++i)
      set(table, std::to_string(i), 1);
    table.set_time(at(1050ms));
    for (int i = 0; i != 10; ++i)
      set(table, std::to_string(i), 2);
    table.set_time(at(1100ms));
    CHECK(table.entry_count() == 1000);
    CHECK_FALSE(table.clean(40));
    const auto some = table.entry_count();
    CHECK(some >= 960);
    CHECK(some < 1000);
    int calls = 0;
    while (!table.clean(40))
      ++calls;
    CHECK(table.entry_count() == 10);
    CHECK(calls > 20);
    CHECK(contents_of(table).size() == 10);
  }
}

TEST_CASE("what cleaning erases is a tombstone in the next delta, once", "[state_ttl]") {
  const auto table_owner = table_with({after});
  text_table& table = *table_owner;
  table.set_time(at(1000ms));
  for (int i = 0; i != 100; ++i)
    set(table, std::to_string(i), 1);
  table.mark();
  chunks chain = encode_all(table);
  table.set_time(at(1200ms));
  set(table, "new", 1);
  clean_all(table);
  CHECK(table.entry_count() == 1);
  table.mark();
  REQUIRE(table.open_kind() == snapshot_kind::delta);
  const auto delta = encode_all(table);
  CHECK(entries_in(delta) == 101);
  chain.insert(chain.end(), delta.begin(), delta.end());
  text_table timeless{"state"};
  timeless.configure(everything, max_parallelism, true);
  load_all(timeless, chain);
  CHECK(contents_of(timeless).size() == 1);
  CHECK_FALSE(table.changed_since_mark());
  table.mark();
  CHECK(encode_all(table).empty());
}

TEST_CASE("a snapshot that comes upon what has expired leaves it out, and frees it", "[state_ttl]") {
  const auto table_owner = table_with({after});
  text_table& table = *table_owner;
  table.set_time(at(1000ms));
  for (int i = 0; i != 100; ++i)
    set(table, std::to_string(i), 1);
  table.set_time(at(1100ms));
  set(table, "new", 1);
  SECTION("in a base") {
    table.mark();
    CHECK(entries_in(encode_all(table)) == 1);
    CHECK(table.entry_count() == 1);
  }
  SECTION("what is still living at the mark is in it, also if it expires meanwhile") {
    table.mark();
    table.set_time(at(1300ms));
    CHECK(entries_in(encode_all(table)) == 1);
    CHECK(contents_of(table).empty());
  }
}

TEST_CASE("in event time the chunks tell the time, so that what had expired does not come back", "[state_ttl]") {
  const time_to_live ttl{after, ttl_refresh::on_write, ttl_clock::event};
  const auto table_owner = table_with(ttl);
  text_table& table = *table_owner;
  table.set_access_time(event_time{1000ms});
  set(table, "a", 1);
  table.mark();
  chunks chain = encode_all(table);
  CHECK_FALSE(table.changed_since_mark());
  table.set_time(at(1100ms)); // nothing else changes
  CHECK(contents_of(table).empty());
  CHECK(table.changed_since_mark());
  table.mark();
  const auto delta = encode_all(table);
  REQUIRE(delta.size() == 1);
  CHECK(delta[0].entries == 0);
  chain.push_back(delta[0]);
  const auto restored_owner = table_with(ttl);
  text_table& restored = *restored_owner;
  load_all(restored, chain);
  CHECK(contents_of(restored).empty());
  CHECK(restored.touch(hash_of("a"), std::string{"a"}).count == 0);
}

TEST_CASE("state without times counts as of the loading", "[state_ttl]") {
  text_table timeless{"state"};
  timeless.configure(everything, max_parallelism, true);
  set(timeless, "a", 1);
  timeless.mark();
  const chunks chain = encode_all(timeless);
  SECTION("in processing time") {
    const auto table_owner = table_with({after});
    text_table& table = *table_owner;
    table.set_time(at(1000ms));
    load_all(table, chain);
    table.set_time(at(1099ms));
    CHECK(contents_of(table).size() == 1);
    table.mark(); // a base, which has the times
    const chunks stored = encode_all(table);
    table.set_time(at(1100ms));
    CHECK(contents_of(table).empty());
    const auto again_owner = table_with({after});
    text_table& again = *again_owner;
    again.set_time(at(1099ms));
    load_all(again, stored);
    again.set_time(at(1100ms));
    CHECK(contents_of(again).empty());
  }
  SECTION("in event time as of the first watermark") {
    const auto table_owner = table_with({after, ttl_refresh::on_write, ttl_clock::event});
    text_table& table = *table_owner;
    load_all(table, chain);
    table.mark();
    const chunks untimed = encode_all(table);
    table.set_time(at(500'000ms));
    CHECK(contents_of(table).size() == 1);
    table.set_time(at(500'100ms));
    CHECK(contents_of(table).empty());
    const auto again_owner = table_with({after, ttl_refresh::on_write, ttl_clock::event});
    text_table& again = *again_owner;
    load_all(again, untimed);
    again.set_time(at(600'000ms));
    CHECK(contents_of(again).size() == 1);
  }
}

TEST_CASE("another time to live applies to the state that there is", "[state_ttl]") {
  const auto table_owner = table_with({after});
  text_table& table = *table_owner;
  table.set_time(at(1000ms));
  set(table, "a", 1);
  table.mark();
  const chunks chain = encode_all(table);
  for (const auto& [longer, lives] : std::map<std::chrono::milliseconds, bool>{{50ms, false}, {300ms, true}}) {
    const auto other_owner = table_with({longer});
    text_table& other = *other_owner;
    other.set_time(at(1200ms));
    load_all(other, chain);
    CHECK(contents_of(other).size() == (lives ? 1 : 0));
  }
}

TEST_CASE("times at the ends of what a time can be are no trouble", "[state_ttl]") {
  const auto table_owner = table_with({std::chrono::microseconds::max(), ttl_refresh::on_write, ttl_clock::event});
  text_table& table = *table_owner;
  table.set_access_time(event_time::min());
  set(table, "least", 1);
  table.set_access_time(event_time::max());
  set(table, "most", 1);
  table.set_time(at(0ms));
  CHECK(contents_of(table).size() == 2);
  table.set_time(stored_time::max());
  table.mark();
  const auto restored_owner = table_with({1us, ttl_refresh::on_write, ttl_clock::event});
  text_table& restored = *restored_owner;
  load_all(restored, encode_all(table));
  restored.set_time(stored_time::max());
  CHECK(contents_of(restored).empty());
}
