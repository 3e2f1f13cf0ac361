// Which version of the library this is.
#pragma once

#include <string_view>

namespace weir::inline v0 {

/// The version, as CMakeLists.txt has it.
inline constexpr std::string_view library_version = "0.1.0";

} // namespace weir::inline v0
