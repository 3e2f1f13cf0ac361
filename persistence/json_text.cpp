// JSON strings and numbers.
#include "json_text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace weir::inline v0::detail {

namespace {

// The length of the UTF-8 sequence at `at`, 0 if it is none (as the table "Well-Formed UTF-8" of Unicode says).
std::size_t sequence_length(const unsigned char* at, std::size_t left) {
  const unsigned first = at[0];
  if (first < 0x80)
    return 1;
  if (first < 0xC2 || first > 0xF4)
    return 0;
  const std::size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (left < length)
    return 0;
  const unsigned least = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const unsigned most = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (at[1] < least || at[1] > most)
    return 0;
  for (std::size_t i = 2; i < length; ++i)
    if (at[i] < 0x80 || at[i] > 0xBF)
      return 0;
  return length;
}

// True if the eight bytes are ASCII and none of them is zero.
bool eight_plain(const unsigned char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof(word));
  constexpr std::uint64_t high = 0x8080808080808080;
  constexpr std::uint64_t ones = 0x0101010101010101;
  return ((word | (word - ones)) & high) == 0;
}

template <class Float>
void append_float(std::string& out, Float value) {
  if (!std::isfinite(value)) {
    out += std::isnan(value) ? "\"nan\"" : value > 0 ? "\"inf\"" : "\"-inf\"";
    return;
  }
  char text[64];
  const auto end = std::to_chars(text, text + sizeof(text), value).ptr;
  out.append(text, end);
  if (std::find_if(text, end, [](char c) { return c == '.' || c == 'e'; }) == end)
    out += ".0"; // so that it is read back as a real
}

} // namespace

bool is_plain_text(std::string_view bytes) noexcept {
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  std::size_t left = bytes.size();
  while (left != 0) {
    if (left >= 8 && eight_plain(at)) {
      at += 8;
      left -= 8;
      continue;
    }
    const std::size_t length = *at == 0 ? 0 : sequence_length(at, left);
    if (length == 0)
      return false;
    at += length;
    left -= length;
  }
  return true;
}

void append_json_string(std::string& out, std::string_view bytes) {
  constexpr auto digits = "0123456789ABCDEF";
  if (!is_plain_text(bytes)) {
    out += "\"x'";
    for (const char each : bytes) {
      const auto byte = static_cast<unsigned char>(each);
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
    out += "'\"";
    return;
  }
  out += '"';
  std::size_t plain = 0; // where what was not appended yet begins
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    if (byte >= 0x20 && byte != '"' && byte != '\\')
      continue;
    out.append(bytes, plain, i - plain);
    plain = i + 1;
    if (byte >= 0x20) {
      out += '\\';
      out += bytes[i];
    } else if (byte == '\n') {
      out += "\\n";
    } else if (byte == '\t') {
      out += "\\t";
    } else if (byte == '\r') {
      out += "\\r";
    } else {
      out += "\\u00";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
  out.append(bytes, plain);
  out += '"';
}

void append_json_number(std::string& out, double value) {
  append_float(out, value);
}
void append_json_number(std::string& out, float value) {
  append_float(out, value);
}

} // namespace weir::inline v0::detail
