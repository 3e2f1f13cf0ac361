// Finds lines in the bytes of an input, and keeps those that may be needed again.
#pragma once

#include "byte_input.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace weir::inline v0 {

/// A line without the LF or CR LF that it may end in.
[[nodiscard]] inline std::string_view without_line_end(std::string_view line) {
  if (line.ends_with('\n'))
    line.remove_suffix(1);
  if (line.ends_with('\r'))
    line.remove_suffix(1);
  return line;
}

/// Lines, each with its line end; the last one may have none. Offsets are those of the unpacked bytes.
class line_scanner {
public:
  /// Bytes that may be read behind a line that was given out, whatever they are: parsers look that far ahead.
  static constexpr std::size_t padding_bytes = 64;

  /// `offset` is that of the input's next byte.
  line_scanner(std::unique_ptr<byte_input> input, std::uint64_t offset, std::size_t block_bytes = 256 * 1024);

  /// Takes the next line, if its end is in the buffer or it is the last one. It is valid until the next `fill`.
  bool next(std::string_view& line);
  /// Reads more; false at the end of the input. What lies before the mark is dropped.
  bool fill();
  /// Where the next line begins.
  [[nodiscard]] std::uint64_t offset() const noexcept { return buffer_from_ + begin_; }
  /// Whether all lines were taken.
  [[nodiscard]] bool at_end() const noexcept { return ended_ && begin_ == filled_; }
  /// Whether a last line that has no line end is the beginning of one: the file has grown since.
  [[nodiscard]] bool is_cut(std::string_view line) const {
    return !line.ends_with('\n') && input_->last_line_goes_on();
  }
  /// The bytes of an unfinished line that wait in the buffer.
  [[nodiscard]] std::size_t waiting_bytes() const noexcept { return filled_ - begin_; }

  /// Takes the waiting bytes without looking at them: the beginning of a line that nobody wants.
  void discard_waiting() noexcept { begin_ = searched_ = mark_ = filled_; }

  /// From here on bytes stay in the buffer, until the next `mark`.
  void mark() noexcept { mark_ = begin_; }
  /// What was taken since the mark.
  [[nodiscard]] std::string_view since_mark() const noexcept { return {buffer_.data() + mark_, begin_ - mark_}; }
  /// Takes what was taken since the mark back, but for its first `keep` bytes.
  void back_to_mark(std::size_t keep = 0) noexcept {
    begin_ = mark_ + keep;
    searched_ = begin_;
  }

private:
  std::unique_ptr<byte_input> input_;
  std::size_t block_bytes_;
  std::vector<char> buffer_;
  std::uint64_t buffer_from_; // the offset of the buffer's first byte
  std::size_t mark_ = 0;
  std::size_t begin_ = 0;    // of the next line
  std::size_t searched_ = 0; // no line end between begin_ and here
  std::size_t filled_ = 0;
  bool ended_ = false;
};

} // namespace weir::inline v0
