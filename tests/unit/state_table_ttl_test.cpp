// Keyed state with a time to live: what expires when, what is freed, and what snapshots have of it.
#include "timed_tables.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace {

using namespace std::chrono_literals;
using namespace timed_tables;
using weir::encoded_chunk;
using weir::event_time;
using weir::snapshot_kind;
using weir::stored_time;
using weir::time_to_live;
using weir::ttl_clock;
using weir::ttl_refresh;

std::unique_ptr<text_table> table_with(const time_to_live& ttl, bool tracked = true) {
  auto table = std::make_unique<text_table>("state");
  table->configure(everything, max_parallelism, tracked);
  table->set_time_to_live(ttl);
  return table;
}

void set(text_table& table, const std::string& key, std::uint64_t count) {
  table.touch(hash_of(key), key).count = count;
}

std::uint64_t entries_in(const chunks& some) {
  std::uint64_t sum = 0;
  for (const encoded_chunk& chunk : some)
    sum += chunk.entries;
  return sum;
}

} // namespace

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
