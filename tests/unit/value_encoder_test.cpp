// Encoding by schema: what the decoder shows becomes the same bytes again, and what does not fit is told.
#include <weir/persistence/archive.hpp>
#include <weir/persistence/error.hpp>
#include <weir/persistence/fields.hpp>
#include <weir/persistence/schema.hpp>
#include <weir/persistence/value_decoder.hpp>
#include <weir/persistence/value_encoder.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <chrono>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace value_encoder_test {

using weir::byte_buffer;
using weir::decoded_value;
using weir::encoder_use;
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
struct alone { // as a strong id
  std::uint64_t value = 0;
  template <class Archive>
  void serialize(Archive& ar, unsigned) {
    ar& value;
  }
};
struct tree_alone {
  tree inner;
  template <class Archive>
  void serialize(Archive& ar, unsigned) {
    ar& inner;
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
  std::map<int, std::string> names;
  std::optional<std::chrono::milliseconds> age;
  std::optional<point> corner;
  std::variant<std::monostate, int, std::string> either;
  std::tuple<bool, colour> pair;
  std::set<int> numbers;
  std::array<std::uint16_t, 3> three{};
  std::vector<nothing_inside> empties;
  std::vector<std::uint8_t> bytes;
  std::array<std::uint8_t, 2> two_bytes{};
  alone id;
  positional place;
  tree family;
  float ratio = 0;
  std::vector<double> odd;
  std::vector<std::string> texts;
  WEIR_FIELDS(name, points, counts, names, age, corner, either, pair, numbers, three, empties, bytes, two_bytes, id,
              place, family, ratio, odd, texts)
};

everything sample() {
  constexpr double inf = std::numeric_limits<double>::infinity();
  everything made;
  made.name = "a \"b\"\n";
  made.points = {{1, 0.5}, {-2, 1e300}};
  made.counts = {{"x", 1}, {"y", UINT64_MAX}};
  made.names = {{-1, "minus"}, {7, "seven"}};
  made.age = std::chrono::milliseconds{7};
  made.corner = point{3, 4};
  made.either = "z";
  made.pair = {true, colour::green};
  made.numbers = {1, 3};
  made.three = {1, 2, 65535};
  made.empties = {{}, {}};
  made.bytes = {0, 255};
  made.two_bytes = {1, 2};
  made.id.value = UINT64_MAX;
  made.place.a = -7;
  made.place.b = true;
  made.family = {1, {{2, {{3, {}}}}, {4, {}}}};
  made.ratio = 0.1F;
  made.odd = {inf, -inf, std::numeric_limits<double>::quiet_NaN(), 0.1};
  made.texts = {std::string{"\xFF\0a", 3}, "x'41'", "x'zz'", ""};
  return made;
}

template <class T>
std::vector<std::byte> stored(const T& value) {
  byte_buffer out;
  weir::output_archive{out} << value;
  return out.take();
}

/// What comes of it if SQL reads all columns and writes them again.
template <class T>
std::vector<std::byte> through_sql(const T& value, encoder_use use = encoder_use::value) {
  weir::value_decoder decoder{weir::schema_of<T>()};
  const weir::value_encoder encoder{weir::schema_of<T>(), use};
  REQUIRE(encoder.columns() == decoder.columns().size());
  const auto bytes = stored(value);
  std::vector<std::span<const std::byte>> parts;
  decoder.split(bytes, parts);
  byte_buffer out;
  for (std::size_t i = 0; i < parts.size(); ++i)
    encoder.append(i, decoder.decode_column(i, parts[i]), out);
  return out.take();
}

decoded_value null() {
  return {};
}
decoded_value number(std::int64_t value) {
  decoded_value made;
  made.kind = value_kind::integer;
  made.integer = value;
  return made;
}
decoded_value real(double value) {
  decoded_value made;
  made.kind = value_kind::real;
  made.real = value;
  return made;
}
decoded_value text(std::string_view value) {
  decoded_value made;
  made.kind = value_kind::text;
  made.bytes = value;
  return made;
}
decoded_value blob(std::string_view value) {
  decoded_value made = text(value);
  made.kind = value_kind::blob;
  return made;
}

template <class T>
std::vector<std::byte> encoded(const decoded_value& value, encoder_use use = encoder_use::value) {
  byte_buffer out;
  weir::value_encoder{weir::schema_of<T>(), use}.append(0, value, out);
  return out.take();
}

/// "place: expected, found …" of a value that does not fit T.
template <class T>
std::string misfit(const decoded_value& value, encoder_use use = encoder_use::value) {
  try {
    static_cast<void>(encoded<T>(value, use));
    return "it fits";
  } catch (const weir::misfit_error& problem) {
    return problem.text().thing + ": " + problem.text().expected + ", found " + problem.text().found;
  }
}

TEST_CASE("what the decoder shows becomes the same bytes again") {
  CHECK(through_sql(sample()) == stored(sample()));
  CHECK(through_sql(everything{}) == stored(everything{}));
  CHECK(through_sql(std::string{"word"}, encoder_use::key) == stored(std::string{"word"}));
  CHECK(through_sql(std::string{"\xFF"}, encoder_use::key) == stored(std::string{"\xFF"}));
  CHECK(through_sql(std::pair{3, std::string{"b"}}, encoder_use::key) == stored(std::pair{3, std::string{"b"}}));
  CHECK(through_sql(std::vector<everything>{sample(), sample()}) ==
        stored(std::vector<everything>{sample(), sample()}));
  CHECK(through_sql(tree_alone{{1, {{2, {}}}}}) == stored(tree_alone{{1, {{2, {}}}}}));
  CHECK(through_sql(std::vector<tree_alone>{{{1, {{2, {}}}}}}) == stored(std::vector<tree_alone>{{{1, {{2, {}}}}}}));
  CHECK(through_sql(nothing_inside{}) == stored(nothing_inside{}));
  CHECK(through_sql(std::monostate{}) == stored(std::monostate{}));
  CHECK(through_sql(std::optional<int>{}) == stored(std::optional<int>{}));
}

TEST_CASE("a number is taken in the forms that SQL has for it") {
  CHECK(encoded<std::int32_t>(number(5)) == stored(5));
  CHECK(encoded<std::int32_t>(real(5.0)) == stored(5));
  CHECK(encoded<std::int32_t>(text("5")) == stored(5)); // as CSV has it
  CHECK(encoded<std::uint64_t>(text("18446744073709551615")) == stored(UINT64_MAX));
  CHECK(encoded<double>(number(5)) == stored(5.0));
  CHECK(encoded<double>(text("0.5")) == stored(0.5));
  CHECK(encoded<float>(real(0.5)) == stored(0.5F));
  CHECK(encoded<bool>(number(1)) == stored(true));
  CHECK(encoded<colour>(number(2)) == stored(colour::green));
  CHECK(encoded<std::chrono::milliseconds>(number(-1)) == stored(std::chrono::milliseconds{-1}));
  CHECK(encoded<std::vector<double>>(text("[1, 2.5]")) == stored(std::vector<double>{1, 2.5}));
}

TEST_CASE("a value out of its type's range is told with the range") {
  CHECK(misfit<std::int8_t>(number(128)) == ": an integer from -128 to 127, found 128");
  CHECK(misfit<std::int8_t>(number(-129)) == ": an integer from -128 to 127, found -129");
  CHECK(misfit<std::uint16_t>(number(-1)) == ": an integer from 0 to 65535, found -1");
  CHECK(misfit<std::uint64_t>(number(-1)) == ": an integer from 0 to 18446744073709551615, found -1");
  CHECK(misfit<std::uint64_t>(text("18446744073709551616")) ==
        ": an integer from 0 to 18446744073709551615, found the text '18446744073709551616'");
  CHECK(misfit<std::int32_t>(real(0.5)) == ": an integer from -2147483648 to 2147483647, found 0.5");
  CHECK(misfit<std::int32_t>(text("")) == ": an integer from -2147483648 to 2147483647, found the text ''");
  CHECK(misfit<bool>(number(2)) == ": 0 or 1, found 2");
  CHECK(misfit<float>(real(1e39)) == ": a number that a float of 32 bits can hold, found 1e+39");
  CHECK(misfit<double>(text("much")) == ": a number, found the text 'much'");
}

TEST_CASE("a value of another kind is told with what was expected") {
  CHECK(misfit<std::int32_t>(null()) == ": an integer from -2147483648 to 2147483647, found null");
  CHECK(misfit<std::string>(null()) == ": text, found null");
  CHECK(misfit<std::string>(number(5)) == ": text, found 5");
  CHECK(misfit<std::optional<std::string>>(number(5)) == ": text, or null, found 5");
  CHECK(misfit<std::vector<std::uint8_t>>(text("ab")) == ": a blob, found the text 'ab'");
  CHECK(misfit<std::array<std::uint8_t, 3>>(blob("ab")) == ": a blob of 3 bytes, found a blob of 2 bytes");
  CHECK(misfit<std::monostate>(number(0)) == ": null, found 0");
  CHECK(misfit<std::vector<int>>(number(3)) == ": JSON of list<i32>, found 3");
  CHECK(misfit<std::vector<int>>(null()) == ": JSON of list<i32>, found null");
  CHECK(misfit<std::vector<int>>(text("[1,")) == ": JSON of list<i32>, found the text '[1,', which is no JSON");
  CHECK(misfit<std::string>(number(1), encoder_use::key) == ": text, found 1");
}

TEST_CASE("what does not fit within JSON is told with its place") {
  using readings = std::map<std::string, std::vector<point>>;
  CHECK(misfit<readings>(text(R"({"attic": [{"x": 1, "y": 2}, {"x": 1.5, "y": 2}]})")) ==
        ".attic[1].x: an integer from -2147483648 to 2147483647, found 1.5");
  CHECK(misfit<readings>(text(R"({"attic": [{"x": 1}]})")) == ".attic[0].y: a number, found no such member");
  CHECK_THAT(misfit<readings>(text(R"({"attic": [{"x": 1, "y": 2, "z": 3}]})")),
             Catch::StartsWith(".attic[0].z: only the members of "));
  CHECK(misfit<std::map<int, int>>(text("[[1, 2], [1, 3]]")) == "[1]: each key once, found it twice");
  CHECK(misfit<std::set<int>>(text("[1, 1]")) == "[1]: each key once, found it twice");
  CHECK(misfit<std::map<int, int>>(text("[[1]]")) == "[0]: [key, value], found [1]");
  CHECK(misfit<std::array<int, 2>>(text("[1]")) == ": JSON of array<i32, 2>, found [1]");
  CHECK_THAT((misfit<std::variant<int, std::string>>(text(R"({"index": 2, "value": 1})"))),
             Catch::StartsWith(": JSON of variant<i32, string>, found "));
  CHECK((misfit<std::variant<int, std::string>>(text(R"({"index": 1, "value": 1})"))) == ".value: text, found 1");
  CHECK(misfit<std::vector<std::uint64_t>>(text("[18446744073709551616]")) ==
        "[0]: an integer from 0 to 18446744073709551615, found 1.8446744073709552e+19");
}

TEST_CASE("containers within each other are as deep as a program can read") {
  const auto nested = [](int depth) {
    std::string json;
    for (int i = 0; i < depth; ++i)
      json += R"({"value": 1, "children": [)";
    for (int i = 0; i < depth; ++i)
      json += "]}";
    return json;
  };
  const auto bytes = encoded<std::vector<tree>>(text("[" + nested(255) + "]"));
  std::vector<tree> read;
  weir::input_archive{bytes} >> read;
  CHECK(read.size() == 1);
  CHECK_THAT(misfit<std::vector<tree>>(text("[" + nested(256) + "]")),
             Catch::Contains("at most 256 containers within each other, found more"));
}

TEST_CASE("a type that consists of itself makes no end") {
  using weir::schema_kind;
  const weir::type_schema itself{schema_kind::recursive, "c", 0, 0, {}};
  const weir::type_schema maybe{schema_kind::optional, "", 0, 0, {{"", itself}}};
  const weir::value_encoder encoder{weir::type_schema{schema_kind::structure, "c", 0, 0, {{"", maybe}}}};
  byte_buffer out;
  CHECK_THROWS_WITH(encoder.append(0, text("1"), out), Catch::Contains("values within each other"));
}

TEST_CASE("the order of several elements within a key is not made up") {
  using keys = std::set<std::string>;
  CHECK(encoded<keys>(text(R"(["a"])"), encoder_use::key) == stored(keys{"a"}));
  CHECK_THAT(misfit<keys>(text(R"(["b", "a"])"), encoder_use::key), Catch::StartsWith("[1]: at most one element"));
}

TEST_CASE("a type whose parts are not known is left as it is") {
  const weir::type_schema length{weir::schema_kind::length, {}, 0, 0, {}};
  const weir::value_encoder encoder{weir::type_schema{weir::schema_kind::structure, "c", 0, 0, {{"l", length}}}};
  byte_buffer out;
  CHECK(encoder.columns() == 1);
  CHECK_THROWS_WITH(encoder.append(0, blob("ab"), out), Catch::Contains("to be left as it is"));
}

} // namespace value_encoder_test
