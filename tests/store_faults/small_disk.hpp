// A disk of a few megabytes that is really full when it is full; where the system lets a test mount one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace store_faults {

/// A tmpfs that only this process sees, and that goes with the object. Make it before any other thread.
class small_disk {
public:
  explicit small_disk(std::uint64_t bytes);
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;
  ~small_disk();

  /// Why there is none; empty if there is one.
  [[nodiscard]] const std::string& refusal() const { return refusal_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  /// Fills what is free, but for `left` bytes.
  void fill(std::uint64_t left = 0) const;
  /// Frees what `fill` took.
  void free() const;

private:
  std::filesystem::path path_;
  std::string refusal_;
};

} // namespace store_faults
