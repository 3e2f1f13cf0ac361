#include "thread_pace.hpp"

#include <atomic>
#include <ctime>
#include <thread>

namespace weir::inline v0 {

namespace {

struct pace_of_thread {
  bool set = false;
  pacing how;
  std::chrono::nanoseconds rested_at{};
};

thread_local pace_of_thread pace;
std::atomic<std::uint64_t> rests{0};

} // namespace

pacing system_pacing() {
  return {[] {
            timespec now{};
            ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
            return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
          },
          [](std::chrono::microseconds time) { std::this_thread::sleep_for(time); }};
}

thread_pace::thread_pace(const pacing& how) : outermost_(!pace.set) {
  if (outermost_)
    pace = {true, how, how.work_of_this_thread()};
}

thread_pace::~thread_pace() {
  if (outermost_)
    pace.set = false;
}

void rest_if_due() {
  if (!pace.set)
    return;
  const std::chrono::nanoseconds now = pace.how.work_of_this_thread();
  if (now - pace.rested_at < paced_work)
    return;
  pace.rested_at = now;
  rests.fetch_add(1, std::memory_order_relaxed);
  pace.how.rest(paced_rest);
}

std::uint64_t rests_taken() noexcept {
  return rests.load(std::memory_order_relaxed);
}

} // namespace weir::inline v0
