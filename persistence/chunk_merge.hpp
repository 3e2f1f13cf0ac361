// Makes one base of a chain of chunks.
#pragma once

#include "chunk.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace weir::inline v0 {

/// Merges the chunks of one chain, oldest first, a base and the deltas upon it: of each entry the newest is kept, and a
/// tombstone leaves nothing. The result is canonical: it depends on the state alone, not on how it came about. Entries
/// are ordered by key group, kind, key and sub-key. Entries keep their times, and the latest clock is kept. A chain
/// without entries gives one empty chunk, and no chain none. Throws damaged_error for bytes that are no chunk, and for
/// a chain that mixes distributions. Takes memory for the entries of one key group and for the result.
[[nodiscard]] std::vector<encoded_chunk> merge_chunks(std::span<const std::span<const std::byte>> chain,
                                                      std::size_t split_bytes = default_chunk_bytes);

} // namespace weir::inline v0
