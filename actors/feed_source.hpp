// The source whose readers take what a feed desk keeps.
#pragma once

#include "../operators/source.hpp"
#include "feed_desk.hpp"

#include <cstddef>
#include <memory>
#include <span>

namespace weir::inline v0 {

/// What the compiled code does with records whose type it does not know.
struct fed_type {
  const element_type* type = nullptr;
  /// Records from archive bytes. Throws `damaged_error`.
  batch_ptr (*decode)(std::span<const std::byte> bytes) = nullptr;
  /// Emits records [from, to) of a batch; moves them if it is the sole owner.
  void (*emit)(any_collector& out, any_batch& records, std::size_t from, std::size_t to) = nullptr;
};

/// A source of as many splits as it has subtasks when a run begins. `keep_alive` lives as long as the source.
[[nodiscard]] std::shared_ptr<const any_source> make_feed_source(std::shared_ptr<feed_desk> desk, fed_type type,
                                                                 std::shared_ptr<const void> keep_alive);

} // namespace weir::inline v0
