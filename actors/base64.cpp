#include "base64.hpp"

#include "../persistence/error.hpp"

#include <array>
#include <cstdint>

namespace weir::inline v0 {

namespace {

constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t no_digit = 64;

constexpr std::array<std::uint8_t, 256> make_values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(no_digit);
  for (std::size_t i = 0; i != digits.size(); ++i)
    values[static_cast<unsigned char>(digits[i])] = static_cast<std::uint8_t>(i);
  return values;
}

[[noreturn]] void throw_no_base64(std::string_view text) {
  throw damaged_error({"bytes in base64", "its digits, in groups of four", std::string{text.substr(0, 40)},
                       "restore the store from a copy, or begin anew with --fresh"});
}

} // namespace

std::string to_base64(std::span<const std::byte> bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = bytes.size() - i;
    const auto byte = [&](std::size_t at) { return at < left ? static_cast<std::uint32_t>(bytes[i + at]) : 0U; };
    const std::uint32_t group = byte(0) << 16 | byte(1) << 8 | byte(2);
    text += digits[group >> 18];
    text += digits[group >> 12 & 63];
    text += left > 1 ? digits[group >> 6 & 63] : '=';
    text += left > 2 ? digits[group & 63] : '=';
  }
  return text;
}

std::vector<std::byte> from_base64(std::string_view text) {
  static constexpr std::array<std::uint8_t, 256> values = make_values();
  if (text.size() % 4 != 0)
    throw_no_base64(text);
  const std::size_t padding = text.empty() ? 0 : text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  std::vector<std::byte> bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::uint32_t group = 0;
    for (std::size_t at = 0; at != 4; ++at) {
      const bool padded = i + at >= text.size() - padding;
      const std::uint8_t value = padded ? 0 : values[static_cast<unsigned char>(text[i + at])];
      if (value == no_digit)
        throw_no_base64(text);
      group = group << 6 | value;
    }
    const std::size_t count = i + 4 == text.size() ? 3 - padding : 3;
    if ((group & ((1U << 8 * (3 - count)) - 1)) != 0)
      throw_no_base64(text); // bits that belong to no byte
    for (std::size_t at = 0; at != count; ++at)
      bytes.push_back(static_cast<std::byte>(group >> (16 - 8 * at) & 255));
  }
  return bytes;
}

} // namespace weir::inline v0
