// A SQLite VFS over the system's that lets the n-th write, sync, truncation or deletion fail, whole or torn.
#pragma once

#include <cstddef>
#include <new>
#include <stdexcept>
#include <string>

#include <sqlite3.h>

namespace store_test {

/// What is to go wrong, and what has happened. One at a time in a process.
class fault_vfs {
public:
  enum class mode { once, from_then_on };

  explicit fault_vfs(std::string name) : name_(std::move(name)), real_(sqlite3_vfs_find(nullptr)) {
    vfs_ = *real_;
    vfs_.zName = name_.c_str();
    vfs_.szOsFile = static_cast<int>(sizeof(file)) + real_->szOsFile;
    vfs_.pAppData = this;
    vfs_.xOpen = &open;
    vfs_.xDelete = [](sqlite3_vfs* v, const char* path, int sync) {
      auto& self = of(v);
      return self.fails() ? SQLITE_IOERR_DELETE : self.real_->xDelete(self.real_, path, sync);
    };
    if (sqlite3_vfs_register(&vfs_, 0) != SQLITE_OK)
      throw std::runtime_error("no VFS");
    fill_methods();
  }
  fault_vfs(const fault_vfs&) = delete;
  fault_vfs& operator=(const fault_vfs&) = delete;
  ~fault_vfs() { sqlite3_vfs_unregister(&vfs_); }

  /// The n-th operation from now fails (from 1); 0: none does. A torn write leaves half of its bytes.
  void arm(long n, mode m = mode::once, bool torn = false, int write_error = SQLITE_IOERR_WRITE) {
    count_ = 0;
    fail_at_ = n;
    mode_ = m;
    torn_ = torn;
    write_error_ = write_error;
    failed_ = 0;
  }
  [[nodiscard]] long failed() const { return failed_; }
  [[nodiscard]] const std::string& name() const { return name_; }

private:
  struct file {
    sqlite3_file base;
    fault_vfs* owner;
    [[nodiscard]] sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  };

  static fault_vfs& of(sqlite3_vfs* v) { return *static_cast<fault_vfs*>(v->pAppData); }
  static file& as(sqlite3_file* f) { return *reinterpret_cast<file*>(f); }
  static sqlite3_file* real(sqlite3_file* f) { return as(f).real(); }

  bool fails() {
    ++count_;
    const bool now = fail_at_ != 0 && (mode_ == mode::once ? count_ == fail_at_ : count_ >= fail_at_);
    failed_ += now ? 1 : 0;
    return now;
  }

  static int open(sqlite3_vfs* v, const char* path, sqlite3_file* f, int flags, int* out) {
    auto& self = of(v);
    auto* opened = new (f) file{};
    opened->owner = &self;
    const int code = self.real_->xOpen(self.real_, path, opened->real(), flags, out);
    opened->base.pMethods = opened->real()->pMethods ? &self.methods_ : nullptr;
    return code;
  }

  void fill_methods() {
    methods_.iVersion = 2;
    methods_.xClose = [](sqlite3_file* f) { return real(f)->pMethods->xClose(real(f)); };
    methods_.xRead = [](sqlite3_file* f, void* p, int n, sqlite3_int64 at) {
      return real(f)->pMethods->xRead(real(f), p, n, at);
    };
    methods_.xWrite = [](sqlite3_file* f, const void* p, int n, sqlite3_int64 at) {
      auto& self = *as(f).owner;
      if (self.fails()) {
        if (self.torn_)
          real(f)->pMethods->xWrite(real(f), p, n / 2, at);
        return self.write_error_;
      }
      return real(f)->pMethods->xWrite(real(f), p, n, at);
    };
    methods_.xTruncate = [](sqlite3_file* f, sqlite3_int64 n) {
      return as(f).owner->fails() ? SQLITE_IOERR_TRUNCATE : real(f)->pMethods->xTruncate(real(f), n);
    };
    methods_.xSync = [](sqlite3_file* f, int flags) {
      return as(f).owner->fails() ? SQLITE_IOERR_FSYNC : real(f)->pMethods->xSync(real(f), flags);
    };
    methods_.xFileSize = [](sqlite3_file* f, sqlite3_int64* n) { return real(f)->pMethods->xFileSize(real(f), n); };
    methods_.xLock = [](sqlite3_file* f, int n) { return real(f)->pMethods->xLock(real(f), n); };
    methods_.xUnlock = [](sqlite3_file* f, int n) { return real(f)->pMethods->xUnlock(real(f), n); };
    methods_.xCheckReservedLock = [](sqlite3_file* f, int* n) {
      return real(f)->pMethods->xCheckReservedLock(real(f), n);
    };
    methods_.xFileControl = [](sqlite3_file* f, int op, void* p) {
      return real(f)->pMethods->xFileControl(real(f), op, p);
    };
    methods_.xSectorSize = [](sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); };
    methods_.xDeviceCharacteristics = [](sqlite3_file* f) {
      return real(f)->pMethods->xDeviceCharacteristics(real(f));
    };
    methods_.xShmMap = [](sqlite3_file* f, int page, int size, int extend, void volatile** p) {
      return real(f)->pMethods->xShmMap(real(f), page, size, extend, p);
    };
    methods_.xShmLock = [](sqlite3_file* f, int at, int n, int flags) {
      return real(f)->pMethods->xShmLock(real(f), at, n, flags);
    };
    methods_.xShmBarrier = [](sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); };
    methods_.xShmUnmap = [](sqlite3_file* f, int remove) { return real(f)->pMethods->xShmUnmap(real(f), remove); };
  }

  std::string name_;
  sqlite3_vfs* real_;
  sqlite3_vfs vfs_{};
  sqlite3_io_methods methods_{};
  long count_ = 0;
  long fail_at_ = 0;
  long failed_ = 0;
  mode mode_ = mode::once;
  bool torn_ = false;
  int write_error_ = SQLITE_IOERR_WRITE;
};

} // namespace store_test
