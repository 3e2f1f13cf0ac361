#include "file_names.hpp"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <stdio.h> // NOLINT(modernize-deprecated-headers): renameat2 is not in <cstdio>
#include <unistd.h>

namespace weir::inline v0 {

namespace fs = std::filesystem;

namespace {

int sync_opened(const fs::path& path, int flags) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC);
  if (descriptor < 0)
    return errno;
  const int code = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  return code;
}

} // namespace

fs::path with_suffix(const fs::path& path, std::string_view suffix) {
  fs::path result = path;
  result += suffix;
  return result;
}

bool name_is_taken(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

int sync_file(const fs::path& path) {
  return sync_opened(path, O_RDONLY);
}

int sync_folder(const fs::path& path) {
  return sync_opened(path, O_RDONLY | O_DIRECTORY);
}

int rename_to_free_name(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0)
    return 0;
  if (errno != EINVAL && errno != ENOSYS)
    return errno;
  if (name_is_taken(to)) // a file system without that flag
    return EEXIST;
  return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

} // namespace weir::inline v0
