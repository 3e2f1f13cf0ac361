#include "signal_watch.hpp"

#include <atomic>

#include <unistd.h>

namespace weir::inline v0 {

namespace {

std::atomic<int> signals_seen{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may use lock-free atomics only");

/// What shells report for a program that an interrupt ended.
constexpr int hard_stop_code = 130;

void note_signal(int) {
  if (signals_seen.fetch_add(1, std::memory_order_relaxed) >= 2)
    ::_exit(hard_stop_code); // nobody has heeded the first two: user code, or a start that takes long
}

} // namespace

signal_watch::signal_watch() {
  signals_seen.store(0, std::memory_order_relaxed);
  struct sigaction action {};
  action.sa_handler = note_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, &former_interrupt_);
  sigaction(SIGTERM, &action, &former_terminate_);
}

signal_watch::~signal_watch() {
  sigaction(SIGINT, &former_interrupt_, nullptr);
  sigaction(SIGTERM, &former_terminate_, nullptr);
}

int signal_watch::count() const noexcept {
  return signals_seen.load(std::memory_order_relaxed);
}

} // namespace weir::inline v0
