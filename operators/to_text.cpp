#include "to_text.hpp"

#include "flat_json.hpp"

#include <charconv>
#include <cstdio>

namespace weir::inline v0::detail {

namespace {

template <class T>
void append_number(std::string& out, T value) {
  char digits[40];
  const char* end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, static_cast<std::size_t>(end - digits));
}

} // namespace

void append_integer(std::string& out, std::int64_t value) {
  append_number(out, value);
}
void append_integer(std::string& out, std::uint64_t value) {
  append_number(out, value);
}
void append_real(std::string& out, double value) {
  append_number(out, value);
}
void append_real(std::string& out, float value) {
  append_number(out, value);
}
void append_quoted(std::string& out, std::string_view text) {
  append_json_text(out, text);
}

void append_time(std::string& out, std::int64_t seconds, std::uint64_t fraction, std::uint64_t ticks_per_second) {
  constexpr std::int64_t day_s = 86'400;
  std::int64_t days = seconds / day_s;
  if (seconds % day_s < 0)
    --days;
  const auto in_day = static_cast<int>(seconds - days * day_s);
  // std::chrono's calendar ends at the year 32767.
  constexpr std::int64_t most_days = 11'000'000;
  if (days > most_days || days < -most_days) {
    append_integer(out, seconds);
    out += "s";
    return;
  }
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days}}};
  char text[64];
  int size = std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                           static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), in_day / 3600,
                           in_day / 60 % 60, in_day % 60);
  out.append(text, static_cast<std::size_t>(size));
  if (ticks_per_second > 1) {
    int digits = 0;
    std::uint64_t power = 1;
    for (; power < ticks_per_second && digits < 18; ++digits)
      power *= 10;
    __extension__ using wide = unsigned __int128;
    const auto shown = static_cast<std::uint64_t>(static_cast<wide>(fraction) * power / ticks_per_second);
    size = std::snprintf(text, sizeof text, ".%0*llu", digits, static_cast<unsigned long long>(shown));
    out.append(text, static_cast<std::size_t>(size));
  }
  out += 'Z';
}

void append_unit(std::string& out, std::intmax_t numerator, std::intmax_t denominator) {
  struct unit {
    std::intmax_t numerator;
    std::intmax_t denominator;
    const char* sign;
  };
  constexpr unit units[] = {{1, 1'000'000'000, "ns"}, {1, 1'000'000, "us"}, {1, 1000, "ms"}, {1, 1, "s"},
                            {60, 1, "min"},           {3600, 1, "h"},       {86'400, 1, "d"}};
  for (const auto& each : units)
    if (each.numerator == numerator && each.denominator == denominator) {
      out += each.sign;
      return;
    }
  out += '[';
  append_integer(out, static_cast<std::int64_t>(numerator));
  out += '/';
  append_integer(out, static_cast<std::int64_t>(denominator));
  out += "]s";
}

} // namespace weir::inline v0::detail
