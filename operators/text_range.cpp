#include "text_range.hpp"

#include "../persistence/error.hpp"
#include "../persistence/hash.hpp"
#include "file_io.hpp"
#include "flat_json.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::inline v0 {

namespace {

std::string hex(std::uint64_t value) {
  char digits[17] = "0000000000000000";
  for (int i = 15; i >= 0; --i, value >>= 4)
    digits[i] = "0123456789abcdef"[value & 15];
  return digits;
}

class text_range_reader final : public split_reader {
public:
  text_range_reader(text_range range, const std::string& position, std::size_t block_bytes, std::size_t most_line_bytes)
      : range_(std::move(range)), block_bytes_(block_bytes), most_line_bytes_(most_line_bytes) {
    std::uint64_t size = 0;
    file_ = open_readable_file(range_.path, size);
    if (size < range_.size)
      shrunk(size);
    if (!position.empty()) {
      const auto object = flat_json::parse(position, "the position in " + range_.path);
      offset_ = object.number("offset");
      skipped_ = object.has("skipped") ? object.number("skipped") : 0;
      if (offset_ < range_.first || offset_ > range_.size)
        throw damaged_error({"the position in " + range_.path,
                             "an offset from " + std::to_string(range_.first) + " to " + std::to_string(range_.size),
                             std::to_string(offset_), "begin anew with --fresh"});
      at_line_ = true;
    } else if (range_.first == 0) {
      at_line_ = true;
    } else {
      offset_ = range_.first - 1; // a line begins at `first` if this byte ends the one before
    }
    buffer_from_ = offset_;
  }

  read_status read(any_collector& out, std::size_t max_records) override {
    while (!at_line_) {
      if (take_interrupt())
        return read_status::more;
      skip_to_line();
    }
    if (offset_ >= range_.last)
      return read_status::end;
    auto& lines = static_cast<collector<std::string>&>(out);
    auto& values = lines.bulk(max_records).values;
    std::size_t left = max_records;
    std::string_view line;
    for (;;) {
      while (left > 0 && offset_ < range_.last && next_line(line)) {
        values.emplace_back(line);
        --left;
      }
      if (left < max_records || offset_ >= range_.last)
        break;
      if (take_interrupt()) // a line may be longer than any block
        return read_status::more;
      fill();
    }
    lines.bulk_done();
    return offset_ < range_.last ? read_status::more : read_status::end;
  }

  [[nodiscard]] std::string position() const override {
    if (!at_line_)
      return {};
    if (skipped_ == 0)
      return json_number("offset", offset_);
    return flat_json{}.set("offset", offset_).set("skipped", skipped_).to_string();
  }

  void interrupt() noexcept override { interrupted_.store(true, std::memory_order_relaxed); }

private:
  [[noreturn]] void shrunk(std::uint64_t size) const {
    throw io_error({range_.path, "the " + std::to_string(range_.size) + " bytes it had when the run began",
                    std::to_string(size) + " bytes", "put the file back, or begin anew with --fresh"});
  }

  void check_length(std::size_t line_bytes) const {
    if (line_bytes > most_line_bytes_)
      throw io_error({range_.path, "lines of at most " + std::to_string(most_line_bytes_) + " bytes",
                      "a longer one at byte " + std::to_string(offset_), "raise .most_line_bytes"});
  }

  bool take_interrupt() noexcept { return interrupted_.exchange(false, std::memory_order_relaxed); }

  [[nodiscard]] std::uint64_t buffered_to() const { return buffer_from_ + filled_; }

  /// Reads more of the file behind what is in the buffer.
  void fill() {
    const auto begin = static_cast<std::size_t>(offset_ - buffer_from_);
    if (at_line_)
      check_length(filled_ - begin);
    if (begin > 0) { // what was handed out goes; an unfinished line stays
      std::memmove(buffer_.data(), buffer_.data() + begin, filled_ - begin);
      filled_ -= begin;
      searched_ -= begin;
      buffer_from_ = offset_;
    }
    const std::uint64_t from = buffered_to();
    // Behind the range only the rest of one line is of interest.
    std::uint64_t want = from < range_.last ? range_.last - from + 256 : std::max<std::uint64_t>(4096, filled_);
    want = std::min({want, std::uint64_t{std::max(block_bytes_, filled_)}, range_.size - from});
    if (buffer_.size() < filled_ + want)
      buffer_.resize(filled_ + static_cast<std::size_t>(want));
    const std::size_t got =
        read_file_at(file_.get(), buffer_.data() + filled_, static_cast<std::size_t>(want), from, range_.path);
    if (got == 0)
      shrunk(from);
    filled_ += got;
  }

  /// Takes the next line out of the buffer; false if its end is not in there, or nowhere.
  bool next_line(std::string_view& line) {
    const auto begin = static_cast<std::size_t>(offset_ - buffer_from_);
    const void* found =
        searched_ < filled_ ? std::memchr(buffer_.data() + searched_, '\n', filled_ - searched_) : nullptr;
    std::size_t end = 0;
    if (found) {
      end = static_cast<std::size_t>(static_cast<const char*>(found) - buffer_.data());
      check_length(end - begin);
      searched_ = end + 1;
      offset_ = buffer_from_ + searched_;
      if (end > begin && buffer_[end - 1] == '\r')
        --end;
    } else if (buffered_to() == range_.size) { // the last line has no line end
      end = searched_ = filled_;
      check_length(end - begin);
      offset_ = range_.size;
      if (last_line_goes_on(file_.get(), range_.size, range_.path)) {
        ++skipped_;
        return false;
      }
    } else {
      searched_ = filled_;
      return false;
    }
    line = {buffer_.data() + begin, end - begin};
    return true;
  }

  /// Reads one block further towards the first line that begins in the range.
  void skip_to_line() {
    // A line that begins at `last` or behind is not ours, so a line end at `last - 1` or behind is of no interest.
    if (offset_ + 1 >= range_.last) {
      offset_ = range_.last;
      at_line_ = true;
      return;
    }
    fill();
    if (const void* found = std::memchr(buffer_.data(), '\n', filled_)) {
      searched_ = static_cast<std::size_t>(static_cast<const char*>(found) - buffer_.data()) + 1;
      offset_ = buffer_from_ + searched_;
      at_line_ = true;
    } else {
      searched_ = filled_;
      offset_ = buffered_to();
    }
  }

  text_range range_;
  std::size_t block_bytes_;
  std::size_t most_line_bytes_;
  file_descriptor file_;
  std::uint64_t offset_ = 0; // where the next line begins, or, before the first one, what was searched
  bool at_line_ = false;     // a line begins at offset_
  std::vector<char> buffer_; // bytes of the file from buffer_from_ on
  std::size_t filled_ = 0;   // how many
  std::size_t searched_ = 0; // no line end from offset_ to here
  std::uint64_t buffer_from_ = 0;
  std::uint64_t skipped_ = 0; // the last line, if it was only the beginning of one
  std::atomic<bool> interrupted_{false};
};

} // namespace

std::string text_range::to_json() const {
  return flat_json{}
      .set("path", path)
      .set("first", first)
      .set("last", last)
      .set("size", size)
      .set("prefix_hash", hex(prefix_hash))
      .to_string();
}

text_range text_range::parse(const std::string& json) {
  const std::string thing = "a split of text_lines";
  const auto object = flat_json::parse(json, thing);
  text_range range{object.text("path"), object.number("first"), object.number("last"), object.number("size"), 0};
  const std::string& digits = object.text("prefix_hash");
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), range.prefix_hash, 16);
  if (fault != std::errc{} || end != digits.data() + digits.size() || range.first > range.last ||
      range.last > range.size || range.path.find('\0') != std::string::npos) // which would name another file
    throw damaged_error({thing, "a range within a file", json, "restore the store from a copy, or use --fresh"});
  return range;
}

std::uint64_t size_of_readable_file(const std::string& path) {
  std::uint64_t size = 0;
  static_cast<void>(open_readable_file(path, size));
  return size;
}

std::uint64_t hash_prefix(const std::string& path, std::uint64_t bytes) {
  std::uint64_t size = 0;
  const auto file = open_readable_file(path, size);
  std::vector<char> prefix(static_cast<std::size_t>(bytes));
  if (const auto got = read_all_at(file.get(), prefix.data(), prefix.size(), 0, path); got != prefix.size())
    throw path_error({path, "a file that can be read", "one that was shortened to " + std::to_string(got) + " bytes",
                      "name a file or a glob pattern that names files"});
  return checksum(std::as_bytes(std::span{prefix}));
}

std::unique_ptr<split_reader> read_text_range(text_range range, const std::string& position, std::size_t block_bytes,
                                              std::size_t most_line_bytes) {
  return std::make_unique<text_range_reader>(std::move(range), position, block_bytes, most_line_bytes);
}

} // namespace weir::inline v0
