// What barriers guarantee.
#pragma once

#include <cstdint>

namespace weir::inline v0 {

/// What barriers guarantee for the state of operators with several inputs.
enum class delivery_mode : std::uint8_t {
  exactly_once, ///< a channel whose barrier came is held back until the others' have come
  at_least_once ///< nothing is held back; after a failure some records count twice
};

} // namespace weir::inline v0
