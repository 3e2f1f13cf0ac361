#include "byte_input.hpp"

#include "../persistence/error.hpp"
#include "file_io.hpp"

#include <algorithm>
#include <vector>

namespace weir::inline v0 {

namespace {

class plain_input final : public byte_input {
public:
  plain_input(const std::string& path, std::uint64_t size, std::uint64_t offset, std::uint64_t soft_end)
      : path_(path), size_(size), at_(std::min(offset, size)), soft_end_(soft_end) {
    std::uint64_t found = 0;
    file_ = open_readable_file(path_, found);
    if (found < size_)
      shrunk(found);
  }

  std::size_t read(char* into, std::size_t count) override {
    std::uint64_t most = at_ < soft_end_ ? soft_end_ - at_ + 256 : 4096;
    if (soft_end_ - at_ > size_)
      most = size_; // no soft end
    most = std::min({most, size_ - at_, std::uint64_t{count}});
    if (most == 0)
      return 0;
    const std::size_t got = read_file_at(file_.get(), into, static_cast<std::size_t>(most), at_, path_);
    if (got == 0)
      shrunk(at_);
    at_ += got;
    return got;
  }

  [[nodiscard]] bool last_line_goes_on() const override { return weir::last_line_goes_on(file_.get(), size_, path_); }

private:
  [[noreturn]] void shrunk(std::uint64_t found) const {
    throw io_error({path_, "the " + std::to_string(size_) + " bytes it had when the run began",
                    std::to_string(found) + " bytes", "put the file back, or begin anew with --fresh"});
  }

  std::string path_;
  std::uint64_t size_;
  std::uint64_t at_;
  std::uint64_t soft_end_;
  file_descriptor file_;
};

/// Reads and drops.
void skip_bytes(byte_input& input, std::uint64_t count, const std::string& path) {
  std::vector<char> dropped(static_cast<std::size_t>(std::min<std::uint64_t>(count, 64 * 1024)));
  while (count > 0) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(count, dropped.size()));
    const std::size_t got = input.read(dropped.data(), want);
    if (got == 0)
      throw io_error({path, std::to_string(count) + " unpacked bytes more", "its end",
                      "put the file back as it was, or begin anew with --fresh"});
    count -= got;
  }
}

} // namespace

byte_input::~byte_input() = default;

std::string_view compression_of(const std::string& path) {
  std::uint64_t size = 0;
  const auto file = open_readable_file(path, size);
  unsigned char first[4] = {};
  char* const into = static_cast<char*>(static_cast<void*>(first));
  const std::size_t filled = read_all_at(file.get(), into, sizeof first, 0, path);
  if (filled >= 2 && first[0] == 0x1f && first[1] == 0x8b)
    return "gzip";
  if (filled == 4 && first[3] == 0xfd && first[2] == 0x2f && first[1] == 0xb5 && first[0] == 0x28)
    return "zstd";
  if (filled == 4 && first[3] == 0x18 && first[2] == 0x4d && first[1] == 0x2a && (first[0] & 0xf0) == 0x50)
    return "zstd"; // begins with a frame to be skipped
  return {};
}

std::unique_ptr<byte_input> open_file_input(const std::string& path, std::uint64_t size, std::uint64_t offset,
                                            std::uint64_t soft_end) {
  const auto packed = compression_of(path);
  if (packed.empty())
    return std::make_unique<plain_input>(path, size, offset, soft_end);
  auto bytes = std::make_unique<plain_input>(path, size, 0, ~std::uint64_t{0});
  auto unpacked =
      packed == "gzip" ? detail::unpack_gzip(std::move(bytes), path) : detail::unpack_zstd(std::move(bytes), path);
  skip_bytes(*unpacked, offset, path);
  return unpacked;
}

} // namespace weir::inline v0
