// What is said of damage, of names that are not there, and of files that are no stores.
#include "made_store.hpp"
#include "sql_connection.hpp"

#include <weir/persistence/fields.hpp>

#include <catch2/catch.hpp>

#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace refusals_test {

using namespace sql_test;
using Catch::Matchers::Contains;
using lines = std::vector<std::string>;

std::filesystem::path made(const char* name) {
  const auto folder = std::filesystem::current_path() / name;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  made_store store{folder / "made.weir"};
  store.plan({schema_record_of<std::string, int>("sums", "state"), schema_record_of<std::string, int>("sums", "more"),
              schema_record_of<std::string, int>("lines", "splits")},
             1);
  for (int round = 1; round <= 3; ++round) {
    std::vector<made_table> tables(3);
    tables[0].operator_name = tables[1].operator_name = "sums";
    tables[1].table = "more";
    tables[2].operator_name = "lines";
    tables[2].table = "splits";
    for (auto& table : tables) {
      table.kind = round == 1 ? weir::snapshot_kind::base : weir::snapshot_kind::delta;
      for (int i = 0; i < round; ++i)
        table.entries.push_back(entry_of("k" + std::to_string(i), round));
    }
    store.checkpoint(tables);
  }
  return folder / "made.weir";
}

std::string slurp(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

TEST_CASE("an interrupt is no damage, wherever it comes") {
  const auto path = made("interrupted");
  sql_connection sql{path};
  int interrupted = 0;
  for (const std::string question :
       {"SELECT key, value FROM weir_state('made')", "SELECT * FROM weir_diff('made', null, 1, 3)"}) {
    for (int steps = 1; steps < 2'000; ++steps) {
      const std::string said = sql.error_when_interrupted(question, steps);
      if (said.empty())
        continue;
      ++interrupted;
      REQUIRE(said == "interrupted");
    }
    CHECK(sql.error(question).empty());
  }
  CHECK(interrupted > 20);
}

TEST_CASE("names that are not there get those that are") {
  const auto path = made("names_that_are_not");
  sql_connection sql{path};
  CHECK_THAT(sql.error("SELECT * FROM weir_state('mad')"), Contains("made (in main)"));
  CHECK_THAT(sql.error("SELECT * FROM weir_state('made', 'sum')"), Contains("with state: lines, sums"));
  CHECK_THAT(sql.error("SELECT * FROM weir_state('made', 'sums', 'x')"), Contains("of the operator sums: more, state"));
  CHECK_THAT(sql.error("SELECT * FROM weir_state('made') WHERE checkpoint = 9"), Contains("state is kept: 1, 2, 3"));
  CHECK_THAT(sql.error("SELECT * FROM weir_diff('made', 'sums', 1, 9)"), Contains("state is kept: 1, 2, 3"));
  CHECK_THAT(sql.error("SELECT * FROM weir_diff('made', 'sums', 1)"), Contains("two checkpoints"));
  CHECK_THAT(sql.error("SELECT * FROM weir_diff('made', 'sums', 1, null)"), Contains("two checkpoints"));
  CHECK_THAT(sql.error("SELECT * FROM weir_state"), Contains("the name of a job"));
  CHECK_THAT(sql.error("SELECT * FROM weir_state('made') WHERE checkpoint > 1"), Contains("one checkpoint at a time"));
  CHECK_THAT(sql.error("SELECT * FROM weir_state('made') WHERE checkpoint = 'x'"), Contains("a whole number"));
  CHECK_THAT(sql.error("SELECT weir_views('mad')"), Contains("made (in main)"));
  CHECK_THAT(sql.error("CREATE VIRTUAL TABLE temp.t USING weir_table('made', 'sums')"), Contains("more, state"));
  CHECK_THAT(sql.error("CREATE VIRTUAL TABLE temp.t USING weir_table('made')"), Contains("1 arguments"));
  CHECK(sql.rows("SELECT DISTINCT table_name FROM weir_state('made') WHERE operator = 'sums' ORDER BY 1") ==
        lines{"more", "state"});
  CHECK(sql.rows("SELECT * FROM weir_state('made') WHERE operator = 'nobody'").empty());
  CHECK(sql.rows("SELECT c.id, count(*) FROM checkpoint_overview c JOIN weir_state('made', 'sums', 'more') s ON "
                 "s.checkpoint = c.id GROUP BY 1") == lines{"1|1", "2|2", "3|3"});
}

TEST_CASE("a damaged chunk is named, with the checkpoints that it is part of") {
  const auto path = made("damaged");
  const std::string id = sql_connection{path}.one(
      "SELECT id FROM chunks WHERE operator = 'sums' AND table_name = 'state' AND made_in = 2");
  change_file(
      path,
      "UPDATE chunk_bytes SET bytes = CAST(substr(bytes, 1, length(bytes) - 1) || x'77' AS BLOB) WHERE chunk = " + id);
  sql_connection sql{path};
  const std::string message = sql.error("SELECT * FROM weir_state('made')");
  CHECK_THAT(message, Contains("chunk " + id + " of the state sums/state of the job made"));
  CHECK_THAT(message, Contains("checksum; checkpoints that it is part of: 2, 3"));
  CHECK_THAT(sql.error("SELECT * FROM weir_diff('made', 'sums', 1, 3)"), Contains("chunk " + id));
  CHECK(sql.rows("SELECT key, value FROM weir_state('made', 'sums', 'state') WHERE checkpoint = 1") == lines{"k0|1"});
  CHECK(sql.rows("SELECT count(*) FROM weir_state('made', 'lines')") == lines{"3"});

  change_file(path, "DELETE FROM chunk_bytes WHERE chunk = " + id);
  CHECK_THAT(sql_connection{path}.error("SELECT * FROM weir_state('made')"), Contains("it has no bytes"));
}

struct nested {
  std::uint64_t n = 0;
  std::map<std::string, std::vector<std::optional<double>>> readings;
  WEIR_FIELDS(n, readings)
};

TEST_CASE("a forged chunk gives rows or an error that names it") {
  std::mt19937 random{3};
  int refused = 0;
  constexpr int rounds = 60;
  for (int round = 0; round < rounds; ++round) {
    const auto folder = std::filesystem::current_path() / "forged";
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    {
      made_store store{folder / "made.weir"};
      store.plan({schema_record_of<std::string, nested>("sums", "state")}, 1);
      made_table table;
      table.operator_name = "sums";
      for (std::uint64_t i = 0; i < 6; ++i)
        table.entries.push_back(entry_of("key" + std::to_string(i), nested{i, {{"a", {1.5, {}}}, {"b", {}}}}));
      store.checkpoint({table});
      table.kind = weir::snapshot_kind::delta;
      store.forge = [&](std::vector<std::byte>& bytes) {
        for (auto changes = random() % 3 + 1; changes != 0; --changes)
          bytes[(random() % 4 == 0 ? 0 : 32) + random() % (bytes.size() - 32)] = static_cast<std::byte>(random() % 9);
      };
      store.checkpoint({table});
    }
    sql_connection sql{folder / "made.weir"};
    static_cast<void>(sql.one("SELECT weir_views('made')"));
    for (const char* query :
         {"SELECT * FROM weir_state('made')", "SELECT * FROM sums_state",
          "SELECT * FROM weir_diff('made', 'sums', 1, 2)", "SELECT * FROM weir_diff('made', 'sums', 2, 1)",
          "SELECT * FROM sums_state WHERE key = 'key3'"}) {
      const std::string message = sql.error(query);
      if (message.empty())
        continue;
      ++refused;
      CHECK_THAT(message, Contains(" of the state sums/state of the job made"));
    }
    CHECK(sql.rows("SELECT n FROM sums_state WHERE checkpoint = 1").size() == 6);
  }
  CHECK(refused > rounds / 2);
}

TEST_CASE("a lost chunk and a changed schema are noticed") {
  const auto path = made("lost");
  change_file(path, "UPDATE schemas SET schema = replace(schema, 'i32', 'u32') WHERE operator = 'lines'");
  CHECK_THAT(sql_connection{path}.error("SELECT value FROM weir_state('made', 'lines')"),
             Contains("its checksum was made"));
  change_file(path, "DELETE FROM chunks WHERE operator = 'sums' AND made_in = 2");
  sql_connection sql{path};
  CHECK_THAT(sql.error("SELECT count(*) FROM weir_state('made', 'sums')"), Contains("as its manifest says"));
  CHECK_THAT(sql.error("SELECT count(*) FROM weir_state('made', 'sums')"), Contains("checkpoint 3"));
  CHECK(sql.rows("SELECT count(*) FROM weir_state('made', 'sums', 'more') WHERE checkpoint = 1") == lines{"1"});
}

TEST_CASE("a file that is no store, and a store of the future, are said to be so") {
  const auto path = made("future");
  change_file(path, "PRAGMA user_version = 99");
  CHECK_THAT(sql_connection{path}.error("SELECT * FROM weir_state('made')"), Contains("format version 99"));
  const auto other = path.parent_path() / "other.db";
  change_file(other, "CREATE TABLE t (a)");
  CHECK_THAT(sql_connection{other}.error("SELECT * FROM weir_state('made')"), Contains("main is no Weir store"));
  CHECK_THAT(sql_connection{":memory:"}.error("SELECT weir_views('made')"), Contains("main is empty"));
}

TEST_CASE("the extension changes nothing") {
  const auto path = made("unchanged");
  const std::string before = slurp(path);
  {
    sql_connection sql{path};
    static_cast<void>(sql.rows("SELECT weir_views('made')"));
    static_cast<void>(sql.rows("SELECT * FROM weir_state('made')"));
    static_cast<void>(sql.rows("SELECT * FROM weir_diff('made', null, 1, 3)"));
    CHECK_FALSE(sql.error("UPDATE sums_state SET value = 1").empty());
    CHECK_FALSE(sql.error("DELETE FROM sums_state").empty());
    CHECK_FALSE(sql.error("INSERT INTO sums_state VALUES ('x', 1)").empty());
  }
  CHECK(slurp(path) == before);
}

} // namespace refusals_test
