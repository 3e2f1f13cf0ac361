#include "path_refusal.hpp"

#include "error.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

namespace weir::inline v0 {

void refuse_path(std::string thing, const std::filesystem::path& path, int code) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path{"."};
  error_text text{std::move(thing), "a folder in which files can be made and written", std::strerror(code), {}};
  switch (code) {
  case ENOENT:
    if (std::error_code ignored; std::filesystem::is_directory(folder, ignored)) {
      // Such as /proc: the system itself makes the files there.
      text.found = "that no file can be made in " + folder.string();
      text.remedy = "name a path in another folder";
    } else {
      text.found = "no folder " + folder.string();
      text.remedy = "make the folder, or name another path";
    }
    throw path_error(std::move(text));
  case EACCES:
  case EPERM:
    text.found += " in " + folder.string();
    text.remedy = "change the folder's permissions or owner, or name another path";
    throw path_error(std::move(text));
  case EROFS:
    text.found += " at " + folder.string();
    text.remedy = "make it writable, or name a path on another file system";
    throw path_error(std::move(text));
  case ENOTDIR:
  case EISDIR:
  case ELOOP:
  case ENAMETOOLONG:
  case EINVAL:
    text.remedy = "name another path";
    throw path_error(std::move(text));
  case ENOSPC:
  case EDQUOT:
    text.remedy = "free space there and start again; what was complete is kept";
    throw io_error(std::move(text));
  default:
    text.remedy = "check the disk and the system's limits, then start again";
    throw io_error(std::move(text));
  }
}

} // namespace weir::inline v0
