// A lock file that keeps a second process, or a second user in this one, away from a file.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace weir::inline v0 {

/// Holds `<path>.lock` until it goes. The lock is the kernel's, so a killed process leaves none behind; the file holds
/// the owner's process id for the refusal's text, and a line that the owner may leave to the next. The guarded file
/// itself is never opened: closing it would drop SQLite's locks. Links are followed first, so that two names of one
/// file meet at the same lock.
class file_lock {
public:
  /// Waits for 1.5 seconds if another process holds it, which may be on its way out. Throws store_error, naming the
  /// owner's process, if somebody holds it; path_error or io_error if the lock file
  /// cannot be made.
  explicit file_lock(const std::filesystem::path& guarded);
  file_lock(file_lock&& other) noexcept;
  file_lock& operator=(file_lock&& other) noexcept;
  ~file_lock();

  [[nodiscard]] const std::filesystem::path& lock_path() const noexcept { return path_; }

  /// The line that an owner before us left; empty if none did.
  [[nodiscard]] const std::string& former_note() const noexcept { return former_note_; }
  /// Leaves a line, in place of the one before. It is not synced. False if the system refused; the lock holds anyway.
  bool write_note(std::string_view line) noexcept;
  /// Nobody needs the line any more. Until this is called, a file with a line stays when the lock goes.
  void forget_note() noexcept { has_note_ = false; }

private:
  void release() noexcept;

  std::filesystem::path path_;
  std::string former_note_;
  int descriptor_ = -1;
  bool has_note_ = false;
};

} // namespace weir::inline v0
