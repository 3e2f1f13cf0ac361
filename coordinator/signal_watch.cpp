#include "signal_watch.hpp"

#include <atomic>

namespace weir::inline v0 {

namespace {

std::atomic<int> signals_seen{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may use lock-free atomics only");

void note_signal(int) {
  signals_seen.fetch_add(1, std::memory_order_relaxed);
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
