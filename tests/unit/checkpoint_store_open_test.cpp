// The checkpoint store as a file: made, resumed, put aside, refused, read beside its writer.
#include "checkpoint_store_fixture.hpp"

#include <weir/persistence/error.hpp>
#include <weir/persistence/sqlite_database.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <cstdio>

using namespace weir;
using namespace store_test;
using Catch::Matchers::Contains;

namespace {

constexpr region_id region{0};

checkpoint_id open_one(checkpoint_store& store) {
  return store.open_checkpoint(checkpoint_trigger::interval, at(1));
}

/// What a program prints, both streams.
std::string output_of(const std::string& command) {
  std::string text;
  std::FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 512> buffer{};
  while (std::fgets(buffer.data(), static_cast<int>(buffer.size()), pipe))
    text += buffer.data();
  ::pclose(pipe);
  return text;
}

} // namespace

TEST_CASE("a store resumes, and ids never recur", "[checkpoint_store]") {
  temporary_folder folder;
  const auto path = folder / "job.weir";
  {
    auto store = checkpoint_store::open(options_for(path));
    CHECK_FALSE(store.opened().resumed);
    CHECK(store.opened().run_uuid == first_run);
    const auto attempt = store.begin_attempt(region, at(0), {});
    take(store, attempt, "a");
    CHECK(open_one(store) == checkpoint_id{2}); // and the process ends
  }
  auto options = options_for(path);
  options.new_run_uuid = second_run;
  auto store = checkpoint_store::open(options);
  CHECK(store.opened().resumed);
  CHECK(store.opened().run_uuid == first_run);
  CHECK(store.opened().status == run_status::running);
  CHECK(store.opened().newest_complete == checkpoint_id{1});
  const auto verified = store.read().newest_verified();
  CHECK(verified.id == checkpoint_id{1});
  CHECK(verified.skipped.empty());
  CHECK(store.begin_attempt(region, at(1), verified.id) == attempt_id{2});
  store.restore(verified.id, at(1));
  CHECK(open_one(store) == checkpoint_id{3});
  auto db = sqlite_database::open(path.string(), sqlite_access::read_only);
  CHECK(db.text("SELECT status || ': ' || reason FROM checkpoints WHERE id = 2") ==
        "aborted: the process ended before it was complete");
}

TEST_CASE("a finished run says so and takes no further attempt", "[checkpoint_store]") {
  temporary_folder folder;
  const auto path = folder / "job.weir";
  {
    auto store = checkpoint_store::open(options_for(path));
    take(store, store.begin_attempt(region, at(0), {}), "a");
    store.end_run(run_status::finished, at(9));
  }
  auto store = checkpoint_store::open(options_for(path));
  CHECK(store.opened().status == run_status::finished);
  CHECK_THROWS_WITH(store.begin_attempt(region, at(1), {}), Contains("finished") && Contains("--fresh"));
}

TEST_CASE("a fresh run puts the old store aside and deletes nothing", "[checkpoint_store]") {
  temporary_folder folder;
  const auto path = folder / "job.weir";
  {
    auto store = checkpoint_store::open(options_for(path));
    take(store, store.begin_attempt(region, at(0), {}), "old");
  }
  auto options = options_for(path, "word-count", store_mode::fresh);
  options.new_run_uuid = second_run;
  {
    auto store = checkpoint_store::open(options);
    CHECK_FALSE(store.opened().resumed);
    CHECK(store.opened().run_uuid == second_run);
    CHECK_FALSE(store.opened().newest_complete);
    REQUIRE(store.opened().put_aside);
    CHECK(store.opened().put_aside->filename() == "job.weir.1.old");
    const auto old = checkpoint_reader::open(*store.opened().put_aside);
    CHECK(contents(old, checkpoint_id{1}) == "old");
  }
  auto store = checkpoint_store::open(options);
  CHECK(store.opened().put_aside->filename() == "job.weir.2.old");
  CHECK(std::filesystem::exists(folder / "job.weir.1.old"));
}

TEST_CASE("another job's store is refused and both are named", "[checkpoint_store]") {
  temporary_folder folder;
  const auto path = folder / "job.weir";
  (void)checkpoint_store::open(options_for(path, "one"));
  for (const auto mode : {store_mode::resume, store_mode::fresh})
    CHECK_THROWS_WITH(checkpoint_store::open(options_for(path, "two", mode)),
                      Contains("\"one\"") && Contains("\"two\"") && Contains("--store"));
}

TEST_CASE("a store in use is refused, and its user is named", "[checkpoint_store]") {
  temporary_folder folder;
  const auto path = folder / "job.weir";
  const auto store = checkpoint_store::open(options_for(path));
  CHECK_THROWS_AS(checkpoint_store::open(options_for(path)), store_error);
}

TEST_CASE("the sqlite3 program reads the views while the store is open", "[checkpoint_store]") {
  temporary_folder folder;
  const auto path = folder / "job.weir";
  auto store = checkpoint_store::open(options_for(path));
  const std::vector<operator_record> operators{{"counts", "count", "counts", region, 1, ""}};
  store.register_plan(operators, std::vector<schema_record>{{"counts", "counts", "{}"}}, 128);
  const auto attempt = store.begin_attempt(region, at(0), {});
  const auto one = store.open_checkpoint(checkpoint_trigger::demand, at(10));
  auto snapshot = base(one, attempt, "abc");
  snapshot.phases.alignment = std::chrono::microseconds{2500};
  store.write(snapshot, at(15));
  auto expected = expect();
  expected.front().write = std::chrono::microseconds{1250};
  store.complete(one, expected, at(30));
  const auto two = store.open_checkpoint(checkpoint_trigger::interval, at(40));
  const std::vector<std::string> late{"counts/0", "lines/1"};
  store.fail_checkpoint(two, checkpoint_status::aborted, "timeout", late, at(50));
  const auto failure =
      store.record_failure({at(60), region, attempt, "counts", subtask_index{0}, "counts", "exception", "it was odd"});
  recovery_record recovery;
  recovery.failure = failure;
  recovery.region = region;
  recovery.attempt = store.begin_attempt(region, at(61), one);
  recovery.time = at(61);
  recovery.restored = one;
  recovery.loaded = std::chrono::microseconds{7000};
  store.record_recovery(recovery);
  recovery.first_output = std::chrono::microseconds{9000};
  store.record_recovery(recovery);

  const auto ask = [&](const std::string& sql) {
    return output_of("sqlite3 -readonly '" + path.string() + "' '" + sql + "'");
  };
  CHECK(ask("SELECT id, \"trigger\", status, started, duration_ms, bytes, entries, subtasks, late, reason "
            "FROM checkpoint_overview") ==
        "1|demand|complete|2023-11-14 22:13:20.010|20.0|3|1|1||\n"
        "2|interval|aborted|2023-11-14 22:13:20.040|10.0|0|0|0|counts/0, lines/1|timeout\n");
  CHECK(ask("SELECT checkpoint, task, subtask, attempt, after_ms, alignment_ms, write_ms, bytes "
            "FROM acknowledgement_overview") == "1|counts|0|1|5.0|2.5|1.25|3\n");
  CHECK(ask("SELECT kind, message, operator FROM failure_overview") == "exception|it was odd|counts\n");
  CHECK(ask("SELECT attempt, restored_checkpoint, loaded_ms, first_output_ms, message FROM recovery_overview") ==
        "2|1|7.0|9.0|it was odd\n");
  CHECK(ask("SELECT operator, table_name, checkpoint, chunks, entries, bytes FROM state_overview") ==
        "counts|counts|1|1|1|3\n");
  CHECK(ask("SELECT job, run, status, newest_complete, failures FROM job_overview") ==
        "word-count|" + std::string{first_run} + "|running|1|1\n");
  CHECK(ask("PRAGMA integrity_check") == "ok\n");

  // And it cannot write, not even without -readonly.
  const auto said = output_of("sqlite3 '" + path.string() + "' 'UPDATE runs SET job = 1'");
  CHECK_THAT(said, Contains("weir_store_writer"));
  CHECK(take(store, recovery.attempt, "still ours") == checkpoint_id{3});
}

TEST_CASE("every table refuses other programs", "[checkpoint_store]") {
  temporary_folder folder;
  const auto path = folder / "job.weir";
  const auto store = checkpoint_store::open(options_for(path));
  auto other = sqlite_database::open(path.string(), sqlite_access::read_write);
  std::vector<std::string> tables;
  {
    auto query = other.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
    while (query.step())
      tables.emplace_back(query.text(0));
  }
  CHECK(tables.size() == 12);
  for (const auto& table : tables) {
    CHECK_THROWS_WITH(other.exec("DELETE FROM " + table), Contains("weir_store_writer"));
    CHECK_THROWS_WITH(other.exec("INSERT INTO " + table + " DEFAULT VALUES"), Contains("weir_store_writer"));
  }
}

TEST_CASE("a reader of its own reads while the store writes", "[checkpoint_store]") {
  temporary_folder folder;
  auto store = checkpoint_store::open(options_for(folder / "job.weir"));
  const auto attempt = store.begin_attempt(region, at(0), {});
  const auto one = take(store, attempt, "a");
  const auto reader = checkpoint_reader::open(folder / "job.weir");
  std::string seen;
  reader.for_each_chunk(one, "counts", "counts", {0, 128}, [&](const stored_chunk& chunk) {
    take(store, attempt, "b", one);
    seen += static_cast<char>(chunk.bytes.front());
  });
  CHECK(seen == "a");
  CHECK(contents(reader, checkpoint_id{2}) == "a,b");
  CHECK(reader.newest_verified().id == checkpoint_id{2});
}

TEST_CASE("the log stays bounded while much is written", "[checkpoint_store]") {
  temporary_folder folder;
  auto store = checkpoint_store::open(options_for(folder / "job.weir"));
  const auto attempt = store.begin_attempt(region, at(0), {});
  const std::string large(8 << 20, 'x');
  for (int i = 0; i < 20; ++i) {
    take(store, attempt, large);
    (void)store.prune(1, at(1));
    CHECK(store.log_bytes() < (std::int64_t{96} << 20));
  }
  store.maintain();
  CHECK(std::filesystem::file_size(folder / "job.weir") < (std::uintmax_t{100} << 20));
}
