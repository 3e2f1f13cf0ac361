// Text and numbers as JSON writes them, whatever bytes they are made of.
#pragma once

#include <string>
#include <string_view>

namespace weir::inline v0::detail {

/// True for UTF-8 without zero bytes: what SQL and JSON can show as text.
[[nodiscard]] bool is_plain_text(std::string_view bytes) noexcept;

/// Appends a JSON string: the text, or x'0A0B' if it is no plain text.
void append_json_string(std::string& out, std::string_view bytes);

/// Appends the shortest number that is read back as the same one; "inf", "-inf" and "nan" with their quotes.
void append_json_number(std::string& out, double value);
void append_json_number(std::string& out, float value);

} // namespace weir::inline v0::detail
