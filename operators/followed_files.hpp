// The files that a log has had: how one is known again, and which one follows another when it is rotated.
#pragma once

#include "file_io.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::inline v0 {

/// How much of the beginning of a log is compared to know it again.
inline constexpr std::size_t log_prefix_bytes = 1024;

/// A file as it was found in a folder.
struct log_file {
  std::string name; ///< without its folder
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t born_ns = 0; ///< 0 if the file system does not know. Tells an inode that is used again
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0; ///< also by being renamed

  [[nodiscard]] bool is_same(const log_file& other) const {
    return device == other.device && inode == other.inode && born_ns == other.born_ns;
  }
  /// A number for the inode in this use of it.
  [[nodiscard]] std::uint64_t identity() const;
};

/// What is read of a log: up to where, and how it is known again. The position of a reader.
struct log_place {
  std::uint64_t identity = 0; ///< of the file. Without its device, which may have another number after a restart
  std::int64_t modified_ns =
      0;                      ///< when it had last changed before it was last found intact: copies of it are not older
  std::uint64_t finished = 0; ///< the identity of the file that was read to its end before this one
  std::uint64_t offset = 0;   ///< where the next line begins
  std::uint64_t prefix_size = 0; ///< of what was read, at most `log_prefix_bytes`
  std::uint64_t prefix_hash = 0; ///< of so many first bytes
  std::uint64_t truncations = 0; ///< how often the file was emptied and no copy of what was in it was found

  [[nodiscard]] std::string to_json() const;
  /// Throws damaged_error.
  static log_place parse(const std::string& json, const std::string& thing);
};

/// A file that is open; nothing if it is not there any more. Throws io_error for other reasons, and if it is no regular
/// file.
[[nodiscard]] std::optional<log_file> open_log(const std::string& path, file_descriptor& into);
/// What is at a path, without opening it; nothing if there is no regular file.
[[nodiscard]] std::optional<log_file> look_at_log(const std::string& path);
[[nodiscard]] log_file describe_log(int file, std::string name);

/// The log at `path` and what it may be called after a rotation: its name with a dot or a dash and anything behind it,
/// in its folder, but for compressed files.
[[nodiscard]] std::vector<log_file> log_and_rotated(const std::string& path);

/// Which file comes after `current` in a log, of those that `log_and_rotated` found; nothing if there is none yet. With
/// numbers the next lower one; with dates, or other names with digits, the next of that form that was modified later;
/// at last the log itself, once something is in it. If the current one is gone, or has a name of no such form, the next
/// with a number, a date or `.old` that was modified later. What else lies beside the log, such as `.bak` and
/// `.offset`, is never the next. Files that are empty are passed over, and, unless they have numbers, those that
/// `is_copy` says are copies of the current one.
[[nodiscard]] std::optional<log_file> next_log(std::string_view base, const std::vector<log_file>& found,
                                               const log_file& current,
                                               const std::function<bool(const log_file&)>& is_copy);

/// Whether a file that may be the next in a log is a copy that somebody made of the current one, while that was the
/// log: it was made before that got the name that it has now, is not longer than what was read of it, and begins
/// with the same bytes, which are `prefix`.
[[nodiscard]] bool is_copy_of_read(const log_file& next, const std::string& path, const log_file& current,
                                   std::uint64_t read_bytes, std::string_view prefix);

/// The files beside the log at `path` that may be a copy of what stood there up to a place: of the time when it was
/// last found intact or later, and not the one before it. First those with a name of a rotated log, the oldest first.
[[nodiscard]] std::vector<log_file> possible_copies(const std::string& path, const log_place& place);

/// Whether a file begins with what a place says; false if it is shorter than what was read.
[[nodiscard]] bool begins_as(int file, const std::string& path, const log_place& place);
[[nodiscard]] std::uint64_t hash_bytes(std::string_view bytes);

/// The name of a path within its folder, and the folder.
[[nodiscard]] std::string name_in_folder(const std::string& path);
[[nodiscard]] std::string folder_of(const std::string& path);

} // namespace weir::inline v0
