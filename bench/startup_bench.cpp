// How long a program takes from its start to its first record, and how much memory it holds when it idles.
#include "paired_runs.hpp"

#include <weir/weir.hpp>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

/// The program that is measured: one record at once, then nothing for a long time. Says so on its standard output.
int run_child(const std::string& store) {
  weir::job job{"startup"};
  job.source("numbers", weir::generator<std::uint64_t>{2, [](std::uint64_t i) { return i; }}.rate(0.01))
      .sink("out", weir::callback{[](const std::uint64_t&) {
              if (::write(STDOUT_FILENO, ".", 1) != 1)
                std::abort();
            }});
  const char* arguments[] = {"startup", "--store", store.c_str(), "--fresh", "--log-level", "off"};
  return weir::run(job, 6, arguments);
}

struct child {
  pid_t pid = -1;
  int output = -1;
};

child spawn_child(const char* program) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    std::abort();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  std::string name = program;
  std::string mode = "--child";
  char* arguments[] = {name.data(), mode.data(), nullptr};
  child c;
  if (::posix_spawn(&c.pid, "/proc/self/exe", &actions, nullptr, arguments, environ) != 0)
    std::abort();
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  c.output = ends[0];
  return c;
}

double resident_mb(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:"))
      return static_cast<double>(std::strtoull(line.c_str() + 6, nullptr, 10)) * 1024 / 1e6;
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  const std::string store = (std::filesystem::temp_directory_path() / "weir-startup-bench.weir").string();
  if (argc > 1 && std::string{argv[1]} == "--child")
    return run_child(store);
  std::vector<double> milliseconds;
  std::vector<double> megabytes;
  for (int i = 0; i != 8; ++i) {
    child c;
    char byte = 0;
    const double seconds = weir::bench::seconds_of([&] {
      c = spawn_child(argv[0]);
      if (::read(c.output, &byte, 1) != 1)
        std::abort();
    });
    const double resident = resident_mb(c.pid);
    ::kill(c.pid, SIGTERM);
    int status = 0;
    ::waitpid(c.pid, &status, 0);
    ::close(c.output);
    if (i == 0)
      continue; // the first reads the program from the disk
    milliseconds.push_back(seconds * 1e3);
    megabytes.push_back(resident);
  }
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::temp_directory_path()))
    if (entry.path().filename().string().starts_with("weir-startup-bench.weir"))
      std::filesystem::remove(entry.path(), ignored);
  std::printf("start to first record  %.1f ms (median of %zu)\n", weir::bench::median(milliseconds),
              milliseconds.size());
  std::printf("idle memory            %.1f MB resident\n", weir::bench::median(megabytes));
  return 0;
}
