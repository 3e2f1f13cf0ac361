// The source that follows a growing log, as `tail -F` does.
#pragma once

#include "../persistence/error.hpp"
#include "source.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// What a source that follows a log was asked for.
struct follow_settings {
  std::string path;
  std::chrono::milliseconds poll_interval{100};
  std::size_t most_line_bytes = 16 * 1024 * 1024;
  bool from_end = false;
  bool allow_loss = false;
};

/// Emits the lines that a program appends to a file, as `std::string`, and never ends. A line without a line end waits
/// until it has one, so that no half of a line is emitted. The file may be missing at first, and vanish and come back.
///
/// Rotation by renaming is followed: what was read is renamed to `<name>.1`, `<name>-20260203` or the like in the same
/// folder, and a new file takes its place. The old one is read to its end once there is something in the new one; so
/// are files in between whose names have the same form. A last line without a line end is then taken for whole.
/// Rotation by copying (copytruncate) is followed as well: the rest is read out of the copy, which begins as the log
/// did. A log that is just emptied is read from its beginning again; what was in it and not read is gone, and the
/// position counts it under `truncations`.
///
/// The position holds the file's inode, when it was made and when it had last changed, and the hash of its first 1024
/// bytes. If, at a resumption, no file in the folder is the one that was read, nor a later one a copy of it, its rest
/// is lost: the source refuses to go on, unless `allow_loss` was said. Compressed rotated files are not read: rotate
/// with delayed compression. A log is to be written by one process at a time, which turns to the new file for good.
class follow {
public:
  using value_type = std::string;
  static constexpr std::string_view kind_name = "follow";
  static constexpr std::uint32_t max_parallelism_limit = 1;

  explicit follow(std::string path) { settings_.path = std::move(path); }

  /// A fresh run begins at the last line that is there; without this at the first.
  [[nodiscard]] follow from_end() const {
    follow copy = *this;
    copy.settings_.from_end = true;
    return copy;
  }
  /// How long to wait before looking again; 100 ms unless said.
  [[nodiscard]] follow poll_interval(std::chrono::milliseconds interval) const {
    follow copy = *this;
    copy.settings_.poll_interval = interval;
    return copy;
  }
  /// A longer line is an error; 16 MiB unless said.
  [[nodiscard]] follow most_line_bytes(std::size_t most) const {
    follow copy = *this;
    copy.settings_.most_line_bytes = most;
    return copy;
  }
  /// Goes on with the log that is there, if the one that was read is gone.
  [[nodiscard]] follow allow_loss() const {
    follow copy = *this;
    copy.settings_.allow_loss = true;
    return copy;
  }

  [[nodiscard]] std::shared_ptr<const any_source> source() const;
  [[nodiscard]] std::vector<error_text> problems() const;
  [[nodiscard]] std::string guarantee() const;

private:
  follow_settings settings_;
};

} // namespace weir::inline v0
