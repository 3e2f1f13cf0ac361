// What an entry of a chunk is of.
#pragma once

#include <cstdint>

namespace weir::inline v0 {

/// What an entry is: a key's whole value, or one entry of a collection or one timer under the key.
enum class entry_kind : std::uint8_t { value = 0, map_entry = 1, list_entry = 2, timer = 3 };

} // namespace weir::inline v0
