// The files of a SQLite connection, whose reader and writer rests between pages.
#pragma once

#include <memory>
#include <vector>

struct sqlite3;

namespace weir::inline v0 {

/// Makes a connection say `rest_if_due` after each piece that it reads from or writes to its file and its log: a
/// commit, and a copy of the log into the file, are single calls of SQLite. Only this connection's open files are
/// changed, so whatever VFS is beneath them stays as it is; a file that is not open yet stays without. Must outlive the
/// connection.
class paced_files {
public:
  explicit paced_files(sqlite3* connection);
  ~paced_files();
  paced_files(const paced_files&) = delete;
  paced_files& operator=(const paced_files&) = delete;

private:
  struct methods;
  std::vector<std::unique_ptr<const methods>> methods_;
};

} // namespace weir::inline v0
