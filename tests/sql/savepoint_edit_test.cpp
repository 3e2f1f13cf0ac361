// Savepoints that are edited: what is written, when, and what the file is then.
#include "edited_savepoint.hpp"

#include <weir/persistence/fields.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace savepoint_edit_test {

using namespace sql_test;
using Catch::Matchers::Contains;
using lines = std::vector<std::string>;
using use = sql_connection::use;

struct counted {
  std::uint64_t count = 0;
  WEIR_FIELDS(count)
};

made_table counts_of(std::vector<std::pair<std::string, std::uint64_t>> words) {
  made_table table;
  for (auto& [word, count] : words)
    table.entries.push_back(entry_of(word, counted{count}));
  return table;
}
const std::vector<weir::schema_record> counts_schema{schema_record_of<std::string, counted>("counts", "state")};

std::filesystem::path counts(const char* name, std::vector<std::pair<std::string, std::uint64_t>> words) {
  return savepoint_of(name, counts_schema, {counts_of(std::move(words))});
}

/// Opened to be edited, with the tables of its job.
struct editor : sql_connection {
  explicit editor(const std::filesystem::path& path) : sql_connection(path, use::edit) {
    static_cast<void>(rows("SELECT weir_views('made')"));
  }
  lines all() { return rows("SELECT * FROM counts_state ORDER BY 1"); }
  void run(const std::string& sql) { CHECK(rows(sql).empty()); }
};

TEST_CASE("an edited savepoint is the one that a job with that state would have made") {
  const auto path = counts("same", {{"a", 1}, {"b", 2}, {"c", 3}, {"d", 4}});
  {
    editor sql{path};
    sql.run("INSERT INTO counts_state VALUES ('e', 5), ('f', 6)");
    sql.run("UPDATE counts_state SET count = count * 10 WHERE key IN ('a', 'e')");
    sql.run("DELETE FROM counts_state WHERE key = 'b'");
    sql.run("UPDATE counts_state SET key = 'cc' WHERE key = 'c'");
    CHECK(sql.all() == lines{"a|10", "cc|3", "d|4", "e|50", "f|6"});
  }
  CHECK(problems(path).empty());
  CHECK(chunks(path) == chunks(counts("same_made", {{"f", 6}, {"e", 50}, {"d", 4}, {"cc", 3}, {"a", 10}})));
  sql_connection sql{path};
  CHECK(sql.one("SELECT reason FROM checkpoint_overview") == "edited: counts/state");
  CHECK(sql.one("SELECT entries = 5 AND state_bytes = bytes AND bytes = (SELECT sum(length) FROM chunks) AND "
                "bytes = (SELECT sum(bytes) FROM acknowledgement_overview) AND "
                "bytes = (SELECT sum(bytes) FROM table_snapshots) FROM checkpoint_overview") == "1");
  CHECK(sql.one("SELECT count(*) FROM chunk_bytes") == sql.one("SELECT count(*) FROM chunks"));
}

TEST_CASE("a compressed savepoint is read and edited as a plain one is") {
  std::vector<std::pair<std::string, std::uint64_t>> words;
  for (std::uint64_t i = 0; i != 300; ++i)
    words.emplace_back("word" + std::to_string(i), i);
  const auto path = savepoint_of("packed", counts_schema, {counts_of(words)}, 2, true);
  const auto plain = counts("unpacked", words);
  const std::string frames = "SELECT count(*) FROM chunk_bytes WHERE substr(bytes, 1, 4) = x'28b52ffd'";
  CHECK(sql_connection{path}.one(frames) != "0");
  CHECK(sql_connection{plain}.one(frames) == "0");
  for (const auto& each : {path, plain}) {
    editor sql{each};
    CHECK(sql.all().size() == 300);
    CHECK(sql.one("SELECT count(DISTINCT rowid) FROM counts_state") == "300");
    CHECK(sql.one("SELECT count FROM counts_state WHERE key = 'word77'") == "77");
    sql.run("UPDATE counts_state SET count = count + 1000 WHERE count < 10");
    CHECK(sql.one("SELECT sum(count) FROM counts_state") == std::to_string(299 * 150 + 10'000));
  }
  CHECK(problems(path).empty());
  CHECK(chunks(path) == chunks(plain));
}

TEST_CASE("a savepoint whose state was all deleted has an empty base for each subtask") {
  const auto path = counts("emptied", {{"a", 1}, {"b", 2}, {"c", 3}, {"d", 4}});
  editor{path}.run("DELETE FROM counts_state");
  CHECK(problems(path).empty());
  CHECK(chunks(path) == chunks(counts("empty", {})));
  editor{path}.run("INSERT INTO counts_state VALUES ('a', 1)");
  CHECK(chunks(path) == chunks(counts("one", {{"a", 1}})));
}

TEST_CASE("within a transaction a table is as it was edited") {
  const auto path = counts("within", {{"a", 1}, {"b", 2}});
  editor sql{path};
  sql.run("BEGIN");
  sql.run("INSERT INTO counts_state VALUES ('c', 3)");
  sql.run("DELETE FROM counts_state WHERE key = 'a'");
  CHECK(sql.all() == lines{"b|2", "c|3"});
  CHECK(sql.rows("SELECT count, key_group = (SELECT key_group FROM counts_state c WHERE c.key = s.key) FROM "
                 "counts_state s WHERE key = 'c'") == lines{"3|1"});
  CHECK(sql.rows("SELECT * FROM counts_state WHERE key = 'a'").empty());
  CHECK(sql.rows("SELECT * FROM counts_state WHERE key = 'c' AND checkpoint = 1") == lines{"c|3"});
  CHECK(sql.one("SELECT count(*) FROM weir_state('made')") == "2"); // as the file is
  CHECK(sql_connection{path}.rows("SELECT key FROM weir_state('made') ORDER BY 1") == lines{"a", "b"});
  sql.run("INSERT INTO counts_state VALUES ('a', 7)"); // again
  sql.run("INSERT INTO counts_state SELECT key || key, count FROM counts_state");
  sql.run("COMMIT");
  CHECK(sql.all() == lines{"a|7", "aa|7", "b|2", "bb|2", "c|3", "cc|3"});
  CHECK(sql.one("SELECT count(*) FROM weir_state('made')") == "6");
  CHECK(problems(path).empty());
}

TEST_CASE("a rollback restores everything") {
  const auto path = counts("rolled_back", {{"a", 1}, {"b", 2}});
  const lines before = chunks(path);
  editor sql{path};
  sql.run("BEGIN");
  sql.run("DELETE FROM counts_state");
  sql.run("INSERT INTO counts_state VALUES ('c', 3)");
  sql.run("ROLLBACK");
  CHECK(sql.all() == lines{"a|1", "b|2"});
  CHECK(chunks(path) == before);
  sql.run("UPDATE counts_state SET count = 5 WHERE key = 'a'"); // nothing of it comes back
  CHECK(sql.all() == lines{"a|5", "b|2"});
  CHECK(problems(path).empty());
}

TEST_CASE("a part of a transaction is undone alone") {
  const auto path = counts("in_parts", {{"a", 1}, {"b", 2}});
  editor sql{path};
  sql.run("SAVEPOINT one");
  sql.run("SAVEPOINT two");
  sql.run("INSERT INTO counts_state VALUES ('c', 3)");
  sql.run("SAVEPOINT three");
  sql.run("UPDATE counts_state SET key = key || key, count = 0");
  sql.run("DELETE FROM counts_state WHERE key = 'aa'");
  CHECK(sql.all() == lines{"bb|0", "cc|0"});
  sql.run("ROLLBACK TO three");
  CHECK(sql.all() == lines{"a|1", "b|2", "c|3"});
  sql.run("DELETE FROM counts_state WHERE key = 'b'");
  sql.run("RELEASE two");
  CHECK(sql.all() == lines{"a|1", "c|3"});
  sql.run("ROLLBACK TO one");
  CHECK(sql.all() == lines{"a|1", "b|2"});
  sql.run("INSERT INTO counts_state VALUES ('d', 4)");
  sql.run("RELEASE one");
  CHECK(sql.all() == lines{"a|1", "b|2", "d|4"});
  CHECK(chunks(path) == chunks(counts("in_parts_made", {{"a", 1}, {"b", 2}, {"d", 4}})));
}

TEST_CASE("a statement that fails leaves nothing of itself") {
  const auto path = counts("statement", {{"a", 1}, {"b", 2}});
  editor sql{path};
  const lines before = chunks(path);
  CHECK_THAT(sql.error("INSERT INTO counts_state VALUES ('c', 3), ('b', 4)"), Contains("the key \"b\""));
  CHECK(sql.all() == lines{"a|1", "b|2"});
  CHECK(chunks(path) == before);
  sql.run("BEGIN");
  sql.run("INSERT INTO counts_state VALUES ('x', 1)");
  CHECK_THAT(sql.error("INSERT INTO counts_state VALUES ('c', 3), ('d', -1)"), Contains("found -1"));
  CHECK_THAT(sql.error("UPDATE counts_state SET key = 'a'"), Contains("the key \"a\""));
  CHECK(sql.all() == lines{"a|1", "b|2", "x|1"});
  sql.run("COMMIT");
  CHECK(sql.all() == lines{"a|1", "b|2", "x|1"});
  CHECK(problems(path).empty());
}

TEST_CASE("a key that is there already is ignored or replaced if so asked") {
  const auto path = counts("conflicts", {{"a", 1}, {"b", 2}});
  editor sql{path};
  sql.run("INSERT OR IGNORE INTO counts_state VALUES ('a', 5), ('c', 3)");
  CHECK(sql.all() == lines{"a|1", "b|2", "c|3"});
  sql.run("INSERT OR REPLACE INTO counts_state VALUES ('a', 5)");
  CHECK(sql.all() == lines{"a|5", "b|2", "c|3"});
  sql.run("UPDATE OR REPLACE counts_state SET key = 'b' WHERE key = 'c'");
  CHECK(sql.all() == lines{"a|5", "b|3"});
  CHECK_THAT(sql.error("INSERT OR IGNORE INTO counts_state VALUES ('d', 'many')"), Contains("found the text 'many'"));
  CHECK(chunks(path) == chunks(counts("conflicts_made", {{"a", 5}, {"b", 3}})));
}

TEST_CASE("rows are updated from another table") {
  const auto path = counts("from", {{"a", 1}, {"b", 2}, {"c", 3}});
  editor sql{path};
  sql.run("CREATE TEMP TABLE better(word, n)");
  sql.run("INSERT INTO better VALUES ('a', '10'), ('c', 30), ('d', 40)");
  sql.run("UPDATE counts_state SET count = n FROM better WHERE key = word");
  CHECK(sql.all() == lines{"a|10", "b|2", "c|30"});
  CHECK_THAT(sql.error("UPDATE counts_state SET subtask = 1 - subtask FROM better WHERE key = word"),
             Contains("counts_state.subtask: expected to be left out"));
  CHECK(chunks(path) == chunks(counts("from_made", {{"a", 10}, {"b", 2}, {"c", 30}})));
}

TEST_CASE("two SQL tables of one state table are one") {
  const auto path = counts("twice", {{"a", 1}});
  editor sql{path};
  sql.run("CREATE VIRTUAL TABLE temp.own USING weir_table('made', 'counts')");
  sql.run("BEGIN");
  sql.run("INSERT INTO own VALUES ('b', 2)");
  sql.run("SAVEPOINT s");
  sql.run("INSERT INTO counts_state SELECT 'c', count FROM own WHERE key = 'b'");
  sql.run("ROLLBACK TO s");
  sql.run("INSERT INTO counts_state VALUES ('d', 4)");
  CHECK(sql.rows("SELECT * FROM own ORDER BY 1") == lines{"a|1", "b|2", "d|4"});
  sql.run("COMMIT");
  CHECK(sql.all() == lines{"a|1", "b|2", "d|4"});
  CHECK(problems(path).empty());
}

TEST_CASE("several tables, and several savepoints, are edited in one transaction") {
  const std::vector<weir::schema_record> schemas{schema_record_of<std::string, counted>("counts", "state"),
                                                 schema_record_of<int, std::string>("names", "state")};
  made_table names;
  names.operator_name = "names";
  names.entries = {entry_of(1, std::string{"one"})};
  const auto path = savepoint_of("several", schemas, {counts_of({{"a", 1}}), names});
  const auto other = savepoint_of("several_other", schemas, {counts_of({{"z", 26}}), names}, 3);
  {
    editor sql{path};
    sql.run("ATTACH '" + other.string() + "' AS other");
    sql.run("CREATE VIRTUAL TABLE temp.theirs USING weir_table('other.made', 'counts')");
    sql.run("BEGIN");
    sql.run("INSERT INTO names_state VALUES (2, 'two')");
    sql.run("INSERT INTO counts_state SELECT * FROM theirs");
    sql.run("DELETE FROM theirs");
    sql.run("COMMIT");
  }
  CHECK(sql_connection{path}.rows("SELECT key, value FROM weir_state('made') ORDER BY operator, key") ==
        lines{R"(a|{"count":1})", R"(z|{"count":26})", "1|one", "2|two"});
  CHECK(sql_connection{path}.one("SELECT reason FROM checkpoint_overview") == "edited: names/state, counts/state");
  CHECK(sql_connection{other}.rows("SELECT value FROM weir_state('made')") == lines{"one"});
  CHECK(sql_connection{other}.one("SELECT reason FROM checkpoint_overview") == "edited: counts/state");
  CHECK(problems(path).empty());
  CHECK(problems(other).empty());
}

struct nested {
  std::string raw;
  std::map<std::string, std::vector<std::optional<double>>> readings;
  std::optional<std::chrono::milliseconds> age;
  std::set<std::string> tags;
  float ratio = 0;
  WEIR_FIELDS(raw, readings, age, tags, ratio)
};

TEST_CASE("nested members are JSON, and what is not named keeps its bytes") {
  const std::vector<weir::schema_record> schemas{schema_record_of<std::pair<int, std::string>, nested>("n", "state")};
  nested value{"\xFF\x01", {{"a", {1.5, {}}}}, std::chrono::milliseconds{5}, {"x'41'", "\xFE"}, 0.1F};
  const auto make = [&](const char* name) {
    made_table table;
    table.operator_name = "n";
    table.entries = {entry_of(std::pair{1, std::string{"k"}}, value)};
    return savepoint_of(name, schemas, {table});
  };
  const auto path = make("nested");
  editor sql{path};
  sql.run("UPDATE n_state SET age = 6");
  value.age = std::chrono::milliseconds{6};
  CHECK(chunks(path) == chunks(make("nested_age")));
  sql.run("UPDATE n_state SET readings = json_set(readings, '$.b', json('[null, 2]')) WHERE key_1 = 1");
  value.readings["b"] = {{}, 2.0};
  CHECK(chunks(path) == chunks(make("nested_json")));
  sql.run("UPDATE n_state SET age = null, tags = '[\"t\"]', raw = 'text', key_2 = 'other'");
  CHECK(sql.rows("SELECT key_1, key_2, raw, age, tags FROM n_state") == lines{R"(1|other|text|null|["t"])"});
  sql.run("INSERT INTO n_state(key_1, key_2, raw, readings, tags, ratio) SELECT 2, key_2, x'FF00', '{}', '[]', 1 FROM "
          "n_state");
  CHECK(sql.rows("SELECT key_1, raw, readings, age, ratio FROM n_state WHERE key_1 = 2") ==
        lines{"2|x'FF00'|{}|null|1.0"});
  CHECK_THAT(sql.error("UPDATE n_state SET readings = '{\"a\": [true]}'"),
             Contains("n_state.readings.a[0]: expected a number, found true"));
  CHECK(problems(path).empty());
}

TEST_CASE("a source whose positions are all deleted begins anew") {
  const std::vector<weir::schema_record> schemas{schema_record_of<std::string, counted>("counts", "state"),
                                                 schema_record_of<std::string, int>("lines", "splits")};
  made_table splits;
  splits.operator_name = "lines";
  splits.table = "splits";
  splits.distributed_by = weir::distribution::list;
  splits.entries = {entry_of(std::string{"0"}, 1), entry_of(std::string{"1"}, 2)};
  const auto path = savepoint_of("positions", schemas, {counts_of({{"a", 1}}), splits});
  editor sql{path};
  CHECK_THAT(sql.error("DELETE FROM lines_splits WHERE key = '1'"),
             Contains("all of them deleted, with which the source begins anew, or none, found 1 of 2 left"));
  CHECK_THAT(sql.error("UPDATE lines_splits SET value = 0"), Contains("`delete` of all rows"));
  CHECK_THAT(sql.error("INSERT INTO lines_splits VALUES ('2', 0)"), Contains("`delete` of all rows"));
  CHECK(sql.one("SELECT count(*) FROM lines_splits") == "2");
  sql.run("DELETE FROM lines_splits");
  CHECK(sql.rows("SELECT * FROM lines_splits").empty());
  CHECK(problems(path).empty());
  CHECK(sql.one("SELECT count(*) FROM chunks WHERE operator = 'lines'") == "0");
  CHECK(sql.one("SELECT count(*) FROM table_snapshots WHERE operator = 'lines'") == "0");
  CHECK(sql.rows("SELECT key FROM weir_state('made')") == lines{"a"});
}

TEST_CASE("a million rows are one transaction of some seconds") {
  const auto path = counts("million", {{"a", 1}});
  editor sql{path};
  const auto begun = std::chrono::steady_clock::now();
  sql.run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) "
          "INSERT INTO counts_state SELECT 'key ' || i, i FROM n");
  const auto taken = std::chrono::steady_clock::now() - begun;
  CHECK(taken < std::chrono::minutes{2}); // one rewrite of the chunks for each row would take days
  CHECK(sql.one("SELECT count(*) || ' ' || sum(count) FROM counts_state") == "1000001 500000500001");
  CHECK(sql.one("SELECT count FROM counts_state WHERE key = 'key 777'") == "777");
  CHECK(sql.one("SELECT count(*) FROM chunks WHERE length > 5 << 20") == "0");
  CHECK(problems(path).empty());
}

} // namespace savepoint_edit_test
