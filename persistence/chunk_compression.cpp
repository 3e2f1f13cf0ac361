// Packs chunks into zstd frames, and unpacks frames that may be crafted.
#include "chunk_compression.hpp"

#include "error.hpp"

#include <zstd.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <utility>

namespace weir::inline v0 {

namespace {

constexpr int level = 1;
/// 0xFD2FB528, little-endian: where a frame begins.
constexpr std::array frame_mark{std::byte{0x28}, std::byte{0xb5}, std::byte{0x2f}, std::byte{0xfd}};

[[noreturn]] void throw_damaged(std::string expected, std::string found) {
  throw damaged_error{{"compressed chunk", std::move(expected), std::move(found),
                       "restore from another checkpoint, and check the disk"}};
}

struct free_context {
  void operator()(ZSTD_CCtx* context) const { ::ZSTD_freeCCtx(context); }
};

/// Its tables are made once for each thread that compresses.
ZSTD_CCtx& context() {
  thread_local const std::unique_ptr<ZSTD_CCtx, free_context> made{::ZSTD_createCCtx()};
  if (!made)
    throw std::bad_alloc{};
  return *made;
}

} // namespace

std::optional<std::vector<std::byte>> compress_chunk(std::span<const std::byte> chunk) {
  if (chunk.empty() || chunk.size() > most_compressed_chunk_bytes)
    return std::nullopt;
  // What needs more room than the chunk is of no use.
  std::vector<std::byte> frame(chunk.size() - 1);
  const std::size_t size =
      ::ZSTD_compressCCtx(&context(), frame.data(), frame.size(), chunk.data(), chunk.size(), level);
  if (::ZSTD_isError(size) != 0)
    return std::nullopt;
  return std::vector<std::byte>(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size));
}

bool is_compressed_chunk(std::span<const std::byte> stored) noexcept {
  return stored.size() >= frame_mark.size() && std::memcmp(stored.data(), frame_mark.data(), frame_mark.size()) == 0;
}

std::span<const std::byte> plain_chunk(std::span<const std::byte> stored, std::vector<std::byte>& room) {
  if (!is_compressed_chunk(stored))
    return stored;
  const unsigned long long content = ::ZSTD_getFrameContentSize(stored.data(), stored.size());
  if (content == ZSTD_CONTENTSIZE_ERROR || content == ZSTD_CONTENTSIZE_UNKNOWN)
    throw_damaged("a zstd frame that says how much it holds", "one that does not");
  if (content > most_compressed_chunk_bytes)
    throw_damaged("at most " + std::to_string(most_compressed_chunk_bytes) + " bytes in it",
                  std::to_string(content) + " bytes");
  // Blocks of at most 128 KiB follow, of three bytes at least: fewer could not make so much.
  constexpr std::size_t most_block_bytes = std::size_t{128} << 10;
  constexpr std::size_t least_block_bytes = 3;
  if (content / most_block_bytes > stored.size() / least_block_bytes)
    throw_damaged("a frame that can hold what it says", std::to_string(content) + " bytes");
  const std::size_t frame = ::ZSTD_findFrameCompressedSize(stored.data(), stored.size());
  if (::ZSTD_isError(frame) != 0 || frame != stored.size())
    throw_damaged("one whole zstd frame", ::ZSTD_isError(frame) != 0 ? ::ZSTD_getErrorName(frame) : "more than that");
  room.resize(static_cast<std::size_t>(content));
  const std::size_t made = ::ZSTD_decompress(room.data(), room.size(), stored.data(), stored.size());
  if (::ZSTD_isError(made) != 0)
    throw_damaged("a zstd frame that can be unpacked", ::ZSTD_getErrorName(made));
  if (made != room.size())
    throw_damaged(std::to_string(content) + " bytes in it, as it says", std::to_string(made) + " bytes");
  return room;
}

} // namespace weir::inline v0
