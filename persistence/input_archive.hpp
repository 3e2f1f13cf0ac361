// The archive that reads what output_archive wrote, and trusts nothing.
#pragma once

#include "class_versions.hpp"
#include "encoded_size.hpp"
#include "output_archive.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace weir::inline v0 {

namespace detail {

[[noreturn, gnu::cold]] void throw_bytes_missing(std::uint64_t wanted, std::uint64_t left);
[[noreturn, gnu::cold]] void throw_bad_length();
[[noreturn, gnu::cold]] void throw_bad_elements(std::uint64_t length, std::uint64_t left);
[[noreturn, gnu::cold]] void throw_bad_padding();
[[noreturn, gnu::cold]] void throw_bytes_left_over(std::uint64_t left);
[[noreturn, gnu::cold]] void throw_repeated_key(std::uint64_t length, std::uint64_t distinct);
[[noreturn, gnu::cold]] void throw_bad_alternative(std::uint64_t index, std::uint64_t alternatives);
[[noreturn, gnu::cold]] void throw_too_deep_to_read();

} // namespace detail

/// Reads values out of bytes that must outlive it. Every length is checked against the bytes that are left before
/// anything is allocated; what is not as `output_archive` writes it throws `damaged_error`. It has the interface of a
/// Boost.Serialization loading archive. One thread at a time.
class input_archive {
public:
  using is_saving = std::false_type;
  using is_loading = std::true_type;

  /// `versions` are those with which the bytes were written, if they differ from the program's; may be null.
  explicit input_archive(std::span<const std::byte> bytes, const class_versions* versions = nullptr)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()), versions_(versions) {}

  template <class T>
  input_archive& operator>>(T&& value) {
    read_argument(value);
    return *this;
  }
  template <class T>
  input_archive& operator&(T&& value) {
    read_argument(value);
    return *this;
  }

  [[nodiscard]] std::size_t remaining() const { return static_cast<std::size_t>(end_ - at_); }
  /// Throws `damaged_error` if bytes are left.
  void expect_end() const {
    if (at_ != end_)
      detail::throw_bytes_left_over(remaining());
  }

  /// Called by WEIR_FIELDS: all members of one object.
  template <std::size_t Size, class... Fields>
  void fields(const char (&)[Size], Fields&... fields) {
    if constexpr ((detail::has_fixed_size<Fields> && ...)) {
      constexpr std::size_t total = (std::size_t{0} + ... + detail::fixed_size<std::remove_cv_t<Fields>>());
      detail::fixed_reader reader{take(total)};
      (reader.read(fields), ...);
    } else {
      (read_field(fields), ...);
    }
  }

  // ---- the rest of Boost's archive interface ----
  void load_binary(void* bytes, std::size_t count) {
    const std::byte* from = take(count);
    if (count != 0)
      std::memcpy(bytes, from, count);
  }
  [[nodiscard]] unsigned get_library_version() const { return 18; }
  template <class T>
  void register_type(const T* = nullptr) {}
  void reset_object_address(const void*, const void*) {}

private:
  template <class T>
  void read_field(T& value) {
    if constexpr (!detail::is_collection<T>)
      read(value);
  }

  template <class T>
  void read_argument(T& value) {
    using plain = std::remove_const_t<T>;
    using detail::shape;
    constexpr shape kind = detail::shape_of<T>;
    // Boost hands wrappers over as const
    constexpr bool wrapper = kind == shape::name_value || kind == shape::boost_array || kind == shape::structure;
    static_assert(!std::is_const_v<T> || wrapper, "weir: a const member cannot be loaded");
    read(const_cast<plain&>(value));
  }

  template <class T>
  void read(T& value) {
    using detail::shape;
    detail::require_storable<T>();
    static_assert(!std::is_const_v<T>, "weir: a const member cannot be loaded");
    constexpr shape kind = detail::shape_of<T>;
    if constexpr (kind == shape::name_value) {
      read(value.value());
    } else if constexpr (kind == shape::boost_array) {
      for (std::size_t i = 0; i < value.count(); ++i)
        read(value.address()[i]);
    } else if constexpr (kind == shape::boost_length) {
      value = T{length(1)};
    } else if constexpr (kind == shape::boost_nothing) {
      value = T{0};
    } else if constexpr (detail::has_fixed_size<T>) {
      detail::fixed_reader{take(detail::fixed_size<T>())}.read(value);
    } else if constexpr (kind == shape::text) {
      const std::size_t count = length(sizeof(typename T::value_type));
      value.resize(count);
      read_numbers(value.data(), count);
    } else if constexpr (kind == shape::sequence) {
      read_sequence(value);
    } else if constexpr (kind == shape::set || kind == shape::unordered_set) {
      read_set(value);
    } else if constexpr (kind == shape::map || kind == shape::unordered_map) {
      read_map(value);
    } else if constexpr (kind == shape::array) {
      for (auto& each : value)
        read(each);
    } else if constexpr (kind == shape::tuple) {
      read_tuple(value, std::make_index_sequence<std::tuple_size<T>::value>{});
    } else if constexpr (kind == shape::optional) {
      bool present = false;
      read(present);
      if (present) {
        value.emplace();
        read(*value);
      } else {
        value.reset();
      }
    } else if constexpr (kind == shape::variant) {
      constexpr std::size_t alternatives = detail::variant_traits<T>::alternatives::size;
      const std::uint64_t index = number_of_any_size();
      if (index >= alternatives)
        detail::throw_bad_alternative(index, alternatives);
      read_alternative(value, index, std::make_index_sequence<alternatives>{});
    } else if constexpr (kind == shape::structure) {
      access::serialize(*this, value, version_of<T>());
    }
  }

  template <class T>
  [[nodiscard]] unsigned version_of() const {
    if constexpr (class_version_of<T> != 0)
      if (versions_ != nullptr)
        return versions_->find(detail::class_name<T>(), class_version_of<T>);
    return class_version_of<T>;
  }

  const std::byte* take(std::size_t count) {
    if (count > remaining()) [[unlikely]]
      detail::throw_bytes_missing(count, remaining());
    const std::byte* start = at_;
    at_ += count;
    return start;
  }

  std::uint64_t number_of_any_size() {
    std::uint64_t value = 0;
    if (!detail::load_varint(at_, end_, value)) [[unlikely]]
      detail::throw_bad_length();
    return value;
  }

  // A number of elements that take at least `bytes_each`.
  std::size_t length(std::size_t bytes_each) {
    const std::uint64_t value = number_of_any_size();
    if (value > remaining() / bytes_each) [[unlikely]]
      detail::throw_bad_elements(value, remaining());
    return static_cast<std::size_t>(value);
  }

  template <class Element>
  std::size_t element_count() {
    constexpr std::size_t least = detail::min_size<Element>();
    return length(least == 0 ? 1 : least);
  }

  template <detail::number T>
  void read_numbers(T* values, std::size_t count) {
    const std::byte* from = take(count * sizeof(T));
    if constexpr (std::endian::native == std::endian::little || sizeof(T) == 1) {
      if (count != 0)
        std::memcpy(values, from, count * sizeof(T));
    } else {
      for (std::size_t i = 0; i < count; ++i)
        values[i] = detail::load_number<T>(from + i * sizeof(T));
    }
  }

  template <class T>
  void read_sequence(T& value) {
    using element = typename T::value_type;
    static_assert(std::is_default_constructible_v<element>, "weir: elements must have a default constructor");
    const std::size_t count = element_count<element>();
    if constexpr (detail::number<element> && requires { value.data(); }) {
      value.resize(count);
      read_numbers(value.data(), count);
    } else if constexpr (std::is_same_v<element, bool>) {
      value.clear();
      for (std::size_t i = 0; i < count; ++i) {
        bool each = false;
        read(each);
        value.push_back(each);
      }
    } else {
      const nesting deeper{*this};
      const std::size_t before = remaining();
      value.clear();
      // no more than the bytes left could fill, and the rest when it has proved true
      if constexpr (requires { value.reserve(count); })
        value.reserve(std::min(count, before / sizeof(element) + 1));
      for (std::size_t i = 0; i < count; ++i) {
        value.emplace_back();
        read(value.back());
      }
      skip_padding(before, count);
    }
  }

  void skip_padding(std::size_t before, std::size_t elements) {
    const std::size_t taken = before - remaining();
    if (taken >= elements)
      return;
    const std::byte* from = take(elements - taken);
    if (std::any_of(from, at_, [](std::byte each) { return each != std::byte{0}; }))
      detail::throw_bad_padding();
  }

  template <class T>
  void read_set(T& value) {
    const nesting deeper{*this};
    const std::size_t count = element_count<typename T::key_type>();
    const std::size_t before = remaining();
    value.clear();
    for (std::size_t i = 0; i < count; ++i) {
      typename T::key_type key{};
      read(key);
      value.emplace_hint(value.end(), std::move(key));
    }
    if (value.size() != count)
      detail::throw_repeated_key(count, value.size());
    skip_padding(before, count);
  }

  template <class T>
  void read_map(T& value) {
    const nesting deeper{*this};
    constexpr std::size_t least =
        detail::min_size<typename T::key_type>() + detail::min_size<typename T::mapped_type>();
    const std::size_t count = length(least == 0 ? 1 : least);
    const std::size_t before = remaining();
    value.clear();
    for (std::size_t i = 0; i < count; ++i) {
      typename T::key_type key{};
      read(key);
      const std::size_t known = value.size();
      auto place = value.emplace_hint(value.end(), std::move(key), typename T::mapped_type{});
      if (value.size() == known)
        detail::throw_repeated_key(count, known);
      read(place->second);
    }
    skip_padding(before, count);
  }

  template <class T, std::size_t... I>
  void read_tuple(T& value, std::index_sequence<I...>) {
    (read(get<I>(value)), ...);
  }

  template <class T, std::size_t... I>
  void read_alternative(T& value, std::uint64_t index, std::index_sequence<I...>) {
    static_cast<void>(((I == index ? (read(value.template emplace<I>()), true) : false) || ...));
  }

  struct nesting {
    explicit nesting(input_archive& archive) : owner(archive) {
      if (++owner.depth_ > detail::max_archive_depth)
        detail::throw_too_deep_to_read();
    }
    nesting(const nesting&) = delete;
    nesting& operator=(const nesting&) = delete;
    ~nesting() { --owner.depth_; }
    input_archive& owner;
  };

  const std::byte* at_;
  const std::byte* end_;
  const class_versions* versions_;
  unsigned depth_ = 0;
};

} // namespace weir::inline v0
