// The SQLite wrapper: binding, transactions that nest, errors that name the file.
#include "checkpoint_store_fixture.hpp"

#include <weir/persistence/sqlite_database.hpp>

#include <catch2/catch.hpp>

#include <fstream>
#include <limits>

using namespace weir;
using Catch::Matchers::Contains;
using store_test::temporary_folder;

TEST_CASE("values come back from a database as they were bound", "[sqlite_database]") {
  auto db = sqlite_database::in_memory();
  db.exec("CREATE TABLE t (a INTEGER, b TEXT, c BLOB, d REAL, e INTEGER)");
  const std::vector<std::byte> bytes{std::byte{0}, std::byte{255}, std::byte{7}};
  db.run("INSERT INTO t VALUES (?, ?, ?, ?, ?)", std::numeric_limits<std::int64_t>::min(), std::string_view{"a\0b", 3},
         std::span<const std::byte>{bytes}, 0.5, std::optional<checkpoint_id>{});
  auto query = db.prepare("SELECT a, b, c, d, e FROM t");
  REQUIRE(query.step());
  CHECK(query.integer(0) == std::numeric_limits<std::int64_t>::min());
  CHECK(query.text(1) == std::string_view{"a\0b", 3});
  CHECK(std::vector<std::byte>(query.bytes(2).begin(), query.bytes(2).end()) == bytes);
  CHECK(query.real(3) == 0.5);
  CHECK(query.is_null(4));
  CHECK_FALSE(query.optional_id<checkpoint_id>(4));
  CHECK_THROWS_AS(query.count(0), damaged_error);
  CHECK_FALSE(query.step());
}

TEST_CASE("empty text and empty bytes are not null", "[sqlite_database]") {
  auto db = sqlite_database::in_memory();
  db.exec("CREATE TABLE t (a TEXT NOT NULL, b BLOB NOT NULL)");
  db.run("INSERT INTO t VALUES (?, ?)", std::string_view{}, std::span<const std::byte>{});
  CHECK(db.integer("SELECT length(a) + length(b) FROM t") == 0);
}

TEST_CASE("an integer that SQLite cannot hold is refused", "[sqlite_database]") {
  auto db = sqlite_database::in_memory();
  CHECK_THROWS_AS(db.run("SELECT ?", std::numeric_limits<std::uint64_t>::max()), usage_error);
}

TEST_CASE("the same statement can be used twice at once", "[sqlite_database]") {
  auto db = sqlite_database::in_memory();
  db.exec("CREATE TABLE t (a INTEGER)");
  db.run("INSERT INTO t VALUES (1), (2)");
  std::int64_t products = 0;
  auto outer = db.prepare("SELECT a FROM t");
  while (outer.step()) {
    auto inner = db.prepare("SELECT a FROM t");
    while (inner.step())
      products += outer.integer(0) * inner.integer(0);
  }
  CHECK(products == 9);
}

TEST_CASE("a transaction that is not committed is undone", "[sqlite_database]") {
  auto db = sqlite_database::in_memory();
  db.exec("CREATE TABLE t (a INTEGER)");
  {
    sqlite_transaction kept{db};
    db.run("INSERT INTO t VALUES (1)");
    {
      sqlite_transaction undone{db};
      db.run("INSERT INTO t VALUES (2)");
    }
    {
      sqlite_transaction part{db};
      db.run("INSERT INTO t VALUES (4)");
      part.commit();
    }
    kept.commit();
  }
  {
    sqlite_transaction undone{db};
    db.run("INSERT INTO t VALUES (8)");
  }
  CHECK(db.integer("SELECT sum(a) FROM t") == 5);
}

TEST_CASE("a file that is not there is made only when that was asked for", "[sqlite_database]") {
  temporary_folder folder;
  const auto path = (folder / "none.db").string();
  CHECK_THROWS_WITH(sqlite_database::open(path, sqlite_access::read_write).integer("PRAGMA user_version"),
                    Contains(path));
  CHECK_THROWS_AS(sqlite_database::open(path, sqlite_access::read_only).integer("PRAGMA user_version"), io_error);
  sqlite_database::open(path, sqlite_access::create).exec("CREATE TABLE t (a)");
  CHECK(std::filesystem::exists(path));
}

TEST_CASE("a file that is no database is said to be none", "[sqlite_database]") {
  temporary_folder folder;
  const auto path = (folder / "text.db").string();
  std::ofstream{path} << std::string(4096, 'x');
  auto db = sqlite_database::open(path, sqlite_access::read_write);
  CHECK_THROWS_WITH(db.integer("PRAGMA user_version"), Contains(path) && Contains("expected a SQLite database"));
}

TEST_CASE("a database that cannot grow says that the disk is full and goes on when there is room",
          "[sqlite_database]") {
  temporary_folder folder;
  auto db = sqlite_database::open((folder / "small.db").string(), sqlite_access::create);
  db.exec("CREATE TABLE t (a BLOB)");
  (void)db.integer("PRAGMA max_page_count = 20");
  const std::vector<std::byte> large(1 << 20);
  try {
    sqlite_transaction transaction{db};
    db.run("INSERT INTO t VALUES (?)", std::span<const std::byte>{large});
    FAIL("it should not fit");
  } catch (const io_error& e) {
    CHECK_THAT(e.what(), Contains("small.db") && Contains("room on the disk") && Contains("free space"));
  }
  CHECK_FALSE(db.has_failed());
  (void)db.integer("PRAGMA max_page_count = 1000");
  db.run("INSERT INTO t VALUES (?)", std::span<const std::byte>{large});
  CHECK(db.integer("SELECT count(*) FROM t") == 1);
}

TEST_CASE("a writer waits for nobody forever", "[sqlite_database]") {
  temporary_folder folder;
  const auto path = (folder / "shared.db").string();
  auto one = sqlite_database::open(path, sqlite_access::create);
  one.exec("CREATE TABLE t (a INTEGER)");
  auto two = sqlite_database::open(path, sqlite_access::read_write);
  two.exec("PRAGMA busy_timeout = 1");
  const sqlite_transaction held{one};
  CHECK_THROWS_WITH(sqlite_transaction{two}, Contains("no other writer"));
}

TEST_CASE("the log is copied into the file only when asked, and past a reader as far as it lets", "[sqlite_database]") {
  temporary_folder folder;
  const auto path = (folder / "log.db").string();
  auto writer = sqlite_database::open(path, sqlite_access::create);
  writer.use_write_ahead_log(1 << 20);
  writer.exec("CREATE TABLE t (a BLOB)");
  auto reader = sqlite_database::open(path, sqlite_access::read_only);
  {
    const sqlite_transaction view{reader, sqlite_transaction::kind::read};
    CHECK(reader.integer("SELECT count(*) FROM t") == 0);
    const std::vector<std::byte> large(8 << 20);
    writer.run("INSERT INTO t VALUES (?)", std::span<const std::byte>{large});
    CHECK(writer.log_bytes() >= (8 << 20));
    CHECK_FALSE(writer.checkpoint_log());
    CHECK(reader.integer("SELECT count(*) FROM t") == 0);
  }
  CHECK(writer.checkpoint_log());
  writer.run("INSERT INTO t VALUES (1)");
  CHECK(writer.log_bytes() < (1 << 20));
  CHECK(reader.integer("SELECT count(*) FROM t") == 2);
}
