// Counts SIGINT and SIGTERM while a job runs.
#pragma once

#include <csignal>

namespace weir::inline v0 {

/// While it lives, SIGINT and SIGTERM are counted; the third ends the process at once, with code 130. Afterwards they
/// mean what they did before. At most one at a time.
class signal_watch {
public:
  signal_watch();
  ~signal_watch();
  signal_watch(const signal_watch&) = delete;
  signal_watch& operator=(const signal_watch&) = delete;

  /// How many have come.
  [[nodiscard]] int count() const noexcept;

private:
  struct sigaction former_interrupt_ {};
  struct sigaction former_terminate_ {};
};

} // namespace weir::inline v0
