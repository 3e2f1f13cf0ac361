// Random use of keyed state with a time to live, with random checkpoints, against a plain model with a clock.
#include "timed_tables.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace timed_tables;
using weir::encoded_chunk;
using weir::event_time;
using weir::key_hash;
using weir::no_stored_time;
using weir::snapshot_kind;
using weir::stored_time;
using weir::time_to_live;
using weir::ttl_clock;
using weir::ttl_refresh;

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
  if (chain.back().kind == snapshot_kind::base)
    REQUIRE(contents_of(timeless) == expected);
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

} // namespace

TEST_CASE("with a time to live every snapshot is what lived at its mark, and the table is what lives", "[state_ttl]") {
  for (const ttl_clock clock : {ttl_clock::processing, ttl_clock::event})
    for (const ttl_refresh refresh : {ttl_refresh::on_write, ttl_refresh::on_read_or_write})
      for (std::uint64_t seed = 0; seed < 6; ++seed)
        for (const std::uint64_t keys : {4U, 40U, 400U})
          run_model(seed, {after, refresh, clock}, keys, seed % 3 != 2);
}
