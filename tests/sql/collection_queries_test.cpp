// Tables of map_state and list_state in SQL: columns, filters, differences, edits.
#include "edited_savepoint.hpp"

#include <weir/operators/collection_entries.hpp>
#include <weir/persistence/fields.hpp>

#include <catch2/catch.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace collection_queries_test {

using namespace sql_test;
using Catch::Matchers::Contains;
using lines = std::vector<std::string>;
using use = sql_connection::use;

struct place {
  std::int32_t x = 0;
  std::string name;
  WEIR_FIELDS(x, name)
};

struct visit {
  std::int64_t at = 0;
  std::string page;
  WEIR_FIELDS(at, page)
};

template <class K, class S, class V>
weir::schema_record map_schema(std::string table) {
  return {"users", std::move(table),
          weir::to_json(weir::table_schema{weir::schema_of<K>(), weir::schema_of<V>(), weir::schema_of<S>()})};
}

template <class K, class V>
weir::schema_record list_schema(std::string table) {
  return {"users", std::move(table),
          weir::to_json(weir::detail::entry_format<weir::detail::list_entry_key<K>>::template schema<V>())};
}

template <class K, class S, class V>
made_entry map_entry(const K& key, const S& sub_key, const V& value) {
  return {weir::entry_kind::map_entry, stored(key), stored(sub_key), stored(value)};
}

std::vector<std::byte> place_of(std::uint64_t position) {
  std::vector<std::byte> bytes(sizeof(position));
  weir::detail::store_position(bytes.data(), position);
  return bytes;
}

template <class K, class V>
made_entry list_entry(const K& key, std::uint64_t position, const V& value) {
  return {weir::entry_kind::list_entry, stored(key), place_of(position), stored(value)};
}

made_table table_of(std::string table, std::vector<made_entry> entries) {
  made_table made;
  made.operator_name = "users";
  made.table = std::move(table);
  made.entries = std::move(entries);
  return made;
}

made_table counts(const std::vector<std::tuple<std::string, std::string, int>>& all) {
  made_table made = table_of("state.counts", {});
  for (const auto& [user, page, count] : all)
    made.entries.push_back(map_entry(user, page, count));
  return made;
}

made_table recent(const std::vector<std::tuple<std::string, std::uint64_t, visit>>& all) {
  made_table made = table_of("state.recent", {});
  for (const auto& [user, position, what] : all)
    made.entries.push_back(list_entry(user, position, what));
  return made;
}

const std::vector<weir::schema_record> schemas{map_schema<std::string, std::string, int>("state.counts"),
                                               list_schema<std::string, visit>("state.recent")};

std::filesystem::path fresh(const char* name) {
  const auto path = std::filesystem::path{WEIR_BINARY_DIR} / "scratch" / "collection_queries" / name / "made.weir";
  std::filesystem::remove_all(path.parent_path());
  std::filesystem::create_directories(path.parent_path());
  return path;
}

TEST_CASE("a map's and a list's entries are rows, with a column for what tells them apart") {
  const auto path = fresh("columns");
  {
    made_store store{path};
    auto all = schemas;
    all.push_back(map_schema<std::string, place, double>("state.places"));
    store.plan(all, 2);
    store.checkpoint({counts({{"ann", "home", 3}, {"ann", "shop", 1}, {"bob", "home", 7}}),
                      recent({{"ann", 7, {1, "home"}}, {"ann", 256, {2, "shop"}}, {"bob", 0, {3, "home"}}}),
                      table_of("state.places", {map_entry(std::string{"ann"}, place{4, "x"}, 0.5)})});
  }
  sql_connection sql{path};
  CHECK(sql.one("SELECT weir_views('made')") ==
        "users_state_counts(key, entry, value)\nusers_state_places(key, entry_x, entry_name, value)\n"
        "users_state_recent(key, position, at, page)");
  CHECK(sql.rows("SELECT * FROM users_state_counts ORDER BY 1, 2") == lines{"ann|home|3", "ann|shop|1", "bob|home|7"});
  CHECK(sql.rows("SELECT * FROM users_state_recent ORDER BY key, position") ==
        lines{"ann|7|1|home", "ann|256|2|shop", "bob|0|3|home"});
  CHECK(sql.rows("SELECT * FROM users_state_places") == lines{"ann|4|x|0.5"});
  CHECK(sql.rows("SELECT entry, value FROM users_state_counts WHERE key = 'ann' ORDER BY 1") ==
        lines{"home|3", "shop|1"});
  CHECK(sql.rows("SELECT value FROM users_state_counts WHERE entry = 'home' AND key = 'bob'") == lines{"7"});
  CHECK(sql.rows("SELECT page FROM users_state_recent WHERE position > 100") == lines{"shop"});
  CHECK(sql.rows("SELECT kind, key, sub_key, value FROM weir_state('made') WHERE key = 'ann' ORDER BY 1, 3") ==
        lines{"list entry|ann|7|{\"at\":1,\"page\":\"home\"}", "list entry|ann|256|{\"at\":2,\"page\":\"shop\"}",
              "map entry|ann|home|3", "map entry|ann|shop|1", "map entry|ann|{\"x\":4,\"name\":\"x\"}|0.5"});
}

TEST_CASE("two checkpoints of a map differ by entries") {
  const auto path = fresh("difference");
  {
    made_store store{path};
    store.plan(schemas, 2);
    store.checkpoint({counts({{"ann", "home", 3}, {"ann", "shop", 1}, {"bob", "home", 7}}),
                      recent({{"ann", 0, {1, "home"}}, {"ann", 1, {2, "shop"}}})});
    auto changed = counts({{"ann", "home", 4}, {"cid", "shop", 1}});
    changed.entries.push_back(
        {weir::entry_kind::map_entry, stored(std::string{"ann"}), stored(std::string{"shop"}), {}});
    changed.kind = weir::snapshot_kind::delta;
    auto moved = recent({{"ann", 2, {3, "cart"}}});
    moved.entries.push_back({weir::entry_kind::list_entry, stored(std::string{"ann"}), place_of(0), {}});
    moved.kind = weir::snapshot_kind::delta;
    store.checkpoint({changed, moved});
  }
  sql_connection sql{path};
  CHECK(sql.rows("SELECT change, table_name, key, sub_key, old_value, new_value FROM weir_diff('made', 'users', 1, 2) "
                 "ORDER BY 2, 3, 4") ==
        lines{"changed|state.counts|ann|home|3|4", "removed|state.counts|ann|shop|1|null",
              "added|state.counts|cid|shop|null|1", "removed|state.recent|ann|0|{\"at\":1,\"page\":\"home\"}|null",
              "added|state.recent|ann|2|null|{\"at\":3,\"page\":\"cart\"}"});
  static_cast<void>(sql.one("SELECT weir_views('made')"));
  CHECK(sql.rows("SELECT key, entry, value FROM users_state_counts ORDER BY 1, 2") ==
        lines{"ann|home|4", "bob|home|7", "cid|shop|1"});
  CHECK(sql.rows("SELECT position, page FROM users_state_recent WHERE key = 'ann' ORDER BY 1") ==
        lines{"1|shop", "2|cart"});
  CHECK(sql.rows("SELECT entry FROM users_state_counts WHERE checkpoint = 1 AND key = 'ann' ORDER BY 1") ==
        lines{"home", "shop"});
}

/// Opened to be edited, with the tables of its job.
struct editor : sql_connection {
  explicit editor(const std::filesystem::path& path) : sql_connection(path, use::edit) {
    static_cast<void>(rows("SELECT weir_views('made')"));
  }
  void run(const std::string& sql) { CHECK(rows(sql).empty()); }
};

TEST_CASE("entries of maps and lists in a savepoint are inserted, updated and deleted") {
  const auto path = savepoint_of("collections", schemas,
                                 {counts({{"ann", "home", 3}, {"ann", "shop", 1}, {"bob", "home", 7}}),
                                  recent({{"ann", 0, {1, "home"}}, {"ann", 1, {2, "shop"}}})});
  {
    editor sql{path};
    sql.run("BEGIN");
    sql.run("INSERT INTO users_state_counts VALUES ('ann', 'cart', 9), ('cid', 'home', 1)");
    CHECK(sql.rows("SELECT entry FROM users_state_counts WHERE key = 'ann' ORDER BY 1") ==
          lines{"cart", "home", "shop"});
    sql.run("UPDATE users_state_counts SET value = value + 10 WHERE key = 'ann' AND entry = 'home'");
    sql.run("DELETE FROM users_state_counts WHERE key = 'ann' AND entry = 'shop'");
    sql.run("UPDATE users_state_counts SET entry = 'house' WHERE key = 'bob'");
    sql.run("INSERT INTO users_state_recent VALUES ('ann', 2, 3, 'cart')");
    sql.run("UPDATE users_state_recent SET page = 'first' WHERE position = 0");
    sql.run("COMMIT");
  }
  const auto expected =
      savepoint_of("collections_expected", schemas,
                   {counts({{"cid", "home", 1}, {"bob", "house", 7}, {"ann", "home", 13}, {"ann", "cart", 9}}),
                    recent({{"ann", 2, {3, "cart"}}, {"ann", 0, {1, "first"}}, {"ann", 1, {2, "shop"}}})});
  CHECK(problems(path).empty());
  CHECK(chunks(path) == chunks(expected));

  editor sql{path};
  CHECK_THAT(sql.error("INSERT INTO users_state_counts VALUES ('ann', 'home', 1)"),
             Contains("the key \"ann\" with the entry \"home\" of users_state_counts: expected a new one"));
  CHECK_THAT(sql.error("INSERT INTO users_state_recent VALUES ('ann', 1, 1, 'x')"),
             Contains("the key \"ann\" at position 1 of users_state_recent"));
  sql.run("INSERT OR REPLACE INTO users_state_counts VALUES ('ann', 'home', 1)");
  CHECK_THAT(sql.error("INSERT INTO users_state_recent VALUES ('ann', -1, 1, 'x')"),
             Contains("users_state_recent.position: expected an integer from 0"));
  CHECK_THAT(sql.error("INSERT INTO users_state_recent VALUES ('ann', null, 1, 'x')"),
             Contains("users_state_recent.position"));
  sql.run("INSERT INTO users_state_recent VALUES ('ann', '18446744073709551615', 1, 'x')");
  sql.run("DELETE FROM users_state_recent");
  CHECK(sql.rows("SELECT * FROM users_state_recent").empty());
  sql.run("INSERT INTO users_state_recent VALUES ('ann', 5, 1, 'x')");
  CHECK(sql.rows("SELECT * FROM users_state_recent") == lines{"ann|5|1|x"});
  CHECK(problems(path).empty());
}

TEST_CASE("entries of another kind than the schema says are not shown as its own, and not edited") {
  auto mixed = counts({{"ann", "home", 3}});
  mixed.entries.push_back(entry_of(std::string{"ann"}, 4));
  const auto path = savepoint_of("mixed_kinds", schemas, {mixed, recent({})});
  editor sql{path};
  CHECK(sql.rows("SELECT * FROM users_state_counts") == lines{"ann|home|3"});
  CHECK_THAT(sql.error("DELETE FROM users_state_counts"), Contains("found entries of another kind"));

  // Sub-keys that their type does not allow.
  auto bad = recent({});
  bad.entries.push_back(
      {weir::entry_kind::list_entry, stored(std::string{"ann"}), stored(std::uint32_t{1}), stored(visit{1, "x"})});
  const auto damaged = savepoint_of("bad_position", schemas, {counts({}), bad});
  sql_connection reading{damaged};
  CHECK_THAT(reading.error("SELECT sub_key FROM weir_state('made')"), Contains("chunk"));
}

} // namespace collection_queries_test
