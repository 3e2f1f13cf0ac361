// The frames of the log that SQLite would look at, read and written again through its VFS.
#include "log_renewal.hpp"

#include "error.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include <sqlite3.h>

namespace weir::inline v0 {

namespace {

constexpr std::int64_t header_bytes = 32;
constexpr std::int64_t frame_header_bytes = 24;
constexpr std::int64_t most_page_bytes = 65536;
constexpr std::int64_t piece_bytes = 65536; // SQLite's VFS for Unix takes less than 128 KiB at once

std::int64_t big_endian(const unsigned char* from) {
  return std::int64_t{from[0]} << 24 | std::int64_t{from[1]} << 16 | std::int64_t{from[2]} << 8 | from[3];
}

/// A log, opened beneath SQLite.
class log_file {
public:
  /// None there: `is_open` is false.
  log_file(const std::string& database, sqlite3_vfs* vfs)
      : path_(database + "-wal"),
        name_(sqlite3_create_filename(database.c_str(), (database + "-journal").c_str(), path_.c_str(), 0, nullptr)) {
    if (!name_)
      throw std::bad_alloc();
    const char* log = sqlite3_filename_wal(name_.get());
    int there = 0;
    check(vfs->xAccess(vfs, log, SQLITE_ACCESS_EXISTS, &there), "look for it");
    if (there == 0)
      return;
    memory_.resize(static_cast<std::size_t>(vfs->szOsFile) / sizeof(std::max_align_t) + 1);
    auto* file = reinterpret_cast<sqlite3_file*>(memory_.data());
    const int code = vfs->xOpen(vfs, log, file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_WAL, nullptr);
    if (file->pMethods)
      file_ = file;
    check(code, "open it");
  }
  log_file(const log_file&) = delete;
  log_file& operator=(const log_file&) = delete;
  ~log_file() {
    if (file_)
      file_->pMethods->xClose(file_);
  }

  [[nodiscard]] bool is_open() const { return file_ != nullptr; }
  [[nodiscard]] std::int64_t size() {
    sqlite3_int64 bytes = 0;
    check(file_->pMethods->xFileSize(file_, &bytes), "measure it");
    return bytes;
  }
  void read(void* to, std::int64_t bytes, std::int64_t offset) {
    check(file_->pMethods->xRead(file_, to, static_cast<int>(bytes), offset), "read it");
  }
  void write(const void* from, std::int64_t bytes, std::int64_t offset) {
    check(file_->pMethods->xWrite(file_, from, static_cast<int>(bytes), offset), "write it again");
  }
  void sync() { check(file_->pMethods->xSync(file_, SQLITE_SYNC_NORMAL), "sync it"); }

private:
  void check(int code, const char* doing) const {
    if (code == SQLITE_OK)
      return;
    const bool full = (code & 0xff) == SQLITE_FULL;
    throw io_error(
        {"the log " + path_, full ? "room on the disk" : "a file that can be read and written",
         std::string{full ? "none" : "the system refused"} + " while it was to " + doing + ": " + sqlite3_errstr(code),
         full ? "free space there and start again; what was complete is kept"
              : "check the disk and the permissions, then start again"});
  }

  std::string path_;
  struct free_name {
    void operator()(const char* name) const { sqlite3_free_filename(const_cast<char*>(name)); }
  };
  std::unique_ptr<const char, free_name> name_;
  std::vector<std::max_align_t> memory_;
  sqlite3_file* file_ = nullptr;
};

/// How many bytes belong to the log's present generation: older frames behind them have other salts.
std::int64_t present_bytes(log_file& log) {
  const auto size = log.size();
  if (size < header_bytes + frame_header_bytes)
    return 0;
  std::array<unsigned char, header_bytes> header{};
  log.read(header.data(), header_bytes, 0);
  const auto page = big_endian(header.data() + 8);
  if (page < 512 || page > most_page_bytes)
    return 0; // no log that SQLite would read
  const auto frame = frame_header_bytes + page;
  std::int64_t end = header_bytes;
  std::array<unsigned char, frame_header_bytes> head{};
  for (; end + frame <= size; end += frame) {
    log.read(head.data(), frame_header_bytes, end);
    if (std::memcmp(head.data() + 8, header.data() + 16, 8) != 0)
      break;
  }
  return end;
}

} // namespace

void renew_log(const std::string& path, const std::string& vfs) {
  sqlite3_vfs* through = sqlite3_vfs_find(vfs.empty() ? nullptr : vfs.c_str());
  if (!through)
    throw usage_error({"the SQLite VFS \"" + vfs + "\"", "to be registered", "it is not", {}});
  log_file log{path, through};
  if (!log.is_open())
    return;
  const auto end = present_bytes(log);
  if (end == 0)
    return;
  std::vector<char> piece(static_cast<std::size_t>(std::min(piece_bytes, end)));
  for (std::int64_t at = 0; at < end; at += piece_bytes) {
    const auto bytes = std::min(piece_bytes, end - at);
    log.read(piece.data(), bytes, at);
    log.write(piece.data(), bytes, at);
  }
  log.sync();
}

} // namespace weir::inline v0
