// What unpacks gzip and zstd; both refuse what is damaged or ends too soon.
#include "byte_input.hpp"

#include "../persistence/error.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include <zlib.h>
#include <zstd.h>

namespace weir::inline v0 {

namespace {

constexpr std::size_t packed_block_bytes = 64 * 1024;

/// The packed bytes that were read and not yet taken.
class packed_bytes {
public:
  packed_bytes(std::unique_ptr<byte_input> input, std::string path)
      : input_(std::move(input)), path_(std::move(path)), block_(packed_block_bytes) {}

  /// Reads a block if nothing is left; false at the end.
  bool fill() {
    if (at_ < filled_)
      return true;
    taken_ += filled_;
    filled_ = input_->read(block_.data(), block_.size());
    at_ = 0;
    return filled_ > 0;
  }
  [[nodiscard]] char* data() { return block_.data() + at_; }
  [[nodiscard]] std::size_t size() const { return filled_ - at_; }
  void take(std::size_t count) { at_ += count; }
  [[nodiscard]] bool have_grown() const { return input_->last_line_goes_on(); }

  [[noreturn]] void damaged(const char* format, const std::string& found) const {
    throw io_error({path_, std::string{"a whole "} + format + " file",
                    found + " at packed byte " + std::to_string(taken_ + at_),
                    "put a good copy there and start again; or leave the file out and begin anew with --fresh"});
  }

private:
  std::unique_ptr<byte_input> input_;
  std::string path_;
  std::vector<char> block_;
  std::size_t filled_ = 0;
  std::size_t at_ = 0;
  std::uint64_t taken_ = 0;
};

unsigned clamped(std::size_t count) {
  return static_cast<unsigned>(std::min<std::size_t>(count, std::numeric_limits<unsigned>::max()));
}

class gzip_input final : public byte_input {
public:
  gzip_input(std::unique_ptr<byte_input> packed, std::string path) : packed_(std::move(packed), std::move(path)) {
    if (::inflateInit2(&stream_, 15 + 16) != Z_OK) // 16: a gzip header
      throw std::bad_alloc{};
  }
  gzip_input(const gzip_input&) = delete;
  gzip_input& operator=(const gzip_input&) = delete;
  ~gzip_input() override { ::inflateEnd(&stream_); }

  std::size_t read(char* into, std::size_t count) override {
    stream_.next_out = static_cast<unsigned char*>(static_cast<void*>(into));
    stream_.avail_out = clamped(count);
    const unsigned wanted = stream_.avail_out;
    while (stream_.avail_out == wanted && begin_member())
      inflate_some();
    return wanted - stream_.avail_out;
  }
  [[nodiscard]] bool last_line_goes_on() const override { return packed_.have_grown(); }

private:
  /// False if there is nothing more.
  bool begin_member() {
    if (!packed_.fill()) {
      if (in_member_)
        packed_.damaged("gzip", "an end that comes too soon");
      return false;
    }
    if (!in_member_ && members_ > 0) { // files may be one behind the other; what fills up a block is zeros
      while (packed_.size() > 0 && *packed_.data() == 0) {
        packed_.take(1);
        if (!packed_.fill())
          return false;
      }
      ::inflateReset(&stream_);
    }
    in_member_ = true;
    return true;
  }

  void inflate_some() {
    stream_.next_in = static_cast<unsigned char*>(static_cast<void*>(packed_.data()));
    stream_.avail_in = clamped(packed_.size());
    const unsigned given = stream_.avail_in;
    const int code = ::inflate(&stream_, Z_NO_FLUSH);
    packed_.take(given - stream_.avail_in);
    if (code == Z_STREAM_END) {
      in_member_ = false;
      ++members_;
    } else if (code == Z_MEM_ERROR) {
      throw std::bad_alloc{};
    } else if (code != Z_OK && code != Z_BUF_ERROR) {
      packed_.damaged("gzip", std::string{"damaged bytes ("} + (stream_.msg ? stream_.msg : "no reason given") + ")");
    }
  }

  packed_bytes packed_;
  z_stream stream_{};
  bool in_member_ = false;
  std::uint64_t members_ = 0;
};

class zstd_input final : public byte_input {
public:
  zstd_input(std::unique_ptr<byte_input> packed, std::string path)
      : packed_(std::move(packed), std::move(path)), stream_(::ZSTD_createDStream()) {
    if (!stream_)
      throw std::bad_alloc{};
  }

  std::size_t read(char* into, std::size_t count) override {
    ZSTD_outBuffer out{into, count, 0};
    while (out.pos == 0) {
      // Unpacked bytes may be left inside when the packed ones are at their end.
      const bool more = packed_.fill();
      if (!more && !in_frame_)
        return 0;
      ZSTD_inBuffer in{packed_.data(), packed_.size(), 0};
      const std::size_t code = ::ZSTD_decompressStream(stream_.get(), &out, &in);
      packed_.take(in.pos);
      if (::ZSTD_isError(code) != 0)
        packed_.damaged("zstd", std::string{"damaged bytes ("} + ::ZSTD_getErrorName(code) + ")");
      in_frame_ = code != 0;
      if (!more && out.pos == 0 && in_frame_)
        packed_.damaged("zstd", "an end that comes too soon");
    }
    return out.pos;
  }
  [[nodiscard]] bool last_line_goes_on() const override { return packed_.have_grown(); }

private:
  struct free_stream {
    void operator()(ZSTD_DStream* stream) const { ::ZSTD_freeDStream(stream); }
  };

  packed_bytes packed_;
  std::unique_ptr<ZSTD_DStream, free_stream> stream_;
  bool in_frame_ = false;
};

} // namespace

std::unique_ptr<byte_input> detail::unpack_gzip(std::unique_ptr<byte_input> packed, std::string path) {
  return std::make_unique<gzip_input>(std::move(packed), std::move(path));
}
std::unique_ptr<byte_input> detail::unpack_zstd(std::unique_ptr<byte_input> packed, std::string path) {
  return std::make_unique<zstd_input>(std::move(packed), std::move(path));
}

} // namespace weir::inline v0
