// XXH3, compiled in one place, so that no user's own xxhash.h meets ours.
#include "hash.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>

namespace weir::inline v0::detail {

std::uint64_t xxh3(const void* bytes, std::size_t count) noexcept {
  return XXH3_64bits(bytes, count);
}

std::uint64_t xxh3_of_text(const char* text, std::size_t count) {
  std::byte bytes[256];
  if (count <= sizeof(bytes) - max_varint_bytes) {
    std::byte* at = store_varint(bytes, count);
    if (count != 0)
      std::memcpy(at, text, count);
    return XXH3_64bits(bytes, static_cast<std::size_t>(at - bytes) + count);
  }
  byte_buffer& scratch = key_scratch();
  append_varint(scratch, count);
  scratch.append(text, count);
  return XXH3_64bits(scratch.data(), scratch.size());
}

byte_buffer& key_scratch() {
  thread_local byte_buffer scratch;
  scratch.clear();
  return scratch;
}

} // namespace weir::inline v0::detail
