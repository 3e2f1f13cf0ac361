// The retention decision.
#include "retention.hpp"

#include <algorithm>

namespace weir::inline v0 {

std::vector<checkpoint_id> kept_checkpoints(std::span<const checkpoint_id> complete, std::size_t retain,
                                            std::optional<checkpoint_id> oldest_chunk_of_newest) {
  if (complete.empty())
    return {};
  const std::size_t newest_from = complete.size() - std::min(complete.size(), std::max<std::size_t>(retain, 1));
  std::vector<checkpoint_id> kept;
  // Two checkpoints share a chunk exactly if one that the newer has was there at the older.
  const auto last_generation = static_cast<std::size_t>(
      oldest_chunk_of_newest
          ? std::lower_bound(complete.begin(), complete.end(), *oldest_chunk_of_newest) - complete.begin()
          : std::ptrdiff_t(complete.size()) - 1);
  if (last_generation > 0 && last_generation - 1 < newest_from)
    kept.push_back(complete[last_generation - 1]);
  if (last_generation < newest_from)
    kept.push_back(complete[last_generation]);
  kept.insert(kept.end(), complete.begin() + static_cast<std::ptrdiff_t>(newest_from), complete.end());
  return kept;
}

bool is_needed(const chunk_life& chunk, std::span<const checkpoint_id> kept) {
  if (!chunk.dropped)
    return true;
  const auto first = std::lower_bound(kept.begin(), kept.end(), chunk.created);
  return first != kept.end() && *first < *chunk.dropped;
}

} // namespace weir::inline v0
