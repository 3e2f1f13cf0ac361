// Keeps the lists of chunks of the checkpoints that were asked for last.
#pragma once

#include "checkpoint_chunks.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace weir::inline v0 {

class checkpoint_cache {
public:
  /// The list, made if it is not there. It is kept whatever is asked for next while it is used.
  [[nodiscard]] std::shared_ptr<const checkpoint_chunks> of(sqlite3* connection, const open_store& store,
                                                            const kept_checkpoint& checkpoint) {
    for (const auto& each : kept_)
      if (each->is(store, checkpoint))
        return each;
    auto made = std::make_shared<const checkpoint_chunks>(connection, store, checkpoint);
    if (kept_.size() == most_kept)
      kept_.erase(kept_.begin());
    kept_.push_back(made);
    return made;
  }

private:
  static constexpr std::size_t most_kept = 8;
  std::vector<std::shared_ptr<const checkpoint_chunks>> kept_;
};

} // namespace weir::inline v0
