// The hash of keys, which decides their key groups and is therefore part of the format, and the checksum of chunks.
#pragma once

#include "archive.hpp"

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace weir::inline v0 {
namespace detail {

// ---- which types may be keys ----

enum class key_fault : std::uint8_t { none, not_serializable, floating_point, unordered };

template <class T, class... Seen>
constexpr key_fault key_fault_of();

template <class Types, class... Seen>
struct key_fault_among;
template <class... Types, class... Seen>
struct key_fault_among<type_list<Types...>, Seen...> {
  static constexpr key_fault get() {
    key_fault first = key_fault::none;
    static_cast<void>(((first = key_fault_of<std::remove_cv_t<Types>, Seen...>(), first != key_fault::none) || ...));
    return first;
  }
};

template <class T, class... Seen>
constexpr key_fault key_fault_of() {
  constexpr shape kind = shape_of<T>;
  if constexpr (!is_serializable<T>())
    return key_fault::not_serializable;
  else if constexpr (std::floating_point<T>)
    return key_fault::floating_point;
  else if constexpr (kind == shape::unordered_map || kind == shape::unordered_set)
    return key_fault::unordered;
  else if constexpr (kind == shape::sequence || kind == shape::set || kind == shape::optional)
    return key_fault_of<typename T::value_type, Seen...>();
  else if constexpr (kind == shape::map)
    return key_fault_among<type_list<typename T::key_type, typename T::mapped_type>, Seen...>::get();
  else if constexpr (kind == shape::array)
    return key_fault_of<std::remove_cv_t<typename array_traits<T>::element>, Seen...>();
  else if constexpr (kind == shape::tuple)
    return key_fault_among<typename tuple_types<T>::type, Seen...>::get();
  else if constexpr (kind == shape::variant)
    return key_fault_among<typename variant_traits<T>::alternatives, Seen...>::get();
  else if constexpr (kind == shape::duration || kind == shape::time_point)
    return key_fault_of<typename T::rep, Seen...>();
  else if constexpr (kind == shape::structure && (std::same_as<T, Seen> || ...))
    return key_fault::none;
  else if constexpr (kind == shape::structure && access::has_fields<T>())
    return key_fault_among<fields_of<T>, T, Seen...>::get();
  else
    return key_fault::none; // a hand-written serialize is looked into by key_probe
}

template <class K>
constexpr void require_key();

/// Runs through a hand-written `serialize` at compile time only, and refuses what a key must not hold.
class key_probe {
public:
  using is_saving = std::true_type;
  using is_loading = std::false_type;
  template <class T>
  key_probe& operator&(const T&) {
    look_at<std::remove_cv_t<T>>();
    return *this;
  }
  template <class T>
  key_probe& operator<<(const T&) {
    look_at<std::remove_cv_t<T>>();
    return *this;
  }
  template <class T>
  static void run(key_probe& probe, T& key) {
    access::serialize(probe, key, 0);
  }

private:
  template <class T>
  static constexpr void look_at() {
    if constexpr (shape_of<T> == shape::name_value)
      look_at<std::remove_cvref_t<decltype(std::declval<const T&>().const_value())>>();
    else if constexpr (shape_of<T> < shape::name_value)
      require_key<T>();
  }
};

template <class K>
constexpr void require_key() {
  constexpr key_fault fault = key_fault_of<K>();
  static_assert(fault != key_fault::not_serializable, "weir: a key must be storable and own its value: a number, a "
                                                      "std::string, a standard container, or a class with WEIR_FIELDS");
  static_assert(fault != key_fault::floating_point, "weir: a key must not hold floating-point numbers: equal ones can "
                                                    "differ in bits; round to an integer first");
  static_assert(fault != key_fault::unordered,
                "weir: a key must not hold unordered containers: use std::map or std::set");
  if constexpr (shape_of<K> == shape::structure && !access::has_fields<K>())
    static_cast<void>(&key_probe::run<K>); // being named is enough for the compiler to look into it
}

// ---- XXH3-64, seed 0 ----

std::uint64_t xxh3(const void* bytes, std::size_t count) noexcept;
std::uint64_t xxh3_of_text(const char* text, std::size_t count);
/// A buffer of this thread, empty.
byte_buffer& key_scratch();

/// XXH3's way with four to eight bytes, from its specification.
template <std::size_t Bytes>
constexpr std::uint64_t xxh3_of_number(std::uint64_t value) noexcept {
  static_assert(Bytes == 4 || Bytes == 8);
  constexpr std::uint64_t bit_flip = 0x1cad21f72c81017c ^ 0xdb979083e96dd4de; // bytes 8 to 23 of the default secret
  constexpr std::uint64_t prime = 0x9fb21c651e98df25;
  std::uint64_t hash = Bytes == 8 ? std::rotl(value, 32) : value + (value << 32);
  hash ^= bit_flip;
  hash ^= std::rotl(hash, 49) ^ std::rotl(hash, 24);
  hash *= prime;
  hash ^= (hash >> 35) + Bytes;
  hash *= prime;
  return hash ^ (hash >> 28);
}

template <class T>
constexpr std::uint64_t bits_of(T value) {
  if constexpr (std::is_enum_v<T>)
    return bits_of(static_cast<std::underlying_type_t<T>>(value));
  else
    return static_cast<std::uint64_t>(static_cast<std::make_unsigned_t<T>>(value));
}

} // namespace detail

/// What a keyed stream may be keyed by: storable, comparable, owning its value, without floating-point numbers and
/// unordered containers.
template <class K>
concept key_type = std::equality_comparable<K> && std::copyable<K> && std::default_initializable<K> &&
    detail::key_fault_of<K>()
== detail::key_fault::none;

/// XXH3-64 (seed 0) of the archive bytes of `key`: the same on every machine, and for ever.
template <class K>
[[nodiscard]] inline std::uint64_t key_hash(const K& key) {
  detail::require_key<K>();
  if constexpr (detail::number<K> && (sizeof(K) == 4 || sizeof(K) == 8)) {
    return detail::xxh3_of_number<sizeof(K)>(detail::bits_of(key));
  } else if constexpr (requires {
                         requires std::same_as<typename K::value_type, char>;
                         key.c_str();
                       }) {
    return detail::xxh3_of_text(key.data(), key.size());
  } else if constexpr (detail::has_fixed_size<K> && detail::fixed_size<K>() <= 256) {
    constexpr std::size_t size = detail::fixed_size<K>();
    std::byte bytes[size == 0 ? 1 : size];
    detail::fixed_writer{bytes}.write(key);
    return detail::xxh3(bytes, size);
  } else {
    byte_buffer& scratch = detail::key_scratch();
    output_archive{scratch} << key;
    return detail::xxh3(scratch.data(), scratch.size());
  }
}

/// The hash of the std::string with this content.
[[nodiscard]] inline std::uint64_t key_hash(std::string_view key) {
  return detail::xxh3_of_text(key.data(), key.size());
}

/// XXH3-64 (seed 0) of bytes.
[[nodiscard]] inline std::uint64_t checksum(std::span<const std::byte> bytes) noexcept {
  return detail::xxh3(bytes.data(), bytes.size());
}

} // namespace weir::inline v0
