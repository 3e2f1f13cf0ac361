// Tests of the SQLite VFS whose writers give the processor away.
#include "scratch_folder.hpp"

#include "machines/faulty_disk.hpp"
#include <weir/persistence/error.hpp>
#include <weir/persistence/paced_vfs.hpp>
#include <weir/persistence/sqlite_database.hpp>

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

// Of the thread that writes: a test lends it one, as what has been worked is remembered by thread.
thread_local long pieces = 0;
thread_local long rests = 0;
thread_local std::chrono::microseconds rested{};

/// Each piece is work of 100 µs.
weir::pacing counted_pacing() {
  return {[] { return std::chrono::nanoseconds{++pieces * 100us}; },
          [](std::chrono::microseconds time) {
            ++rests;
            rested += time;
          }};
}

sqlite_database make_table(const std::string& path, const std::string& vfs) {
  auto database = sqlite_database::open(path, sqlite_access::create, vfs);
  database.exec("PRAGMA page_size = 4096");
  database.use_write_ahead_log(1 << 20);
  database.exec("CREATE TABLE t (bytes BLOB)");
  return database;
}

void on_own_thread(const auto& work) {
  std::thread{work}.join();
}

} // namespace

TEST_CASE("who writes through a paced VFS rests after each half millisecond of work") {
  const scratch_folder folder;
  long all_pieces = 0;
  long all_rests = 0;
  std::chrono::microseconds all_rested{};
  on_own_thread([&] {
    auto database = make_table(folder / "paced.db", weir::paced_vfs({}, counted_pacing()));
    const std::vector<std::byte> bytes(1 << 20);
    database.run("INSERT INTO t VALUES (?)", std::span{bytes});
    database.checkpoint_log();
    all_pieces = pieces;
    all_rests = rests;
    all_rested = rested;
  });
  CHECK(all_pieces > 512); // 256 pages, into the log and into the file
  CHECK(all_rests == all_pieces / 5);
  CHECK(all_rested == all_rests * weir::paced_rest);
}

TEST_CASE("who reads in a transaction that writes rests too, and who only reads does not") {
  const scratch_folder folder;
  const std::string path = folder / "paced.db";
  const std::string vfs = weir::paced_vfs({}, counted_pacing());
  make_table(path, vfs).exec("INSERT INTO t VALUES (zeroblob(1000000))");
  const auto pieces_of_reading = [&](weir::sqlite_transaction::kind kind) {
    long found = 0;
    on_own_thread([&] {
      auto database = sqlite_database::open(path, sqlite_access::read_write, vfs);
      const weir::sqlite_transaction transaction{database, kind};
      pieces = 0;
      CHECK(database.integer("SELECT sum(length(hex(bytes))) FROM t") > 0);
      found = pieces;
    });
    return found;
  };
  CHECK(pieces_of_reading(weir::sqlite_transaction::kind::read) == 0);
  CHECK(pieces_of_reading(weir::sqlite_transaction::kind::write) > 200); // pages of 4096 bytes
}

TEST_CASE("a file that was written through a paced VFS is read through any other") {
  const scratch_folder folder;
  const std::string path = folder / "paced.db";
  std::vector<std::byte> bytes(300'000);
  for (std::size_t i = 0; i != bytes.size(); ++i)
    bytes[i] = static_cast<std::byte>(i * 7 + i / 251);
  {
    auto database = make_table(path, weir::paced_vfs());
    database.run("INSERT INTO t VALUES (?)", std::span{bytes});
    auto beside = sqlite_database::open(path, sqlite_access::read_only); // the locks are the same files'
    CHECK(beside.integer("SELECT length(bytes) FROM t") == 300'000);
    CHECK(database.checkpoint_log());
  }
  auto database = sqlite_database::open(path, sqlite_access::read_only);
  CHECK(database.text("PRAGMA integrity_check") == "ok");
  auto query = database.prepare("SELECT bytes FROM t");
  REQUIRE(query.step());
  CHECK(std::ranges::equal(query.bytes(0), bytes));
}

TEST_CASE("a paced VFS says what the one beneath it says") {
  const scratch_folder folder;
  faulty_disk disk{"weir-fault"};
  auto database = make_table(folder / "paced.db", weir::paced_vfs("weir-fault"));
  disk.arm({faulty_disk::operation::write, faulty_disk::trouble::fail, 1});
  CHECK_THROWS_AS(database.exec("INSERT INTO t VALUES (zeroblob(10000))"), weir::io_error);
  CHECK(database.has_failed());
  CHECK_THROWS_AS(weir::paced_vfs("no such VFS"), weir::usage_error);
}

TEST_CASE("one paced VFS is registered for one base, and another for another") {
  const std::string first = weir::paced_vfs();
  CHECK(weir::paced_vfs() == first);
  CHECK(weir::paced_vfs("unix") == first);
  CHECK(weir::paced_vfs("unix-dotfile") != first);
  CHECK(weir::paced_vfs({}, counted_pacing()) != first);
}
