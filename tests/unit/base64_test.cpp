// Bytes as base64 text: the vectors of RFC 4648, all bytes there and back, and text that is none.
#include <weir/actors/base64.hpp>
#include <weir/persistence/error.hpp>

#include <catch2/catch.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

std::vector<std::byte> bytes_of(std::string_view text) {
  std::vector<std::byte> bytes;
  for (const char c : text)
    bytes.push_back(static_cast<std::byte>(c));
  return bytes;
}

} // namespace

TEST_CASE("base64 is that of RFC 4648") {
  const std::vector<std::pair<std::string, std::string>> vectors{{"", ""},
                                                                 {"f", "Zg=="},
                                                                 {"fo", "Zm8="},
                                                                 {"foo", "Zm9v"},
                                                                 {"foob", "Zm9vYg=="},
                                                                 {"fooba", "Zm9vYmE="},
                                                                 {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : vectors) {
    CHECK(weir::to_base64(bytes_of(plain)) == text);
    CHECK(weir::from_base64(text) == bytes_of(plain));
  }
}

TEST_CASE("all bytes come back from base64, at any length") {
  std::vector<std::byte> bytes;
  for (int i = 0; i != 300; ++i) {
    CHECK(weir::from_base64(weir::to_base64(bytes)) == bytes);
    bytes.push_back(static_cast<std::byte>(i * 7));
  }
}

TEST_CASE("text that is no base64 is damage") {
  for (const std::string_view text :
       {"Z", "Zg=", "Zg", "====", "=AAA", "Zg=v", "Zm9v=AAA", "Zm9v Zg=", "Zm_v", "Zm9\n", "Zh==", "Zm9="})
    CHECK_THROWS_AS(weir::from_base64(text), weir::damaged_error);
}
