// The archive: what values look like as bytes, that they come back, and that no bytes can harm a reader.
#include <weir/persistence/archive.hpp>
#include <weir/persistence/error.hpp>
#include <weir/persistence/fields.hpp>

#include <boost/archive/text_iarchive.hpp>
#include <boost/archive/text_oarchive.hpp>
#include <boost/serialization/map.hpp>
#include <boost/serialization/optional.hpp>
#include <boost/serialization/split_member.hpp>
#include <boost/serialization/string.hpp>
#include <boost/serialization/vector.hpp>
#include <catch2/catch.hpp>

#include <array>
#include <chrono>
#include <cmath>
#include <cstring>
#include <deque>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

using namespace std::chrono_literals;

namespace archive_test {

enum class color : std::uint16_t { red = 1, blue = 0x203 };
enum class yes_no : bool { no, yes };

struct point {
  std::int32_t x = 0;
  double y = 0;
  bool set = false;
  WEIR_FIELDS(x, y, set)
  bool operator==(const point&) const = default;
};

struct reading {
  std::string sensor;
  std::vector<point> points;
  std::optional<std::chrono::milliseconds> age;
  WEIR_FIELDS(sensor, points, age)
  bool operator==(const reading&) const = default;
};

struct tree {
  int value = 0;
  std::vector<tree> children;
  WEIR_FIELDS(value, children)
  bool operator==(const tree&) const = default;
};

struct empty {
  WEIR_FIELDS()
  bool operator==(const empty&) const = default;
};

class hidden {
public:
  hidden() = default;
  explicit hidden(int v) : value_(v) {}
  bool operator==(const hidden&) const = default;

private:
  int value_ = 0;
  WEIR_FIELDS(value_)
};

class hidden_by_hand {
public:
  hidden_by_hand() = default;
  explicit hidden_by_hand(int v) : value_(v) {}
  bool operator==(const hidden_by_hand&) const = default;

private:
  friend class weir::access;
  template <class Archive>
  void serialize(Archive& ar, unsigned) {
    ar& WEIR_FIELD(value_);
  }
  int value_ = 0;
};

class split_in_two {
public:
  split_in_two() = default;
  explicit split_in_two(int v) : value_(v) {}
  bool operator==(const split_in_two&) const = default;

private:
  friend class boost::serialization::access;
  template <class Archive>
  void save(Archive& ar, unsigned) const {
    const std::int64_t doubled = 2 * value_;
    ar << doubled;
  }
  template <class Archive>
  void load(Archive& ar, unsigned) {
    std::int64_t doubled = 0;
    ar >> doubled;
    value_ = static_cast<int>(doubled / 2);
  }
  BOOST_SERIALIZATION_SPLIT_MEMBER()
  int value_ = 0;
};

struct free_function {
  int value = 0;
  bool operator==(const free_function&) const = default;
};
template <class Archive>
void serialize(Archive& ar, free_function& f, const unsigned int) {
  ar& boost::serialization::make_nvp("value", f.value);
}

struct silent { // writes nothing
  template <class Archive>
  void serialize(Archive&, unsigned) {}
  bool operator==(const silent&) const = default;
};

struct versioned {
  int first = 0;
  int second = -1;
  template <class Archive>
  void serialize(Archive& ar, unsigned version) {
    ar& WEIR_FIELD(first);
    if (version > 1)
      ar& WEIR_FIELD(second);
  }
};

struct bare {
  int value;
};
struct holds_bare {
  bare inner;
  WEIR_FIELDS(inner)
};
struct adds_a_member : point {
  int more = 0;
};
struct with_virtual {
  virtual ~with_virtual() = default;
  WEIR_FIELDS()
};

std::string hex(const std::vector<std::byte>& bytes) {
  std::string text;
  for (const std::byte each : bytes) {
    text += "0123456789abcdef"[std::to_integer<unsigned>(each) >> 4];
    text += "0123456789abcdef"[std::to_integer<unsigned>(each) & 15];
  }
  return text;
}

template <class T>
std::string hex_of(const T& value) {
  return hex(weir::to_bytes(value));
}

template <class T>
bool comes_back(const T& value) {
  return weir::from_bytes<T>(weir::to_bytes(value)) == value;
}

std::vector<std::byte> bytes_of(std::initializer_list<unsigned> values) {
  std::vector<std::byte> bytes;
  for (const unsigned each : values)
    bytes.push_back(static_cast<std::byte>(each));
  return bytes;
}

// Remembers the largest allocation.
std::size_t largest_allocation = 0;
template <class T>
struct watching_allocator {
  using value_type = T;
  watching_allocator() = default;
  template <class U>
  watching_allocator(const watching_allocator<U>&) {}
  T* allocate(std::size_t n) {
    largest_allocation = std::max(largest_allocation, n * sizeof(T));
    return std::allocator<T>{}.allocate(n);
  }
  void deallocate(T* p, std::size_t n) { std::allocator<T>{}.deallocate(p, n); }
  bool operator==(const watching_allocator&) const { return true; }
};

using everything =
    std::tuple<bool, std::string, std::vector<std::string>, std::map<std::string, std::vector<std::uint64_t>>,
               std::unordered_map<int, std::string>, std::optional<tree>, std::variant<int, std::string, tree>,
               std::set<std::int16_t>, std::vector<bool>, reading, std::vector<empty>, std::vector<silent>>;

everything some_of_everything() {
  return {true,
          "text",
          {"a", "", std::string(200, 'x')},
          {{"one", {1}}, {"two", {1, 2}}},
          {{1, "one"}, {2, "two"}, {-3, "three"}},
          tree{1, {tree{2, {}}, tree{3, {tree{4, {}}}}}},
          tree{7, {}},
          {-1, 0, 1},
          {true, false, true},
          {"sensor", {{1, 2.5, true}, {-1, -0.0, false}}, 40ms},
          std::vector<empty>(3),
          std::vector<silent>(2)};
}

} // namespace archive_test

BOOST_CLASS_VERSION(archive_test::versioned, 2)

using namespace archive_test;

static_assert(weir::serializable<point> && weir::serializable<tree> && weir::serializable<hidden> &&
              weir::serializable<hidden_by_hand> && weir::serializable<split_in_two> &&
              weir::serializable<free_function> && weir::serializable<everything> && weir::serializable<int[3]> &&
              weir::serializable<std::chrono::system_clock::time_point>);
static_assert(!weir::serializable<bare> && !weir::serializable<holds_bare> && !weir::serializable<adds_a_member> &&
              !weir::serializable<with_virtual> && !weir::serializable<int*> && !weir::serializable<const char*> &&
              !weir::serializable<std::string_view> && !weir::serializable<std::shared_ptr<int>> &&
              !weir::serializable<std::unique_ptr<int>> && !weir::serializable<long double> &&
              !weir::serializable<std::vector<bare>> && !weir::serializable<std::map<int, int*>> &&
              !weir::serializable<std::optional<bare>> && !weir::serializable<std::variant<int, bare>> &&
              !weir::serializable<std::pair<int, bare>>);

TEST_CASE("the archive bytes of values do not change from version to version", "[archive]") {
  CHECK(hex_of(std::uint32_t{0x01020304}) == "04030201");
  CHECK(hex_of(std::int16_t{-2}) == "feff");
  CHECK(hex_of(true) == "01");
  CHECK(hex_of(1.0) == "000000000000f03f");
  CHECK(hex_of(color::blue) == "0302");
  CHECK(hex_of(yes_no::yes) == "01");
  CHECK(hex_of(std::string{"weir"}) == "0477656972");
  CHECK(hex_of(std::string(300, 'a')).substr(0, 8) == "ac026161");
  CHECK(hex_of(std::vector<std::uint16_t>{1, 2}) == "0201000200");
  CHECK(hex_of(std::vector<bool>{true, false}) == "020100");
  CHECK(hex_of(std::map<std::string, std::uint8_t>{{"b", 2}, {"a", 1}}) == "02016101016202");
  CHECK(hex_of(std::optional<std::uint8_t>{7}) == "0107");
  CHECK(hex_of(std::optional<std::uint8_t>{}) == "00");
  CHECK(hex_of(std::variant<std::uint8_t, std::string>{"x"}) == "010178");
  CHECK(hex_of(std::tuple<std::uint8_t, std::string>{1, "y"}) == "010179");
  CHECK(hex_of(std::chrono::seconds{5}) == "0500000000000000");
  CHECK(hex_of(point{1, 1.0, true}) == "01000000000000000000f03f01");
  CHECK(hex_of(reading{"s", {{1, 1.0, true}}, 2ms}) == "01730101000000000000000000f03f01010200000000000000");
  CHECK(hex_of(std::vector<empty>(3)) == "03000000");
}

TEST_CASE("values come back as they were", "[archive]") {
  CHECK(comes_back(std::numeric_limits<std::int64_t>::min()));
  CHECK(comes_back(std::numeric_limits<double>::infinity()));
  CHECK(comes_back(std::numeric_limits<double>::denorm_min()));
  CHECK(std::signbit(weir::from_bytes<double>(weir::to_bytes(-0.0))));
  CHECK(std::isnan(weir::from_bytes<float>(weir::to_bytes(std::nanf("")))));
  CHECK(comes_back(color::blue));
  CHECK(comes_back(std::u16string{u"weir"}));
  CHECK(comes_back(std::list<std::deque<int>>{{1, 2}, {}}));
  CHECK(comes_back(std::array<std::string, 2>{"a", "b"}));
  CHECK(comes_back(std::multimap<int, int>{{1, 1}, {1, 2}}));
  CHECK(comes_back(std::unordered_set<std::string>{"a", "b", "c"}));
  CHECK(comes_back(std::unordered_multimap<int, int>{{1, 1}, {1, 2}}));
  CHECK(comes_back(std::chrono::system_clock::time_point{123456789ns}));
  CHECK(comes_back(std::variant<std::monostate, int>{}));
  CHECK(comes_back(hidden{5}));
  CHECK(comes_back(hidden_by_hand{6}));
  CHECK(comes_back(split_in_two{7}));
  CHECK(comes_back(free_function{8}));
  CHECK(comes_back(boost::optional<std::string>{"boost"}));
  CHECK(comes_back(some_of_everything()));
}

TEST_CASE("elements that take no bytes come back from every container", "[archive]") {
  CHECK(comes_back(std::list<std::monostate>(3)));
  CHECK(comes_back(std::set<std::monostate>{{}}));
  CHECK(comes_back(std::unordered_set<std::monostate>{{}}));
  CHECK(comes_back(std::unordered_multiset<std::monostate>{{}, {}}));
  CHECK(comes_back(std::map<std::monostate, std::monostate>{{{}, {}}}));
  CHECK(comes_back(std::multimap<std::monostate, std::monostate>{{{}, {}}, {{}, {}}}));
  CHECK(comes_back(std::unordered_map<std::monostate, std::tuple<>>{{{}, {}}}));
  CHECK(hex_of(std::map<std::monostate, std::monostate>{{{}, {}}}) == "0100");
}

TEST_CASE("an array of C comes back", "[archive]") {
  weir::byte_buffer out;
  const int before[3] = {1, 2, 3};
  weir::output_archive{out} << before;
  int after[3] = {};
  weir::input_archive{out.bytes()} >> after;
  CHECK(std::equal(std::begin(before), std::end(before), std::begin(after)));
}

TEST_CASE("an unordered container has the same bytes whatever the order of its elements", "[archive]") {
  std::unordered_map<std::string, int> forwards;
  std::unordered_map<std::string, int> backwards;
  backwards.reserve(1000);
  for (int i = 0; i < 100; ++i)
    forwards[std::to_string(i)] = i;
  for (int i = 99; i >= 0; --i)
    backwards[std::to_string(i)] = i;
  CHECK(hex_of(forwards) == hex_of(backwards));
}

TEST_CASE("a class version is given to serialize, and not stored with each object", "[archive]") {
  const versioned value{1, 2};
  const auto bytes = weir::to_bytes(value);
  CHECK(bytes.size() == 8);
  CHECK(weir::from_bytes<versioned>(bytes).second == 2);

  weir::class_versions stored;
  stored.add("archive_test::versioned", 1);
  versioned old{};
  weir::input_archive archive{std::span{bytes}.first(4), &stored};
  archive >> old;
  archive.expect_end();
  CHECK(old.first == 1);
  CHECK(old.second == -1);
}

TEST_CASE("WEIR_FIELDS also serves Boost's own archives", "[archive]") {
  std::stringstream text;
  const point before{1, 2.5, true};
  boost::archive::text_oarchive{text} << before;
  point after;
  boost::archive::text_iarchive{text} >> after;
  CHECK(after == before);
}

TEST_CASE("bytes that are not what the archive writes are refused", "[archive]") {
  CHECK_THROWS_AS(weir::from_bytes<bool>(bytes_of({2})), weir::damaged_error);
  CHECK_THROWS_AS((weir::from_bytes<std::optional<int>>(bytes_of({9}))), weir::damaged_error);
  CHECK_THROWS_AS((weir::from_bytes<std::variant<bool, int>>(bytes_of({2, 0}))), weir::damaged_error);
  CHECK_THROWS_AS(weir::from_bytes<std::uint32_t>(bytes_of({1, 2, 3})), weir::damaged_error);
  CHECK_THROWS_AS(weir::from_bytes<std::uint8_t>(bytes_of({1, 2})), weir::damaged_error);
  CHECK_THROWS_AS(weir::from_bytes<std::string>(bytes_of({0x81, 0x00, 'a'})), weir::damaged_error); // 1, but too long
  CHECK_THROWS_AS(weir::from_bytes<std::string>(bytes_of({2, 'a'})), weir::damaged_error);
  CHECK_THROWS_AS((weir::from_bytes<std::set<std::uint8_t>>(bytes_of({2, 1, 1}))), weir::damaged_error);
  CHECK_THROWS_AS((weir::from_bytes<std::map<std::uint8_t, bool>>(bytes_of({2, 1, 0, 1, 1}))), weir::damaged_error);
  CHECK_THROWS_AS(weir::from_bytes<std::vector<empty>>(bytes_of({2, 0, 1})), weir::damaged_error);
  CHECK_THROWS_AS(weir::from_bytes<std::string>(bytes_of({})), weir::damaged_error);
}

TEST_CASE("a length allocates no more than the bytes left justify", "[archive]") {
  std::vector<std::byte> bytes = bytes_of({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f});
  bytes.resize(1000, std::byte{1});
  const auto read = [&]<class T>(T value) {
    largest_allocation = 0;
    weir::input_archive archive{bytes};
    try {
      archive >> value;
    } catch (const weir::damaged_error&) {
      return true;
    }
    return false;
  };
  // a length that the bytes could hold, but only if the elements were small
  const auto short_length = [&] {
    bytes.assign(1000, std::byte{0xff});
    bytes[0] = std::byte{0xe0};
    bytes[1] = std::byte{0x07}; // 992
  };
  CHECK(read(std::vector<std::uint64_t, watching_allocator<std::uint64_t>>{}));
  CHECK(largest_allocation == 0);
  CHECK(read(std::vector<std::string, watching_allocator<std::string>>{}));
  CHECK(largest_allocation == 0);
  short_length();
  CHECK(read(std::vector<std::array<std::string, 64>, watching_allocator<std::array<std::string, 64>>>{}));
  CHECK(read(std::vector<std::string, watching_allocator<std::string>>{}));
  CHECK(largest_allocation <= 2000);
}

TEST_CASE("values nested too deep are refused, when written and when read", "[archive]") {
  tree deep;
  for (int i = 0; i < 300; ++i) {
    tree outer;
    outer.children.push_back(std::move(deep));
    deep = std::move(outer);
  }
  CHECK_THROWS_AS(weir::to_bytes(deep), weir::usage_error);

  weir::byte_buffer endless;
  for (int i = 0; i < 100'000; ++i)
    endless.append(bytes_of({0, 0, 0, 0, 1})); // a value, and one child
  CHECK_THROWS_AS(weir::from_bytes<tree>(endless.bytes()), weir::damaged_error);
}

TEST_CASE("random and truncated bytes give a value or an error, and nothing else", "[archive]") {
  std::mt19937_64 random{7};
  const auto good = weir::to_bytes(some_of_everything());
  for (std::size_t size = 0; size < good.size(); ++size)
    CHECK_THROWS_AS(weir::from_bytes<everything>(std::span{good}.first(size)), weir::damaged_error);

  unsigned refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::byte> bytes = good;
    if (round % 4 == 0) {
      bytes.resize(random() % 200);
      for (std::byte& each : bytes)
        each = static_cast<std::byte>(random());
    } else {
      for (auto flips = random() % 4 + 1; flips != 0; --flips)
        bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    }
    try {
      const auto value = weir::from_bytes<everything>(bytes);
      REQUIRE(comes_back(std::get<1>(value)));
    } catch (const weir::damaged_error&) {
      ++refused;
    }
  }
  CHECK(refused > 5'000);
}
