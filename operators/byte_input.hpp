// The bytes of a file, from front to back, whether it is compressed or not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace weir::inline v0 {

/// Reads bytes in their order. Used by one thread at a time.
class byte_input {
public:
  virtual ~byte_input();
  /// Reads 1 to `count` bytes; 0 at the end. Throws io_error for what the system refused, and for compressed bytes that
  /// are damaged or end too soon.
  virtual std::size_t read(char* into, std::size_t count) = 0;
  /// Once all is read, and the last line has no line end: whether the file has grown by more of this line.
  [[nodiscard]] virtual bool last_line_goes_on() const { return false; }
};

/// How a file's bytes are packed, by its first bytes: "gzip", "zstd", or nothing. Throws path_error if the file cannot
/// be read.
[[nodiscard]] std::string_view compression_of(const std::string& path);

/// The bytes of a file that had `size` bytes when the run began; what it gained since is not read. `offset` counts
/// bytes as they are unpacked: those of a compressed file before it are unpacked and dropped. Behind `soft_end` little
/// is read at once. Throws path_error if the file can't be opened, io_error if it has become shorter.
[[nodiscard]] std::unique_ptr<byte_input> open_file_input(const std::string& path, std::uint64_t size,
                                                          std::uint64_t offset = 0,
                                                          std::uint64_t soft_end = ~std::uint64_t{0});

namespace detail {

/// Unpacks what `packed` gives; `path` names it in errors.
[[nodiscard]] std::unique_ptr<byte_input> unpack_gzip(std::unique_ptr<byte_input> packed, std::string path);
[[nodiscard]] std::unique_ptr<byte_input> unpack_zstd(std::unique_ptr<byte_input> packed, std::string path);

} // namespace detail
} // namespace weir::inline v0
