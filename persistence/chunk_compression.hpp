// Compressed chunks: one zstd frame each, told from a plain chunk by its first bytes.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace weir::inline v0 {

/// A larger chunk, which only an entry of that size makes, is stored plain; and no frame may claim to hold more.
inline constexpr std::size_t most_compressed_chunk_bytes = std::size_t{64} << 20;

/// The chunk as a zstd frame, at level 1; nothing if that would not be smaller, or the chunk is too large.
[[nodiscard]] std::optional<std::vector<std::byte>> compress_chunk(std::span<const std::byte> chunk);

/// Whether stored bytes begin as a zstd frame does.
[[nodiscard]] bool is_compressed_chunk(std::span<const std::byte> stored) noexcept;

/// The chunk that was stored as these bytes, whose checksum has been compared: the bytes themselves if they are plain,
/// else unpacked into `room`. Throws damaged_error unless they are one whole frame that says how much it holds.
[[nodiscard]] std::span<const std::byte> plain_chunk(std::span<const std::byte> stored, std::vector<std::byte>& room);

} // namespace weir::inline v0
