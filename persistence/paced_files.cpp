// SQLite gives the files of a connection on demand; their methods are replaced by copies with two of our own.
#include "paced_files.hpp"

#include "thread_pace.hpp"

#include <algorithm>

#include <sqlite3.h>

namespace weir::inline v0 {

struct paced_files::methods : sqlite3_io_methods {
  explicit methods(const sqlite3_io_methods& of) : sqlite3_io_methods(of), base(of) {
    iVersion = std::min(of.iVersion, 3); // what a later version adds is not in the copy
    xRead = [](sqlite3_file* file, void* bytes, int size, sqlite3_int64 at) {
      const int code = base_of(file).xRead(file, bytes, size, at);
      rest_if_due();
      return code;
    };
    xWrite = [](sqlite3_file* file, const void* bytes, int size, sqlite3_int64 at) {
      const int code = base_of(file).xWrite(file, bytes, size, at);
      rest_if_due();
      return code;
    };
  }
  static const sqlite3_io_methods& base_of(const sqlite3_file* file) {
    return static_cast<const methods*>(file->pMethods)->base;
  }

  const sqlite3_io_methods& base;
};

paced_files::paced_files(sqlite3* connection) {
  for (const int which : {SQLITE_FCNTL_FILE_POINTER, SQLITE_FCNTL_JOURNAL_POINTER}) {
    sqlite3_file* file = nullptr;
    if (sqlite3_file_control(connection, "main", which, &file) != SQLITE_OK || !file || !file->pMethods)
      continue;
    methods_.push_back(std::make_unique<const methods>(*file->pMethods));
    file->pMethods = methods_.back().get();
  }
}

paced_files::~paced_files() = default;

} // namespace weir::inline v0
