// The archive that writes values as portable bytes.
#pragma once

#include "encoded_size.hpp"
#include "ids.hpp"

#include <boost/core/nvp.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace weir::inline v0 {

namespace detail {

/// Containers within containers deeper than this are refused when written and when read.
inline constexpr unsigned max_archive_depth = 256;
[[noreturn, gnu::cold]] void throw_too_deep_to_write();
[[noreturn, gnu::cold]] void throw_valueless_variant();

} // namespace detail

/// Appends values to a byte_buffer: little-endian fixed-width numbers, lengths as LEB128, strings and containers as
/// length and elements, unordered containers in the order of their elements' bytes. Nothing is tracked, no class is
/// named, no version written. It has the interface of a Boost.Serialization saving archive. One thread at a time;
/// throws `usage_error` for values that cannot be written (a valueless variant, containers nested too deep).
class output_archive {
public:
  using is_saving = std::true_type;
  using is_loading = std::false_type;

  explicit output_archive(byte_buffer& out) : out_(&out) {}

  template <class T>
  output_archive& operator<<(const T& value) {
    write(value);
    return *this;
  }
  template <class T>
  output_archive& operator&(const T& value) {
    write(value);
    return *this;
  }

  /// Where the bytes go.
  [[nodiscard]] byte_buffer& out() { return *out_; }

  /// Called by WEIR_FIELDS: all members of one object.
  template <std::size_t Size, class... Fields>
  void fields(const char (&)[Size], const Fields&... fields) {
    if constexpr ((detail::has_fixed_size<Fields> && ...)) {
      constexpr std::size_t total = (std::size_t{0} + ... + detail::fixed_size<std::remove_cv_t<Fields>>());
      detail::fixed_writer writer{out_->extend(total)};
      (writer.write(fields), ...);
    } else {
      (write_field(fields), ...);
    }
  }

  // ---- the rest of Boost's archive interface ----
  void save_binary(const void* bytes, std::size_t count) { out_->append(bytes, count); }
  [[nodiscard]] unsigned get_library_version() const { return 18; }
  template <class T>
  void register_type(const T* = nullptr) {}

private:
  template <class T>
  void write_field(const T& value) {
    if constexpr (!detail::is_collection<T>)
      write(value);
  }

  template <class T>
  void write(const T& value) {
    using detail::shape;
    detail::require_storable<T>();
    constexpr shape kind = detail::shape_of<T>;
    if constexpr (kind == shape::name_value) {
      write(value.const_value());
    } else if constexpr (kind == shape::boost_array) {
      for (std::size_t i = 0; i < value.count(); ++i)
        write(value.address()[i]);
    } else if constexpr (kind == shape::boost_length) {
      detail::append_varint(*out_, static_cast<std::size_t>(value));
    } else if constexpr (kind == shape::boost_nothing) {
      // versions are in the schema
    } else if constexpr (detail::has_fixed_size<T>) {
      write_fixed(value);
    } else if constexpr (kind == shape::text) {
      detail::append_varint(*out_, value.size());
      write_numbers(value.data(), value.size());
    } else if constexpr (kind == shape::sequence || kind == shape::set) {
      write_elements(value);
    } else if constexpr (kind == shape::map) {
      const nesting deeper{*this};
      detail::append_varint(*out_, value.size());
      const std::size_t start = out_->size();
      for (const auto& [key, mapped] : value) {
        write(key);
        write(mapped);
      }
      pad(start, value.size());
    } else if constexpr (kind == shape::unordered_set || kind == shape::unordered_map) {
      write_unordered(value);
    } else if constexpr (kind == shape::array) {
      for (const auto& each : value)
        write(each);
    } else if constexpr (kind == shape::tuple) {
      write_tuple(value, std::make_index_sequence<std::tuple_size<T>::value>{});
    } else if constexpr (kind == shape::optional) {
      out_->append(static_cast<std::byte>(value.has_value()));
      if (value.has_value())
        write(*value);
    } else if constexpr (kind == shape::variant) {
      if (value.valueless_by_exception())
        detail::throw_valueless_variant();
      detail::append_varint(*out_, value.index());
      visit([&archive = *this](const auto& alternative) { archive.write(alternative); }, value);
    } else if constexpr (kind == shape::structure) {
      access::serialize(*this, const_cast<T&>(value), class_version_of<T>);
    }
  }

  template <class T>
  void write_fixed(const T& value) {
    detail::fixed_writer{out_->extend(detail::fixed_size<std::remove_cv_t<T>>())}.write(value);
  }

  template <detail::number T>
  void write_numbers(const T* values, std::size_t count) {
    if constexpr (std::endian::native == std::endian::little || sizeof(T) == 1) {
      out_->append(values, count * sizeof(T));
    } else {
      std::byte* at = out_->extend(count * sizeof(T));
      for (std::size_t i = 0; i < count; ++i)
        detail::store_number(at + i * sizeof(T), values[i]);
    }
  }

  template <class T>
  void write_elements(const T& value) {
    using element = typename T::value_type;
    detail::append_varint(*out_, value.size());
    if constexpr (detail::number<element> && requires { value.data(); }) {
      write_numbers(value.data(), value.size());
    } else if constexpr (std::is_same_v<element, bool>) {
      for (const bool each : value)
        write(each);
    } else if constexpr (detail::has_fixed_size<element> && detail::min_size<element>() != 0) {
      detail::fixed_writer writer{out_->extend(value.size() * detail::fixed_size<element>())};
      for (const auto& each : value)
        writer.write(each);
    } else {
      const nesting deeper{*this};
      const std::size_t start = out_->size();
      for (const auto& each : value)
        write(each);
      pad(start, value.size());
    }
  }

  // Elements may take no bytes at all; a reader could then not tell an honest length from a damaged one. So a run of
  // elements takes at least one byte an element.
  void pad(std::size_t start, std::size_t elements) {
    const std::size_t taken = out_->size() - start;
    if (taken < elements)
      std::memset(out_->extend(elements - taken), 0, elements - taken);
  }

  template <class T>
  void write_unordered(const T& value) {
    const nesting deeper{*this};
    byte_buffer scratch;
    std::vector<std::size_t> ends;
    ends.reserve(value.size());
    output_archive each{scratch};
    each.depth_ = depth_;
    for (const auto& element : value) {
      if constexpr (detail::shape_of<T> == detail::shape::unordered_map) {
        each.write(element.first);
        each.write(element.second);
      } else {
        each.write(element);
      }
      ends.push_back(scratch.size());
    }
    detail::append_varint(*out_, value.size());
    const std::size_t start = out_->size();
    append_sorted(scratch, ends);
    pad(start, value.size());
  }
  void append_sorted(const byte_buffer& elements, const std::vector<std::size_t>& ends);

  template <class T, std::size_t... I>
  void write_tuple(const T& value, std::index_sequence<I...>) {
    (write(get<I>(value)), ...);
  }

  struct nesting {
    explicit nesting(output_archive& archive) : owner(archive) {
      if (++owner.depth_ > detail::max_archive_depth)
        detail::throw_too_deep_to_write();
    }
    nesting(const nesting&) = delete;
    nesting& operator=(const nesting&) = delete;
    ~nesting() { --owner.depth_; }
    output_archive& owner;
  };

  byte_buffer* out_;
  unsigned depth_ = 0;
};

/// Stores an id as its number.
template <class Archive, class Tag, class Rep>
void serialize(Archive& archive, strong_id<Tag, Rep>& id, const unsigned int) {
  archive& id.value;
}

} // namespace weir::inline v0
