#include "file_io.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace weir::inline v0 {

file_descriptor::~file_descriptor() {
  if (value_ >= 0)
    ::close(value_);
}

void fail_io(const std::string& path, std::string_view doing, int code) {
  std::string remedy;
  switch (code) {
  case ENOSPC:
  case EDQUOT:
    remedy = "free space there and start again; what was complete is kept";
    break;
  case EACCES:
  case EPERM:
  case EROFS:
    remedy = "change its permissions or owner, or name another path";
    break;
  case EPIPE:
    remedy = "keep the reader of the output running";
    break;
  default:
    remedy = "check the path and the disk, then start again";
  }
  throw io_error({path, {}, "the system refused to " + std::string{doing} + " it: " + std::strerror(code), remedy});
}

namespace {

[[noreturn]] void refuse_input(const std::string& path, const std::string& found) {
  throw path_error({path, "a file that can be read", found, "name a file or a glob pattern that names files"});
}
[[noreturn]] void refuse_input(const std::string& path, int code) {
  if (code != ENOENT && code != ENOTDIR)
    refuse_input(path, std::strerror(code));
  throw missing_file_error(
      {path, "a file that can be read", std::strerror(code), "name a file or a glob pattern that names files"});
}

std::int64_t nanoseconds(const struct statx_timestamp& at) {
  return std::int64_t{at.tv_sec} * 1'000'000'000 + at.tv_nsec;
}

/// The system's error, or 0.
int look(int folder, const char* path, int flags, file_facts& into) {
  struct statx found {};
  if (::statx(folder, path, flags, STATX_BASIC_STATS | STATX_BTIME, &found) != 0)
    return errno;
  into.device = ::makedev(found.stx_dev_major, found.stx_dev_minor);
  into.inode = found.stx_ino;
  into.born_ns = (found.stx_mask & STATX_BTIME) != 0 ? nanoseconds(found.stx_btime) : 0;
  into.size = found.stx_size;
  into.modified_ns = nanoseconds(found.stx_mtime);
  into.changed_ns = nanoseconds(found.stx_ctime);
  into.regular = S_ISREG(found.stx_mode);
  return 0;
}

} // namespace

std::optional<file_facts> look_at_file(const std::string& path) {
  file_facts found;
  const int fault = look(AT_FDCWD, path.c_str(), 0, found);
  if (fault == 0)
    return found;
  if (fault != ENOENT && fault != ENOTDIR)
    fail_io(path, "look at", fault);
  return std::nullopt;
}

file_facts look_at_file(int file, const std::string& path) {
  file_facts found;
  if (const int fault = look(file, "", AT_EMPTY_PATH, found); fault != 0)
    fail_io(path, "look at", fault);
  return found;
}

file_descriptor open_readable_file(const std::string& path, std::uint64_t& size) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) // before opening: opening a pipe would wait for its writer
    refuse_input(path, errno);
  if (S_ISDIR(found.st_mode))
    refuse_input(path, "a directory");
  if (!S_ISREG(found.st_mode))
    refuse_input(path, "something that is no regular file");
  file_descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file || ::fstat(file.get(), &found) != 0)
    refuse_input(path, errno);
  size = static_cast<std::uint64_t>(found.st_size);
  return file;
}

std::size_t read_file_at(int file, char* into, std::size_t count, std::uint64_t offset, const std::string& path) {
  for (;;) {
    const auto got = ::pread(file, into, count, static_cast<off_t>(offset));
    if (got >= 0)
      return static_cast<std::size_t>(got);
    if (errno != EINTR)
      fail_io(path, "read", errno);
  }
}

std::size_t read_all_at(int file, char* into, std::size_t count, std::uint64_t offset, const std::string& path) {
  std::size_t filled = 0;
  while (filled < count) {
    const std::size_t got = read_file_at(file, into + filled, count - filled, offset + filled, path);
    if (got == 0)
      break;
    filled += got;
  }
  return filled;
}

bool last_line_goes_on(int file, std::uint64_t size, const std::string& path) {
  char behind[2] = {};
  const std::size_t got = read_all_at(file, behind, sizeof behind, size, path);
  return got > 0 && behind[0] != '\n' && (got == 1 || behind[0] != '\r' || behind[1] != '\n');
}

file_descriptor create_file(const std::string& path) {
  file_descriptor file{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
  if (!file)
    fail_io(path, "create", errno);
  return file;
}

void write_all(int file, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const auto written = ::write(file, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      pollfd waiting{file, POLLOUT, 0};
      ::poll(&waiting, 1, -1);
    } else if (errno != EINTR) {
      fail_io(path, "write", errno);
    }
  }
}

void sync_file(int file, const std::string& path) {
  int result = 0;
  do
    result = ::fsync(file);
  while (result != 0 && errno == EINTR);
  if (result != 0)
    fail_io(path, "sync", errno);
}

void sync_folder(const std::string& path) {
  const file_descriptor folder{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!folder)
    fail_io(path, "open", errno);
  sync_file(folder.get(), path);
}

bool rename_file(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) == 0)
    return true;
  if (errno != ENOENT)
    fail_io(from, "rename", errno);
  return false;
}

void remove_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    fail_io(path, "remove", errno);
}

std::uint64_t size_of_file(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) == 0)
    return static_cast<std::uint64_t>(found.st_size);
  if (errno != ENOENT)
    fail_io(path, "look at", errno);
  return no_file;
}

std::string read_small_file(const std::string& path) {
  const file_descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) {
    if (errno == ENOENT)
      return {};
    fail_io(path, "open", errno);
  }
  std::string content;
  char block[4096];
  for (;;) {
    const auto got = ::read(file.get(), block, sizeof block);
    if (got == 0)
      return content;
    if (got > 0)
      content.append(block, static_cast<std::size_t>(got));
    else if (errno != EINTR)
      fail_io(path, "read", errno);
    if (content.size() > 1024 * 1024)
      throw io_error({path, "a small file", "more than a MiB", "move it away"});
  }
}

void write_small_file(const std::string& path, std::string_view content) {
  const std::string fresh = path + ".new";
  {
    const auto file = create_file(fresh);
    write_all(file.get(), content, fresh);
    sync_file(file.get(), fresh);
  }
  if (!rename_file(fresh, path))
    fail_io(fresh, "rename", ENOENT);
  const auto folder = std::filesystem::path{path}.parent_path().string();
  sync_folder(folder.empty() ? "." : folder);
}

} // namespace weir::inline v0
