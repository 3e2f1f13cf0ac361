// Long work that gives the processor away again and again.
#pragma once

#include <chrono>
#include <cstdint>

namespace weir::inline v0 {

/// What a paced thread works, in processor time, before it gives the processor away, and for how long it sleeps then.
/// The system adds its own delay: 0.1 ms in all where a processor is idle, up to a few milliseconds where none is.
inline constexpr std::chrono::microseconds paced_work{500};
inline constexpr std::chrono::microseconds paced_rest{50};

/// How a thread learns what it has worked, and how it rests. Replaced in tests.
struct pacing {
  std::chrono::nanoseconds (*work_of_this_thread)() = nullptr; ///< processor time; never goes back
  void (*rest)(std::chrono::microseconds) = nullptr;
};

/// The system's clock of the thread, and its sleep.
[[nodiscard]] pacing system_pacing();

/// While it lives, `rest_if_due` rests in this thread. Inside of another one it does nothing.
///
/// A transaction of some megabytes is many milliseconds of work: checksums, copies into the system's cache. Where every
/// processor is busy, the system stops a subtask's thread for it, and lets that go on at the next tick, 4 ms later on
/// Debian; those who wait for its output stand still as well. After a sleep, however short, the stopped thread goes on
/// at once, and the sleeper wakes where a processor has nothing to do.
class thread_pace {
public:
  explicit thread_pace(const pacing& how);
  ~thread_pace();
  thread_pace(const thread_pace&) = delete;
  thread_pace& operator=(const thread_pace&) = delete;

private:
  bool outermost_;
};

/// Gives the processor away if this thread is paced and has worked for `paced_work` since it last did. To be called
/// between pieces of long work.
void rest_if_due();

/// How often threads of this process have rested.
[[nodiscard]] std::uint64_t rests_taken() noexcept;

} // namespace weir::inline v0
