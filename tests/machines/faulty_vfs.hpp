// The inside of a faulty disk: what SQLite calls, and what is remembered of each file.
#pragma once

#include "faulty_disk.hpp"
#include "unsynced_writes.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <sqlite3.h>

namespace weir_test {

struct faulty_disk::state {
  explicit state(std::string vfs_name);
  state(const state&) = delete;
  state& operator=(const state&) = delete;
  ~state() { sqlite3_vfs_unregister(&vfs); }

  /// A file as SQLite holds it; the system's follows in memory.
  struct file {
    sqlite3_file base;
    state* disk;
    std::shared_ptr<unsynced_writes>* unsynced; ///< null for a file without a name
    std::string* path;
    std::uint64_t life;
    [[nodiscard]] sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  };
  /// What a name stood for when it was opened last: files are renamed behind SQLite's back.
  struct known_file {
    std::shared_ptr<unsynced_writes> unsynced;
    std::uint64_t number = 0;
  };
  struct armed {
    fault what;
    long number = 0;
    long seen = 0;
    long struck = 0;
  };
  using guard = std::unique_lock<std::mutex>;

  static state& of(sqlite3_vfs* v) { return *static_cast<state*>(v->pAppData); }
  static file& as(sqlite3_file* f) { return *reinterpret_cast<file*>(f); }
  static sqlite3_file* real(sqlite3_file* f) { return as(f).real(); }
  static std::string name_of(const file& f);

  [[nodiscard]] bool is_dead(const file& f) const { return is_frozen || f.life != life; }
  /// What happens to this operation; `makes` says whether it needs room that was not taken yet.
  std::optional<trouble> next(guard& lock, operation o, const std::string& what, bool makes = true);
  void remember(file& f, const void* bytes, int size, sqlite3_int64 offset, bool torn);

  static int open(sqlite3_vfs* v, const char* path, sqlite3_file* f, int flags, int* out);
  static int remove(sqlite3_vfs* v, const char* path, int sync);
  static int close(sqlite3_file* f);
  static int read(sqlite3_file* f, void* to, int size, sqlite3_int64 offset);
  static int write(sqlite3_file* f, const void* bytes, int size, sqlite3_int64 offset);
  static int truncate(sqlite3_file* f, sqlite3_int64 size);
  static int sync(sqlite3_file* f, int flags);
  static int control(sqlite3_file* f, int code, void* argument);
  /// Something that locks; `busy` says whether it may be told to wait.
  template <class Call>
  static int locking(sqlite3_file* f, const char* what, int error, bool busy, bool makes, Call call);
  void fill_methods();

  mutable std::mutex mutex;
  std::string name;
  sqlite3_vfs* system;
  sqlite3_vfs vfs{};
  sqlite3_io_methods methods{};
  std::map<std::string, known_file> files;
  std::vector<std::string> databases;
  std::vector<armed> faults;
  long faults_armed = 0; ///< ever
  std::function<void()> hook;
  std::function<void()> torn_hook;
  std::array<long, operation_kinds> counts{};
  std::array<long, trouble_kinds> troubles{};
  std::string last;
  int busy_tries = 0;
  bool waiting = false; ///< a busy lock is being tried again: nobody sleeps for that
  bool real_syncs = false;
  bool stands_aside = false;
  bool remembers = true;
  bool is_frozen = false;
  std::uint64_t life = 0;
};

/// Which file has a name now; 0 if none has.
[[nodiscard]] std::uint64_t number_of(const std::string& path);

} // namespace weir_test
