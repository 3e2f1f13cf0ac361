// Power that goes, disks that fail and programs that meet while a savepoint is edited.
#include "edited_savepoint.hpp"

#include "machines/faulty_disk.hpp"

#include <weir/persistence/error.hpp>

#include <catch2/catch.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace savepoint_edit_faults_test {

using namespace sql_test;
using Catch::Matchers::Contains;
using lines = std::vector<std::string>;
using use = sql_connection::use;
using disk = weir_test::faulty_disk;
namespace fs = std::filesystem;

fs::path made(const char* name) {
  made_table table;
  for (int i = 0; i < 2000; ++i)
    table.entries.push_back(entry_of("key " + std::to_string(i), i));
  return savepoint_of(name, {schema_record_of<std::string, int>("counts", "state")}, {table});
}

/// Beside it nothing is left of an earlier one.
void renew(const fs::path& path, const fs::path& original) {
  for (const char* suffix : {"", "-journal", "-wal", "-shm"})
    fs::remove(path.string() + suffix);
  fs::copy_file(original, path);
}

/// What went wrong, if anything did.
std::string edit(const fs::path& path) {
  sql_connection sql{path, use::edit};
  static_cast<void>(sql.rows("PRAGMA cache_size = 4")); // so that pages are written before the commit
  static_cast<void>(sql.one("SELECT weir_views('made')"));
  return sql.error("UPDATE counts_state SET key = 'new ' || key, value = value + 1");
}

TEST_CASE("whenever the power goes, a savepoint is as before its edit or as after it") {
  const auto original = made("power");
  const auto path = original.parent_path() / "edited.save";
  disk machine{"edited"};
  machine.be_default();
  const lines before = chunks(original);
  renew(path, original);
  REQUIRE(edit(path).empty());
  const lines after = chunks(path);
  REQUIRE(after != before);
  int as_before = 0;
  int as_after = 0;
  for (long nth = 1;; ++nth) {
    renew(path, original);
    machine.on_delay([&] { machine.freeze(); });
    machine.arm({disk::changes(), disk::trouble::delayed, nth});
    const std::string problem = edit(path);
    const bool died = machine.frozen();
    machine.disarm();
    if (died)
      machine.lose_power(static_cast<std::uint64_t>(nth));
    machine.thaw();
    INFO("the power goes at change " << nth << ": " << problem);
    CHECK(problems(path).empty()); // who looks at it as a job does also undoes what was not committed
    const lines found = chunks(path);
    if (!died) {
      CHECK(problem.empty());
      CHECK(found == after);
      break;
    }
    ++(found == before ? as_before : as_after);
    CHECK((found == before || found == after));
  }
  CHECK(as_before > 5);
  CHECK(as_after > 0);
}

TEST_CASE("whatever fails on the disk, an edit is there or its statement has failed") {
  const auto original = made("failing");
  const auto path = original.parent_path() / "edited.save";
  disk machine{"edited"};
  machine.be_default();
  const lines before = chunks(original);
  int failed = 0;
  for (const auto trouble : {disk::trouble::fail, disk::trouble::full})
    for (long nth = 1;; ++nth) {
      renew(path, original);
      const long fault = machine.arm({disk::changes(), trouble, nth});
      const std::string problem = edit(path);
      const bool struck = machine.struck(fault) != 0;
      machine.disarm();
      INFO("change " << nth << " fails: " << problem);
      CHECK(problems(path).empty());
      CHECK((chunks(path) == before) == !problem.empty());
      failed += problem.empty() ? 0 : 1;
      if (!struck)
        break;
    }
  CHECK(failed > 10);
}

TEST_CASE("two programs do not edit a savepoint at once") {
  const auto path = made("two");
  sql_connection one{path, use::edit};
  sql_connection two{path, use::edit};
  for (auto* each : {&one, &two})
    static_cast<void>(each->one("SELECT weir_views('made')"));
  static_cast<void>(one.rows("BEGIN"));
  static_cast<void>(one.rows("DELETE FROM counts_state WHERE key = 'key 1'"));
  CHECK_THAT(two.error("DELETE FROM counts_state WHERE key = 'key 2'"),
             Contains("expected a file that nobody else is editing, found database is locked"));
  static_cast<void>(one.rows("COMMIT"));
  static_cast<void>(two.rows("DELETE FROM counts_state WHERE key = 'key 2'"));
  CHECK(one.one("SELECT count(*) FROM counts_state") == "1998");
  CHECK(problems(path).empty());
}

TEST_CASE("an edit that a reader keeps from its commit can be committed later") {
  const auto path = made("reader");
  sql_connection sql{path, use::edit};
  sql_connection reader{path};
  static_cast<void>(sql.one("SELECT weir_views('made')"));
  static_cast<void>(reader.rows("BEGIN"));
  CHECK(reader.one("SELECT count(*) FROM weir_state('made')") == "2000");
  static_cast<void>(sql.rows("BEGIN"));
  static_cast<void>(sql.rows("DELETE FROM counts_state WHERE key = 'key 1'"));
  CHECK_THAT(sql.error("COMMIT"), Contains("locked"));
  static_cast<void>(sql.rows("DELETE FROM counts_state WHERE key = 'key 2'"));
  CHECK(reader.one("SELECT count(*) FROM weir_state('made')") == "2000");
  static_cast<void>(reader.rows("COMMIT"));
  static_cast<void>(sql.rows("COMMIT"));
  CHECK(reader.one("SELECT count(*) FROM weir_state('made')") == "1998");
  CHECK(problems(path).empty());
}

} // namespace savepoint_edit_faults_test
