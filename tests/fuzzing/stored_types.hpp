// The types that the archive's fuzz targets store: one of every kind that it knows, and some within others.
#pragma once

#include <weir/persistence/fields.hpp>
#include <weir/persistence/ids.hpp>
#include <weir/persistence/type_shape.hpp>

#include <boost/serialization/array_wrapper.hpp>
#include <boost/serialization/collection_size_type.hpp>
#include <boost/serialization/split_member.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

namespace weir_fuzz {

enum class color : std::uint16_t { red = 1, blue = 0x203 };
enum class yes_no : bool { no, yes };

struct empty {
  WEIR_FIELDS()
  bool operator==(const empty&) const = default;
  auto operator<=>(const empty&) const = default;
};

/// All of its bytes are of fixed size.
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
  std::int32_t value = 0;
  std::vector<tree> children;
  std::map<std::string, tree> named;
  WEIR_FIELDS(value, children, named)
  bool operator==(const tree&) const;
};
// Not defaulted in the class: clang would look into the map while the class is incomplete.
inline bool tree::operator==(const tree& other) const {
  return value == other.value && children == other.children && named == other.named;
}

/// What is written differs from what is held.
class split_in_two {
public:
  bool operator==(const split_in_two&) const = default;

private:
  friend class boost::serialization::access;
  template <class Archive>
  void save(Archive& ar, unsigned) const {
    const std::uint64_t other = ~value_;
    ar << other;
  }
  template <class Archive>
  void load(Archive& ar, unsigned) {
    std::uint64_t other = 0;
    ar >> other;
    value_ = ~other;
  }
  BOOST_SERIALIZATION_SPLIT_MEMBER()
  std::uint64_t value_ = 0;
};

/// A container in the way of Boost's own: a length, then the elements.
class length_first {
public:
  bool operator==(const length_first&) const = default;

private:
  friend class boost::serialization::access;
  template <class Archive>
  void save(Archive& ar, unsigned) const {
    ar << boost::serialization::collection_size_type{values_.size()};
    for (const auto& each : values_)
      ar << each;
  }
  template <class Archive>
  void load(Archive& ar, unsigned) {
    boost::serialization::collection_size_type count;
    ar >> count;
    values_.resize(static_cast<std::size_t>(std::as_const(count)));
    for (auto& each : values_)
      ar >> each;
  }
  BOOST_SERIALIZATION_SPLIT_MEMBER()
  std::vector<std::uint16_t> values_;
};

struct four_numbers {
  std::int16_t values[4] = {};
  template <class Archive>
  void serialize(Archive& ar, unsigned) {
    ar& boost::serialization::make_array(values, 4);
  }
  bool operator==(const four_numbers&) const = default;
};

/// Its first version had no second member.
struct versioned {
  std::int32_t first = 0;
  std::string second;
  template <class Archive>
  void serialize(Archive& ar, unsigned version) {
    ar& WEIR_FIELD(first);
    if (version > 1)
      ar& WEIR_FIELD(second);
  }
  bool operator==(const versioned&) const = default;
};

using chrono_types = std::tuple<std::chrono::hours, std::chrono::system_clock::time_point,
                                std::chrono::duration<double>, std::optional<std::chrono::microseconds>>;

using everything =
    std::tuple<bool, std::string, std::vector<std::string>, std::map<std::string, std::vector<std::uint64_t>>,
               std::unordered_map<std::int32_t, std::string>, std::optional<tree>,
               std::variant<std::int32_t, std::string, tree>, std::set<std::int16_t>, std::vector<bool>, reading,
               std::vector<empty>, split_in_two, length_first, four_numbers, versioned>;

/// The first byte of an input is a place in this list. New types come at the end, so that old inputs keep their
/// meaning.
using stored_types = weir::detail::type_list<
    // numbers
    bool, char, std::int8_t, std::uint8_t, std::int16_t, std::uint32_t, std::int64_t, float, double, char32_t, color,
    yes_no, weir::checkpoint_id,
    // texts and sequences
    std::string, std::u16string, std::vector<std::uint8_t>, std::vector<std::uint32_t>, std::vector<double>,
    std::vector<bool>, std::vector<std::string>, std::vector<std::vector<std::uint16_t>>, std::deque<std::uint64_t>,
    std::list<std::string>, std::vector<std::array<std::string, 8>>,
    // sets and maps
    std::set<std::uint32_t>, std::set<std::string>, std::multiset<std::uint16_t>, std::unordered_set<std::string>,
    std::unordered_multiset<std::uint8_t>, std::map<std::string, std::uint32_t>,
    std::multimap<std::uint8_t, std::string>, std::unordered_map<std::string, std::vector<std::uint8_t>>,
    std::unordered_multimap<std::uint8_t, std::uint8_t>, std::map<std::string, std::map<std::uint8_t, std::string>>,
    std::unordered_set<double>,
    // what takes no bytes
    std::monostate, empty, std::vector<empty>, std::list<std::tuple<>>, std::set<empty>, std::map<empty, std::string>,
    std::map<empty, empty>, std::multimap<empty, empty>, std::multiset<empty>, std::vector<std::optional<empty>>,
    // parts
    std::array<std::uint16_t, 3>, std::array<std::string, 2>, std::pair<std::string, bool>,
    std::tuple<std::uint8_t, std::string, std::vector<std::uint8_t>>, std::optional<std::string>,
    std::optional<std::optional<std::uint8_t>>, std::variant<std::monostate, std::int32_t, std::string>,
    std::vector<std::variant<bool, std::string>>, chrono_types,
    // classes
    point, reading, tree, split_in_two, length_first, four_numbers, versioned, std::vector<point>,
    std::map<std::string, tree>, std::unordered_map<std::string, tree>, everything>;

} // namespace weir_fuzz

BOOST_CLASS_VERSION(weir_fuzz::versioned, 2)
