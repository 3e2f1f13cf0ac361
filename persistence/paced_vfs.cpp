// The files of the base, with the methods for writing and reading replaced.
#include "paced_vfs.hpp"

#include "error.hpp"

#include <ctime>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sqlite3.h>

namespace weir::inline v0 {

namespace {

thread_local unsigned resting_readers = 0;

class paced_files final : public sqlite3_vfs {
public:
  // What is not replaced finds its settings in pAppData, which is the base's.
  paced_files(std::string name, sqlite3_vfs& base, pacing how)
      : sqlite3_vfs(base), name_(std::move(name)), base_(base), how_(how) {
    zName = name_.c_str();
    pNext = nullptr;
    xOpen = &open;
  }
  paced_files(const paced_files&) = delete;
  paced_files& operator=(const paced_files&) = delete;

  /// A base that is gone may leave its address to another.
  [[nodiscard]] bool is_over(const sqlite3_vfs& base, const pacing& how) const {
    return &base_ == &base && pAppData == base.pAppData && szOsFile == base.szOsFile &&
           how_.work_of_this_thread == how.work_of_this_thread && how_.rest == how.rest;
  }

private:
  struct methods : sqlite3_io_methods {
    methods(const sqlite3_io_methods& of, paced_files& in) : sqlite3_io_methods(of), base(of), files(in) {
      xWrite = &write;
      xRead = &read;
    }
    const sqlite3_io_methods& base;
    paced_files& files;
  };

  static int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out) {
    auto& self = *static_cast<paced_files*>(vfs);
    const int code = self.base_.xOpen(&self.base_, path, file, flags, out);
    if (code != SQLITE_OK || !file->pMethods)
      return code;
    try {
      file->pMethods = self.paced(*file->pMethods);
    } catch (const std::bad_alloc&) {
      file->pMethods->xClose(file);
      file->pMethods = nullptr;
      return SQLITE_NOMEM;
    }
    return SQLITE_OK;
  }

  static int write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 at) {
    const auto& own = *static_cast<const methods*>(file->pMethods);
    const int code = own.base.xWrite(file, bytes, size, at);
    own.files.rest_if_due();
    return code;
  }

  static int read(sqlite3_file* file, void* bytes, int size, sqlite3_int64 at) {
    const auto& own = *static_cast<const methods*>(file->pMethods);
    const int code = own.base.xRead(file, bytes, size, at);
    if (resting_readers != 0)
      own.files.rest_if_due();
    return code;
  }

  const methods* paced(const sqlite3_io_methods& of) {
    const std::lock_guard guard{mutex_};
    auto& found = methods_[&of];
    if (!found)
      found = std::make_unique<methods>(of, *this);
    return found.get();
  }

  void rest_if_due() const {
    thread_local std::chrono::nanoseconds rested_at{0};
    const std::chrono::nanoseconds now = how_.work_of_this_thread();
    if (now - rested_at < paced_work)
      return;
    rested_at = now;
    how_.rest(paced_rest);
  }

  std::string name_;
  sqlite3_vfs& base_;
  pacing how_;
  std::mutex mutex_;
  std::map<const sqlite3_io_methods*, std::unique_ptr<methods>> methods_; // SQLite has a few kinds of files
};

} // namespace

paced_reads::paced_reads() noexcept {
  ++resting_readers;
}

paced_reads::~paced_reads() {
  --resting_readers;
}

pacing system_pacing() {
  return {[] {
            timespec now{};
            ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
            return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
          },
          [](std::chrono::microseconds time) { std::this_thread::sleep_for(time); }};
}

std::string paced_vfs(const std::string& base, const pacing& how) {
  // Never freed: SQLite may use them until the process ends, later than any destructor here.
  static std::mutex mutex;
  static auto& registered = *new std::vector<std::unique_ptr<paced_files>>;
  const std::lock_guard guard{mutex};
  sqlite3_vfs* beneath = sqlite3_vfs_find(base.empty() ? nullptr : base.c_str());
  if (!beneath)
    throw usage_error({"the SQLite VFS \"" + base + "\"", "to be registered", "it is not", {}});
  for (const auto& made : registered)
    if (made->is_over(*beneath, how))
      return made->zName;
  auto made = std::make_unique<paced_files>("weir-paced-" + std::to_string(registered.size() + 1), *beneath, how);
  if (sqlite3_vfs_register(made.get(), 0) != SQLITE_OK)
    throw std::bad_alloc();
  registered.push_back(std::move(made));
  return registered.back()->zName;
}

} // namespace weir::inline v0
