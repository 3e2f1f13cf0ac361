// A lock file that keeps a second process, or a second user in this one, away from a file.
#pragma once

#include <filesystem>
#include <string>

namespace weir::inline v0 {

/// Holds `<path>.lock` until it goes. The lock is the kernel's, so a killed process leaves none behind; the file holds
/// the owner's process id for the refusal's text. The guarded file itself is never opened: closing it would drop
/// SQLite's locks. Links are followed first, so that two names of one file meet at the same lock.
class file_lock {
public:
  /// Throws store_error, naming the owner's process, if somebody holds it; io_error if the lock file cannot be made.
  explicit file_lock(const std::filesystem::path& guarded);
  file_lock(file_lock&& other) noexcept;
  file_lock& operator=(file_lock&& other) noexcept;
  ~file_lock();

  [[nodiscard]] const std::filesystem::path& lock_path() const noexcept { return path_; }

private:
  void release() noexcept;

  std::filesystem::path path_;
  int descriptor_ = -1;
};

} // namespace weir::inline v0
