// Numbers as people read them: sizes, counts, rates, durations.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace weir::inline v0 {

/// "0 B", "999 B", "1.5 KiB", "64.0 MiB".
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);
/// With a comma after every third digit: "1,234,567".
[[nodiscard]] std::string human_count(std::uint64_t count);
/// Three significant digits: "950", "12.3 k", "1.23 M".
[[nodiscard]] std::string human_number(double number);
/// Records a second: "1.23 M records/s". A duration that is not positive gives "- records/s".
[[nodiscard]] std::string human_rate(std::uint64_t records, std::chrono::microseconds in);
/// Rounded to what matters: "850 us", "12.3 ms", "4.56 s", "3 min 20 s", "2 h 05 min".
[[nodiscard]] std::string human_duration(std::chrono::microseconds duration);

} // namespace weir::inline v0
