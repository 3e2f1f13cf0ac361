// Durations as people write them: "100ms", "2s", "5min", "1h".
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace weir::inline v0 {

/// Reads a number, whole or with a decimal point, and a unit: us, ms, s, m or min, h, d. Zero needs no unit. None if it
/// is anything else, negative, or longer than about 290 years; what is below a microsecond is rounded.
[[nodiscard]] std::optional<std::chrono::microseconds> parse_duration(std::string_view text);

/// Writes a duration exactly, as a whole number of the largest unit that fits: "1500ms", "2s", "1h". What
/// `parse_duration` reads; negative ones have a sign, and are not read again.
[[nodiscard]] std::string duration_text(std::chrono::microseconds duration);

} // namespace weir::inline v0
