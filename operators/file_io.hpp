// The few calls of the system that file sources and sinks make, with errors that name the file.
#pragma once

#include "../persistence/error.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace weir::inline v0 {

/// Owns an open file.
class file_descriptor {
public:
  file_descriptor() = default;
  explicit file_descriptor(int owned) noexcept : value_(owned) {}
  file_descriptor(file_descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  file_descriptor& operator=(file_descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~file_descriptor();

  [[nodiscard]] int get() const noexcept { return value_; }
  explicit operator bool() const noexcept { return value_ >= 0; }

private:
  int value_ = -1;
};

/// Throws the io_error for a call that failed: what was to be done with which file, what the system said, the remedy.
[[noreturn]] void fail_io(const std::string& path, std::string_view doing, int code);

/// A file that is not there. It may just have gone.
class missing_file_error : public path_error {
public:
  using path_error::path_error;
};

/// Opens a regular file for reading, and says its size. Throws missing_file_error, or path_error if it is no file or
/// closed to us.
[[nodiscard]] file_descriptor open_readable_file(const std::string& path, std::uint64_t& size);
/// Reads up to `count` bytes from a place on; 0 at the end of the file. Throws io_error.
[[nodiscard]] std::size_t read_file_at(int file, char* into, std::size_t count, std::uint64_t offset,
                                       const std::string& path);
/// Reads `count` bytes from a place on, or fewer if the file ends before. Throws io_error.
[[nodiscard]] std::size_t read_all_at(int file, char* into, std::size_t count, std::uint64_t offset,
                                      const std::string& path);

/// Whether a file that had `size` bytes and no line end behind the last of them has grown so that this line goes on.
[[nodiscard]] bool last_line_goes_on(int file, std::uint64_t size, const std::string& path);

/// What the system says of a file.
struct file_facts {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t born_ns = 0; ///< when it was made; 0 if the file system does not know. Tells inodes that are used again
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0; ///< when it, or what the system knows of it, such as its name, was last changed
  bool regular = false;

  /// Whether both are the same file, whatever its name and content have become.
  [[nodiscard]] bool is_same(const file_facts& other) const noexcept {
    return device == other.device && inode == other.inode && born_ns == other.born_ns;
  }
};

/// What is at a path, links followed; nothing if there is nothing. Throws io_error if the system does not tell.
[[nodiscard]] std::optional<file_facts> look_at_file(const std::string& path);
/// The same of an open file; `path` names it in errors.
[[nodiscard]] file_facts look_at_file(int file, const std::string& path);

/// Opens a file for writing; an existing one becomes empty. Throws io_error.
[[nodiscard]] file_descriptor create_file(const std::string& path);
/// Writes everything. Throws io_error, with `path` as the file's name.
void write_all(int file, std::string_view bytes, const std::string& path);
/// Makes the content of a file, or the entries of a folder, durable. Throws io_error.
void sync_file(int file, const std::string& path);
void sync_folder(const std::string& path);
/// Renames within one folder, replacing; false if there is no such file. Throws io_error.
bool rename_file(const std::string& from, const std::string& to);
/// Removes a file; nothing happens if it is not there. Throws io_error.
void remove_file(const std::string& path);
/// The size of a file, or `no_file`. Throws io_error if the system does not tell.
inline constexpr std::uint64_t no_file = ~std::uint64_t{0};
[[nodiscard]] std::uint64_t size_of_file(const std::string& path);
/// A whole small file, or nothing if it is not there. Throws io_error.
[[nodiscard]] std::string read_small_file(const std::string& path);
/// Writes a small file so that it is there whole or not at all, and durable. Throws io_error.
void write_small_file(const std::string& path, std::string_view content);

} // namespace weir::inline v0
