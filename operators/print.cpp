#include "print.hpp"

#include "file_io.hpp"

#include <cerrno>
#include <csignal>
#include <ctime>
#include <mutex>

#include <pthread.h>

namespace weir::inline v0 {

namespace {

constexpr const char* print_guarantee =
    "At least once: after a failure the lines since the last checkpoint are written again.";

/// Keeps a write to a pipe without a reader from ending the process: it becomes EPIPE.
class without_sigpipe {
public:
  without_sigpipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t waiting;
    sigpending(&waiting);
    was_pending_ = sigismember(&waiting, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  without_sigpipe(const without_sigpipe&) = delete;
  without_sigpipe& operator=(const without_sigpipe&) = delete;
  ~without_sigpipe() {
    const timespec at_once{};
    if (!was_pending_) // takes back the signal that our own write may have raised
      while (sigtimedwait(&pipe_, nullptr, &at_once) == -1 && errno == EINTR) {
      }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

private:
  sigset_t pipe_{};
  sigset_t before_{};
  bool was_pending_ = false;
};

class print_writer final : public sink_writer {
public:
  print_writer(int file, detail::append_lines_function append_lines) : file_(file), append_lines_(append_lines) {}

  void write(any_batch& records) override {
    lines_.clear();
    append_lines_(records, lines_);
    // One batch at a time in the whole process: a pipe takes a large write in several parts.
    static std::mutex writing;
    const std::lock_guard alone{writing};
    const without_sigpipe guard;
    write_all(file_, lines_, file_ == 1 ? "the standard output" : "file descriptor " + std::to_string(file_));
  }

private:
  int file_;
  detail::append_lines_function append_lines_;
  std::string lines_;
};

class print_sink final : public any_sink {
public:
  print_sink(int file, detail::append_lines_function append_lines) : file_(file), append_lines_(append_lines) {}

  [[nodiscard]] bool blocking() const override { return true; }
  [[nodiscard]] bool two_phase() const override { return false; }
  [[nodiscard]] std::string guarantee() const override { return print_guarantee; }
  [[nodiscard]] std::unique_ptr<sink_writer> open_writer(const sink_start&) const override {
    return std::make_unique<print_writer>(file_, append_lines_);
  }

private:
  int file_;
  detail::append_lines_function append_lines_;
};

} // namespace

std::shared_ptr<const any_sink> detail::make_print_sink(int file, append_lines_function append_lines) {
  return std::make_shared<print_sink>(file, append_lines);
}

std::string print::guarantee() const {
  return print_guarantee;
}

} // namespace weir::inline v0
