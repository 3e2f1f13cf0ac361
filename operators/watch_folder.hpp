// The source that reads the lines of files as they appear in a folder.
#pragma once

#include "../persistence/error.hpp"
#include "source.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// What a source that watches a folder was asked for.
struct watch_folder_settings {
  std::string directory;
  std::string pattern = "*";
  std::chrono::milliseconds poll_interval{500};
  std::size_t most_line_bytes = 64 * 1024 * 1024;
};

/// Emits the lines of all files of a folder, as `std::string`, and of those that appear in it, for ever: each file
/// once, in the order of their names among those that are there. Files may be compressed, as in `text_lines`; hidden
/// files (`.name`) and folders are passed over. A file has to be whole when it appears: write it under a hidden name
/// or elsewhere, and rename it. What a file gains after it was begun is not read.
///
/// The position holds the names of the files that are done and still there, each with its inode, size, time and the
/// hash of its first 64 KiB. Remove or move away files that are done, or it grows with them. A file that takes the name
/// of one that is done is a new one, and so is one that was written anew. A file that was half read when the source was
/// stopped, and is another one when it goes on, is an error.
class watch_folder {
public:
  using value_type = std::string;
  static constexpr std::string_view kind_name = "watch_folder";
  static constexpr std::uint32_t max_parallelism_limit = 1;

  explicit watch_folder(std::string directory) { settings_.directory = std::move(directory); }

  /// Only files whose names match this pattern of a shell; all unless said.
  [[nodiscard]] watch_folder matching(std::string pattern) const {
    watch_folder copy = *this;
    copy.settings_.pattern = std::move(pattern);
    return copy;
  }
  /// How long to wait before looking again; 500 ms unless said.
  [[nodiscard]] watch_folder poll_interval(std::chrono::milliseconds interval) const {
    watch_folder copy = *this;
    copy.settings_.poll_interval = interval;
    return copy;
  }

  /// A longer line is an error; 64 MiB unless said.
  [[nodiscard]] watch_folder most_line_bytes(std::size_t most) const {
    watch_folder copy = *this;
    copy.settings_.most_line_bytes = most;
    return copy;
  }

  [[nodiscard]] std::shared_ptr<const any_source> source() const;
  [[nodiscard]] std::vector<error_text> problems() const;
  [[nodiscard]] std::string guarantee() const;

private:
  watch_folder_settings settings_;
};

} // namespace weir::inline v0
