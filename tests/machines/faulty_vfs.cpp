// The VFS: every call goes through one lock, may go wrong, and is remembered until it is synced.
#include "faulty_vfs.hpp"

#include <algorithm>
#include <new>
#include <stdexcept>
#include <utility>

#include <sys/stat.h>

namespace weir_test {

namespace {

using operation = faulty_disk::operation;
using trouble = faulty_disk::trouble;

/// The bytes of a file from `begin` to before `end`, in pieces: the system's VFS takes less than 128 KiB at once.
std::string content_of(sqlite3_file* file, sqlite3_int64 begin, sqlite3_int64 end) {
  std::string bytes(static_cast<std::size_t>(std::max<sqlite3_int64>(end - begin, 0)), '\0');
  for (std::size_t at = 0; at < bytes.size(); at += 65536)
    file->pMethods->xRead(file, bytes.data() + at, static_cast<int>(std::min<std::size_t>(65536, bytes.size() - at)),
                          begin + static_cast<sqlite3_int64>(at));
  return bytes;
}

std::string last_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

} // namespace

std::uint64_t number_of(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 ? found.st_ino : 0;
}

faulty_disk::state::state(std::string vfs_name) : name(std::move(vfs_name)), system(sqlite3_vfs_find("unix")) {
  if (!system || sqlite3_vfs_find(name.c_str()))
    throw std::runtime_error{"no system VFS, or another VFS is called " + name};
  vfs = *system;
  vfs.zName = name.c_str();
  vfs.pNext = nullptr;
  vfs.szOsFile = static_cast<int>(sizeof(file)) + system->szOsFile;
  vfs.pAppData = this;
  vfs.xOpen = &open;
  vfs.xDelete = &remove;
  // The system's find their settings in their own VFS.
  vfs.xAccess = [](sqlite3_vfs* v, const char* path, int flags, int* out) {
    return of(v).system->xAccess(of(v).system, path, flags, out);
  };
  vfs.xFullPathname = [](sqlite3_vfs* v, const char* path, int size, char* out) {
    return of(v).system->xFullPathname(of(v).system, path, size, out);
  };
  vfs.xSleep = [](sqlite3_vfs* v, int microseconds) {
    auto& self = of(v);
    {
      const guard lock{self.mutex};
      if (self.waiting)
        return microseconds;
    }
    return self.system->xSleep(self.system, microseconds);
  };
  fill_methods();
  if (sqlite3_vfs_register(&vfs, 0) != SQLITE_OK)
    throw std::runtime_error{"cannot register the VFS " + name};
}

std::optional<trouble> faulty_disk::state::next(guard& lock, operation o, const std::string& what, bool makes) {
  if (stands_aside)
    return std::nullopt;
  ++counts.at(static_cast<std::size_t>(o));
  std::optional<trouble> found;
  armed* cause = nullptr;
  for (armed& f : faults) {
    if (!f.what.of.has(o) || !can_have(o, f.what.what) || (f.what.what == trouble::full && !makes))
      continue;
    ++f.seen;
    if (f.seen == f.what.nth || (f.what.from_then_on && f.seen > f.what.nth)) {
      found = f.what.what;
      busy_tries = f.what.tries;
      cause = &f;
    }
  }
  if (!found)
    return found;
  ++cause->struck;
  ++troubles.at(static_cast<std::size_t>(*found));
  last = std::string{to_text(*found)} + ": " + what;
  if (*found == trouble::delayed && hook) {
    const auto call = hook;
    lock.unlock();
    call();
    lock.lock();
  }
  return found;
}

// --- files

std::string faulty_disk::state::name_of(const file& f) {
  return f.path ? last_name(*f.path) : "a nameless file";
}

int faulty_disk::state::open(sqlite3_vfs* v, const char* path, sqlite3_file* f, int flags, int* out) {
  auto& self = of(v);
  guard lock{self.mutex};
  auto* opened = new (f) file{};
  opened->disk = &self;
  int there = 1;
  if (path)
    self.system->xAccess(self.system, path, SQLITE_ACCESS_EXISTS, &there);
  const bool makes = there == 0 && (flags & SQLITE_OPEN_CREATE) != 0;
  if (self.is_frozen && makes)
    return SQLITE_CANTOPEN;
  const auto wrong = self.next(lock, operation::open, "opening " + last_name(path ? path : "a nameless file"), makes);
  if (wrong == trouble::fail || wrong == trouble::full)
    return SQLITE_CANTOPEN;
  const int code = self.system->xOpen(self.system, path, opened->real(), flags, out);
  if (!opened->real()->pMethods)
    return code;
  opened->base.pMethods = &self.methods;
  opened->life = self.life;
  if (!path || code != SQLITE_OK || (flags & SQLITE_OPEN_DELETEONCLOSE) != 0)
    return code;
  auto& known = self.files[path];
  if (const auto number = number_of(path); !known.unsynced || makes || known.number != number)
    known = {std::make_shared<unsynced_writes>(makes), number};
  opened->unsynced = new std::shared_ptr<unsynced_writes>{known.unsynced};
  opened->path = new std::string{path};
  if ((flags & SQLITE_OPEN_MAIN_DB) != 0 &&
      std::find(self.databases.begin(), self.databases.end(), path) == self.databases.end())
    self.databases.emplace_back(path);
  return code;
}

int faulty_disk::state::close(sqlite3_file* f) {
  const guard lock{as(f).disk->mutex};
  const int code = real(f)->pMethods->xClose(real(f));
  delete std::exchange(as(f).unsynced, nullptr);
  delete std::exchange(as(f).path, nullptr);
  return code;
}

int faulty_disk::state::remove(sqlite3_vfs* v, const char* path, int sync) {
  auto& self = of(v);
  guard lock{self.mutex};
  if (self.is_frozen)
    return SQLITE_IOERR_DELETE;
  if (self.next(lock, operation::remove, "removing " + last_name(path)) == trouble::fail)
    return SQLITE_IOERR_DELETE;
  const int code = self.system->xDelete(self.system, path, self.real_syncs ? sync : 0);
  if (code == SQLITE_OK)
    self.files.erase(path);
  return code;
}

int faulty_disk::state::read(sqlite3_file* f, void* to, int size, sqlite3_int64 offset) {
  auto& self = *as(f).disk;
  guard lock{self.mutex};
  if (self.is_dead(as(f)))
    return SQLITE_IOERR_READ;
  const auto wrong =
      self.next(lock, operation::read,
                "read of " + std::to_string(size) + " at " + std::to_string(offset) + " of " + name_of(as(f)));
  if (wrong == trouble::fail)
    return SQLITE_IOERR_READ;
  const int code = real(f)->pMethods->xRead(real(f), to, size, offset);
  if (wrong != trouble::shortened || code != SQLITE_OK)
    return code;
  auto* bytes = static_cast<char*>(to);
  std::fill(bytes + size / 2, bytes + size, '\0');
  return SQLITE_IOERR_SHORT_READ;
}

void faulty_disk::state::remember(file& f, const void* bytes, int size, sqlite3_int64 offset, bool torn) {
  if (!f.unsynced || size == 0 || !remembers)
    return;
  sqlite3_int64 before = 0;
  f.real()->pMethods->xFileSize(f.real(), &before);
  std::string copy{static_cast<const char*>(bytes), static_cast<std::size_t>(size)};
  (*f.unsynced)
      ->wrote(offset, content_of(f.real(), offset, std::min<sqlite3_int64>(before, offset + size)), std::move(copy),
              before, torn);
}

int faulty_disk::state::write(sqlite3_file* f, const void* bytes, int size, sqlite3_int64 offset) {
  auto& self = *as(f).disk;
  guard lock{self.mutex};
  if (self.is_dead(as(f)))
    return SQLITE_IOERR_WRITE;
  const auto wrong =
      self.next(lock, operation::write,
                "write of " + std::to_string(size) + " at " + std::to_string(offset) + " to " + name_of(as(f)));
  if (wrong == trouble::fail)
    return SQLITE_IOERR_WRITE;
  if (wrong == trouble::full)
    return SQLITE_FULL;
  if (wrong == trouble::shortened) {
    self.remember(as(f), bytes, size / 2, offset, false);
    real(f)->pMethods->xWrite(real(f), bytes, size / 2, offset);
    return SQLITE_IOERR_WRITE;
  }
  self.remember(as(f), bytes, size, offset, wrong == trouble::torn);
  const int code = real(f)->pMethods->xWrite(real(f), bytes, size, offset);
  if (wrong == trouble::torn && self.torn_hook) {
    const auto call = self.torn_hook;
    lock.unlock();
    call();
  }
  return code;
}

int faulty_disk::state::truncate(sqlite3_file* f, sqlite3_int64 size) {
  auto& self = *as(f).disk;
  guard lock{self.mutex};
  if (self.is_dead(as(f)) || self.next(lock, operation::truncate, "truncation of " + name_of(as(f))) == trouble::fail)
    return SQLITE_IOERR_TRUNCATE;
  sqlite3_int64 before = 0;
  real(f)->pMethods->xFileSize(real(f), &before);
  if (as(f).unsynced && size < before && self.remembers) {
    (*as(f).unsynced)->truncated(size, content_of(real(f), size, before), before);
  }
  return real(f)->pMethods->xTruncate(real(f), size);
}

int faulty_disk::state::sync(sqlite3_file* f, int flags) {
  auto& self = *as(f).disk;
  guard lock{self.mutex};
  if (self.is_dead(as(f)))
    return SQLITE_IOERR_FSYNC;
  if (self.next(lock, operation::sync, "sync of " + name_of(as(f))) == trouble::fail) {
    if (as(f).unsynced)
      (*as(f).unsynced)->sync_failed();
    return SQLITE_IOERR_FSYNC;
  }
  const int code = self.real_syncs ? real(f)->pMethods->xSync(real(f), flags) : SQLITE_OK;
  if (code == SQLITE_OK && as(f).unsynced)
    (*as(f).unsynced)->synced();
  return code;
}

int faulty_disk::state::control(sqlite3_file* f, int code, void* argument) {
  const guard lock{as(f).disk->mutex};
  // What would change the file's size behind our back.
  if (code == SQLITE_FCNTL_SIZE_HINT || code == SQLITE_FCNTL_CHUNK_SIZE)
    return SQLITE_OK;
  return real(f)->pMethods->xFileControl(real(f), code, argument);
}

template <class Call>
int faulty_disk::state::locking(sqlite3_file* f, const char* what, int error, bool busy, bool makes, Call call) {
  auto& self = *as(f).disk;
  guard lock{self.mutex};
  if (self.is_dead(as(f)))
    return error;
  if (busy && self.waiting && --self.busy_tries > 0)
    return SQLITE_BUSY;
  if (busy && std::exchange(self.waiting, false))
    return call(real(f));
  const auto wrong = self.next(lock, operation::lock, std::string{what} + " of " + name_of(as(f)), makes);
  if (wrong == trouble::fail)
    return error;
  if (wrong == trouble::full)
    return SQLITE_IOERR_SHMSIZE;
  if (wrong == trouble::delayed && busy && self.busy_tries > 0) {
    self.waiting = true;
    return SQLITE_BUSY;
  }
  return call(real(f));
}

void faulty_disk::state::fill_methods() {
  methods.iVersion = 2; // no memory maps
  methods.xClose = &close;
  methods.xRead = &read;
  methods.xWrite = &write;
  methods.xTruncate = &truncate;
  methods.xSync = &sync;
  methods.xFileControl = &control;
  methods.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) {
    const guard lock{as(f).disk->mutex};
    return real(f)->pMethods->xFileSize(real(f), size);
  };
  methods.xLock = [](sqlite3_file* f, int level) {
    return locking(f, "lock", SQLITE_IOERR_LOCK, true, false,
                   [level](sqlite3_file* r) { return r->pMethods->xLock(r, level); });
  };
  methods.xUnlock = [](sqlite3_file* f, int level) {
    const guard lock{as(f).disk->mutex};
    return real(f)->pMethods->xUnlock(real(f), level);
  };
  methods.xCheckReservedLock = [](sqlite3_file* f, int* out) {
    return locking(f, "look at the lock", SQLITE_IOERR_CHECKRESERVEDLOCK, false, false,
                   [out](sqlite3_file* r) { return r->pMethods->xCheckReservedLock(r, out); });
  };
  methods.xSectorSize = [](sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); };
  methods.xDeviceCharacteristics = [](sqlite3_file* f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); };
  methods.xShmMap = [](sqlite3_file* f, int page, int size, int extend, void volatile** out) {
    return locking(f, "shared memory", SQLITE_IOERR_SHMMAP, false, extend != 0,
                   [=](sqlite3_file* r) { return r->pMethods->xShmMap(r, page, size, extend, out); });
  };
  methods.xShmLock = [](sqlite3_file* f, int at, int n, int flags) {
    if ((flags & SQLITE_SHM_UNLOCK) != 0) {
      const guard lock{as(f).disk->mutex};
      return real(f)->pMethods->xShmLock(real(f), at, n, flags);
    }
    return locking(f, "lock in the shared memory", SQLITE_IOERR_SHMLOCK, true, false,
                   [=](sqlite3_file* r) { return r->pMethods->xShmLock(r, at, n, flags); });
  };
  methods.xShmBarrier = [](sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); };
  methods.xShmUnmap = [](sqlite3_file* f, int remove) {
    const guard lock{as(f).disk->mutex};
    return real(f)->pMethods->xShmUnmap(real(f), as(f).disk->is_dead(as(f)) ? 0 : remove);
  };
}

} // namespace weir_test
