// The lock file, by flock(2): one lock an open file, so that it also holds within a process.
#include "file_lock.hpp"

#include "error.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weir::inline v0 {

namespace {

std::string owner_of(int descriptor) {
  std::array<char, 32> buffer{};
  const auto got = ::pread(descriptor, buffer.data(), buffer.size() - 1, 0);
  std::string owner;
  for (ssize_t i = 0;
       i < got && buffer[static_cast<std::size_t>(i)] >= '0' && buffer[static_cast<std::size_t>(i)] <= '9'; ++i)
    owner += buffer[static_cast<std::size_t>(i)];
  return owner;
}

[[noreturn]] void refuse(const std::filesystem::path& path, int code) {
  throw io_error({"the lock file " + path.string(), "a folder in which files can be made and written",
                  std::strerror(code), "make the folder, change its permissions, free space, or name another path"});
}

} // namespace

file_lock::file_lock(const std::filesystem::path& guarded) {
  std::error_code ignored;
  auto resolved = std::filesystem::weakly_canonical(guarded, ignored);
  if (ignored)
    resolved = std::filesystem::absolute(guarded);
  path_ = resolved;
  path_ += ".lock";
  for (;;) {
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor_ < 0)
      refuse(path_, errno);
    int result = 0;
    do
      result = ::flock(descriptor_, LOCK_EX | LOCK_NB);
    while (result != 0 && errno == EINTR);
    if (result != 0) {
      const int code = errno;
      const auto owner = owner_of(descriptor_);
      ::close(std::exchange(descriptor_, -1));
      if (code != EWOULDBLOCK)
        refuse(path_, code);
      const bool own = owner == std::to_string(::getpid());
      throw store_error({resolved.string(), "to be its only user",
                         own             ? "it is open in this process already"
                         : owner.empty() ? "another process holds " + path_.string()
                                         : "process " + owner + " uses it",
                         "wait for it or stop it, or name another path"});
    }
    // The owner before us removes the file when it goes: a lock on a removed file guards nothing.
    struct stat held {};
    struct stat named {};
    if (::fstat(descriptor_, &held) == 0 && ::stat(path_.c_str(), &named) == 0 && held.st_ino == named.st_ino &&
        held.st_dev == named.st_dev)
      break;
    ::close(std::exchange(descriptor_, -1));
  }
  const auto text = std::to_string(::getpid()) + "\n";
  if (::ftruncate(descriptor_, 0) != 0 ||
      ::pwrite(descriptor_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    const int code = errno;
    release();
    refuse(path_, code);
  }
}

file_lock::file_lock(file_lock&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

file_lock& file_lock::operator=(file_lock&& other) noexcept {
  if (this != &other) {
    release();
    path_ = std::move(other.path_);
    descriptor_ = std::exchange(other.descriptor_, -1);
  }
  return *this;
}

file_lock::~file_lock() {
  release();
}

void file_lock::release() noexcept {
  if (descriptor_ < 0)
    return;
  ::unlink(path_.c_str()); // while it is still held
  ::close(std::exchange(descriptor_, -1));
}

} // namespace weir::inline v0
