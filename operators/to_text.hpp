// Records as text for people: `{key: "the", count: 3}`.
#pragma once

#include "../persistence/fields.hpp"
#include "../persistence/serializable.hpp"
#include "batch.hpp"

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

namespace detail {

void append_integer(std::string& out, std::int64_t value);
void append_integer(std::string& out, std::uint64_t value);
/// The shortest text that reads back as the same number.
void append_real(std::string& out, double value);
void append_real(std::string& out, float value);
/// A quoted string with escapes.
void append_quoted(std::string& out, std::string_view text);
/// `2026-02-03T04:05:06.789Z`, with as many digits of the second as the ticks have.
void append_time(std::string& out, std::int64_t seconds, std::uint64_t fraction, std::uint64_t ticks_per_second);
/// The unit's sign, "ms", or "[n/d]s".
void append_unit(std::string& out, std::intmax_t numerator, std::intmax_t denominator);

/// Writes values as text; has the interface of a saving archive, so that a class's `serialize` names its members.
class text_archive {
public:
  using is_saving = std::true_type;
  using is_loading = std::false_type;

  explicit text_archive(std::string& out) : out_(&out) {}

  template <class T>
  text_archive& operator<<(const T& value) {
    member({}, value);
    return *this;
  }
  template <class T>
  text_archive& operator&(const T& value) {
    member({}, value);
    return *this;
  }
  template <std::size_t Size, class... Fields>
  void fields(const char (&names)[Size], const Fields&... fields) {
    [[maybe_unused]] split_names<Size> each{names};
    (member(each.next(), fields), ...);
  }
  void save_binary(const void* bytes, std::size_t count) {
    separate();
    append_quoted(*out_, {static_cast<const char*>(bytes), count});
  }
  [[nodiscard]] unsigned get_library_version() const { return 18; }
  template <class T>
  void register_type(const T* = nullptr) {}

  template <class T>
  void value(const T& value) {
    constexpr shape kind = shape_of<T>;
    require_storable<T>();
    if constexpr (kind == shape::name_value) {
      this->value(value.const_value());
    } else if constexpr (kind == shape::boolean) {
      *out_ += static_cast<bool>(value) ? "true" : "false";
    } else if constexpr (kind == shape::number) {
      number(value);
    } else if constexpr (kind == shape::text) {
      text(value);
    } else if constexpr (kind == shape::empty) {
      *out_ += "null";
    } else if constexpr (kind == shape::sequence || kind == shape::set || kind == shape::unordered_set ||
                         kind == shape::array) {
      const level inner{*this, '[', ']'};
      for (const auto& each : value)
        member({}, static_cast<const typename element_of<T>::type&>(each));
    } else if constexpr (kind == shape::map || kind == shape::unordered_map) {
      const level inner{*this, '{', '}'};
      for (const auto& [key, mapped] : value) {
        separate();
        this->value(key);
        *out_ += ": ";
        this->value(mapped);
      }
    } else if constexpr (kind == shape::tuple) {
      const level inner{*this, '(', ')'};
      std::apply([this](const auto&... parts) { (this->member({}, parts), ...); }, value);
    } else if constexpr (kind == shape::optional) {
      if (value.has_value())
        this->value(*value);
      else
        *out_ += "null";
    } else if constexpr (kind == shape::variant) {
      if (value.valueless_by_exception())
        *out_ += "null";
      else
        visit([this](const auto& alternative) { this->value(alternative); }, value);
    } else if constexpr (kind == shape::duration) {
      number(value.count());
      append_unit(*out_, T::period::num, T::period::den);
    } else if constexpr (kind == shape::time_point) {
      time(value);
    } else if constexpr (kind == shape::structure) {
      const level inner{*this, '{', '}'};
      access::serialize(*this, const_cast<T&>(value), class_version_of<T>);
    } else if constexpr (kind == shape::boost_array) {
      const level inner{*this, '[', ']'};
      for (std::size_t i = 0; i < value.count(); ++i)
        member({}, value.address()[i]);
    }
  }

private:
  template <class T>
  struct element_of {
    using type = typename T::value_type;
  };
  template <class T, std::size_t Size>
  struct element_of<T[Size]> {
    using type = T;
  };

  /// The brackets of one value that has parts.
  class level {
  public:
    level(text_archive& archive, char open, char close)
        : archive_(archive), close_(close), outer_first_(archive.first_) {
      *archive_.out_ += open;
      archive_.first_ = true;
    }
    level(const level&) = delete;
    level& operator=(const level&) = delete;
    ~level() {
      *archive_.out_ += close_;
      archive_.first_ = outer_first_;
    }

  private:
    text_archive& archive_;
    char close_;
    bool outer_first_;
  };

  void separate() {
    if (!first_)
      *out_ += ", ";
    first_ = false;
  }
  template <class T>
  void member(std::string_view name, const T& value) {
    if constexpr (shape_of<T> == shape::name_value) {
      member(value.name(), value.const_value());
    } else if constexpr (shape_of<T> != shape::boost_length && shape_of<T> != shape::boost_nothing) {
      separate();
      if (!name.empty()) {
        *out_ += name;
        *out_ += ": ";
      }
      this->value(value);
    }
  }
  template <class T>
  void number(T value) {
    if constexpr (std::is_enum_v<T>)
      number(static_cast<std::underlying_type_t<T>>(value));
    else if constexpr (std::same_as<T, char>)
      append_quoted(*out_, {&value, 1});
    else if constexpr (std::is_floating_point_v<T>)
      append_real(*out_, value);
    else if constexpr (std::is_signed_v<T>)
      append_integer(*out_, static_cast<std::int64_t>(value));
    else
      append_integer(*out_, static_cast<std::uint64_t>(value));
  }
  template <class T>
  void text(const T& value) {
    if constexpr (sizeof(typename T::value_type) == 1) {
      append_quoted(*out_, {reinterpret_cast<const char*>(value.data()), value.size()});
    } else { // code units
      const level inner{*this, '[', ']'};
      for (const auto each : value)
        member({}, static_cast<std::uint32_t>(each));
    }
  }
  template <class T>
  void time(const T& value) {
    using ticks = typename T::duration;
    using rep = typename ticks::rep;
    if constexpr (std::same_as<typename T::clock, std::chrono::system_clock> && std::is_integral_v<rep> &&
                  std::ratio_less_equal_v<typename ticks::period, std::ratio<1>> && ticks::period::num == 1) {
      const auto whole = std::chrono::floor<std::chrono::seconds>(value);
      append_time(*out_, static_cast<std::int64_t>(whole.time_since_epoch().count()),
                  static_cast<std::uint64_t>((value - whole).count()), static_cast<std::uint64_t>(ticks::period::den));
    } else {
      this->value(value.time_since_epoch());
    }
  }

  std::string* out_;
  bool first_ = true;
};

/// Appends each record of a batch as one line.
using append_lines_function = void (*)(const any_batch& records, std::string& out);

} // namespace detail

/// Appends a value as text: numbers as they are, strings inside of something in quotes, structures with the names of
/// their members, lists in brackets, times as ISO 8601 in UTC. A string that is the whole record is taken as it is.
template <serializable T>
void append_text(std::string& out, const T& value) {
  if constexpr (detail::shape_of<T> == detail::shape::text) {
    if constexpr (sizeof(typename T::value_type) == 1) {
      out.append(reinterpret_cast<const char*>(value.data()), value.size());
      return;
    }
  }
  detail::text_archive{out}.value(value);
}

/// A value as text, as `append_text` writes it.
template <serializable T>
[[nodiscard]] std::string to_text(const T& value) {
  std::string out;
  append_text(out, value);
  return out;
}

namespace detail {

template <class T>
void append_lines(const any_batch& records, std::string& out) {
  for (const T& record : as<T>(records).values) {
    append_text(out, record);
    out += '\n';
  }
}

} // namespace detail

} // namespace weir::inline v0
