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

/// XXH3-64 of the first bytes of a file. Throws path_error if it can't be opened, is no regular file or is shorter.
[[nodiscard]] std::uint64_t hash_prefix(const std::string& path, std::uint64_t bytes);
/// The size of a regular file that can be read. Throws path_error otherwise, naming the file.
[[nodiscard]] std::uint64_t size_of_readable_file(const std::string& path);

/// How long a line of text may be if nothing else is said: what is longer is no text, and would fill the memory.
inline constexpr std::size_t usual_most_line_bytes = 64 * 1024 * 1024;

/// A reader of the lines that begin in a range, from a position (`{"offset":…}`, where a line begins) or from the
/// range's start if it is empty. Reads blocks of `block_bytes`, and never beyond the size that the range names. A last
/// line without a line end is left out if the file has grown behind it since: it is the beginning of one. The position
/// counts it as `skipped`. A longer line than `most_line_bytes` is an io_error.
[[nodiscard]] std::unique_ptr<split_reader> read_text_range(text_range range, const std::string& position,
                                                            std::size_t block_bytes = 256 * 1024,
                                                            std::size_t most_line_bytes = usual_most_line_bytes);

} // namespace weir::inline v0
