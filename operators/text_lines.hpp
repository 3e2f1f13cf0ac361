// The source that reads lines of text files.
#pragma once

#include "../persistence/error.hpp"
#include "source.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// Reads the lines of a file, or of all files that a glob pattern names, as `std::string` without their line ends (LF
/// or CR LF). A last line needs no line end. Files may be compressed with gzip or zstd, which their first bytes tell;
/// each of these is one split.
///
/// Files are cut into byte ranges that are read side by side, so that one file keeps all subtasks busy; a line belongs
/// to the range in which it begins. Within a range the order of lines is that of the file. What a file gains after the
/// run began is not read, nor is a last line that had no line end by then and goes on in what was added: the position
/// counts it as `skipped`. A file that was shortened, replaced or removed is refused when a run resumes.
class text_lines {
public:
  using value_type = std::string;
  static constexpr std::string_view kind_name = "text_lines";

  explicit text_lines(std::string path_or_glob) : pattern_(std::move(path_or_glob)) {}

  /// Cuts files into ranges of at most this many bytes; 0 leaves it to the source.
  [[nodiscard]] text_lines range_bytes(std::uint64_t most) const {
    text_lines copy = *this;
    copy.range_bytes_ = most;
    return copy;
  }

  /// A longer line is an error; 64 MiB unless said.
  [[nodiscard]] text_lines most_line_bytes(std::size_t most) const {
    text_lines copy = *this;
    copy.most_line_bytes_ = most;
    return copy;
  }

  [[nodiscard]] std::shared_ptr<const any_source> source() const;
  [[nodiscard]] std::vector<error_text> problems() const;
  [[nodiscard]] std::string guarantee() const;

private:
  std::string pattern_;
  std::uint64_t range_bytes_ = 0;
  std::size_t most_line_bytes_ = 64 * 1024 * 1024;
};

} // namespace weir::inline v0
