// Text out of a file as a terminal may get it.
#pragma once

#include <string>
#include <string_view>

namespace weir::inline v0 {

/// The text with a space for each control character: they would move the cursor, or worse.
[[nodiscard]] std::string terminal_text(std::string_view text);

} // namespace weir::inline v0
