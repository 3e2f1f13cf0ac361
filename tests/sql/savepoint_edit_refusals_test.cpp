// What is said of changes that are not made.
#include "edited_savepoint.hpp"

#include <weir/persistence/fields.hpp>
#include <weir/persistence/hash.hpp>
#include <weir/persistence/key_groups.hpp>

#include <catch2/catch.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace savepoint_edit_refusals_test {

using namespace sql_test;
using Catch::Matchers::Contains;
using lines = std::vector<std::string>;
using use = sql_connection::use;

struct reading {
  std::int8_t level = 0;
  std::string unit;
  WEIR_FIELDS(level, unit)
};

made_table table_of(const char* operator_name, const char* table, std::vector<made_entry> entries) {
  made_table made;
  made.operator_name = operator_name;
  made.table = table;
  made.entries = std::move(entries);
  return made;
}

std::filesystem::path readings(const char* name) {
  return savepoint_of(name, {schema_record_of<std::string, reading>("sensors", "state")},
                      {table_of("sensors", "state", {entry_of(std::string{"attic"}, reading{20, "C"})})});
}

TEST_CASE("a job's store is not edited, and it is said what is") {
  const auto path = readings("live").parent_path() / "made.weir";
  for (const use as : {use::edit, use::read}) {
    sql_connection sql{path, as};
    static_cast<void>(sql.one("SELECT weir_views('made')"));
    for (const char* change : {"INSERT INTO sensors_state VALUES ('x', 1, '')", "UPDATE sensors_state SET level = 1",
                               "DELETE FROM sensors_state", "DELETE FROM sensors_state WHERE key = 'nobody'"})
      CHECK(
          sql.error(change) ==
          "the store " + path.string() +
              " of the job made: expected a savepoint, whose state can be changed, found a job's store, which its job "
              "alone writes; make a savepoint of it first, weir savepoint " +
              path.string() + " FILE, and change that");
    CHECK(sql.rows("SELECT * FROM sensors_state") == lines{"attic|20|C"});
  }
}

TEST_CASE("a savepoint that is open for reading is not edited") {
  const auto path = readings("reading");
  sql_connection sql{path};
  static_cast<void>(sql.one("SELECT weir_views('made')"));
  CHECK_THAT(sql.error("DELETE FROM sensors_state"),
             Contains("the savepoint " + path.string() + ": expected to be open for writing"));
}

TEST_CASE("a value that does not fit is told with its column, what was expected, and what was found") {
  const auto path = readings("typed");
  const lines before = chunks(path);
  sql_connection sql{path, use::edit};
  static_cast<void>(sql.one("SELECT weir_views('made')"));
  CHECK(sql.error("INSERT INTO sensors_state VALUES ('x', 128, 'C')") ==
        "sensors_state.level: expected an integer from -128 to 127, found 128");
  CHECK(sql.error("UPDATE sensors_state SET level = level * 10") ==
        "sensors_state.level: expected an integer from -128 to 127, found 200");
  CHECK(sql.error("INSERT INTO sensors_state VALUES ('x', 'high', 'C')") ==
        "sensors_state.level: expected an integer from -128 to 127, found the text 'high'");
  CHECK(sql.error("INSERT INTO sensors_state(key, level) VALUES ('x', 1)") ==
        "sensors_state.unit: expected text, found null");
  CHECK(sql.error("INSERT INTO sensors_state VALUES (1, 1, 'C')") == "sensors_state.key: expected text, found 1");
  CHECK(sql.error("UPDATE sensors_state SET unit = 5") == "sensors_state.unit: expected text, found 5");
  CHECK(sql.error("INSERT INTO sensors_state VALUES ('attic', 1, 'C')") ==
        "the key \"attic\" of sensors_state: expected a new one, found one that is there; update it, or say `insert or "
        "replace`");
  CHECK_THAT(sql.error("INSERT INTO sensors_state(key, level, unit, key_group) VALUES ('x', 1, 'C', 3)"),
             Contains("sensors_state.key_group: expected to be left out"));
  CHECK_THAT(sql.error("UPDATE sensors_state SET subtask = 1 - subtask"),
             Contains("sensors_state.subtask: expected to be"));
  CHECK_THAT(sql.error("UPDATE sensors_state SET rowid = 9"), Contains("sensors_state.rowid: expected to be"));
  CHECK_THAT(sql.error("INSERT INTO sensors_state(rowid, key, level, unit) VALUES (7, 'x', 1, 'C')"),
             Contains("sensors_state.rowid: expected to be"));
  CHECK(sql.rows("SELECT * FROM sensors_state") == lines{"attic|20|C"});
  CHECK(chunks(path) == before);
}

TEST_CASE("timers, lists and entries of collections are left as they are") {
  auto pending = table_of("sink", "pending", {entry_of(std::string{"a"}, 1)});
  pending.distributed_by = weir::distribution::list;
  auto map = table_of("sensors", "map", {entry_of(std::string{"a"}, 1), entry_of(std::string{"a"}, 2)});
  map.entries[1].kind = weir::entry_kind::map_entry;
  const auto path = savepoint_of("others",
                                 {schema_record_of<std::string, int>("sink", "pending"),
                                  schema_record_of<std::string, int>("sensors", "map"),
                                  schema_record_of<std::string, int>("sensors", "timers")},
                                 {pending, map, table_of("sensors", "timers", {entry_of(std::string{"a"}, 1)})});
  sql_connection sql{path, use::edit};
  static_cast<void>(sql.one("SELECT weir_views('made')"));
  CHECK_THAT(sql.error("DELETE FROM sink_pending"),
             Contains("found a list that is dealt out to subtasks, such as what a sink has prepared"));
  CHECK_THAT(sql.error("DELETE FROM sink_pending WHERE key = 'nobody'"), Contains("found a list that is dealt out"));
  CHECK_THAT(sql.error("UPDATE sensors_map SET value = 1"), Contains("found entries of another kind"));
  CHECK_THAT(sql.error("DELETE FROM sensors_timers"), Contains("the table sensors_timers: expected state by key"));
  CHECK_THAT(sql.error("DELETE FROM weir_state WHERE job = 'made'"), Contains("may not be modified"));
}

TEST_CASE("the tables of the file itself are not written") {
  sql_connection sql{readings("itself"), use::edit};
  for (const char* change : {"DELETE FROM chunks", "UPDATE chunk_bytes SET bytes = x''",
                             "INSERT INTO failures(run, time, kind, message) VALUES (1, 1, '', '')"})
    CHECK_THAT(sql.error(change), Contains("weir_store_writer"));
}

TEST_CASE("damage is not sealed into an edited savepoint") {
  const auto path = readings("damage");
  change_file(path, "UPDATE chunk_bytes SET bytes = zeroblob(length(bytes))");
  sql_connection sql{path, use::edit};
  static_cast<void>(sql.one("SELECT weir_views('made')"));
  CHECK_THAT(sql.error("UPDATE sensors_state SET level = 1"), Contains("differ from their checksum"));
  const auto other = readings("damaged_list");
  change_file(other, "UPDATE chunks SET entries = entries + 1");
  sql_connection another{other, use::edit};
  static_cast<void>(another.one("SELECT weir_views('made')"));
  CHECK_THAT(another.error("UPDATE sensors_state SET level = 1"), Contains("as its manifest says"));
}

TEST_CASE("a table that was made within a transaction is not edited in it, and one that was edited is not dropped") {
  sql_connection sql{readings("within_one"), use::edit};
  static_cast<void>(sql.rows("BEGIN"));
  static_cast<void>(sql.one("SELECT weir_views('made')"));
  CHECK_THAT(sql.error("DELETE FROM sensors_state"), Contains("a transaction that began after the table was made"));
  static_cast<void>(sql.rows("COMMIT"));
  static_cast<void>(sql.rows("BEGIN"));
  static_cast<void>(sql.rows("UPDATE sensors_state SET level = 1"));
  CHECK_THAT(sql.error("DROP TABLE sensors_state"), Contains("locked"));
  static_cast<void>(sql.rows("COMMIT"));
  CHECK(sql.rows("SELECT level FROM sensors_state") == lines{"1"});
  CHECK(sql.rows("DROP TABLE sensors_state").empty());
}

} // namespace savepoint_edit_refusals_test
