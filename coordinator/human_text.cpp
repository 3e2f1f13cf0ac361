// Numbers as people read them.
#include "human_text.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>

namespace weir::inline v0 {

namespace {

std::string with_decimals(double value, int decimals) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

/// How many decimals make three significant digits, after rounding.
int decimals_of(double value) {
  if (value < 9.995)
    return 2;
  return value < 99.95 ? 1 : 0;
}

std::string two_digits(std::int64_t value) {
  return (value < 10 ? "0" : "") + std::to_string(value);
}

} // namespace

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array units{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024)
    return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1023.95 && unit + 1 < units.size(); ++unit)
    value /= 1024;
  return with_decimals(value, 1) + " " + units[unit];
}

std::string human_count(std::uint64_t count) {
  std::string text = std::to_string(count);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

std::string human_number(double number) {
  constexpr std::array units{"", " k", " M", " G", " T"};
  if (!std::isfinite(number))
    return "-";
  if (number < 0)
    return "-" + human_number(-number);
  std::size_t unit = 0;
  for (; number >= 999.5 && unit + 1 < units.size(); ++unit)
    number /= 1000;
  const bool whole = unit == 0 && number == std::floor(number);
  return with_decimals(number, whole ? 0 : decimals_of(number)) + units[unit];
}

std::string human_rate(std::uint64_t records, std::chrono::microseconds in) {
  if (in.count() <= 0)
    return "- records/s";
  return human_number(static_cast<double>(records) * 1e6 / static_cast<double>(in.count())) + " records/s";
}

std::string human_duration(std::chrono::microseconds duration) {
  const std::int64_t us = duration.count();
  if (us < 0)
    return "-" + human_duration(-duration);
  if (us < 1'000)
    return std::to_string(us) + " us";
  const double ms = static_cast<double>(us) / 1e3;
  if (ms < 999.5)
    return with_decimals(ms, decimals_of(ms)) + " ms";
  const double s = static_cast<double>(us) / 1e6;
  if (s < 59.95)
    return with_decimals(s, decimals_of(s)) + " s";
  const std::int64_t seconds = (us + 500'000) / 1'000'000;
  if (seconds < 3'600)
    return std::to_string(seconds / 60) + " min " + two_digits(seconds % 60) + " s";
  const std::int64_t minutes = (seconds + 30) / 60;
  return std::to_string(minutes / 60) + " h " + two_digits(minutes % 60) + " min";
}

} // namespace weir::inline v0
