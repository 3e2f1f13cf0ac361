// State with a time to live in SQL: the times of its entries, and what an edit makes of them.
#include "edited_savepoint.hpp"

#include <weir/persistence/fields.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <tuple>
#include <vector>

namespace timed_state_test {

using namespace sql_test;
using Catch::Matchers::Contains;
using lines = std::vector<std::string>;

struct counted {
  std::uint64_t count = 0;
  WEIR_FIELDS(count)
};

weir::stored_time at(std::int64_t us) {
  return weir::stored_time{std::chrono::microseconds{us}};
}

using rows = std::vector<std::tuple<std::string, std::uint64_t, std::int64_t>>;

made_table table_of(const rows& some, weir::snapshot_kind kind = weir::snapshot_kind::base,
                    weir::stored_time clock = weir::no_stored_time) {
  made_table table;
  table.kind = kind;
  table.clock = clock;
  for (const auto& [word, count, time] : some) {
    table.entries.push_back(entry_of(word, counted{count}));
    table.entries.back().time = at(time);
  }
  return table;
}
const std::vector<weir::schema_record> schema{schema_record_of<std::string, counted>("counts", "state")};

TEST_CASE("the time of an entry's last refresh is a hidden column") {
  const auto path = savepoint_of("seen", schema, {table_of({{"a", 1, 1000}, {"b", 2, -5}})});
  sql_connection sql{path};
  CHECK(sql.rows("SELECT weir_views('made')") == lines{"counts_state(key, count)"});
  CHECK(sql.rows("SELECT * FROM counts_state ORDER BY 1") == lines{"a|1", "b|2"});
  CHECK(sql.rows("SELECT key, touched FROM counts_state ORDER BY 1") == lines{"a|1000", "b|-5"});
  CHECK(sql.rows("SELECT key FROM counts_state WHERE touched < 0") == lines{"b"});
  CHECK(sql.rows("SELECT key, touched FROM weir_state('made', 'counts') ORDER BY 1") == lines{"a|1000", "b|-5"});
  CHECK(sql.rows("SELECT key FROM weir_state('made') WHERE touched > 0") == lines{"a"});

  made_table plain;
  plain.entries = {entry_of(std::string{"a"}, counted{1})};
  sql_connection other{savepoint_of("plain", schema, {plain})};
  CHECK(other.rows("SELECT key, touched FROM weir_state('made')") == lines{"a|null"});
}

TEST_CASE("a savepoint keeps the times that a chain of chunks has") {
  const auto path = savepoint_of("kept", schema, {table_of({{"a", 1, 1000}, {"b", 2, 2000}})});
  CHECK(problems(path).empty());
  CHECK(chunks(path) == chunks(savepoint_of("again", schema, {table_of({{"b", 2, 2000}, {"a", 1, 1000}})})));
  CHECK(chunks(path) != chunks(savepoint_of("other", schema, {table_of({{"a", 1, 1000}, {"b", 2, 2001}})})));
}

TEST_CASE("what is edited has no time of its own any more, and the rest keeps it") {
  const auto path = savepoint_of("edited", schema, {table_of({{"a", 1, 1000}, {"b", 2, 2000}, {"c", 3, 3000}})});
  sql_connection sql{path, sql_connection::use::edit};
  static_cast<void>(sql.rows("SELECT weir_views('made')"));
  const auto all = [&] { return sql.rows("SELECT key, count, touched FROM counts_state ORDER BY 1"); };
  const auto run = [&](const char* text) { CHECK(sql.rows(text).empty()); };
  run("BEGIN");
  run("UPDATE counts_state SET count = 10 WHERE key = 'a'");
  run("SAVEPOINT one");
  run("INSERT INTO counts_state VALUES ('d', 4)");
  run("UPDATE counts_state SET count = 20 WHERE key = 'b'");
  CHECK(all() == lines{"a|10|null", "b|20|null", "c|3|3000", "d|4|null"});
  run("ROLLBACK TO one");
  CHECK(all() == lines{"a|10|null", "b|2|2000", "c|3|3000"});
  run("DELETE FROM counts_state WHERE key = 'c'");
  run("COMMIT");
  CHECK(all() == lines{"a|10|null", "b|2|2000"});
  CHECK(problems(path).empty());
  CHECK_THAT(sql.error("UPDATE counts_state SET touched = 5"),
             Contains("counts_state.touched") && Contains("left out"));
}

TEST_CASE("in event time what is edited has no time, and the watermark stays") {
  const auto base = weir::snapshot_kind::base;
  const auto path = savepoint_of("clock", schema, {table_of({{"a", 1, 1000}}, base, at(1500))});
  {
    sql_connection sql{path, sql_connection::use::edit};
    static_cast<void>(sql.rows("SELECT weir_views('made')"));
    CHECK(sql.rows("INSERT INTO counts_state VALUES ('b', 2)").empty());
  }
  sql_connection sql{path};
  static_cast<void>(sql.rows("SELECT weir_views('made')"));
  CHECK(sql.rows("SELECT key, touched FROM counts_state ORDER BY 1") == lines{"a|1000", "b|null"});
  CHECK(problems(path).empty());
}

} // namespace timed_state_test
