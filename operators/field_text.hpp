// Members that are one value, in and out of text.
#pragma once

#include "record_fields.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::inline v0 {

/// Puts a number into a member that holds numbers, durations or times; false if it does not fit into it.
[[nodiscard]] bool store_whole(const field_type& type, std::int64_t value, void* into);
[[nodiscard]] bool store_natural(const field_type& type, std::uint64_t value, void* into);
[[nodiscard]] bool store_real(const field_type& type, double value, void* into);

/// Puts text into a member: numbers without anything behind them, `true` or `false`, times as ISO 8601 or ticks; spaces
/// around these do not matter. False if the text is none of its kind or does not fit.
[[nodiscard]] bool store_text(const field_type& type, std::string_view text, void* into);

/// The ticks since 1970-01-01 UTC of a time like `2026-02-03T04:05:06.789Z`; with an offset such as `+01:00` instead of
/// the Z, or nothing, which means UTC; with a space instead of the T; or of a date alone. What is finer than a tick is
/// cut. False if the text is no such time, or too far away.
[[nodiscard]] bool parse_time(std::string_view text, std::uint64_t ticks_per_second, std::int64_t& ticks);

/// Appends the text of a value that is no optional and has no parts. Times as ISO 8601, or as ticks if their year has
/// not four digits; `is_quotable` says whether a format with quotes puts it into quotes.
void append_scalar(const field_type& type, const void* value, std::string& out);
[[nodiscard]] bool is_quotable(const field_type& type, const void* value);
/// Whether the value is a number that is infinite or none.
[[nodiscard]] bool is_not_finite(const field_type& type, const void* value);

} // namespace weir::inline v0
