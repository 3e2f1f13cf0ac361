// The lock file, by flock(2): one lock an open file, so that it also holds within a process.
#include "file_lock.hpp"

#include "error.hpp"
#include "path_refusal.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weir::inline v0 {

namespace {

/// What the file holds: the owner's process on the first line, its note on the second.
std::string content_of(int descriptor) {
  std::array<char, 512> buffer{};
  const auto got = ::pread(descriptor, buffer.data(), buffer.size(), 0);
  return {buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
}

std::string owner_of(int descriptor) {
  const auto content = content_of(descriptor);
  return content.substr(0, content.find_first_not_of("0123456789"));
}

std::string note_of(int descriptor) {
  const auto content = content_of(descriptor);
  const auto begin = content.find('\n');
  const auto end = begin == std::string::npos ? begin : content.find('\n', begin + 1);
  return end == std::string::npos ? std::string{} : content.substr(begin + 1, end - begin - 1);
}

/// A process that was killed holds its lock until the kernel has taken it down: whoever starts the next one at once
/// waits so long before it is refused.
constexpr int dying_owner_tries = 75;
constexpr std::chrono::milliseconds dying_owner_pause{20};

/// In one write, so that a process that is killed leaves the one or the other.
bool put_content(int descriptor, const std::string& content) {
  return ::pwrite(descriptor, content.data(), content.size(), 0) == static_cast<ssize_t>(content.size()) &&
         ::ftruncate(descriptor, static_cast<off_t>(content.size())) == 0;
}

[[noreturn]] void refuse(const std::filesystem::path& path, int code) {
  refuse_path("the lock file " + path.string(), path, code);
}

} // namespace

file_lock::file_lock(const std::filesystem::path& guarded) {
  std::error_code ignored;
  auto resolved = std::filesystem::weakly_canonical(guarded, ignored);
  if (ignored)
    resolved = std::filesystem::absolute(guarded);
  path_ = resolved;
  path_ += ".lock";
  for (int tries = 1;; ++tries) {
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
      if (!own && tries < dying_owner_tries) {
        std::this_thread::sleep_for(dying_owner_pause);
        continue;
      }
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
  former_note_ = note_of(descriptor_);
  has_note_ = !former_note_.empty();
  if (!put_content(descriptor_,
                   std::to_string(::getpid()) + "\n" + (former_note_.empty() ? "" : former_note_ + "\n"))) {
    const int code = errno;
    release();
    refuse(path_, code);
  }
}

bool file_lock::write_note(std::string_view line) noexcept {
  has_note_ = true;
  try {
    return put_content(descriptor_, std::to_string(::getpid()) + "\n" + std::string{line} + "\n");
  } catch (const std::bad_alloc&) {
    return false;
  }
}

file_lock::file_lock(file_lock&& other) noexcept
    : path_(std::move(other.path_)),
      former_note_(std::move(other.former_note_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      has_note_(other.has_note_) {}

file_lock& file_lock::operator=(file_lock&& other) noexcept {
  if (this != &other) {
    release();
    path_ = std::move(other.path_);
    former_note_ = std::move(other.former_note_);
    has_note_ = other.has_note_;
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
  if (!has_note_)
    ::unlink(path_.c_str()); // while it is still held
  ::close(std::exchange(descriptor_, -1));
}

} // namespace weir::inline v0
