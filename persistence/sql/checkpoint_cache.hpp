// Keeps the lists of chunks of the checkpoints that were asked for last.
#pragma once

#include "checkpoint_chunks.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace weir::inline v0 {

/// Where the chunks of the checkpoints are that were asked for last. One for each connection.
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

  /// The first of so many numbers of rows. They are the same whenever this name asks, and nobody else's.
  [[nodiscard]] std::uint64_t first_row(const std::string& name, std::uint64_t count) {
    const auto [found, added] = first_rows_.try_emplace(name, next_row_);
    if (added)
      next_row_ += count;
    return found->second;
  }

private:
  static constexpr std::size_t most_kept = 8;
  std::vector<std::shared_ptr<const checkpoint_chunks>> kept_;
  std::map<std::string, std::uint64_t> first_rows_;
  std::uint64_t next_row_ = 0;
};

} // namespace weir::inline v0
