// Runs seeds of the simulation: `./dev simulate`.
#include "simulation/simulator.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

/// A seed that takes longer than this hangs.
constexpr unsigned seed_limit_s = 60;
/// So many seeds must have died at every failpoint that there is.
constexpr std::uint64_t seeds_of_a_long_run = 20'000;

struct settings {
  std::uint64_t first = 1;
  std::uint64_t seeds = 1000;
  bool trace = false;
  bool go_on = false;
  bool limited = true; ///< no seed may take longer than `seed_limit_s`
};

/// The seed that each child runs now, where the parent sees it, also if the child crashes.
class running_seeds {
public:
  explicit running_seeds(std::size_t children) : bytes_(children * sizeof(std::uint64_t)) {
    memory_ = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED) {
      std::perror("mmap");
      std::exit(2);
    }
  }
  running_seeds(const running_seeds&) = delete;
  running_seeds& operator=(const running_seeds&) = delete;
  ~running_seeds() { ::munmap(memory_, bytes_); }
  [[nodiscard]] std::uint64_t& of(std::size_t child) const { return static_cast<std::uint64_t*>(memory_)[child]; }

private:
  std::size_t bytes_;
  void* memory_ = nullptr;
};

struct totals {
  std::uint64_t seeds = 0;
  std::uint64_t failed = 0;
  std::uint64_t steps = 0;
  std::uint64_t lives = 0;
  std::uint64_t checkpoints = 0;
  std::uint64_t longest_steps = 0;
  std::int64_t longest_untroubled_us = 0;
  std::map<std::string, std::uint64_t> troubles;

  void add(const totals& other) {
    seeds += other.seeds;
    failed += other.failed;
    steps += other.steps;
    lives += other.lives;
    checkpoints += other.checkpoints;
    longest_steps = std::max(longest_steps, other.longest_steps);
    longest_untroubled_us = std::max(longest_untroubled_us, other.longest_untroubled_us);
    for (const auto& [kind, count] : other.troubles)
      troubles[kind] += count;
  }
};

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(totals, seeds, failed, steps, lives, checkpoints, longest_steps,
                                   longest_untroubled_us, troubles)

void print(const totals& t) {
  std::string kinds;
  for (const auto& [kind, count] : t.troubles)
    kinds += (kinds.empty() ? "" : ", ") + kind + " " + std::to_string(count);
  std::printf(
      "%llu seeds, %llu failed, %llu steps, %llu starts, %llu checkpoints, the longest %llu steps and, untroubled, "
      "%lld ms; %s\n",
      static_cast<unsigned long long>(t.seeds), static_cast<unsigned long long>(t.failed),
      static_cast<unsigned long long>(t.steps), static_cast<unsigned long long>(t.lives),
      static_cast<unsigned long long>(t.checkpoints), static_cast<unsigned long long>(t.longest_steps),
      static_cast<long long>(t.longest_untroubled_us / 1000), kinds.c_str());
}

void print_failure(std::uint64_t seed, const std::string& what) {
  std::printf("seed %llu: %s\n  repeat it with: ./dev simulate --seed %llu --trace\n",
              static_cast<unsigned long long>(seed), what.c_str(), static_cast<unsigned long long>(seed));
  std::fflush(stdout);
}

/// Every `stride`-th seed from `first + offset` on; `running` is told which one.
totals run_seeds(const settings& s, std::uint64_t offset, std::uint64_t stride, std::uint64_t& running) {
  const simulation::trace_function print_line = [](const std::string& line) { std::puts(line.c_str()); };
  totals all;
  for (std::uint64_t i = offset; i < s.seeds; i += stride) {
    const std::uint64_t seed = s.first + i;
    running = seed;
    if (s.limited)
      ::alarm(seed_limit_s);
    const simulation::outcome o = simulation::simulate(seed, s.trace ? print_line : simulation::trace_function{});
    all.add({1,
             o.violation ? 1U : 0U,
             o.steps,
             o.lives,
             o.checkpoints,
             o.steps,
             o.untroubled_us,
             {o.troubles.begin(), o.troubles.end()}});
    if (o.violation) {
      print_failure(seed, *o.violation);
      if (!s.go_on)
        break;
    }
  }
  ::alarm(0);
  return all;
}

/// Several processes: a simulation has its process to itself.
totals run_in_processes(const settings& s, std::uint64_t processes, bool& all_ended_well) {
  struct child {
    pid_t id;
    int from;
  };
  std::vector<child> children;
  const running_seeds running{static_cast<std::size_t>(processes)};
  for (std::uint64_t i = 0; i != processes; ++i) {
    int ends[2];
    if (::pipe(ends) != 0) {
      std::perror("pipe");
      std::exit(2);
    }
    std::fflush(stdout);
    const pid_t id = ::fork();
    if (id == 0) {
      ::close(ends[0]);
      const std::string text = nlohmann::json(run_seeds(s, i, processes, running.of(i))).dump();
      const bool told = ::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size());
      std::exit(told ? 0 : 2);
    }
    ::close(ends[1]);
    children.push_back({id, ends[0]});
  }
  totals all;
  for (std::size_t i = 0; i != children.size(); ++i) {
    const child& c = children[i];
    std::string text;
    char buffer[4096];
    for (ssize_t n = 0; (n = ::read(c.from, buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<std::size_t>(n));
    ::close(c.from);
    int status = 0;
    ::waitpid(c.id, &status, 0);
    if (status != 0 || text.empty()) {
      const bool hangs = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
      print_failure(running.of(i), hangs ? "takes longer than " + std::to_string(seed_limit_s) + " s"
                                   : WIFSIGNALED(status)
                                       ? "ends the process with signal " + std::to_string(WTERMSIG(status))
                                       : "ends the process with status " + std::to_string(WEXITSTATUS(status)));
      std::printf("  the seeds after it in that process have not run\n");
      all_ended_well = false;
      continue;
    }
    all.add(nlohmann::json::parse(text).get<totals>());
  }
  return all;
}

void tell_missing(const std::vector<std::string>& kinds, const totals& all, bool& well) {
  for (const std::string& kind : kinds)
    if (all.troubles.count(kind) == 0) {
      std::printf("never happened: %s\n", kind.c_str());
      well = false;
    }
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"Runs jobs on the whole runtime in simulated time, with schedules and failures that a seed chooses."};
  settings s;
  std::uint64_t one = 0;
  std::uint64_t jobs = std::max(1U, std::thread::hardware_concurrency());
  bool every_kind = false;
  app.add_option("--seeds", s.seeds, "how many seeds to run (1000)");
  app.add_option("--first-seed", s.first, "the first of them (1)");
  const CLI::Option* only = app.add_option("--seed", one, "run this one only");
  app.add_option("--jobs", jobs, "in how many processes (one for each processor)");
  app.add_flag("--trace", s.trace, "print every step");
  app.add_flag("--go-on", s.go_on, "do not stop at the first seed that fails");
  app.add_flag("--every-kind", every_kind,
               "fail if a kind of trouble never happened, or, of 20,000 seeds, a failpoint");
  CLI11_PARSE(app, argc, argv);
  if (*only) {
    s.first = one;
    s.seeds = 1;
  }
  bool well = true;
  std::uint64_t running = 0;
  s.limited = s.seeds != 1; // a single one may have a debugger
  // A process of its own for the seeds, also if it is only one: then somebody is left to name the seed that ends it.
  const totals all =
      s.seeds == 1 ? run_seeds(s, 0, 1, running) : run_in_processes(s, std::max<std::uint64_t>(jobs, 1), well);
  if (every_kind) {
    tell_missing(simulation::kinds_of_trouble(), all, well);
    if (s.seeds >= seeds_of_a_long_run)
      tell_missing(simulation::deaths_at_failpoints(), all, well);
  }
  print(all);
  return well && all.failed == 0 ? 0 : 1;
}
