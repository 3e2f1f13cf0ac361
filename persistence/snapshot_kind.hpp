// Whether a snapshot of a state table is whole or says only what changed.
#pragma once

#include <cstdint>

namespace weir::inline v0 {

/// A base holds everything; a delta holds what changed since the snapshot that is its parent.
enum class snapshot_kind : std::uint8_t { base, delta };

} // namespace weir::inline v0
