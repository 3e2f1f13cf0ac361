// Tests of how the state tables of a subtask become one snapshot, slice by slice.
#include "sink_harness.hpp"

#include <weir/actors/task_snapshot.hpp>
#include <weir/operators/list_state_table.hpp>
#include <weir/operators/state_table.hpp>
#include <weir/persistence/hash.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace {

using std::chrono::microseconds;
using weir::checkpoint_id;
using weir::snapshot_kind;

using counts_table = weir::state_table<std::uint64_t, std::uint64_t>;
using splits_table = weir::list_state_table<std::uint64_t>;

weir::monotonic_time at_us(std::int64_t us) {
  return weir::monotonic_time{microseconds{us}};
}
weir::aligned_barrier due(std::uint64_t id) {
  return {{checkpoint_id{id}, false, at_us(100)}, at_us(110), at_us(130), {}};
}

std::uint64_t& count_of(counts_table& table, std::uint64_t key) {
  return table.touch(weir::key_hash(key), key);
}

/// A subtask with keyed state and operator state.
struct two_tables {
  two_tables() {
    counts.configure({0, 128}, 128, true);
    snapshot.add("count", counts, false);
    snapshot.add("lines", splits, false);
  }

  weir::subtask_snapshot take(std::uint64_t id) {
    snapshot.begin(due(id), at_us(150));
    while (!snapshot.encode(1000)) {
    }
    return snapshot.finish(at_us(200));
  }

  counts_table counts{"counts"};
  splits_table splits{"splits"};
  weir::task_snapshot snapshot;
};

/// The count of a key in what the chunks of a snapshot say.
std::optional<std::uint64_t> stored_count(const weir::subtask_snapshot& snapshot, std::uint64_t key) {
  counts_table loaded{"counts"};
  loaded.configure({0, 128}, 128, false);
  for (const auto& chunk : snapshot.chunks)
    if (chunk.table == "counts")
      loaded.load(chunk.bytes);
  const auto* found = loaded.find(weir::key_hash(key), key);
  return found ? std::optional{*found} : std::nullopt;
}

} // namespace

TEST_CASE("the first snapshot of a table is a base, the next one a delta upon it") {
  two_tables task;
  count_of(task.counts, 1) = 10;
  count_of(task.counts, 2) = 20;
  const auto first = task.take(3);
  REQUIRE(first.tables.size() == 2);
  CHECK(first.checkpoint == checkpoint_id{3});
  CHECK(first.tables[0].operator_name == "count");
  CHECK(first.tables[0].table == "counts");
  CHECK(first.tables[0].kind == snapshot_kind::base);
  CHECK(first.tables[0].changed);
  CHECK(first.tables[0].parent == std::nullopt);
  CHECK(stored_count(first, 1) == 10U);

  count_of(task.counts, 2) = 21;
  const auto second = task.take(5);
  CHECK(second.tables[0].kind == snapshot_kind::delta);
  CHECK(second.tables[0].changed);
  CHECK(second.tables[0].parent == checkpoint_id{3});
  CHECK(stored_count(second, 2) == 21U);
  CHECK(stored_count(second, 1) == std::nullopt); // only what has changed
}

TEST_CASE("a table that has not changed is named with its parent and has no chunks") {
  two_tables task;
  count_of(task.counts, 1) = 10;
  task.splits.put("a") = 1;
  task.take(1);
  task.splits.put("a") = 2;
  const auto second = task.take(2);
  REQUIRE(second.tables.size() == 2);
  CHECK_FALSE(second.tables[0].changed);
  CHECK(second.tables[0].kind == snapshot_kind::delta);
  CHECK(second.tables[0].parent == checkpoint_id{1});
  CHECK(second.tables[1].changed);
  for (const auto& chunk : second.chunks)
    CHECK(chunk.table == "splits");
  const auto third = task.take(3);
  CHECK(third.chunks.empty());
  CHECK(third.tables[0].parent == checkpoint_id{2}); // an unchanged snapshot is one, too
}

TEST_CASE("a list table that has changed gives a base without a parent each time") {
  two_tables task;
  task.splits.put("a") = 1;
  task.take(1);
  task.splits.put("a") = 2;
  const auto second = task.take(2);
  CHECK(second.tables[1].kind == snapshot_kind::base);
  CHECK(second.tables[1].parent == std::nullopt);
}

TEST_CASE("what changes after the barrier is not in the snapshot, however late it is encoded") {
  two_tables task;
  for (std::uint64_t key = 0; key != 500; ++key)
    count_of(task.counts, key) = key;
  task.snapshot.begin(due(1), at_us(150));
  for (std::uint64_t key = 0; key != 600; ++key)
    count_of(task.counts, key) = 9999;
  task.splits.put("new") = 1;
  while (!task.snapshot.encode(10)) {
    count_of(task.counts, 7) += 1;
  }
  const auto first = task.snapshot.finish(at_us(200));
  for (std::uint64_t key = 0; key != 500; ++key)
    REQUIRE(stored_count(first, key) == key);
  CHECK(stored_count(first, 550) == std::nullopt);
  const auto second = task.take(2);
  CHECK(stored_count(second, 3) == 9999U);
  CHECK(second.tables[1].changed); // "new" belongs to the next one
}

TEST_CASE("a snapshot is encoded in slices") {
  two_tables task;
  for (std::uint64_t key = 0; key != 1000; ++key)
    count_of(task.counts, key) = key;
  task.splits.put("a") = 1;
  task.snapshot.begin(due(1), at_us(150));
  CHECK(task.snapshot.encoding());
  std::size_t slices = 1;
  while (!task.snapshot.encode(50)) {
    CHECK(task.snapshot.encoding());
    ++slices;
  }
  CHECK(slices > 10);
  CHECK_FALSE(task.snapshot.encoding());
  CHECK(task.snapshot.open()); // until it is taken
  const std::size_t bytes = task.snapshot.encoded_bytes();
  const auto whole = task.snapshot.finish(at_us(200));
  CHECK_FALSE(task.snapshot.open());
  std::size_t sum = 0;
  for (const auto& chunk : whole.chunks)
    sum += chunk.bytes.size();
  CHECK(sum == bytes);
  CHECK(stored_count(whole, 999) == 999U);
}

TEST_CASE("a late table is frozen by itself, and the snapshot is not whole before") {
  counts_table counts{"counts"};
  counts.configure({0, 128}, 128, true);
  splits_table pending{"pending"};
  weir::task_snapshot snapshot;
  snapshot.add("count", counts, false);
  snapshot.add("sink", pending, true);
  snapshot.begin(due(1), at_us(150));
  CHECK_FALSE(snapshot.encode(1000));
  CHECK_FALSE(snapshot.encoding()); // there is nothing to do until the sink has prepared
  pending.put("prepared with the barrier") = 1;
  snapshot.mark_late();
  CHECK(snapshot.encoding());
  CHECK(snapshot.encode(1000));
  const auto whole = snapshot.finish(at_us(200));
  REQUIRE(whole.tables.size() == 2);
  CHECK(whole.tables[1].table == "pending");
  splits_table loaded{"pending"};
  for (const auto& chunk : whole.chunks)
    if (chunk.table == "pending")
      loaded.load(chunk.bytes);
  CHECK(loaded.find("prepared with the barrier") != nullptr);
}

TEST_CASE("after a refusal every table begins a new chain") {
  two_tables task;
  count_of(task.counts, 1) = 10;
  task.splits.put("a") = 1;
  task.take(1);
  task.snapshot.require_bases();
  const auto second = task.take(2);
  for (const auto& table : second.tables) {
    CHECK(table.kind == snapshot_kind::base);
    CHECK(table.changed);
    CHECK(table.parent == std::nullopt);
  }
  CHECK(stored_count(second, 1) == 10U);
}

TEST_CASE("a table that was never used also begins a new chain after a refusal") {
  two_tables task;
  task.take(1);
  task.snapshot.require_bases();
  const auto second = task.take(2); // as "unchanged since 1" it would be refused for ever
  for (const auto& table : second.tables) {
    CHECK(table.kind == snapshot_kind::base);
    CHECK(table.parent == std::nullopt);
  }
}

TEST_CASE("a refusal while a snapshot is being encoded makes the next one a base") {
  two_tables task;
  count_of(task.counts, 1) = 10;
  task.take(1);
  count_of(task.counts, 1) = 11;
  task.snapshot.begin(due(2), at_us(150));
  task.snapshot.require_bases();
  while (!task.snapshot.encode(1000)) {
  }
  CHECK(task.snapshot.finish(at_us(200)).tables[0].kind == snapshot_kind::delta);
  count_of(task.counts, 2) = 5;
  const auto third = task.take(3);
  CHECK(third.tables[0].kind == snapshot_kind::base);
  CHECK(stored_count(third, 1) == 11U);
}

TEST_CASE("a snapshot tells its phases") {
  two_tables task;
  task.snapshot.begin(due(1), at_us(150)); // opened at 100, first barrier 110, last 130
  while (!task.snapshot.encode(1000)) {
  }
  const auto whole = task.snapshot.finish(at_us(190));
  CHECK(whole.phases.start_delay == microseconds{10});
  CHECK(whole.phases.alignment == microseconds{20});
  CHECK(whole.phases.wait == microseconds{20});
  CHECK(whole.phases.encode == microseconds{40});
}

namespace {

/// A subtask with operator state and the in-flight batches of its input.
struct with_in_flight {
  explicit with_in_flight(bool stored = false) {
    snapshot.add("sum", sums, false);
    snapshot.add_in_flight("sum", in_flight, stored);
  }
  weir::subtask_snapshot take(std::uint64_t id, int records = 0) {
    snapshot.begin(due(id), at_us(150));
    if (records != 0)
      in_flight.record(weir::subtask_index{0},
                       weir_test::batch_of<int>(std::vector<int>(static_cast<std::size_t>(records), 5)));
    snapshot.close_recording(at_us(170));
    while (snapshot.encoding())
      snapshot.encode(2);
    return snapshot.finish(at_us(200));
  }
  static std::size_t chunks(const weir::subtask_snapshot& of) {
    std::size_t n = 0;
    for (const auto& chunk : of.chunks)
      n += chunk.table == "in-flight-0" ? 1 : 0;
    return n;
  }
  static bool named(const weir::subtask_snapshot& of) {
    for (const auto& table : of.tables)
      if (table.table == "in-flight-0")
        return table.kind == snapshot_kind::base && table.changed && !table.parent;
    return false;
  }

  splits_table sums{"sums"};
  weir::in_flight_table<int> in_flight{"in-flight-0"};
  weir::task_snapshot snapshot;
};

} // namespace

TEST_CASE("a table of in-flight batches is no part of snapshots before the first that has some") {
  with_in_flight task;
  const auto first = task.take(1);
  CHECK_FALSE(with_in_flight::named(first));
  CHECK(with_in_flight::chunks(first) == 0);
  const auto second = task.take(2, 5);
  CHECK(with_in_flight::named(second));
  CHECK(with_in_flight::chunks(second) == 1);
  // Without a word the store would take what was there before for still being there.
  const auto third = task.take(3);
  CHECK(with_in_flight::named(third));
  CHECK(with_in_flight::chunks(third) == 0);
}

TEST_CASE("a table of in-flight batches that was restored is named from the first snapshot on") {
  with_in_flight task{true};
  const auto first = task.take(1);
  CHECK(with_in_flight::named(first));
  CHECK(with_in_flight::chunks(first) == 0);
}

TEST_CASE("a snapshot is not whole while in-flight batches may still come") {
  with_in_flight task;
  task.snapshot.begin(due(1), at_us(150));
  CHECK(task.snapshot.recording());
  for (int i = 0; i != 3; ++i)
    CHECK_FALSE(task.snapshot.encode(100));
  CHECK_FALSE(task.snapshot.encoding());
  task.in_flight.record(weir::subtask_index{0}, weir_test::batch_of<int>({1, 2, 3}));
  CHECK(task.snapshot.encoding());
  CHECK_FALSE(task.snapshot.encode(2));
  CHECK(task.in_flight.items() == 1);
  task.snapshot.close_recording(at_us(170));
  CHECK_FALSE(task.snapshot.recording());
  CHECK(task.snapshot.encode(100));
  CHECK(task.in_flight.items() == 2);
  CHECK(task.snapshot.encoded_bytes() > 0);
}
