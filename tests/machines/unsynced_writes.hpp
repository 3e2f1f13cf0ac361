// What was done to a file since its last sync, and what is left of that when the power goes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace weir_test {

/// The changes of one file that a loss of power may undo. Not thread-safe.
class unsynced_writes {
public:
  /// `is_new`: the file itself is not durable either.
  explicit unsynced_writes(bool is_new) : is_new_(is_new) {}

  /// Bytes went to `offset`, over `former` (shorter where the file ended); the file had `size` bytes.
  void wrote(std::int64_t offset, std::string former, std::string bytes, std::int64_t size, bool torn);
  /// The file was cut from `size` bytes to `offset`; `former` is what it lost.
  void truncated(std::int64_t offset, std::string former, std::int64_t size);
  void synced();
  /// What is pending may or may not be on the disk, and no later sync changes that.
  void sync_failed();

  /// Brings the file to one of the states that it can have after the power went. Nothing is pending then.
  void lose(const std::string& path, std::mt19937_64& random);

private:
  enum class fate : std::uint8_t { pending, in_doubt, durable };
  struct change {
    std::int64_t offset = 0;
    std::string former;
    std::string bytes;
    std::int64_t former_size = 0;
    fate is = fate::pending;
    bool torn = false;
    bool cut = false;
  };
  static void undo(int descriptor, const change& c);
  static void redo(int descriptor, const change& c, std::mt19937_64& random);

  std::vector<change> changes_;
  bool is_new_;
};

} // namespace weir_test
