// How numbers and lengths become bytes: little-endian fixed width, and LEB128 for lengths.
#pragma once

#include "byte_buffer.hpp"

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace weir::inline v0::detail {

template <class T>
constexpr bool is_number() {
  if constexpr (std::is_enum_v<T>)
    return !std::same_as<std::underlying_type_t<T>, bool>;
  else
    return (std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, wchar_t>) || std::same_as<T, float> ||
           std::same_as<T, double>;
}

/// What is stored as its own bits: integers, float, double and enums; not bool, whose byte must be checked.
template <class T>
concept number = is_number<T>();

template <number T>
inline void store_number(std::byte* at, T value) noexcept {
  std::memcpy(at, &value, sizeof(T));
  if constexpr (std::endian::native == std::endian::big)
    for (std::size_t i = 0; i < sizeof(T) / 2; ++i)
      std::swap(at[i], at[sizeof(T) - 1 - i]);
}

template <number T>
[[nodiscard]] inline T load_number(const std::byte* at) noexcept {
  T value;
  if constexpr (std::endian::native == std::endian::big) {
    std::byte turned[sizeof(T)];
    for (std::size_t i = 0; i < sizeof(T); ++i)
      turned[i] = at[sizeof(T) - 1 - i];
    std::memcpy(&value, turned, sizeof(T));
  } else {
    std::memcpy(&value, at, sizeof(T));
  }
  return value;
}

/// The highest byte first: the order of the bytes is that of the numbers.
inline void store_position(std::byte* at, std::uint64_t value) noexcept {
  for (unsigned shift = 64; shift != 0; ++at)
    *at = static_cast<std::byte>(value >> (shift -= 8));
}
[[nodiscard]] inline std::uint64_t load_position(const std::byte* at) noexcept {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < 8; ++i)
    value = value << 8 | std::to_integer<std::uint64_t>(at[i]);
  return value;
}

inline constexpr std::size_t max_varint_bytes = 10;

[[nodiscard]] constexpr std::size_t varint_size(std::uint64_t value) noexcept {
  return (static_cast<std::size_t>(std::bit_width(value | 1U)) + 6) / 7;
}

/// Writes `value` as LEB128 and returns where it ended; the room must be there.
inline std::byte* store_varint(std::byte* at, std::uint64_t value) noexcept {
  while (value >= 0x80) {
    *at++ = static_cast<std::byte>((value & 0x7F) | 0x80);
    value >>= 7;
  }
  *at++ = static_cast<std::byte>(value);
  return at;
}

inline void append_varint(byte_buffer& out, std::uint64_t value) {
  if (value < 0x80) {
    out.append(static_cast<std::byte>(value));
  } else {
    store_varint(out.extend(varint_size(value)), value);
  }
}

/// Reads a LEB128 number in its one shortest form and moves `at` past it; false if there is none.
[[nodiscard]] inline bool load_varint(const std::byte*& at, const std::byte* end, std::uint64_t& value) noexcept {
  if (at != end && std::to_integer<unsigned>(*at) < 0x80) {
    value = std::to_integer<std::uint64_t>(*at++);
    return true;
  }
  std::uint64_t result = 0;
  for (unsigned shift = 0; shift < 70 && at != end; shift += 7) {
    const auto byte = std::to_integer<std::uint64_t>(*at++);
    if (shift == 63 && byte > 1)
      return false; // more than 64 bits
    result |= (byte & 0x7F) << shift;
    if (byte < 0x80) {
      value = result;
      return byte != 0; // a last byte of zero is a longer form of a shorter number
    }
  }
  return false;
}

} // namespace weir::inline v0::detail
