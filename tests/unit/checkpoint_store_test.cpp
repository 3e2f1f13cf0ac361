// The checkpoint store: the life of checkpoints and chunks, fencing, restoring, retention.
#include "checkpoint_store_fixture.hpp"

#include <weir/persistence/error.hpp>
#include <weir/persistence/sqlite_database.hpp>

#include <catch2/catch.hpp>

using namespace weir;
using namespace store_test;
using Catch::Matchers::Contains;

namespace {

constexpr region_id region{0};

checkpoint_id open_one(checkpoint_store& store) {
  return store.open_checkpoint(checkpoint_trigger::interval, at(1));
}

} // namespace

TEST_CASE("a checkpoint is complete when all have acknowledged", "[checkpoint_store]") {
  auto store = memory_store();
  CHECK_FALSE(store.opened().resumed);
  const auto attempt = store.begin_attempt(region, at(0), {});
  CHECK(attempt == attempt_id{1});
  const auto one = open_one(store);
  CHECK(one == checkpoint_id{1});
  CHECK(store.write(base(one, attempt, "left", 0, 2), at(2)) == write_result::stored);
  CHECK_THROWS_WITH(store.complete(one, expect(2), at(3)), Contains("counts/1 has not acknowledged"));
  CHECK(store.read().complete_checkpoints().empty());
  CHECK(store.write(base(one, attempt, "right", 1, 2), at(4)) == write_result::stored);
  CHECK_THROWS_WITH(store.complete(one, expect(1), at(5)), Contains("counts/1 acknowledged and is not expected"));
  const auto complete = store.complete(one, expect(2), at(6));
  CHECK(complete.written_bytes == 9);
  CHECK(complete.state_chunks == 2);
  CHECK(contents(store.read(), one) == "left,right");
  CHECK(store.read().verify(one).empty());
  CHECK(store.committed(one, at(7)));
  REQUIRE(store.read().complete_checkpoints().size() == 1);
  CHECK(store.read().complete_checkpoints().front().committed == at(7));
  CHECK_THROWS_AS(store.complete(one, expect(2), at(8)), store_error);
}

TEST_CASE("deltas live upon their base until a newer base drops both", "[checkpoint_store]") {
  auto store = memory_store();
  const auto attempt = store.begin_attempt(region, at(0), {});
  const auto one = take(store, attempt, "base-1");
  const auto two = take(store, attempt, "delta-2", one);
  const auto three = open_one(store);
  CHECK(store.write(unchanged(three, attempt, two), at(2)) == write_result::stored);
  CHECK(store.complete(three, expect(), at(3)).written_bytes == 0);
  const auto four = take(store, attempt, "delta-4", three);
  CHECK(contents(store.read(), four) == "base-1,delta-2,delta-4");
  const auto five = take(store, attempt, "base-5");
  CHECK(contents(store.read(), five) == "base-5");
  // Each earlier one is as it was.
  CHECK(contents(store.read(), one) == "base-1");
  CHECK(contents(store.read(), three) == "base-1,delta-2");
  CHECK(contents(store.read(), four) == "base-1,delta-2,delta-4");
  for (const auto id : {one, two, three, four, five})
    CHECK(store.read().verify(id).empty());
}

TEST_CASE("a checkpoint takes the chunks of its failed ancestors with it", "[checkpoint_store]") {
  auto store = memory_store();
  const auto attempt = store.begin_attempt(region, at(0), {});
  const auto one = take(store, attempt, "base-1");
  const auto two = open_one(store);
  CHECK(store.write(delta(two, attempt, one, "delta-2"), at(2)) == write_result::stored);
  CHECK(store.fail_checkpoint(two, checkpoint_status::aborted, "timeout", {}, at(3)));
  CHECK_FALSE(store.fail_checkpoint(two, checkpoint_status::failed, "again", {}, at(3)));
  // The next one had failed before its chunks came.
  const auto three = open_one(store);
  CHECK(store.fail_checkpoint(three, checkpoint_status::failed, "declined", {}, at(4)));
  CHECK(store.write(delta(three, attempt, two, "delta-3"), at(5)) == write_result::stored_late);
  CHECK_THROWS_AS(store.complete(three, expect(), at(5)), store_error);
  CHECK(contents(store.read(), one) == "base-1");
  const auto four = take(store, attempt, "delta-4", three);
  CHECK(contents(store.read(), four) == "base-1,delta-2,delta-3,delta-4");
  CHECK(contents(store.read(), one) == "base-1");
  CHECK(store.read().verify(four).empty());
}

TEST_CASE("a pending base makes its pending ancestors garbage", "[checkpoint_store]") {
  auto store = memory_store();
  const auto attempt = store.begin_attempt(region, at(0), {});
  const auto one = take(store, attempt, "base-1");
  const auto two = open_one(store);
  store.write(delta(two, attempt, one, "delta-2"), at(2));
  store.fail_checkpoint(two, checkpoint_status::aborted, "timeout", {}, at(3));
  const auto three = open_one(store);
  store.write(base(three, attempt, "base-3"), at(4));
  store.fail_checkpoint(three, checkpoint_status::aborted, "timeout", {}, at(5));
  const auto four = take(store, attempt, "delta-4", three);
  CHECK(contents(store.read(), four) == "base-3,delta-4");
  CHECK(contents(store.read(), one) == "base-1");
  CHECK(store.read().verify(one).empty());
}

TEST_CASE("concurrent checkpoints complete in either order", "[checkpoint_store]") {
  auto store = memory_store();
  const auto attempt = store.begin_attempt(region, at(0), {});
  const auto one = open_one(store);
  const auto two = open_one(store);
  store.write(base(one, attempt, "base-1"), at(2));
  store.write(base(two, attempt, "base-2"), at(3)); // must not take base-1 away from checkpoint 1
  SECTION("in the order of their ids") {
    store.complete(one, expect(), at(4));
    store.complete(two, expect(), at(5));
    CHECK(contents(store.read(), one) == "base-1");
    CHECK(contents(store.read(), two) == "base-2");
  }
  SECTION("the later first: the earlier is overtaken") {
    store.complete(two, expect(), at(4));
    CHECK(contents(store.read(), two) == "base-2");
    CHECK_THROWS_WITH(store.complete(one, expect(), at(5)), Contains("checkpoint 2 is"));
    CHECK(store.read().verify(two).empty());
  }
}

TEST_CASE("a delta without its parent in the store is refused", "[checkpoint_store]") {
  auto store = memory_store();
  const auto attempt = store.begin_attempt(region, at(0), {});
  const auto one = open_one(store);
  const auto two = open_one(store);
  CHECK(store.write(delta(two, attempt, one, "x"), at(2)) == write_result::refused_parent);
  CHECK(store.write(unchanged(two, attempt, one), at(2)) == write_result::refused_parent);
  CHECK(store.write(base(two, attempt, "x"), at(2)) == write_result::stored);
  const auto three = open_one(store);
  CHECK(store.write(delta(three, attempt, one, "y"), at(3)) == write_result::refused_parent); // not the last one
  CHECK(store.write(delta(three, attempt, two, "y"), at(3)) == write_result::stored);
  CHECK(store.write(base(one, attempt, "z"), at(3)) == write_result::refused_checkpoint); // goes back
}

TEST_CASE("a repeated acknowledgement changes nothing", "[checkpoint_store]") {
  auto store = memory_store();
  const auto attempt = store.begin_attempt(region, at(0), {});
  const auto one = open_one(store);
  CHECK(store.write(base(one, attempt, "a"), at(2)) == write_result::stored);
  CHECK(store.write(base(one, attempt, "a"), at(3)) == write_result::repeated);
  store.complete(one, expect(), at(4));
  CHECK(store.write(base(one, attempt, "a"), at(5)) == write_result::repeated);
  CHECK(contents(store.read(), one) == "a");
  CHECK(store.write(base(checkpoint_id{99}, attempt, "a"), at(5)) == write_result::refused_checkpoint);
}

TEST_CASE("an older attempt is fenced, and what it left pending goes", "[checkpoint_store]") {
  auto store = memory_store();
  const auto first = store.begin_attempt(region, at(0), {});
  const auto one = take(store, first, "base-1");
  const auto two = open_one(store);
  store.write(delta(two, first, one, "delta-2"), at(2));
  store.fail_checkpoint(two, checkpoint_status::aborted, "the region failed", {}, at(3));
  const auto second = store.begin_attempt(region, at(4), one);
  CHECK(second == attempt_id{2});
  store.restore_region(region, one, at(4));
  const auto three = open_one(store);
  CHECK(store.write(delta(three, first, two, "old"), at(5)) == write_result::refused_attempt);
  CHECK(store.write(delta(three, second, two, "new"), at(5)) == write_result::refused_parent);
  CHECK(store.write(delta(three, second, one, "new"), at(5)) == write_result::stored);
  store.complete(three, expect(), at(6));
  CHECK(contents(store.read(), three) == "base-1,new");
}

TEST_CASE("an acknowledgement of an old attempt completes nothing", "[checkpoint_store]") {
  auto store = memory_store();
  const auto first = store.begin_attempt(region, at(0), {});
  const auto one = open_one(store);
  store.write(base(one, first, "a"), at(2));
  (void)store.begin_attempt(region, at(3), {});
  CHECK_THROWS_WITH(store.complete(one, expect(), at(4)), Contains("attempt 1"));
}

TEST_CASE("restoring undoes what came later and abandons it", "[checkpoint_store]") {
  auto store = memory_store();
  const auto first = store.begin_attempt(region, at(0), {});
  const auto one = take(store, first, "base-1");
  const auto two = take(store, first, "delta-2", one);
  const auto three = take(store, first, "base-3"); // drops both
  const auto four = open_one(store);
  store.write(delta(four, first, three, "delta-4"), at(5));
  store.restore(two, at(6));
  const auto second = store.begin_attempt(region, at(6), two);
  CHECK(contents(store.read(), two) == "base-1,delta-2");
  CHECK(store.read().verify(two).empty());
  CHECK(store.read().complete_checkpoints().size() == 2);
  CHECK_THROWS_AS(contents(store.read(), three), store_error);
  CHECK(store.write(delta(four, second, two, "late"), at(7)) == write_result::refused_checkpoint);
  const auto five = take(store, second, "delta-5", two);
  CHECK(five == checkpoint_id{5});
  CHECK(contents(store.read(), five) == "base-1,delta-2,delta-5");
  CHECK_THROWS_AS(store.restore(three, at(8)), store_error);
}

TEST_CASE("a job begins empty only while nothing was complete", "[checkpoint_store]") {
  auto store = memory_store();
  const auto first = store.begin_attempt(region, at(0), {});
  const auto one = open_one(store);
  store.write(base(one, first, "a"), at(2));
  store.restore({}, at(3));
  const auto second = store.begin_attempt(region, at(3), {});
  const auto two = take(store, second, "b");
  CHECK(contents(store.read(), two) == "b");
  CHECK_THROWS_WITH(store.restore({}, at(4)), Contains("no complete checkpoint") && Contains("found checkpoint 2"));
}

TEST_CASE("restoring one region leaves the others as they are", "[checkpoint_store]") {
  auto store = memory_store();
  const std::vector<operator_record> operators{{"counts", "count", "counts", region_id{0}, 1, ""},
                                               {"sums", "reduce", "sums", region_id{1}, 1, ""}};
  store.register_plan(operators, {}, 128);
  const auto mine = store.begin_attempt(region_id{0}, at(0), {});
  const auto other = store.begin_attempt(region_id{1}, at(0), {});
  const auto sums = [&](checkpoint_id id, std::optional<checkpoint_id> parent, const char* content) {
    auto snapshot = snapshot_of(id, other, 0, 1, "sums");
    snapshot.region = region_id{1};
    snapshot.tables.push_back({"sums", "t", parent ? snapshot_kind::delta : snapshot_kind::base, true, parent});
    snapshot.chunks.push_back(chunk_of("sums", "t", content));
    return snapshot;
  };
  auto expected = expect();
  expected.push_back({region_id{1}, "sums", subtask_index{0}, {}});

  const auto one = open_one(store);
  store.write(base(one, mine, "c1"), at(1));
  store.write(sums(one, {}, "s1"), at(1));
  store.complete(one, expected, at(2));
  const auto two = open_one(store);
  store.write(delta(two, mine, one, "c2"), at(3));
  store.write(sums(two, one, "s2"), at(3));
  store.fail_checkpoint(two, checkpoint_status::aborted, "region 0 failed", {}, at(4));

  const auto again = store.begin_attempt(region_id{0}, at(5), one);
  store.restore_region(region_id{0}, one, at(5));
  const auto three = open_one(store);
  CHECK(store.write(delta(three, again, one, "c3"), at(6)) == write_result::stored);
  CHECK(store.write(sums(three, two, "s3"), at(6)) == write_result::stored); // builds on what was pending
  store.complete(three, expected, at(7));
  CHECK(contents(store.read(), three) == "c1,c3");
  std::string all;
  store.read().for_each_chunk(three, "sums", "t", {0, 128}, [&](const stored_chunk& c) {
    for (const auto b : c.bytes)
      all += static_cast<char>(b);
  });
  CHECK(all == "s1s2s3");
}

TEST_CASE("another parallelism drops the chunks of the old one when it first completes", "[checkpoint_store]") {
  auto store = memory_store();
  const auto first = store.begin_attempt(region, at(0), {});
  const auto one = open_one(store);
  store.write(base(one, first, "a", 0, 2), at(1));
  store.write(base(one, first, "b", 1, 2), at(1));
  store.complete(one, expect(2), at(2));
  const auto second = store.begin_attempt(region, at(3), one);
  store.restore(one, at(3));
  const auto two = open_one(store);
  // Subtask 0 of one is not subtask 0 of two.
  CHECK(store.write(delta(two, second, one, "x", 0, 1), at(4)) == write_result::refused_parent);
  CHECK(store.write(base(two, second, "ab", 0, 1), at(4)) == write_result::stored);
  store.complete(two, expect(1), at(5));
  CHECK(contents(store.read(), two) == "ab");
  CHECK(contents(store.read(), one) == "a,b");
  CHECK(store.read().verify(one).empty());
}

TEST_CASE("a table with state must be named at every checkpoint while it is in the plan", "[checkpoint_store]") {
  auto store = memory_store();
  const std::vector<operator_record> operators{{"counts", "count", "counts", region, 1, ""}};
  const std::vector<schema_record> schemas{{"counts", "counts", "{}"}};
  store.register_plan(operators, schemas, 128);
  const auto attempt = store.begin_attempt(region, at(0), {});
  const auto one = take(store, attempt, "a");
  const auto two = open_one(store);
  CHECK(store.write(snapshot_of(two, attempt), at(2)) == write_result::stored); // names nothing
  CHECK_THROWS_WITH(store.complete(two, expect(), at(3)), Contains("counts/counts"));
  store.fail_checkpoint(two, checkpoint_status::failed, "", {}, at(3));
  // A table that is gone from the plan goes from the state.
  store.register_plan(operators, {}, 128);
  const auto three = open_one(store);
  store.write(snapshot_of(three, attempt), at(4));
  CHECK(store.complete(three, expect(), at(5)).state_chunks == 0);
  CHECK(contents(store.read(), one) == "a");
}

TEST_CASE("only chunks with wanted key groups are handed out, a subtask's in order", "[checkpoint_store]") {
  auto store = memory_store();
  const auto attempt = store.begin_attempt(region, at(0), {});
  const auto one = open_one(store);
  auto left = base(one, attempt, "low", 0, 2);
  left.chunks.front().last = key_group{31};
  left.chunks.push_back(chunk_of("counts", "counts", "high", 32, 63));
  auto right = base(one, attempt, "right", 1, 2);
  right.chunks.front().first = key_group{64};
  store.write(right, at(2));
  store.write(left, at(2));
  store.complete(one, expect(2), at(3));
  CHECK(contents(store.read(), one) == "low,high,right");
  CHECK(contents(store.read(), one, {0, 32}) == "low");
  CHECK(contents(store.read(), one, {31, 33}) == "low,high");
  CHECK(contents(store.read(), one, {63, 65}) == "high,right");
  CHECK(contents(store.read(), one, {5, 5}).empty());
}

TEST_CASE("the store tells which tables have state, with the schemas that it was written with", "[checkpoint_store]") {
  auto store = memory_store();
  const std::vector<operator_record> operators{{"counts", "count", "counts", region, 1, "f"}};
  store.register_plan(operators, std::vector<schema_record>{{"counts", "counts", R"({"v":1})"}}, 128);
  const auto attempt = store.begin_attempt(region, at(0), {});
  const auto one = take(store, attempt, "abc");
  store.register_plan(operators, std::vector<schema_record>{{"counts", "counts", R"({"v":2})"}}, 128);
  const auto two = take(store, attempt, "de", one);
  const auto tables = store.read().state_tables(two);
  REQUIRE(tables.size() == 1);
  CHECK(tables[0].operator_name == "counts");
  CHECK(tables[0].parallelism == 1);
  CHECK(tables[0].chunks == 2);
  CHECK(tables[0].bytes == 5);
  const auto schemas = store.read().schemas();
  REQUIRE(schemas.size() == 2);
  CHECK_FALSE(schemas[0].in_plan);
  CHECK(schemas[1].in_plan);
  CHECK(tables[0].schemas == std::vector{schemas[0].id, schemas[1].id});
  CHECK(store.read().operators().front().fingerprint == "f");
  CHECK(store.read().max_parallelism() == 128u);
  CHECK_THROWS_WITH(store.register_plan(operators, {}, 64), Contains("max parallelism 128") && Contains("--fresh"));
}

TEST_CASE("a snapshot that contradicts itself is refused before it is stored", "[checkpoint_store]") {
  auto store = memory_store();
  const auto attempt = store.begin_attempt(region, at(0), {});
  const auto one = open_one(store);
  auto wrong = base(one, attempt, "abc");
  SECTION("bytes that are not those of the checksum") {
    wrong.chunks.front().bytes[1] = std::byte{'x'};
    CHECK_THROWS_AS(store.write(wrong, at(1)), damaged_error);
  }
  SECTION("a chunk of a table that is not named") {
    wrong.chunks.front().table = "other";
    CHECK_THROWS_AS(store.write(wrong, at(1)), usage_error);
  }
  SECTION("a delta without a parent") {
    wrong.tables.front().kind = snapshot_kind::delta;
    CHECK_THROWS_AS(store.write(wrong, at(1)), usage_error);
  }
  SECTION("a table twice") {
    wrong.tables.push_back(wrong.tables.front());
    CHECK_THROWS_AS(store.write(wrong, at(1)), usage_error);
  }
  SECTION("a subtask beyond its parallelism") {
    wrong.index = subtask_index{1};
    CHECK_THROWS_AS(store.write(wrong, at(1)), usage_error);
  }
  CHECK_THROWS_AS(store.complete(one, expect(), at(2)), store_error);
}

TEST_CASE("a group of commands is one transaction", "[checkpoint_store]") {
  auto store = memory_store();
  const auto attempt = store.begin_attempt(region, at(0), {});
  checkpoint_id one;
  store.group([&] {
    one = open_one(store);
    store.write(base(one, attempt, "a", 0, 2), at(1));
    CHECK(store.write(base(one, attempt_id{9}, "a", 1, 2), at(1)) == write_result::refused_attempt);
    CHECK_THROWS_AS(store.complete(one, expect(2), at(1)), store_error); // undone alone
    store.write(base(one, attempt, "b", 1, 2), at(1));
    store.complete(one, expect(2), at(2));
  });
  CHECK(contents(store.read(), one) == "a,b");
  CHECK_THROWS_AS(store.group([&] {
    (void)open_one(store);
    throw std::runtime_error("no");
  }),
                  std::runtime_error);
  CHECK(open_one(store) == one.next()); // nothing of the group stayed
}

TEST_CASE("retention keeps the newest checkpoints and an independent one, and deletes the rest bit by bit",
          "[checkpoint_store][retention]") {
  auto store = memory_store();
  const auto attempt = store.begin_attempt(region, at(0), {});
  checkpoint_id last{};
  for (int i = 1; i <= 12; ++i) // bases at 1, 5 and 9
    last = take(store, attempt, std::to_string(i), i % 4 == 1 ? checkpoint_id{} : last);
  prune_limits limits;
  limits.chunks = 2;
  auto result = store.prune(2, at(9), limits);
  CHECK(result.chunks == 2);
  CHECK(result.more);
  while (result.more)
    result = store.prune(2, at(9), limits);
  // 11 and 12; 8, which shares nothing with 12; 9, its heir.
  std::vector<checkpoint_id> kept;
  for (const auto& c : store.read().complete_checkpoints()) {
    kept.push_back(c.id);
    CHECK(store.read().verify(c.id).empty());
  }
  CHECK(kept == std::vector{checkpoint_id{8}, checkpoint_id{9}, checkpoint_id{11}, checkpoint_id{12}});
  CHECK(contents(store.read(), checkpoint_id{8}) == "5,6,7,8");
  CHECK(contents(store.read(), checkpoint_id{12}) == "9,10,11,12");
  CHECK_THROWS_AS(store.read().verify(checkpoint_id{10}), store_error);
}

TEST_CASE("rows about checkpoints long past are forgotten, those of kept ones are not",
          "[checkpoint_store][retention]") {
  temporary_folder folder;
  auto store = checkpoint_store::open(options_for(folder / "job.weir"));
  const auto attempt = store.begin_attempt(region, at(0), {});
  auto last = take(store, attempt, "base");
  for (int i = 0; i < 30; ++i)
    last = take(store, attempt, "d", last);
  prune_limits limits;
  limits.checkpoints_told = 10;
  while (store.prune(1, at(5), limits).more) {
  }
  auto db = sqlite_database::open((folder / "job.weir").string(), sqlite_access::read_only);
  CHECK(db.integer("SELECT count(*) FROM checkpoints") == 11); // ten, and the first, which is kept as the heir
  CHECK(db.integer("SELECT count(*) FROM acknowledgements") == 11);
  CHECK(store.read().verify(last).empty());
  CHECK(store.write(delta(open_one(store), attempt, last, "next"), at(6)) == write_result::stored);
}
