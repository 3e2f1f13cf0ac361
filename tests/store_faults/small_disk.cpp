// A mount namespace of the process's own, so that nothing is left behind when a test is killed.
#include "store_faults/small_disk.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <vector>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace store_faults {

small_disk::small_disk(std::uint64_t bytes) {
  auto name = (std::filesystem::temp_directory_path() / "weir-disk-XXXXXX").string();
  if (!::mkdtemp(name.data()))
    throw std::runtime_error{"no temporary folder"};
  path_ = name;
  const auto refuse = [this](const char* what) { refusal_ = std::string{what} + ": " + std::strerror(errno); };
  if (::unshare(CLONE_NEWNS) != 0)
    refuse("this process may have no mounts of its own");
  else if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    refuse("its mounts cannot be kept to itself");
  else if (::mount("weir-disk", path_.c_str(), "tmpfs", 0, ("size=" + std::to_string(bytes)).c_str()) != 0)
    refuse("it may not mount a tmpfs");
}

small_disk::~small_disk() {
  if (refusal_.empty())
    ::umount2(path_.c_str(), MNT_DETACH);
  ::rmdir(path_.c_str());
}

void small_disk::fill(std::uint64_t left) const {
  struct statvfs free {};
  if (::statvfs(path_.c_str(), &free) != 0)
    throw std::runtime_error{"cannot ask the small disk"};
  const auto room = static_cast<std::uint64_t>(free.f_bavail) * free.f_bsize;
  const int file = ::open((path_ / "ballast").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const std::vector<char> page(4096, 'x');
  for (std::uint64_t taken = left; taken < room; taken += page.size())
    if (::write(file, page.data(), page.size()) != static_cast<ssize_t>(page.size()))
      break;
  ::close(file);
}

void small_disk::free() const {
  std::filesystem::remove(path_ / "ballast");
}

} // namespace store_faults
