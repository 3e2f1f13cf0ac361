// Reads and writes durations.
#include "duration_text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

namespace weir::inline v0 {

namespace {

constexpr std::array<std::pair<std::string_view, std::int64_t>, 7> units{{{"us", 1},
                                                                          {"ms", 1'000},
                                                                          {"s", 1'000'000},
                                                                          {"m", 60'000'000},
                                                                          {"min", 60'000'000},
                                                                          {"h", 3'600'000'000},
                                                                          {"d", 86'400'000'000}}};

std::optional<std::int64_t> unit_microseconds(std::string_view unit) {
  for (const auto& [name, microseconds] : units)
    if (name == unit)
      return microseconds;
  return std::nullopt;
}

} // namespace

std::optional<std::chrono::microseconds> parse_duration(std::string_view text) {
  if (text == "0")
    return std::chrono::microseconds{0};
  const std::size_t digits = text.find_first_not_of("0123456789.");
  if (digits == std::string_view::npos || digits == 0)
    return std::nullopt;
  const std::string_view number = text.substr(0, digits);
  const auto unit = unit_microseconds(text.substr(digits));
  if (!unit)
    return std::nullopt;

  if (number.find('.') == std::string_view::npos) {
    std::int64_t count = 0;
    const auto [end, fault] = std::from_chars(number.data(), number.data() + number.size(), count);
    if (fault != std::errc{} || end != number.data() + number.size() ||
        count > std::numeric_limits<std::int64_t>::max() / *unit)
      return std::nullopt;
    return std::chrono::microseconds{count * *unit};
  }
  double count = 0;
  const auto [end, fault] = std::from_chars(number.data(), number.data() + number.size(), count);
  if (fault != std::errc{} || end != number.data() + number.size())
    return std::nullopt;
  const double microseconds = count * static_cast<double>(*unit);
  if (!(microseconds < 9.2e18))
    return std::nullopt;
  return std::chrono::microseconds{std::llround(microseconds)};
}

std::string duration_text(std::chrono::microseconds duration) {
  const std::int64_t count = duration.count();
  if (count == 0)
    return "0s";
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> written{
      {{"h", 3'600'000'000}, {"min", 60'000'000}, {"s", 1'000'000}, {"ms", 1'000}, {"us", 1}}};
  for (const auto& [name, microseconds] : written)
    if (count % microseconds == 0)
      return std::to_string(count / microseconds) + std::string{name};
  return {}; // every count is a whole number of microseconds
}

} // namespace weir::inline v0
