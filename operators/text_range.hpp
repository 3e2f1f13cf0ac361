// A byte range of a text file, and the reader of the lines that begin in it.
#pragma once

#include "source.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace weir::inline v0 {

/// Bytes [first, last) of a file that had `size` bytes when the run began.
struct text_range {
  std::string path;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t size = 0;
  std::uint64_t prefix_hash = 0; ///< of the first `prefix_bytes(size)` bytes of the file

  [[nodiscard]] std::string to_json() const;
  /// Throws damaged_error.
  static text_range parse(const std::string& json);
  /// How much of a file is hashed, to know it again.
  [[nodiscard]] static std::uint64_t prefix_bytes(std::uint64_t size) { return size < 65536 ? size : 65536; }
};

/// XXH3-64 of the first bytes of a file. Throws usage_error if it can't be opened, is no regular file or is shorter.
[[nodiscard]] std::uint64_t hash_prefix(const std::string& path, std::uint64_t bytes);
/// The size of a regular file that can be read. Throws usage_error otherwise, naming the file.
[[nodiscard]] std::uint64_t size_of_readable_file(const std::string& path);

/// A reader of the lines that begin in a range, from a position (`{"offset":…}`, where a line begins) or from the
/// range's start if it is empty. Reads blocks of `block_bytes`, and never beyond the size that the range names.
[[nodiscard]] std::unique_ptr<split_reader> read_text_range(text_range range, const std::string& position,
                                                            std::size_t block_bytes = 256 * 1024);

} // namespace weir::inline v0
