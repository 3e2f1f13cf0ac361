// Runs seeds of the simulation: `./dev simulate`.
#include "simulation/simulator.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace {

struct settings {
  std::uint64_t first = 1;
  std::uint64_t seeds = 1000;
  bool trace = false;
  bool go_on = false;
};

struct totals {
  std::uint64_t seeds = 0;
  std::uint64_t failed = 0;
  std::uint64_t steps = 0;
  std::uint64_t lives = 0;
  std::uint64_t checkpoints = 0;
  std::map<std::string, std::uint64_t> troubles;

  void add(const totals& other) {
    seeds += other.seeds;
    failed += other.failed;
    steps += other.steps;
    lives += other.lives;
    checkpoints += other.checkpoints;
    for (const auto& [kind, count] : other.troubles)
      troubles[kind] += count;
  }
};

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(totals, seeds, failed, steps, lives, checkpoints, troubles)

void print(const totals& t) {
  std::string kinds;
  for (const auto& [kind, count] : t.troubles)
    kinds += (kinds.empty() ? "" : ", ") + kind + " " + std::to_string(count);
  std::printf("%llu seeds, %llu failed, %llu steps, %llu starts, %llu checkpoints; %s\n",
              static_cast<unsigned long long>(t.seeds), static_cast<unsigned long long>(t.failed),
              static_cast<unsigned long long>(t.steps), static_cast<unsigned long long>(t.lives),
              static_cast<unsigned long long>(t.checkpoints), kinds.c_str());
}

/// Every `stride`-th seed from `first + offset` on.
totals run_seeds(const settings& s, std::uint64_t offset, std::uint64_t stride) {
  const simulation::trace_function print_line = [](const std::string& line) { std::puts(line.c_str()); };
  totals all;
  for (std::uint64_t i = offset; i < s.seeds; i += stride) {
    const std::uint64_t seed = s.first + i;
    const simulation::outcome o = simulation::simulate(seed, s.trace ? print_line : simulation::trace_function{});
    all.add({1, o.violation ? 1U : 0U, o.steps, o.lives, o.checkpoints, {o.troubles.begin(), o.troubles.end()}});
    if (o.violation) {
      std::printf("seed %llu: %s\n  repeat it with: ./dev simulate --seed %llu --trace\n",
                  static_cast<unsigned long long>(seed), o.violation->c_str(), static_cast<unsigned long long>(seed));
      std::fflush(stdout);
      if (!s.go_on)
        break;
    }
  }
  return all;
}

/// Several processes: a simulation has its process to itself.
totals run_in_processes(const settings& s, std::uint64_t processes, bool& all_ended_well) {
  struct child {
    pid_t id;
    int from;
  };
  std::vector<child> children;
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
      const std::string text = nlohmann::json(run_seeds(s, i, processes)).dump();
      const bool told = ::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size());
      std::exit(told ? 0 : 2);
    }
    ::close(ends[1]);
    children.push_back({id, ends[0]});
  }
  totals all;
  for (const child& c : children) {
    std::string text;
    char buffer[4096];
    for (ssize_t n = 0; (n = ::read(c.from, buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<std::size_t>(n));
    ::close(c.from);
    int status = 0;
    ::waitpid(c.id, &status, 0);
    if (status != 0 || text.empty()) {
      std::printf("a process that ran seeds ended with status %d; run its seeds with --jobs 1 to see where\n", status);
      all_ended_well = false;
      continue;
    }
    all.add(nlohmann::json::parse(text).get<totals>());
  }
  return all;
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
  app.add_flag("--every-kind", every_kind, "fail if a kind of trouble never happened");
  CLI11_PARSE(app, argc, argv);
  if (*only) {
    s.first = one;
    s.seeds = 1;
  }
  bool well = true;
  const totals all = jobs <= 1 || s.seeds == 1 ? run_seeds(s, 0, 1) : run_in_processes(s, jobs, well);
  if (every_kind)
    for (const std::string& kind : simulation::kinds_of_trouble())
      if (all.troubles.count(kind) == 0) {
        std::printf("never happened: %s\n", kind.c_str());
        well = false;
      }
  print(all);
  return well && all.failed == 0 ? 0 : 1;
}
