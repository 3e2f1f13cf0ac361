// Programs that a test starts, watches and ends.
#include "process/child_process.hpp"

#include "unit/scratch_folder.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace weir_test {

namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error{what + ": " + std::strerror(errno)};
}

int open_log(const std::string& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0)
    fail(path);
  return file;
}

} // namespace

child_process::child_process(const std::vector<std::string>& command, std::string log) : log_(std::move(log)) {
  std::vector<char*> arguments;
  for (const std::string& word : command)
    arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const int out = open_log(log_ + ".out");
  const int err = open_log(log_ + ".err");
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(out, STDOUT_FILENO);
    ::dup2(err, STDERR_FILENO);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  ::close(out);
  ::close(err);
  if (pid_ < 0)
    fail("fork");
  watch_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  if (watch_ < 0)
    fail("pidfd_open");
}

child_process::~child_process() {
  if (!end_) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(watch_);
}

std::optional<program_end> child_process::wait_for(std::chrono::microseconds time) {
  if (end_)
    return end_;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  const timespec limit{seconds.count(), std::chrono::nanoseconds{time - seconds}.count()};
  pollfd watched{watch_, POLLIN, 0};
  if (::ppoll(&watched, 1, &limit, nullptr) <= 0)
    return std::nullopt;
  int status = 0;
  if (::waitpid(pid_, &status, 0) != pid_)
    fail("waitpid");
  end_ = WIFSIGNALED(status) ? program_end{0, WTERMSIG(status)} : program_end{WEXITSTATUS(status), 0};
  return end_;
}

void child_process::signal(int number) {
  if (!end_)
    ::kill(pid_, number);
}

std::string child_process::standard_output() const {
  return scratch_folder::read(log_ + ".out");
}
std::string child_process::standard_error() const {
  return scratch_folder::read(log_ + ".err");
}

std::size_t child_process::resident_bytes() const {
  unsigned long pages = 0;
  unsigned long resident = 0;
  const std::string text = scratch_folder::read("/proc/" + std::to_string(pid_) + "/statm");
  if (std::sscanf(text.c_str(), "%lu %lu", &pages, &resident) != 2)
    return 0;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

program_result run_program(const std::vector<std::string>& command, const std::string& log,
                           std::chrono::seconds patience) {
  child_process child{command, log};
  const auto end = child.wait_for(patience);
  if (!end)
    throw std::runtime_error{command.front() + " runs longer than " + std::to_string(patience.count()) +
                             " s; it wrote: " + child.standard_error()};
  return {end->code, end->signal, child.standard_output(), child.standard_error()};
}

std::string program(const std::string& name) {
  return WEIR_BINARY_DIR "/tests/process/" + name;
}

} // namespace weir_test
