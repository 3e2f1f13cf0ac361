// The hash of keys: XXH3 of their archive bytes, and what may not be a key.
#include <weir/persistence/fields.hpp>
#include <weir/persistence/hash.hpp>

#include <catch2/catch.hpp>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

namespace hash_test {

struct route {
  std::string from;
  std::uint16_t gate = 0;
  WEIR_FIELDS(from, gate)
  bool operator==(const route&) const = default;
};
struct place {
  double latitude = 0;
  WEIR_FIELDS(latitude)
  bool operator==(const place&) const = default;
};
struct by_hand {
  int value = 0;
  template <class Archive>
  void serialize(Archive& ar, unsigned) {
    ar& WEIR_FIELD(value);
  }
  bool operator==(const by_hand&) const = default;
};
struct not_comparable {
  int value = 0;
  WEIR_FIELDS(value)
};
enum class color : std::uint8_t { red, blue };

template <class K>
bool is_xxh3_of_archive_bytes(const K& key) {
  const auto bytes = weir::to_bytes(key);
  return weir::key_hash(key) == XXH3_64bits(bytes.data(), bytes.size());
}

} // namespace hash_test

using namespace hash_test;

static_assert(weir::key_type<int> && weir::key_type<std::string> && weir::key_type<bool> && weir::key_type<color> &&
              weir::key_type<route> && weir::key_type<by_hand> && weir::key_type<std::tuple<int, std::string>> &&
              weir::key_type<std::map<int, int>> && weir::key_type<std::chrono::milliseconds> &&
              weir::key_type<std::variant<int, std::string>>);
static_assert(!weir::key_type<double> && !weir::key_type<place> && !weir::key_type<std::vector<float>> &&
              !weir::key_type<std::optional<place>> && !weir::key_type<std::unordered_map<int, int>> &&
              !weir::key_type<std::tuple<int, std::unordered_set<int>>> && !weir::key_type<std::string_view> &&
              !weir::key_type<const char*> && !weir::key_type<not_comparable> &&
              !weir::key_type<std::chrono::duration<double>> && !weir::key_type<std::map<int, double>>);

TEST_CASE("the hash of a key is XXH3 of its archive bytes", "[hash]") {
  for (const std::uint64_t value :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{0x123456789abcdef0}, ~std::uint64_t{0}}) {
    CHECK(is_xxh3_of_archive_bytes(value));
    CHECK(is_xxh3_of_archive_bytes(static_cast<std::int64_t>(value)));
    CHECK(is_xxh3_of_archive_bytes(static_cast<std::int32_t>(value)));
    CHECK(is_xxh3_of_archive_bytes(static_cast<std::uint32_t>(value)));
    CHECK(is_xxh3_of_archive_bytes(static_cast<std::int16_t>(value)));
    CHECK(is_xxh3_of_archive_bytes(static_cast<char>(value)));
  }
  CHECK(is_xxh3_of_archive_bytes(true));
  CHECK(is_xxh3_of_archive_bytes(color::blue));
  CHECK(is_xxh3_of_archive_bytes(std::chrono::seconds{-5}));
  CHECK(is_xxh3_of_archive_bytes(std::array<std::uint8_t, 3>{1, 2, 3}));
  CHECK(is_xxh3_of_archive_bytes(std::tuple<int, std::string>{1, "x"}));
  CHECK(is_xxh3_of_archive_bytes(route{"here", 4}));
  CHECK(is_xxh3_of_archive_bytes(by_hand{9}));
  for (std::size_t length = 0; length < 600; ++length)
    CHECK(is_xxh3_of_archive_bytes(std::string(length, 'w')));
}

TEST_CASE("a string_view hashes as the string does", "[hash]") {
  for (const std::size_t length : {0U, 1U, 15U, 16U, 127U, 128U, 240U, 246U, 247U, 5000U}) {
    const std::string text(length, 'v');
    CHECK(weir::key_hash(std::string_view{text}) == weir::key_hash(text));
  }
}

TEST_CASE("hashes never change, as key groups are stored", "[hash]") {
  CHECK(weir::key_hash(std::uint64_t{42}) == 0xd5a6f8c838df27c8U);
  CHECK(weir::key_hash(std::string{"weir"}) == 0x208493204d12779bU);
  CHECK(weir::checksum({}) == 0x2d06800538d394c2U); // XXH3-64 of nothing, from its specification
}
