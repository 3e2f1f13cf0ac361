#include "field_text.hpp"

#include "to_text.hpp"

#include <bit>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <system_error>

namespace weir::inline v0 {

namespace {

template <class T>
bool put(T value, void* into) {
  std::memcpy(into, &value, sizeof value);
  return true;
}
template <class T>
T get(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class Narrow, class Wide>
bool put_if_fits(Wide value, void* into) {
  return std::in_range<Narrow>(value) && put(static_cast<Narrow>(value), into);
}

/// The kind of the number that a member holds.
field_kind number_kind(const field_type& type) {
  return type.kind == field_kind::duration || type.kind == field_kind::time ? type.ticks : type.kind;
}

template <class Wide>
bool store_integer(const field_type& type, Wide value, void* into) {
  const auto kind = number_kind(type);
  if (kind == field_kind::real)
    return store_real(type, static_cast<double>(value), into);
  const bool natural = kind == field_kind::natural;
  switch (type.bytes) {
  case 1:
    return natural ? put_if_fits<std::uint8_t>(value, into) : put_if_fits<std::int8_t>(value, into);
  case 2:
    return natural ? put_if_fits<std::uint16_t>(value, into) : put_if_fits<std::int16_t>(value, into);
  case 4:
    return natural ? put_if_fits<std::uint32_t>(value, into) : put_if_fits<std::int32_t>(value, into);
  default:
    return natural ? put_if_fits<std::uint64_t>(value, into) : put_if_fits<std::int64_t>(value, into);
  }
}

std::int64_t load_whole(const field_type& type, const void* from) {
  switch (type.bytes) {
  case 1:
    return get<std::int8_t>(from); // NOLINT(bugprone-signed-char-misuse): -128 to 127 are meant
  case 2:
    return get<std::int16_t>(from);
  case 4:
    return get<std::int32_t>(from);
  default:
    return get<std::int64_t>(from);
  }
}
std::uint64_t load_natural(const field_type& type, const void* from) {
  switch (type.bytes) {
  case 1:
    return get<std::uint8_t>(from);
  case 2:
    return get<std::uint16_t>(from);
  case 4:
    return get<std::uint32_t>(from);
  default:
    return get<std::uint64_t>(from);
  }
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

template <class T>
bool parse_whole_text(std::string_view text, T& value) {
  if (!text.empty() && text.front() == '+')
    text.remove_prefix(1);
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  return fault == std::errc{} && end == text.data() + text.size();
}

bool store_number_text(const field_type& type, std::string_view text, void* into) {
  switch (number_kind(type)) {
  case field_kind::whole: {
    std::int64_t value = 0;
    return parse_whole_text(text, value) && store_integer(type, value, into);
  }
  case field_kind::natural: {
    std::uint64_t value = 0;
    return parse_whole_text(text, value) && store_integer(type, value, into);
  }
  default:
    if (type.bytes == 4) { // its own rounding: by way of a double it would be rounded twice
      float value = 0;
      return parse_whole_text(text, value) && put(value, into);
    }
    double value = 0;
    return parse_whole_text(text, value) && put(value, into);
  }
}

bool store_boolean(std::string_view text, void* into) {
  if (text == "true" || text == "1" || text == "True" || text == "TRUE")
    return put(true, into);
  return (text == "false" || text == "0" || text == "False" || text == "FALSE") && put(false, into);
}

/// Takes text apart from the left.
struct time_text {
  std::string_view left;

  bool take(char c) {
    if (left.empty() || left.front() != c)
      return false;
    left.remove_prefix(1);
    return true;
  }
  bool digits(std::size_t count, int& value) {
    if (left.size() < count)
      return false;
    value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (left[i] < '0' || left[i] > '9')
        return false;
      value = value * 10 + (left[i] - '0');
    }
    left.remove_prefix(count);
    return true;
  }
};

bool parse_offset(time_text& text, std::int64_t& offset_s) {
  if (text.left.empty() || text.take('Z') || text.take('z'))
    return true;
  const bool east = text.take('+');
  int hours = 0;
  int minutes = 0;
  if ((!east && !text.take('-')) || !text.digits(2, hours))
    return false;
  text.take(':');
  if ((!text.left.empty() && !text.digits(2, minutes)) || hours > 23 || minutes > 59)
    return false;
  offset_s = (hours * 60 + minutes) * (east ? 60 : -60);
  return true;
}

} // namespace

bool store_whole(const field_type& type, std::int64_t value, void* into) {
  return store_integer(type, value, into);
}
bool store_natural(const field_type& type, std::uint64_t value, void* into) {
  return store_integer(type, value, into);
}

bool store_real(const field_type& type, double value, void* into) {
  if (number_kind(type) != field_kind::real)
    return false;
  if (type.bytes == 8)
    return put(value, into);
  const auto narrow = static_cast<float>(value);
  return (std::isfinite(narrow) || !std::isfinite(value)) && put(narrow, into);
}

bool parse_time(std::string_view text, std::uint64_t ticks_per_second, std::int64_t& ticks) {
  time_text rest{text};
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (!rest.digits(4, year) || !rest.take('-') || !rest.digits(2, month) || !rest.take('-') || !rest.digits(2, day))
    return false;
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  std::uint64_t fraction = 0; // in ticks
  std::int64_t offset_s = 0;
  if (!rest.left.empty()) {
    if ((!rest.take('T') && !rest.take(' ') && !rest.take('t')) || !rest.digits(2, hour) || !rest.take(':') ||
        !rest.digits(2, minute))
      return false;
    if (rest.take(':') && !rest.digits(2, second))
      return false;
    if (rest.take('.') || rest.take(',')) {
      std::uint64_t unit = ticks_per_second;
      __extension__ using wide = unsigned __int128;
      wide numerator = 0;
      wide power = 1;
      std::size_t count = 0;
      for (int digit = 0; !rest.left.empty() && rest.digits(1, digit); ++count)
        if (count < 18) {
          numerator = numerator * 10 + static_cast<unsigned>(digit);
          power *= 10;
        }
      if (count == 0)
        return false;
      fraction = static_cast<std::uint64_t>(numerator * unit / power);
    }
    if (!parse_offset(rest, offset_s))
      return false;
  }
  if (!rest.left.empty() || !date.ok() || hour > 23 || minute > 59 || second > 60)
    return false;
  const std::int64_t days = std::chrono::sys_days{date}.time_since_epoch().count();
  const std::int64_t seconds = days * 86'400 + hour * 3600 + minute * 60 + second - offset_s;
  return !__builtin_mul_overflow(seconds, static_cast<std::int64_t>(ticks_per_second), &ticks) &&
         !__builtin_add_overflow(ticks, static_cast<std::int64_t>(fraction), &ticks);
}

bool store_text(const field_type& type, std::string_view text, void* into) {
  switch (type.kind) {
  case field_kind::text:
    static_cast<std::string*>(into)->assign(text);
    return true;
  case field_kind::character:
    return text.size() == 1 && put(text.front(), into);
  case field_kind::boolean:
    return store_boolean(trimmed(text), into);
  case field_kind::time: {
    const auto inner = trimmed(text);
    std::int64_t ticks = 0;
    if (type.ticks_per_second != 0 && inner.size() > 7 && inner[4] == '-')
      return parse_time(inner, type.ticks_per_second, ticks) && store_integer(type, ticks, into);
    return store_number_text(type, inner, into);
  }
  case field_kind::whole:
  case field_kind::natural:
  case field_kind::real:
  case field_kind::duration:
    return store_number_text(type, trimmed(text), into);
  default:
    return false;
  }
}

bool is_not_finite(const field_type& type, const void* value) {
  if (number_kind(type) != field_kind::real)
    return false;
  return !(type.bytes == 4 ? std::isfinite(get<float>(value)) : std::isfinite(get<double>(value)));
}

bool is_quotable(const field_type& type, const void* value) {
  if (type.kind == field_kind::text || type.kind == field_kind::character)
    return true;
  if (type.kind != field_kind::time || type.ticks_per_second == 0)
    return false;
  std::string text;
  append_scalar(type, value, text);
  return text.back() == 'Z';
}

void append_scalar(const field_type& type, const void* value, std::string& out) {
  switch (type.kind) {
  case field_kind::text:
    out += *static_cast<const std::string*>(value);
    return;
  case field_kind::character:
    out += get<char>(value);
    return;
  case field_kind::boolean:
    out += get<bool>(value) ? "true" : "false";
    return;
  case field_kind::time:
    if (type.ticks_per_second != 0 && type.ticks == field_kind::whole) {
      const auto ticks = load_whole(type, value);
      const auto per_second = static_cast<std::int64_t>(type.ticks_per_second);
      const std::int64_t rest = ticks % per_second;
      const std::int64_t seconds = ticks / per_second - (rest < 0 ? 1 : 0);
      constexpr std::int64_t year_0 = -62'167'219'200;
      constexpr std::int64_t year_10000 = 253'402'300'800;
      if (seconds >= year_0 && seconds < year_10000)
        return detail::append_time(out, seconds, static_cast<std::uint64_t>(rest < 0 ? rest + per_second : rest),
                                   type.ticks_per_second);
    }
    break;
  default:
    break;
  }
  switch (number_kind(type)) {
  case field_kind::whole:
    return detail::append_integer(out, load_whole(type, value));
  case field_kind::natural:
    return detail::append_integer(out, load_natural(type, value));
  case field_kind::real:
    if (type.bytes == 4)
      return detail::append_real(out, get<float>(value));
    return detail::append_real(out, get<double>(value));
  default:
    return;
  }
}

} // namespace weir::inline v0
