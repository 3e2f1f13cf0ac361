// A SQLite VFS whose writers give the processor away again and again.
#pragma once

#include <chrono>
#include <string>

namespace weir::inline v0 {

/// What a thread works before it gives the processor away for a moment, and how long that is.
///
/// A transaction of some megabytes is many milliseconds of work: sums over pages, copies into the system's cache. Where
/// every processor is busy, a subtask's thread that the system has stopped for it waits until the next tick, 4 ms on
/// Debian, and who waits for that subtask's output waits too. After a sleep, however short, the system begins anew:
/// the stopped thread goes on at once, and the sleeper wakes where a processor has nothing to do.
inline constexpr std::chrono::microseconds paced_work{500};
inline constexpr std::chrono::microseconds paced_rest{50};

/// While it lives, a thread that reads through a paced VFS rests too: reading, to delete what is not needed any more,
/// is work of a writer. Who only reads, to restore a job, is waited for, and does not rest.
class paced_reads {
public:
  paced_reads() noexcept;
  ~paced_reads();
  paced_reads(const paced_reads&) = delete;
  paced_reads& operator=(const paced_reads&) = delete;
};

/// How a paced thread learns what it has worked, and how it rests. To be replaced in tests.
struct pacing {
  std::chrono::nanoseconds (*work_of_this_thread)(); ///< processor time; never goes back
  void (*rest)(std::chrono::microseconds);
};

/// The system's clock of the thread, and its sleep.
[[nodiscard]] pacing system_pacing();

/// The name of a SQLite VFS: it is that called `base` (now the default one, if empty), but who writes to a file through
/// it rests for `paced_rest` after each `paced_work`. Registered at the first call, and for the rest of the process;
/// the base must live as long as it is used. From any thread. Throws usage_error if there is no such base.
[[nodiscard]] std::string paced_vfs(const std::string& base = {}, const pacing& how = system_pacing());

} // namespace weir::inline v0
