// Bytes as text of 64 characters (RFC 4648), for where JSON text has to hold them.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::inline v0 {

[[nodiscard]] std::string to_base64(std::span<const std::byte> bytes);
/// Throws `damaged_error` for what `to_base64` does not write.
[[nodiscard]] std::vector<std::byte> from_base64(std::string_view text);

} // namespace weir::inline v0
