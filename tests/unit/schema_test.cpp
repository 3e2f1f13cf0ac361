// Schemas: what is recorded of a type, and what is said when two differ.
#include <weir/operators/state_table.hpp>
#include <weir/persistence/archive.hpp>
#include <weir/persistence/error.hpp>
#include <weir/persistence/fields.hpp>
#include <weir/persistence/schema.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace schema_test {

struct point {
  std::int32_t x = 0;
  double y = 0;
  WEIR_FIELDS(x, y)
};
struct reading {
  std::string sensor;
  std::vector<point> points;
  std::optional<std::chrono::milliseconds> age;
  WEIR_FIELDS(sensor, points, age)
};
struct tree {
  int value = 0;
  std::vector<tree> children;
  WEIR_FIELDS(value, children)
};
struct positional {
  int a = 0;
  bool b = false;
  template <class Archive>
  void serialize(Archive& ar, unsigned) {
    ar& a& b;
  }
};

// One class at several times; what differs is the namespace.
namespace renamed {
struct point {
  std::int32_t x = 0;
  double z = 0;
  WEIR_FIELDS(x, z)
};
} // namespace renamed
namespace retyped {
struct point {
  std::int64_t x = 0;
  double y = 0;
  WEIR_FIELDS(x, y)
};
} // namespace retyped
namespace longer {
struct point {
  std::int32_t x = 0;
  double y = 0;
  std::string label;
  WEIR_FIELDS(x, y, label)
};
} // namespace longer
namespace raised {
struct point {
  std::int32_t x = 0;
  double y = 0;
  std::string label = "none";
  template <class Archive>
  void serialize(Archive& ar, unsigned version) {
    ar& WEIR_FIELD(x) & WEIR_FIELD(y);
    if (version > 0)
      ar& WEIR_FIELD(label);
  }
};
} // namespace raised

template <class T>
std::string json_of() {
  return weir::to_json(weir::schema_of<T>());
}
template <class Stored, class Current>
std::string why_not() {
  return weir::compatible(weir::schema_of<Stored>(), weir::schema_of<Current>()).why_not;
}

} // namespace schema_test

BOOST_CLASS_VERSION(schema_test::raised::point, 1)

using namespace schema_test;

TEST_CASE("a schema has names, types and structure", "[schema]") {
  CHECK(json_of<std::uint64_t>() == R"("u64")");
  CHECK(json_of<std::string>() == R"("string")");
  CHECK(json_of<std::u16string>() == R"({"is":"list","of":["u16"]})");
  CHECK(json_of<std::unordered_map<std::string, bool>>() == R"({"is":"map","of":["string","bool"]})");
  CHECK(json_of<std::array<float, 3>>() == R"({"is":"array","of":["f32"],"size":3})");
  CHECK(json_of<std::variant<std::monostate, char>>() == R"({"is":"variant","of":["nothing","i8"]})");
  CHECK(json_of<std::chrono::hours>() == R"({"is":"duration","of":["i64"],"unit":"3600"})");
  CHECK(json_of<std::chrono::system_clock::time_point>() ==
        R"({"is":"time_point","of":["i64"],"unit":"1/1000000000"})");
  CHECK(json_of<point>() == R"({"fields":[["x","i32"],["y","f64"]],"is":"class","name":"schema_test::point"})");
  CHECK(json_of<positional>() ==
        R"({"fields":[["","i32"],["","bool"]],"is":"class","name":"schema_test::positional"})");
  CHECK(
      json_of<raised::point>() ==
      R"({"fields":[["x","i32"],["y","f64"],["label","string"]],"is":"class","name":"schema_test::raised::point","version":1})");
  CHECK(
      json_of<tree>() ==
      R"({"fields":[["value","i32"],["children",{"is":"list","of":[{"is":"recursive","name":"schema_test::tree"}]}]],"is":"class","name":"schema_test::tree"})");
  CHECK(weir::to_text(weir::schema_of<std::map<std::string, std::vector<point>>>()) ==
        "map<string, list<class schema_test::point>>");
}

TEST_CASE("a schema comes back from its JSON text", "[schema]") {
  const auto comes_back = [](const weir::type_schema& schema) {
    return weir::type_schema_from_json(weir::to_json(schema)) == schema;
  };
  CHECK(comes_back(weir::schema_of<reading>()));
  CHECK(comes_back(weir::schema_of<tree>()));
  CHECK(comes_back(weir::schema_of<raised::point>()));
  CHECK(comes_back(weir::schema_of<std::pair<std::variant<int, std::set<std::string>>, std::array<point, 2>>>()));
  const weir::table_schema table{weir::schema_of<std::string>(), weir::schema_of<reading>()};
  CHECK(weir::table_schema_from_json(weir::to_json(table)) == table);
}

TEST_CASE("a text that is no schema is refused", "[schema]") {
  for (const char* text :
       {"", "{", "1", "null", "[]", R"("u65")", R"("list")", R"({"is":"u64"})", R"({"is":"list"})",
        R"({"is":"map","of":["u8"]})", R"({"is":"class","fields":[["a"]]})", R"({"of":[]})",
        // nothing is cut to fit, and nothing is passed over
        R"({"is":"class","name":"c","version":4294967296,"fields":[]})",
        R"({"is":"class","name":"c","version":-1,"fields":[]})", R"({"is":"array","size":1e3,"of":["u8"]})",
        R"({"is":"array","size":-1,"of":["u8"]})", R"({"is":"array","of":["u8"]})", R"({"is":"list","of":"u8"})",
        R"({"is":"list","of":{"a":"u8"}})", R"({"is":"class","name":"c","fields":[["a","u8","u16"]]})",
        R"({"is":"class","name":"c","fields":{"a":["a","u8"]}})"})
    CHECK_THROWS_AS(weir::type_schema_from_json(text), weir::damaged_error);
  std::string deep;
  for (int i = 0; i < 1000; ++i)
    deep += R"({"is":"list","of":[)";
  CHECK_THROWS_AS(weir::type_schema_from_json(deep), weir::damaged_error);
  CHECK_THROWS_AS(weir::type_schema_from_json(std::string(1'000'000, '[') + std::string(1'000'000, ']')),
                  weir::damaged_error);
}

TEST_CASE("a difference deep inside is found in the time that one look takes", "[schema]") {
  const auto nested = [](weir::schema_kind innermost) {
    weir::type_schema inner;
    inner.kind = innermost;
    for (int level = 0; level < 60; ++level) {
      weir::type_schema in_class;
      in_class.kind = weir::schema_kind::structure;
      in_class.name = "level";
      in_class.parts.push_back({"field", std::move(inner)});
      inner = {};
      inner.kind = weir::schema_kind::list;
      inner.parts.push_back({{}, std::move(in_class)});
    }
    return inner;
  };
  CHECK(weir::compatible(nested(weir::schema_kind::u8), nested(weir::schema_kind::u16)).why_not ==
        "field field of class level was stored as u8 and is u16 now");
}

TEST_CASE("the first difference is said in a sentence", "[schema]") {
  CHECK(why_not<reading, reading>().empty());
  CHECK(why_not<tree, tree>().empty());
  CHECK(why_not<std::map<int, int>, std::unordered_map<int, int>>().empty());
  CHECK(why_not<std::uint32_t, std::uint64_t>() == "the value was stored as u32 and is u64 now");
  CHECK(why_not<std::chrono::seconds, std::chrono::milliseconds>() ==
        "the value was stored as duration<i64, 1 s> and is duration<i64, 1/1000 s> now");
  CHECK(why_not<point, retyped::point>() ==
        "field x of class schema_test::retyped::point was stored as i32 and is i64 now");
  CHECK(why_not<point, renamed::point>() == "class schema_test::renamed::point has the field z of type f64 where the "
                                            "field y of type f64 was stored");
  CHECK(why_not<point, longer::point>() ==
        "class schema_test::longer::point has a field label of type string now, which was not stored");
  CHECK(why_not<longer::point, point>() ==
        "class schema_test::point has no field label any more, which was stored as string");
  CHECK(why_not<std::vector<point>, std::vector<retyped::point>>() ==
        "field x of class schema_test::retyped::point was stored as i32 and is i64 now");
  CHECK(why_not<raised::point, longer::point>() ==
        "the value was stored by version 1 of class schema_test::raised::point, and the program knows version 0");
  CHECK(why_not<point, raised::point>().empty());
}

TEST_CASE("a table loads the objects of an older class version", "[schema]") {
  weir::state_table<std::uint64_t, point> old{"state"};
  old.configure({0, 4}, 4, true);
  old.touch(weir::key_hash(std::uint64_t{1}), 1U) = point{3, 4.0};
  old.mark();
  std::vector<weir::encoded_chunk> chunks;
  REQUIRE(old.encode(10, chunks));

  weir::state_table<std::uint64_t, raised::point> current{"state"};
  current.configure({0, 4}, 4, true);
  current.expect_stored_schema(old.schema_json());
  current.load(chunks.at(0).bytes);
  const auto* value = current.find(weir::key_hash(std::uint64_t{1}), 1U);
  REQUIRE(value != nullptr);
  CHECK(value->x == 3);
  CHECK(value->label == "none");

  CHECK_THROWS_WITH(old.expect_stored_schema(current.schema_json()), Catch::Contains("version 1"));
}
