// Tests of the table of in-flight batches: pieces, names, and who takes which after a restore.
#include "sink_harness.hpp"

#include <weir/operators/in_flight_table.hpp>
#include <weir/persistence/error.hpp>
#include <weir/persistence/hash.hpp>
#include <weir/persistence/key_groups.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace {

using weir::encoded_chunk;
using weir::in_flight_share;
using weir::subtask_index;
using weir_test::batch_of;
using table = weir::in_flight_table<int>;
using values = std::vector<int>;

struct unstorable {
  void* handle = nullptr;
};

constexpr std::uint32_t groups = 128;

/// Numbers with the hashes of a keyed edge.
weir::batch_ptr keyed_batch(const values& numbers) {
  weir::batch_ptr batch = batch_of(numbers);
  for (const int n : numbers)
    batch->hashes.push_back(weir::key_hash(static_cast<std::uint64_t>(n)));
  return batch;
}

std::vector<encoded_chunk> chunks_of(table& t) {
  t.close();
  std::vector<encoded_chunk> out;
  while (!t.encode(1000, out)) {
  }
  return out;
}

in_flight_share share_of(std::uint32_t index, std::uint32_t parallelism, bool keyed = false) {
  const weir::key_groups all{groups};
  return {subtask_index{index}, parallelism, all.range_of(subtask_index{index}, parallelism), groups, keyed};
}

std::vector<values> loaded(const std::vector<encoded_chunk>& chunks, const in_flight_share& share) {
  table t{"in-flight-0"};
  t.read_for(share);
  for (const encoded_chunk& chunk : chunks)
    t.load(chunk.bytes);
  std::vector<values> all;
  for (const weir::batch_ptr& batch : t.take_loaded()) {
    const auto& numbers = weir::as<int>(*batch).values;
    all.emplace_back(numbers.begin(), numbers.end());
  }
  return all;
}

values joined(const std::vector<values>& batches) {
  values all;
  for (const values& batch : batches)
    all.insert(all.end(), batch.begin(), batch.end());
  return all;
}

/// Names and numbers of records of the stored items.
std::vector<std::string> names_in(const std::vector<encoded_chunk>& chunks) {
  std::vector<std::string> names;
  for (const encoded_chunk& chunk : chunks) {
    weir::chunk_reader reader{chunk.bytes};
    weir::chunk_entry entry;
    while (reader.next(entry))
      names.push_back(weir::from_bytes<std::string>(entry.key));
  }
  return names;
}

} // namespace

TEST_CASE("in-flight batches come back in order, from the record on at which the first was begun") {
  table t{"in-flight-0"};
  t.written_for(1);
  t.mark();
  t.record(subtask_index{0}, batch_of<int>({1, 2, 3}), 1);
  t.record(subtask_index{0}, batch_of<int>({4}));
  t.record(subtask_index{0}, batch_of<int>({5, 6}), 2); // nothing is left of it
  CHECK(loaded(chunks_of(t), share_of(0, 1)) == std::vector<values>{{2, 3}, {4}});
}

TEST_CASE("in-flight batches keep the times and hashes of their records") {
  weir::batch_ptr batch = keyed_batch({7, 8});
  for (const int ms : {70, 80})
    batch->times.push_back(weir::event_time{std::chrono::milliseconds{ms}});
  table t{"in-flight-0"};
  t.mark();
  t.record(subtask_index{0}, batch, 1);
  table back{"in-flight-0"};
  back.read_for(share_of(0, 1, true));
  for (const encoded_chunk& chunk : chunks_of(t))
    back.load(chunk.bytes);
  const auto all = back.take_loaded();
  REQUIRE(all.size() == 1);
  REQUIRE(all[0]->times.size() == 1);
  CHECK(all[0]->times[0] == weir::event_time{std::chrono::milliseconds{80}});
  REQUIRE(all[0]->hashes.size() == 1);
  CHECK(all[0]->hashes[0] == weir::key_hash(std::uint64_t{8}));
}

TEST_CASE("an in-flight snapshot is encoded in pieces, and is whole only when it was closed") {
  table t{"in-flight-0"};
  t.written_for(2);
  t.mark();
  t.record(subtask_index{1}, batch_of<int>({1, 2, 3, 4, 5}));
  std::vector<encoded_chunk> out;
  CHECK_FALSE(t.encode(2, out));
  CHECK(t.items() == 1);
  CHECK_FALSE(t.encode(100, out));
  CHECK(t.items() == 2);
  CHECK_FALSE(t.encoding()); // nothing to do before more comes
  t.record(subtask_index{1}, batch_of<int>({6}));
  CHECK(t.encoding());
  t.close();
  CHECK(t.encode(100, out));
  CHECK_FALSE(t.snapshot_open());
  CHECK(names_in(out) ==
        std::vector<std::string>{"00001of00002/0000000000", "00001of00002/0000000001", "00001of00002/0000000002"});
  CHECK(joined(loaded(out, share_of(1, 2))) == values{1, 2, 3, 4, 5, 6});
  CHECK(loaded(out, share_of(0, 2)).empty());
}

TEST_CASE("an in-flight snapshot without batches has no chunk") {
  table t{"in-flight-0"};
  t.mark();
  CHECK(chunks_of(t).empty());
  CHECK(t.items() == 0);
}

TEST_CASE("recording an in-flight batch copies nothing, and holds it until it is encoded") {
  weir::batch_ptr batch = batch_of<int>({1, 2});
  table t{"in-flight-0"};
  t.mark();
  t.record(subtask_index{0}, batch);
  CHECK_FALSE(batch->sole_owner()); // whoever processes it copies its records
  std::vector<encoded_chunk> out;
  CHECK_FALSE(t.encode(1, out));
  CHECK_FALSE(batch->sole_owner());
  CHECK_FALSE(t.encode(1, out));
  CHECK(batch->sole_owner());
}

TEST_CASE("senders' items of one table have names of their own") {
  std::set<std::string> names;
  for (std::uint32_t sender = 0; sender != 3; ++sender) {
    table t{"in-flight-to-sum-0"};
    t.written_for(2, subtask_index{sender});
    t.mark();
    t.record(subtask_index{0}, batch_of<int>({1}));
    t.record(subtask_index{1}, batch_of<int>({2}));
    for (const std::string& name : names_in(chunks_of(t)))
      names.insert(name);
  }
  CHECK(names.size() == 6);
  CHECK(names.count("00001of00002/00002/0000000001") == 1);
}

TEST_CASE("keyed in-flight records go to the subtasks that own their key groups, in order, at any parallelism") {
  const values all = [] {
    values numbers;
    for (int i = 0; i != 200; ++i)
      numbers.push_back(i);
    return numbers;
  }();
  const weir::key_groups of{groups};
  std::vector<encoded_chunk> chunks;
  for (std::uint32_t receiver = 0; receiver != 2; ++receiver) {
    values own;
    for (const int n : all)
      if (of.subtask_of(of.of(weir::key_hash(static_cast<std::uint64_t>(n))), 2) == subtask_index{receiver})
        own.push_back(n);
    table t{"in-flight-0"};
    t.written_for(2);
    t.mark();
    t.record(subtask_index{receiver}, keyed_batch(own));
    for (encoded_chunk& chunk : chunks_of(t))
      chunks.push_back(std::move(chunk));
  }
  for (const std::uint32_t parallelism : {1U, 2U, 3U, 5U}) {
    values seen;
    for (std::uint32_t index = 0; index != parallelism; ++index) {
      const in_flight_share share = share_of(index, parallelism, true);
      const values mine = joined(loaded(chunks, share));
      for (const int n : mine)
        CHECK(share.key_groups.contains(of.of(weir::key_hash(static_cast<std::uint64_t>(n)))));
      seen.insert(seen.end(), mine.begin(), mine.end());
    }
    std::sort(seen.begin(), seen.end());
    CHECK(seen == all);
  }
}

TEST_CASE("in-flight batches without keys are dealt out by turns when the parallelism has changed") {
  table t{"in-flight-0"};
  t.written_for(2);
  t.mark();
  for (int i = 0; i != 12; ++i)
    t.record(subtask_index{1}, batch_of<int>({i}));
  const std::vector<encoded_chunk> chunks = chunks_of(t);
  CHECK(joined(loaded(chunks, share_of(1, 2))).size() == 12);
  CHECK(loaded(chunks, share_of(0, 2)).empty());
  values seen;
  for (std::uint32_t index = 0; index != 3; ++index) {
    const values mine = joined(loaded(chunks, share_of(index, 3)));
    CHECK(mine.size() == 4);
    CHECK(std::is_sorted(mine.begin(), mine.end()));
    seen.insert(seen.end(), mine.begin(), mine.end());
  }
  std::sort(seen.begin(), seen.end());
  CHECK(seen == values{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
}

TEST_CASE("stored in-flight items that can't be right are refused") {
  const auto chunk_of = [](const std::string& name, const weir::in_flight_records<int>& records) {
    weir::chunk_writer writer{weir::snapshot_kind::base, weir::distribution::list};
    weir::append_value_entry(writer.body(), name, records);
    writer.entry_added();
    std::vector<encoded_chunk> all;
    all.push_back(writer.finish());
    return all;
  };
  const weir::in_flight_records<int> good{{1, 2}, {}, {}};
  CHECK(joined(loaded(chunk_of("00000of00001/0000000000", good), share_of(0, 1))) == values{1, 2});
  for (const char* name :
       {"", "7", "00000of00001", "of00001/1", "00000of00000/1", "00002of00002/1", "0of1/x", "0/1of2", "-1of2/0"})
    CHECK_THROWS_AS(loaded(chunk_of(name, good), share_of(0, 1)), weir::damaged_error);
  // One hash for two records, and none where the state is keyed.
  CHECK_THROWS_AS(loaded(chunk_of("0of1/0", {{1, 2}, {}, {5}}), share_of(0, 1)), weir::damaged_error);
  CHECK_THROWS_AS(loaded(chunk_of("0of1/0", {{1}, {weir::event_time{}, weir::event_time{}}, {}}), share_of(0, 1)),
                  weir::damaged_error);
  CHECK_THROWS_AS(loaded(chunk_of("0of1/0", good), share_of(0, 1, true)), weir::damaged_error);
}

TEST_CASE("records of flags are stored in flight, and records that can't be stored have no table") {
  auto flags = weir::in_flight_factory_of<bool>()("in-flight-0");
  flags->mark();
  flags->record(subtask_index{0}, batch_of<bool>({true, false}));
  flags->close();
  std::vector<encoded_chunk> out;
  REQUIRE(flags->encode(10, out));
  flags->load(out.at(0).bytes);
  const auto back = flags->take_loaded();
  REQUIRE(back.size() == 1);
  CHECK(weir::as<bool>(*back[0]).values[0]);
  CHECK_FALSE(weir::as<bool>(*back[0]).values[1]);
  CHECK(weir::in_flight_factory_of<unstorable>() == nullptr);
}
