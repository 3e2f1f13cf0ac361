// Tests of threads that give the processor away while they work, and of the store, whose writer does.
#include "checkpoint_store_fixture.hpp"
#include "scratch_folder.hpp"

#include "machines/faulty_disk.hpp"
#include <weir/persistence/error.hpp>
#include <weir/persistence/sqlite_database.hpp>
#include <weir/persistence/thread_pace.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using weir::sqlite_access;
using weir::sqlite_database;
using weir_test::faulty_disk;
using weir_test::scratch_folder;

namespace {

long pieces = 0; // of work, each of 100 µs
long rests = 0;
std::chrono::microseconds rested{};

weir::pacing counted_pacing() {
  return {[] { return std::chrono::nanoseconds{pieces * 100us}; },
          [](std::chrono::microseconds time) {
            ++rests;
            rested += time;
          }};
}

/// Each look at the clock finds a piece done.
weir::pacing pacing_by_looks() {
  return {[] { return std::chrono::nanoseconds{++pieces * 100us}; }, [](std::chrono::microseconds) { ++rests; }};
}

void forget_counts() {
  pieces = rests = 0;
  rested = {};
}

sqlite_database make_table(const std::string& path, const std::string& vfs = {}) {
  auto database = sqlite_database::open(path, sqlite_access::create, vfs);
  database.exec("PRAGMA page_size = 4096");
  database.use_write_ahead_log(1 << 20);
  database.exec("CREATE TABLE t (bytes BLOB)");
  return database;
}

/// How often the clock was looked at meanwhile: 0 without a pace.
long looks_during(const auto& work) {
  forget_counts();
  work();
  return pieces;
}

std::vector<std::byte> some_bytes(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i != size; ++i)
    bytes[i] = static_cast<std::byte>(i * 7 + i / 251);
  return bytes;
}

} // namespace

TEST_CASE("a paced thread rests once it has worked for half a millisecond, and then anew") {
  forget_counts();
  const weir::thread_pace pace{counted_pacing()};
  const auto rests_after = [](long more) {
    pieces += more;
    weir::rest_if_due();
    return rests;
  };
  CHECK(rests_after(4) == 0);
  CHECK(rests_after(1) == 1);
  CHECK(rests_after(4) == 1);
  CHECK(rests_after(90) == 2); // late: once, and not for what was missed
  CHECK(rests_after(5) == 3);
  CHECK(rested == 3 * weir::paced_rest);
}

TEST_CASE("a thread rests only as long as its outermost pace lives") {
  forget_counts();
  const auto work = [] {
    pieces += 10;
    weir::rest_if_due();
    return rests;
  };
  CHECK(work() == 0);
  {
    const weir::thread_pace pace{counted_pacing()};
    CHECK(work() == 1);
    {
      const weir::thread_pace inner{weir::system_pacing()};
      CHECK(work() == 2); // by the outer one's clock
    }
    CHECK(work() == 3);
    std::thread{[&] { work(); }}.join();
    CHECK(rests == 3);
  }
  CHECK(work() == 3);
}

TEST_CASE("a commit, and a copy of the log, rest between their pages") {
  const scratch_folder folder;
  auto database = make_table(folder / "paced.db");
  const auto bytes = some_bytes(1 << 20);
  forget_counts();
  const std::uint64_t before = weir::rests_taken();
  {
    const weir::thread_pace pace{pacing_by_looks()};
    database.run("INSERT INTO t VALUES (?)", std::span{bytes});
    CHECK(pieces > 256); // the pages
    CHECK(rests >= pieces / 5 - 1);
    const long written = pieces;
    CHECK(database.checkpoint_log());
    CHECK(pieces > written + 2 * 256); // out of the log and into the file
  }
  CHECK(weir::rests_taken() == before + static_cast<std::uint64_t>(rests));
  const long in_pace = pieces;
  database.run("INSERT INTO t VALUES (?)", std::span{bytes});
  CHECK(pieces == in_pace);
}

TEST_CASE("what was written with rests is read by any other connection, also beside it") {
  const scratch_folder folder;
  const std::string path = folder / "paced.db";
  const auto bytes = some_bytes(300'000);
  {
    auto database = make_table(path);
    forget_counts();
    const weir::thread_pace pace{pacing_by_looks()};
    database.run("INSERT INTO t VALUES (?)", std::span{bytes});
    auto beside = sqlite_database::open(path, sqlite_access::read_only);
    CHECK(beside.integer("SELECT length(bytes) FROM t") == 300'000);
    CHECK(database.checkpoint_log());
    CHECK(rests > 0);
  }
  auto database = sqlite_database::open(path, sqlite_access::read_only);
  CHECK(database.text("PRAGMA integrity_check") == "ok");
  auto query = database.prepare("SELECT bytes FROM t");
  REQUIRE(query.step());
  CHECK(std::ranges::equal(query.bytes(0), bytes));
}

TEST_CASE("files that rest say what the disk beneath them says") {
  const scratch_folder folder;
  faulty_disk disk{"weir-fault"};
  auto database = make_table(folder / "paced.db", disk.name());
  disk.arm({faulty_disk::operation::write, faulty_disk::trouble::fail, 1});
  CHECK_THROWS_AS(database.exec("INSERT INTO t VALUES (zeroblob(10000))"), weir::io_error);
  CHECK(disk.happened() == 1);
  CHECK(database.has_failed());
}

TEST_CASE("a store with a pace rests while it writes, maintains and prunes, and not while a restore waits for it") {
  const store_test::temporary_folder folder;
  auto options = store_test::options_for(folder / "job.weir");
  options.pace = pacing_by_looks();
  auto store = weir::checkpoint_store::open(options);
  const auto attempt = store.begin_attempt(weir::region_id{0}, store_test::at(0), {});
  const std::string megabyte(1 << 20, 'x');
  weir::checkpoint_id newest;
  CHECK(looks_during([&] { newest = store_test::take(store, attempt, megabyte); }) > 64); // pages of 16 KiB
  while (!store.wants_maintenance())
    newest = store_test::take(store, attempt, megabyte);
  CHECK(looks_during([&] { store.maintain(); }) > 1024); // 16 MiB
  CHECK(looks_during([&] { store.prune(1, store_test::at(9)); }) > 0);
  CHECK(looks_during([&] { store.restore(newest, store_test::at(9)); }) == 0);
  CHECK(looks_during([&] { CHECK(store_test::contents(store.read(), newest) == megabyte); }) == 0);
  CHECK(looks_during([&] { store.begin_attempt(weir::region_id{0}, store_test::at(9), newest); }) == 0);
}

TEST_CASE("a store that is moved into another keeps its pace and its compression") {
  const store_test::temporary_folder folder;
  auto options = store_test::options_for(folder / "job.weir");
  options.pace = pacing_by_looks();
  options.compress = true;
  auto store = store_test::memory_store();
  store = weir::checkpoint_store::open(options);
  const auto attempt = store.begin_attempt(weir::region_id{0}, store_test::at(0), {});
  CHECK(looks_during([&] { store_test::take(store, attempt, std::string(1 << 20, 'x')); }) > 0);
  CHECK(store.log_bytes() < 1 << 20);
}
