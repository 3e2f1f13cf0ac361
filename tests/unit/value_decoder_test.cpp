// Decoding by schema: what every kind looks like in SQL and JSON, and what damage gets.
#include <weir/persistence/archive.hpp>
#include <weir/persistence/error.hpp>
#include <weir/persistence/fields.hpp>
#include <weir/persistence/hash.hpp>
#include <weir/persistence/schema.hpp>
#include <weir/persistence/value_decoder.hpp>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <array>
#include <chrono>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace value_decoder_test {

using weir::byte_buffer;
using weir::decoded_value;
using weir::schema_kind;
using weir::type_schema;
using weir::value_decoder;
using weir::value_kind;

enum class colour : std::uint8_t { red = 1, green = 2 };

struct point {
  std::int32_t x = 0;
  double y = 0;
  WEIR_FIELDS(x, y)
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
struct number_alone { // as a strong id
  std::uint64_t value = 0;
  template <class Archive>
  void serialize(Archive& ar, unsigned) {
    ar& value;
  }
};
struct nothing_inside {
  template <class Archive>
  void serialize(Archive&, unsigned) {}
};
struct everything {
  std::string name;
  std::vector<point> points;
  std::map<std::string, std::uint64_t> counts;
  std::optional<std::chrono::milliseconds> age;
  std::variant<std::monostate, int, std::string> either;
  std::tuple<bool, colour> pair;
  std::set<int> numbers;
  std::array<std::uint16_t, 3> three{};
  std::vector<nothing_inside> empties;
  WEIR_FIELDS(name, points, counts, age, either, pair, numbers, three, empties)
};

everything sample() {
  return {"a \"b\"\n",
          {{1, 0.5}, {-2, 1e300}},
          {{"x", 1}, {"y", UINT64_MAX}},
          std::chrono::milliseconds{7},
          "z",
          {true, colour::green},
          {3, 1},
          {{1, 2, 3}},
          {{}, {}}};
}

template <class T>
byte_buffer stored(const T& value) {
  byte_buffer out;
  weir::output_archive{out} << value;
  return out;
}

template <class T>
std::string json(const T& value) {
  std::string out;
  value_decoder{weir::schema_of<T>()}.append_json(stored(value).bytes(), out);
  return out;
}

/// A copy whose bytes outlive the decoder.
struct seen {
  value_kind kind = value_kind::null;
  bool json = false;
  std::int64_t integer = 0;
  double real = 0;
  std::string bytes;
};

template <class T>
seen sql(const T& value) {
  value_decoder decoder{weir::schema_of<T>()};
  const byte_buffer bytes = stored(value);
  const decoded_value found = decoder.decode(bytes.bytes());
  return {found.kind, found.json, found.integer, found.real, std::string{found.bytes}};
}

template <class T>
std::optional<std::int64_t> integer(const T& value) {
  const seen found = sql(value);
  return found.kind == value_kind::integer ? std::optional{found.integer} : std::nullopt;
}

TEST_CASE("numbers are integers and reals") {
  CHECK(integer(true) == 1);
  CHECK(integer(std::int8_t{-5}) == -5);
  CHECK(integer(std::int16_t{-500}) == -500);
  CHECK(integer(std::int32_t{-500'000}) == -500'000);
  CHECK(integer(INT64_MIN) == INT64_MIN);
  CHECK(integer(std::uint8_t{255}) == 255);
  CHECK(integer(std::uint16_t{65'535}) == 65'535);
  CHECK(integer(UINT32_MAX) == UINT32_MAX);
  CHECK(integer(std::uint64_t{INT64_MAX}) == INT64_MAX);
  CHECK(integer(colour::green) == 2);
  CHECK(integer(std::chrono::seconds{-9}) == -9);
  CHECK(integer(std::chrono::sys_time<std::chrono::microseconds>{std::chrono::microseconds{12}}) == 12);
  CHECK(integer(number_alone{77}) == 77);
  CHECK(integer(std::optional{4}) == 4);
  CHECK(sql(std::optional<int>{}).kind == value_kind::null);
  CHECK(sql(std::monostate{}).kind == value_kind::null);
  CHECK(sql(1.5).real == 1.5);
  CHECK(sql(2.5F).real == 2.5);
  CHECK(sql(std::numeric_limits<double>::infinity()).real == std::numeric_limits<double>::infinity());
}

TEST_CASE("what SQL has no number for is text") {
  CHECK(sql(UINT64_MAX).kind == value_kind::text);
  CHECK(sql(UINT64_MAX).bytes == "18446744073709551615");
  CHECK(sql(std::numeric_limits<double>::quiet_NaN()).bytes == "nan");
  CHECK(sql(std::numeric_limits<float>::quiet_NaN()).kind == value_kind::text);
}

TEST_CASE("a string is text if it is one, else a blob") {
  CHECK(sql(std::string{"größe €𝄞 and more"}).kind == value_kind::text);
  CHECK(sql(std::string{"größe €𝄞 and more"}).bytes == "größe €𝄞 and more");
  CHECK(sql(std::string{}).kind == value_kind::text);
  for (const std::string& bad :
       {std::string{"a\0b", 3}, std::string{"\xff"}, std::string{"\xc0\xaf"}, std::string{"\xed\xa0\x80"},
        std::string{"eight bytes, then \xe2\x82"}, std::string{"\xf4\x90\x80\x80"}, std::string{"12345678\0", 9}}) {
    CHECK(sql(bad).kind == value_kind::blob);
    CHECK(sql(bad).bytes == bad);
  }
  CHECK(sql(std::vector<std::uint8_t>{0, 1, 2}).kind == value_kind::blob);
  CHECK(sql(std::array<std::uint8_t, 2>{{7, 8}}).bytes == "\x07\x08");
}

TEST_CASE("what has parts is JSON") {
  CHECK(json(point{1, 2}) == R"({"x":1,"y":2.0})");
  CHECK(json(positional{1, true}) == "[1,true]");
  CHECK(json(number_alone{3}) == "3");
  CHECK(json(nothing_inside{}) == "{}");
  CHECK(json(std::vector<int>{1, 2}) == "[1,2]");
  CHECK(json(std::vector<bool>{true, false}) == "[true,false]");
  CHECK(json(std::vector<int>{}) == "[]");
  CHECK(json(std::pair{1, std::string{"a"}}) == R"([1,"a"])");
  CHECK(json(std::map<std::string, int>{{"a", 1}, {"b", 2}}) == R"({"a":1,"b":2})");
  CHECK(json(std::map<int, int>{{1, 2}, {3, 4}}) == "[[1,2],[3,4]]");
  CHECK(json(std::unordered_map<std::string, int>{{"a", 1}}) == R"({"a":1})");
  CHECK(json(std::multimap<std::string, int>{{"a", 1}, {"a", 2}}) == R"([["a",1],["a",2]])");
  CHECK(json(std::variant<int, std::string>{"s"}) == R"({"index":1,"value":"s"})");
  CHECK(json(std::optional<point>{}) == "null");
  CHECK(sql(std::optional<point>{}).kind == value_kind::null);
  CHECK(json(tree{1, {{2, {}}, {3, {{4, {}}}}}}) ==
        R"({"value":1,"children":[{"value":2,"children":[]},{"value":3,"children":[{"value":4,"children":[]}]}]})");
  CHECK(sql(point{1, 2}).json);
  CHECK_FALSE(sql(std::string{"{}"}).json);
}

TEST_CASE("JSON is valid whatever is stored") {
  CHECK(json(std::vector<double>{1, 0.1, 1e300, -std::numeric_limits<double>::infinity()}) ==
        R"([1.0,0.1,1e+300,"-inf"])");
  CHECK(json(std::vector<float>{0.1F, std::numeric_limits<float>::quiet_NaN()}) == R"([0.1,"nan"])");
  CHECK(json(std::vector<std::string>{"\x01\"\\\t", "\xfe"}) == R"(["\u0001\"\\\t","x'FE'"])");
  CHECK(json(std::map<std::string, int>{{"\xfe", 1}}) == R"({"x'FE'":1})");
  const auto parsed = nlohmann::json::parse(json(sample()));
  CHECK(parsed["name"] == "a \"b\"\n");
  CHECK(parsed["counts"]["y"] == UINT64_MAX);
  CHECK(parsed["age"] == 7);
  CHECK(parsed["either"]["index"] == 2);
  CHECK(parsed["pair"] == nlohmann::json::parse("[true,2]"));
  CHECK(parsed["empties"].size() == 2);
}

TEST_CASE("a class has a column for each member, a tuple for each element") {
  value_decoder decoder{weir::schema_of<everything>()};
  REQUIRE(decoder.columns().size() == 9);
  CHECK(decoder.columns()[0].name == "name");
  CHECK(decoder.columns()[0].sql_type == "TEXT");
  CHECK(decoder.columns()[3].sql_type == "INTEGER");
  CHECK(decoder.columns()[3].type == "optional<duration<i64, 1/1000 s>>");
  const byte_buffer bytes = stored(sample());
  std::vector<std::span<const std::byte>> columns;
  decoder.split(bytes.bytes(), columns);
  REQUIRE(columns.size() == 9);
  CHECK(decoder.decode_column(0, columns[0]).bytes == "a \"b\"\n");
  CHECK(decoder.decode_column(3, columns[3]).integer == 7);
  CHECK(decoder.decode_column(6, columns[6]).bytes == "[1,3]");
  CHECK(decoder.decode_column(7, columns[7]).bytes == "[1,2,3]");

  const value_decoder places{weir::schema_of<std::pair<std::string, positional>>()};
  REQUIRE(places.columns().size() == 2);
  CHECK(places.columns()[0].name == "1");
  CHECK(places.columns()[1].name == "2");
  CHECK(value_decoder{weir::schema_of<positional>()}.columns().size() == 2);
  for (const auto& one : {weir::schema_of<int>(), weir::schema_of<nothing_inside>(), weir::schema_of<number_alone>()}) {
    CHECK(value_decoder{one}.columns().size() == 1);
    CHECK(value_decoder{one}.columns()[0].name.empty());
  }
}

TEST_CASE("a key is encoded as the program encodes it") {
  const auto encoded = [](const type_schema& schema, std::vector<decoded_value> columns) {
    byte_buffer out;
    const bool known = value_decoder{schema}.encode(columns, out);
    return known ? std::optional{std::string{reinterpret_cast<const char*>(out.data()), out.size()}} : std::nullopt;
  };
  const auto bytes_of = [](const auto& value) {
    const byte_buffer out = stored(value);
    return std::string{reinterpret_cast<const char*>(out.data()), out.size()};
  };
  const auto number = [](std::int64_t n) { return decoded_value{value_kind::integer, false, n, 0, {}}; };
  const auto real = [](double n) { return decoded_value{value_kind::real, false, 0, n, {}}; };
  const auto text = [](std::string_view t) { return decoded_value{value_kind::text, false, 0, 0, t}; };

  CHECK(encoded(weir::schema_of<std::string>(), {text("whale")}) == bytes_of(std::string{"whale"}));
  CHECK(encoded(weir::schema_of<std::int16_t>(), {number(-3)}) == bytes_of(std::int16_t{-3}));
  CHECK(encoded(weir::schema_of<std::uint64_t>(), {real(5)}) == bytes_of(std::uint64_t{5}));
  CHECK(encoded(weir::schema_of<std::uint64_t>(), {text("18446744073709551615")}) == bytes_of(UINT64_MAX));
  CHECK(encoded(weir::schema_of<colour>(), {number(2)}) == bytes_of(colour::green));
  CHECK(encoded(weir::schema_of<std::chrono::seconds>(), {number(2)}) == bytes_of(std::chrono::seconds{2}));
  CHECK(encoded(weir::schema_of<std::optional<bool>>(), {number(1)}) == bytes_of(std::optional{true}));
  CHECK(encoded(weir::schema_of<number_alone>(), {number(9)}) == bytes_of(number_alone{9}));
  CHECK(encoded(weir::schema_of<tree>(), {number(1), number(1)}) == std::nullopt);
  CHECK(encoded(weir::schema_of<std::uint8_t>(), {number(256)}) == std::nullopt);
  CHECK(encoded(weir::schema_of<std::uint8_t>(), {real(1.5)}) == std::nullopt);
  CHECK(encoded(weir::schema_of<std::uint8_t>(), {text("1")}) == std::nullopt);
  CHECK(encoded(weir::schema_of<bool>(), {number(2)}) == std::nullopt);
  CHECK(encoded(weir::schema_of<double>(), {real(2)}) == std::nullopt);
  CHECK(encoded(weir::schema_of<std::string>(), {number(2)}) == std::nullopt);
  CHECK(encoded(weir::schema_of<std::string>(), {{}}) == std::nullopt);
}

template <class T>
void every_prefix_is_refused(const T& value) {
  const byte_buffer bytes = stored(value);
  value_decoder decoder{weir::schema_of<T>()};
  std::vector<std::span<const std::byte>> columns;
  CHECK_NOTHROW(decoder.decode(bytes.bytes()));
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    std::string json_text;
    CHECK_THROWS_AS(decoder.decode(bytes.bytes().first(length)), weir::damaged_error);
    CHECK_THROWS_AS(decoder.append_json(bytes.bytes().first(length), json_text), weir::damaged_error);
  }
  byte_buffer longer = bytes;
  longer.append(std::byte{0});
  CHECK_THROWS_AS(decoder.decode(longer.bytes()), weir::damaged_error);
  if (decoder.columns().size() > 1)
    CHECK_THROWS_AS(decoder.split(longer.bytes(), columns), weir::damaged_error);
}

TEST_CASE("a value that is cut off or too long is refused at every length") {
  every_prefix_is_refused(sample());
  every_prefix_is_refused(tree{1, {{2, {}}, {3, {{4, {}}}}}});
  every_prefix_is_refused(std::string{"abc"});
  every_prefix_is_refused(std::optional{1});
  every_prefix_is_refused(std::vector<nothing_inside>(3));
  every_prefix_is_refused(std::map<int, std::string>{{1, "a"}, {2, "b"}});
}

TEST_CASE("damage anywhere gives valid JSON or an error") {
  std::mt19937 random{7};
  const byte_buffer good = stored(sample());
  const value_decoder decoder{weir::schema_of<everything>()};
  std::vector<std::span<const std::byte>> columns;
  int refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    byte_buffer bytes = good;
    for (auto changes = random() % 3 + 1; changes != 0; --changes)
      bytes.data()[random() % bytes.size()] = static_cast<std::byte>(random());
    std::string out;
    try {
      decoder.append_json(bytes.bytes(), out);
      REQUIRE(nlohmann::json::accept(out));
      decoder.split(bytes.bytes(), columns);
    } catch (const weir::damaged_error&) {
      ++refused;
    }
  }
  CHECK(refused > 1'000);
  CHECK(refused < 19'000);
}

TEST_CASE("random bytes are read by random schemas without harm") {
  std::mt19937 random{11};
  const auto schema_texts = {
      R"({"is":"list","of":["nothing"]})", R"({"is":"map","of":["string",{"is":"list","of":["string"]}]})",
      R"({"is":"variant","of":["u8",{"is":"optional","of":["u64"]},"string"]})",
      R"({"is":"class","name":"a","fields":[["l",{"is":"list","of":[{"is":"recursive","name":"a"}]}],["b","bool"]]})",
      R"({"is":"array","size":3,"of":[{"is":"set","of":["i16"]}]})"};
  for (const auto* text : schema_texts) {
    value_decoder decoder{weir::type_schema_from_json(text)};
    for (int round = 0; round < 5'000; ++round) {
      byte_buffer bytes;
      for (auto length = random() % 24; length != 0; --length)
        bytes.append(static_cast<std::byte>(random() % 5));
      std::string out;
      try {
        decoder.append_json(bytes.bytes(), out);
        REQUIRE(nlohmann::json::accept(out));
        static_cast<void>(decoder.decode(bytes.bytes()));
      } catch (const weir::damaged_error&) {
      }
    }
  }
}

TEST_CASE("a crafted schema cannot keep the decoder busy or exhaust it") {
  const auto refuses = [](const char* text, std::size_t bytes) {
    byte_buffer value;
    for (std::size_t i = 0; i < bytes; ++i)
      value.append(std::byte{1});
    std::string out;
    CHECK_THROWS_AS(value_decoder{weir::type_schema_from_json(text)}.append_json(value.bytes(), out),
                    weir::damaged_error);
  };
  refuses(R"({"is":"array","size":18446744073709551615,"of":["nothing"]})", 0);
  refuses(R"({"is":"array","size":4294967296,"of":[{"is":"array","size":4294967296,"of":["u64"]}]})", 8);
  refuses(R"({"is":"array","size":1000000,"of":[{"is":"array","size":1000000,"of":["nothing"]}]})", 0);
  refuses(R"({"is":"class","name":"a","fields":[["x",{"is":"recursive","name":"a"}],["y","u8"]]})", 8);
  refuses(R"({"is":"class","name":"a","fields":[["",{"is":"recursive","name":"a"}]]})", 8);
  refuses(R"({"is":"class","name":"a","fields":[["x",{"is":"optional","of":[{"is":"recursive","name":"a"}]}]]})",
          5'000);
  CHECK_THROWS_AS(value_decoder{weir::type_schema_from_json(R"({"is":"recursive","name":"a"})")}, weir::damaged_error);
}

TEST_CASE("an optional or a duration of its own class is no schema") {
  for (
      const char* text :
      {R"({"is":"class","name":"A","fields":[["",{"is":"optional","of":[{"is":"recursive","name":"A"}]}]]})",
       R"({"is":"optional","of":[{"is":"class","name":"A","fields":[["",{"is":"optional","of":[{"is":"recursive","name":"A"}]}]]}]})",
       R"({"is":"class","name":"A","fields":[["",{"is":"duration","unit":"1","of":[{"is":"recursive","name":"A"}]}]]})",
       R"({"is":"class","name":"A","fields":[["a",{"is":"time_point","unit":"1","of":[{"is":"recursive","name":"A"}]}]]})",
       R"({"is":"duration","unit":"1","of":["string"]})"})
    CHECK_THROWS_AS(value_decoder{weir::type_schema_from_json(text)}, weir::damaged_error);
  // In between others it is an ordinary recursive class.
  value_decoder good{weir::type_schema_from_json(
      R"({"is":"class","name":"A","fields":[["n","u8"],["a",{"is":"optional","of":[{"is":"recursive","name":"A"}]}]]})")};
  const std::array<std::byte, 4> bytes{std::byte{7}, std::byte{1}, std::byte{8}, std::byte{0}};
  std::string out;
  good.append_json(bytes, out);
  CHECK(out == R"({"n":7,"a":{"n":8,"a":null}})");
}

TEST_CASE("JSON is in proportion to the value and its schema") {
  const std::string name(1'000, 'n');
  const auto of_name = [](const std::string& each) {
    return R"({"is":"list","of":[{"is":"class","name":"a","fields":[[")" + each + R"(","u8"]]}]})";
  };
  std::string fields;
  for (int i = 0; i < 20; ++i)
    fields += (i == 0 ? "" : ",") + std::string{R"([")"} + std::to_string(i) + name + R"(","nothing"])";
  value_decoder decoder{
      weir::type_schema_from_json(R"({"is":"list","of":[{"is":"class","name":"a","fields":[)" + fields + "]}]}")};
  byte_buffer value = stored(std::vector<std::uint8_t>(10'000)); // elements without bytes, and the zeros for them
  CHECK_THROWS_AS(decoder.decode(value.bytes()), weir::damaged_error);
  std::string out;
  CHECK_THROWS_AS(decoder.append_json(value.bytes(), out), weir::damaged_error);
  CHECK(out.size() < 20'000'000);
  // What somebody might write is shown, however long it is.
  value_decoder usual{weir::type_schema_from_json(of_name("the_name_of_a_member_that_says_much_of_what_it_is"))};
  value = stored(std::vector<std::uint8_t>(100'000));
  CHECK(usual.decode(value.bytes()).bytes.size() > 5'000'000);
  CHECK_THROWS_AS(weir::type_schema_from_json(of_name(std::string(1'025, 'n'))), weir::damaged_error);
  CHECK_THROWS_AS(weir::type_schema_from_json(of_name("n") + std::string(1'000'000, ' ')), weir::damaged_error);
}

TEST_CASE("a value without its full schema is shown as its bytes") {
  value_decoder decoder{
      weir::type_schema_from_json(R"({"is":"class","name":"a","fields":[["","length"],["n","u8"]]})")};
  const byte_buffer bytes = stored(std::string{"ab"});
  CHECK(decoder.decode(bytes.bytes()).kind == value_kind::blob);
  CHECK(decoder.columns().size() == 1);
  std::string out;
  decoder.append_json(bytes.bytes(), out);
  CHECK(out == R"("x'026162'")");
}

} // namespace value_decoder_test
