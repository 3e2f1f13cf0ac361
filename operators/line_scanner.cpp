#include "line_scanner.hpp"

#include <algorithm>
#include <cstring>

namespace weir::inline v0 {

line_scanner::line_scanner(std::unique_ptr<byte_input> input, std::uint64_t offset, std::size_t block_bytes)
    : input_(std::move(input)), block_bytes_(std::max<std::size_t>(block_bytes, 1)), buffer_from_(offset) {}

bool line_scanner::next(std::string_view& line) {
  const void* found =
      searched_ < filled_ ? std::memchr(buffer_.data() + searched_, '\n', filled_ - searched_) : nullptr;
  std::size_t end = filled_;
  if (found) {
    end = static_cast<std::size_t>(static_cast<const char*>(found) - buffer_.data()) + 1;
  } else if (!ended_ || begin_ == filled_) {
    searched_ = filled_;
    return false;
  }
  line = {buffer_.data() + begin_, end - begin_};
  begin_ = searched_ = end;
  return true;
}

bool line_scanner::fill() {
  if (ended_)
    return false;
  if (mark_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + mark_, filled_ - mark_);
    buffer_from_ += mark_;
    begin_ -= mark_;
    searched_ -= mark_;
    filled_ -= mark_;
    mark_ = 0;
  }
  // A line that is longer than a block doubles what is read, so that it is not moved once a block.
  const std::size_t want = std::max(block_bytes_, filled_);
  if (buffer_.size() < filled_ + want + padding_bytes)
    buffer_.resize(filled_ + want + padding_bytes);
  const std::size_t got = input_->read(buffer_.data() + filled_, want);
  filled_ += got;
  ended_ = got == 0;
  return !ended_;
}

} // namespace weir::inline v0
