// What makes a log durable that a process before us has left.
#pragma once

#include <string>

namespace weir::inline v0 {

/// Writes the write-ahead log of a SQLite file over itself and syncs it. For the only user of the file, before it opens
/// it; does nothing if there is no log. `vfs` names a SQLite VFS, and is empty for the system's.
///
/// After a sync that failed, the system takes what it could not write for written: the next process would read those
/// commits, build on them, and sync without writing them. A loss of power would then take all that came after them.
/// See Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020.
///
/// Throws io_error for what the system refused.
void renew_log(const std::string& path, const std::string& vfs = {});

} // namespace weir::inline v0
