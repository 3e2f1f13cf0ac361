// What keys, values and other entries look like as columns, and how columns and tables are named.
#include "made_store.hpp"
#include "sql_connection.hpp"

#include <weir/persistence/fields.hpp>
#include <weir/persistence/savepoint.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace typed_columns_test {

using namespace sql_test;
using weir::snapshot_kind;
using lines = std::vector<std::string>;

enum class colour : std::uint8_t { red = 1, green = 2 };

struct place {
  std::string country;
  std::int32_t zone = 0;
  WEIR_FIELDS(country, zone)
};
struct weather {
  double degrees = 0;
  std::optional<std::int64_t> wind;
  colour sky = colour::red;
  std::chrono::milliseconds age{};
  std::vector<std::string> notes;
  std::string zone; // a name that the key has
  bool checkpoint = false;
  WEIR_FIELDS(degrees, wind, sky, age, notes, zone, checkpoint)
};

std::filesystem::path fresh(const char* name) {
  const auto folder = std::filesystem::current_path() / name;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder / "made.weir";
}

made_table table_of(const char* operator_name, const char* table, std::vector<made_entry> entries) {
  made_table made;
  made.operator_name = operator_name;
  made.table = table;
  made.entries = std::move(entries);
  return made;
}

TEST_CASE("members of keys and values are columns with types") {
  const auto path = fresh("members");
  {
    made_store store{path};
    store.plan({schema_record_of<place, weather>("weather", "now")}, 2);
    store.checkpoint(
        {table_of("weather", "now",
                  {entry_of(place{"no", 1},
                            weather{-3.5, 12, colour::green, std::chrono::milliseconds{7}, {"cold", "dry"}, "z", true}),
                   entry_of(place{"no", 2}, weather{}), entry_of(place{"se", 1}, weather{})})});
  }
  sql_connection sql{path};
  CHECK(sql.one("SELECT weir_views('made')") ==
        "weather_now(country, zone, degrees, wind, sky, age, notes, value_zone, value_checkpoint)");
  CHECK(sql.rows("SELECT name || ' ' || type FROM pragma_table_xinfo('weather_now') WHERE hidden = 0") ==
        lines{"country TEXT", "zone INTEGER", "degrees REAL", "wind INTEGER", "sky INTEGER", "age INTEGER",
              "notes TEXT", "value_zone TEXT", "value_checkpoint INTEGER"});
  CHECK(sql.rows("SELECT * FROM weather_now ORDER BY country, zone") ==
        lines{R"(no|1|-3.5|12|2|7|["cold","dry"]|z|1)", "no|2|0.0|null|1|0|[]||0", "se|1|0.0|null|1|0|[]||0"});
  CHECK(sql.rows("SELECT notes ->> 1 FROM weather_now WHERE country = 'no' AND zone = 1") == lines{"dry"});
  CHECK(sql.rows("SELECT zone FROM weather_now WHERE country = 'no' ORDER BY 1") == lines{"1", "2"});
  CHECK(sql.rows("SELECT country FROM weather_now WHERE zone = '1' ORDER BY 1") == lines{"no", "se"});
  CHECK(sql.rows("SELECT zone FROM weather_now WHERE country = 'NO' COLLATE NOCASE AND zone = 2") == lines{"2"});
  CHECK(sql.rows("SELECT zone FROM weather_now WHERE country = 'se' AND zone IN (1.0, 2, 3)") == lines{"1"});
  CHECK(sql.rows("SELECT zone FROM weather_now WHERE country = NULL AND zone = 2").empty());
  CHECK(sql.rows("SELECT zone FROM weather_now WHERE checkpoint = NULL").empty());
  CHECK(sql.one("SELECT key FROM weir_state('made') WHERE value ->> 'degrees' < 0") == R"({"country":"no","zone":1})");
}

TEST_CASE("keys that are numbers are found as numbers, the greatest as text") {
  const auto path = fresh("numbers");
  {
    made_store store{path};
    store.plan({schema_record_of<std::uint64_t, double>("sums", "state")}, 1);
    store.checkpoint({table_of("sums", "state", {entry_of(std::uint64_t{7}, 1.5), entry_of(UINT64_MAX, 2.5)})});
  }
  sql_connection sql{path};
  CHECK(sql.rows("SELECT key, typeof(key), value, typeof(value) FROM weir_state('made') ORDER BY value") ==
        lines{"7|integer|1.5|real", "18446744073709551615|text|2.5|real"});
  CHECK(sql.rows("SELECT value FROM weir_state('made') WHERE key = 7") == lines{"1.5"});
  CHECK(sql.rows("SELECT value FROM weir_state('made') WHERE key = 7.0") == lines{"1.5"});
  CHECK(sql.rows("SELECT value FROM weir_state('made') WHERE key = 7.5").empty());
  CHECK(sql.rows("SELECT value FROM weir_state('made') WHERE key = -7").empty());
  CHECK(sql.rows("SELECT value FROM weir_state('made') WHERE key = '18446744073709551615'") == lines{"2.5"});
}

TEST_CASE("elements of a tuple are columns, by which a key is found") {
  const auto path = fresh("tuples");
  using two = std::pair<std::string, std::int32_t>;
  {
    made_store store{path};
    store.plan({schema_record_of<two, std::pair<int, std::optional<int>>>("sums", "state")}, 1);
    store.checkpoint({table_of("sums", "state",
                               {entry_of(two{"a", 1}, std::pair<int, std::optional<int>>{2, {}}),
                                entry_of(two{"a", 2}, std::pair<int, std::optional<int>>{3, 4})})});
  }
  sql_connection sql{path};
  CHECK(sql.one("SELECT weir_views('made')") == "sums_state(key_1, key_2, value_1, value_2)");
  CHECK(sql.rows("SELECT * FROM sums_state ORDER BY key_2") == lines{"a|1|2|null", "a|2|3|4"});
  CHECK(sql.rows("SELECT value_1 FROM sums_state WHERE key_1 = 'a' AND key_2 = 2") == lines{"3"});
  CHECK(sql.rows("SELECT key FROM weir_state('made') WHERE value ->> 0 = 3") == lines{R"(["a",2])"});
}

TEST_CASE("entries of collections and timers are shown with their kind, and replace only their like") {
  const auto path = fresh("kinds");
  const auto entry = [](weir::entry_kind kind, const char* key, char sub_key, const char* value) {
    made_entry made{kind, stored(std::string{key}), {static_cast<std::byte>(sub_key)}, {}};
    if (value != nullptr)
      made.value = stored(std::string{value});
    return made;
  };
  {
    made_store store{path};
    store.plan({schema_record_of<std::string, std::string>("mixed", "state")}, 1);
    store.checkpoint({table_of(
        "mixed", "state",
        {entry_of(std::string{"k"}, std::string{"whole"}), entry(weir::entry_kind::map_entry, "k", 'a', "1"),
         entry(weir::entry_kind::map_entry, "k", 'b', "2"), entry(weir::entry_kind::list_entry, "k", 'a', "3"),
         entry(weir::entry_kind::timer, "k", 'a', "4")})});
    auto delta = table_of(
        "mixed", "state",
        {entry(weir::entry_kind::map_entry, "k", 'a', nullptr), entry(weir::entry_kind::map_entry, "k", 'b', "5")});
    delta.kind = snapshot_kind::delta;
    store.checkpoint({delta});
  }
  sql_connection sql{path};
  static_cast<void>(sql.one("SELECT weir_views('made')"));
  CHECK(
      sql.rows("SELECT kind, key, sub_key, value FROM weir_state('made') ORDER BY kind") ==
      lines{"list entry|k|x'61'|x'0133'", "map entry|k|x'62'|x'0135'", "timer|k|x'61'|x'0134'", "value|k|null|whole"});
  CHECK(sql.rows("SELECT * FROM mixed_state") == lines{"k|whole"});
  CHECK(
      sql.rows("SELECT change, kind, sub_key, old_value, new_value FROM weir_diff('made', 'mixed', 1, 2) ORDER BY 1") ==
      lines{"changed|map entry|x'62'|x'0132'|x'0135'", "removed|map entry|x'61'|x'0131'|null"});
}

TEST_CASE("in a list every subtask has keys of its own") {
  const auto path = fresh("list");
  const auto list = [](std::uint32_t subtask, const char* value) {
    auto made = table_of("lines", "splits", {entry_of(std::string{"a"}, std::string{value})});
    made.distributed_by = weir::distribution::list;
    made.list_subtask = subtask;
    return made;
  };
  {
    made_store store{path};
    store.plan({schema_record_of<std::string, std::string>("lines", "splits")}, 2);
    store.checkpoint({list(0, "first")});
    store.checkpoint({list(1, "second")});
  }
  sql_connection sql{path};
  CHECK(sql.rows("SELECT subtask, value FROM weir_state('made') WHERE key = 'a' AND checkpoint = 1") ==
        lines{"0|first"});
  CHECK(sql.rows("SELECT subtask, value FROM weir_state('made') WHERE key = 'a'") == lines{"1|second"});
  CHECK(sql.rows("SELECT change, old_value, new_value FROM weir_diff('made', null, 1, 2) ORDER BY 1") ==
        lines{"added|null|second", "removed|first|null"});
}

struct old_shape {
  std::int32_t n = 0;
  static constexpr unsigned version = 1;
  WEIR_FIELDS(n)
};
struct new_shape {
  std::string unit;
  std::int32_t n = 0;
  WEIR_FIELDS(unit, n)
};

TEST_CASE("state of an older schema has the newest one's columns by name") {
  const auto path = fresh("evolved");
  {
    made_store store{path};
    store.plan({schema_record_of<std::string, old_shape>("sums", "state")}, 1);
    store.checkpoint({table_of("sums", "state", {entry_of(std::string{"a"}, old_shape{1})})});
    store.plan({schema_record_of<std::string, new_shape>("sums", "state")}, 1);
    store.checkpoint({table_of("sums", "state", {entry_of(std::string{"a"}, new_shape{"m", 2})})});
  }
  sql_connection sql{path};
  CHECK(sql.one("SELECT weir_views('made')") == "sums_state(key, unit, n)");
  CHECK(sql.rows("SELECT * FROM sums_state WHERE checkpoint IN (1, 2) ORDER BY n") == lines{"a|null|1", "a|m|2"});
  CHECK(sql.rows("SELECT * FROM sums_state WHERE checkpoint = 1 AND key = 'a'") == lines{"a|null|1"});
  CHECK(sql.rows("SELECT old_value, new_value FROM weir_diff('made', 'sums', 1, 2)") ==
        lines{R"({"n":1}|{"unit":"m","n":2})"});
}

TEST_CASE("names of tables are made of operator and table, and what is there already stays") {
  const auto path = fresh("names");
  {
    made_store store{path};
    store.plan({schema_record_of<std::string, int>("state", "overview"),
                schema_record_of<std::string, int>("a/b-c", "state"),
                schema_record_of<std::string, int>("a-b-c", "state")},
               1);
    store.checkpoint({table_of("state", "overview", {entry_of(std::string{"k"}, 1)}), table_of("a/b-c", "state", {}),
                      table_of("a-b-c", "state", {})});
  }
  sql_connection sql{path};
  const std::string made = "a_b_c_state(key, value)\na_b_c_state_2(key, value)\nstate_overview_2(key, value)";
  CHECK(sql.one("SELECT weir_views('made')") == made);
  CHECK(sql.one("SELECT weir_views('made')") == made);
  CHECK(sql.rows("SELECT * FROM state_overview_2") == lines{"k|1"});
  CHECK(sql.rows("SELECT operator FROM state_overview") == lines{"a-b-c", "a/b-c", "state"}); // the store's view
  static_cast<void>(sql.rows("CREATE VIRTUAL TABLE temp.own USING weir_table( \"made\" , 'a/b-c')"));
  CHECK(sql.rows("SELECT * FROM own").empty());
}

TEST_CASE("a savepoint is read like a store, also when it is attached") {
  const auto path = fresh("savepoint");
  const std::string other = path.parent_path() / "made.savepoint";
  {
    made_store store{path};
    store.plan({schema_record_of<std::string, int>("sums", "state")}, 1);
    store.checkpoint({table_of("sums", "state", {entry_of(std::string{"a"}, 1)})});
    static_cast<void>(weir::write_savepoint(path, {}, other, weir::wall_time{1'700'000'000'000'000}));
    store.checkpoint({table_of("sums", "state", {entry_of(std::string{"a"}, 2)})});
  }
  CHECK(sql_connection{other}.rows("SELECT key, value FROM weir_state('made')") == lines{"a|1"});
  sql_connection both{path};
  static_cast<void>(both.rows("ATTACH '" + other + "' AS before"));
  CHECK(both.rows("SELECT key, value FROM weir_state('made')") == lines{"a|2"});
  CHECK(both.rows("SELECT key, value FROM weir_state('before.made')") == lines{"a|1"});
  CHECK(both.rows("SELECT n.value, o.value FROM weir_state('made', 'sums') n JOIN weir_state('before.made', 'sums') o "
                  "USING (key)") == lines{"2|1"});
}

} // namespace typed_columns_test
