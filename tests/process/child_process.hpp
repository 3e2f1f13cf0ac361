// Programs that a test starts, watches and ends.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace weir_test {

/// How a program ended.
struct program_end {
  int code = 0;   ///< if it exited
  int signal = 0; ///< if a signal ended it
};

/// A program that runs, its output in two files. Killed when it goes out of scope.
class child_process {
public:
  /// Starts `command` with `<log>.out` and `<log>.err` as its output; both are overwritten. Throws if it can't.
  child_process(const std::vector<std::string>& command, std::string log);
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;
  ~child_process();

  /// Waits for the end or for a time; returns how it ended, if it has.
  std::optional<program_end> wait_for(std::chrono::microseconds time);
  /// Sends a signal; of no effect on a program that has ended.
  void signal(int number);
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  /// What it has written until now.
  [[nodiscard]] std::string standard_output() const;
  [[nodiscard]] std::string standard_error() const;
  /// Resident memory in bytes; 0 if it has ended.
  [[nodiscard]] std::size_t resident_bytes() const;

private:
  std::string log_;
  pid_t pid_ = -1;
  int watch_ = -1; ///< a pidfd
  std::optional<program_end> end_;
};

/// How a program ended, and what it wrote.
struct program_result {
  int code = 0;
  int signal = 0;
  std::string out;
  std::string err;
};

/// Runs a program to its end. Throws if that takes longer than `patience`.
program_result run_program(const std::vector<std::string>& command, const std::string& log,
                           std::chrono::seconds patience = std::chrono::seconds{60});

/// Where a program of tests/process is.
std::string program(const std::string& name);

} // namespace weir_test
