// The one connection that all sinks of this process share for a SQLite file.
#pragma once

#include <functional>
#include <memory>
#include <string>

namespace weir::inline v0 {

class sqlite_database;
struct shared_sqlite_file;

/// A share in the connection to a file. Files are known by device and inode, so that two names of one file have one
/// connection; a lock file keeps other processes away. The connection closes with the last share. Threads may use
/// different shares at the same time: they take turns.
class sink_database {
public:
  /// Opens the file, which is made if it is not there, or joins those who have it open. Throws like sqlite_database
  /// and file_lock.
  explicit sink_database(const std::string& path);
  sink_database(const sink_database&) = delete;
  sink_database& operator=(const sink_database&) = delete;
  ~sink_database();

  /// Runs work with the connection, alone, and keeps the write-ahead log small afterwards.
  void use(const std::function<void(sqlite_database&)>& work);

private:
  std::shared_ptr<shared_sqlite_file> file_;
};

} // namespace weir::inline v0
