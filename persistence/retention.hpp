// Which complete checkpoints keep their state, and which chunks that needs: decisions, without a store.
#pragma once

#include "ids.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace weir::inline v0 {

/// The checkpoints in which a chunk lives: from `created` to before `dropped`, or for good.
struct chunk_life {
  checkpoint_id created;
  std::optional<checkpoint_id> dropped;
};

/// Which of the complete checkpoints that still have their state keep it.
///
/// Always the newest `retain` (at least one). Damage to a chunk harms every checkpoint that shares it, so two more are
/// kept: the *second generation*, the newest checkpoint that shares no chunk with the newest one; and its *heir*, the
/// oldest one after it, which becomes the second generation when every table has a new base. Without an heir, tables
/// that get their bases at different times would leave the second generation where it is for ever.
///
/// `complete`: ids, ascending. `oldest_chunk_of_newest`: the least `created` among the chunks that live in the newest
/// checkpoint; none if it has no chunk. Returns ids, ascending.
[[nodiscard]] std::vector<checkpoint_id> kept_checkpoints(std::span<const checkpoint_id> complete, std::size_t retain,
                                                          std::optional<checkpoint_id> oldest_chunk_of_newest);

/// Whether one of the kept checkpoints (ascending) needs the chunk. A chunk that is not dropped is always needed.
[[nodiscard]] bool is_needed(const chunk_life& chunk, std::span<const checkpoint_id> kept);

} // namespace weir::inline v0
