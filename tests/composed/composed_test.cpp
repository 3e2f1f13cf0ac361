// Every operator, source and sink under schedules and deaths that seeds choose: the output is as if nothing had been.
#include "composed/composed_jobs.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace {

/// Seeds for each job; WEIR_COMPOSED_SEED=n runs the one that failed, WEIR_COMPOSED_SEEDS=n so many, and
/// WEIR_COMPOSED_JOB=text only the jobs that are called so.
constexpr std::uint64_t usual_seeds = 30;

void run_all(const std::vector<composed::composition>& all) {
  const char* const one = std::getenv("WEIR_COMPOSED_SEED");
  const char* const only = std::getenv("WEIR_COMPOSED_JOB");
  const char* const many = std::getenv("WEIR_COMPOSED_SEEDS");
  const std::uint64_t seeds = one ? 1 : many ? std::strtoull(many, nullptr, 10) : usual_seeds;
  const std::uint64_t first = one ? std::strtoull(one, nullptr, 10) : 1;
  std::size_t deaths = 0;
  std::size_t restored = 0;
  for (const composed::composition& what : all) {
    std::size_t deaths_here = 0;
    std::size_t steps = 0;
    const auto begun = std::clock();
    if (only && what.name.find(only) == std::string::npos)
      continue;
    for (std::uint64_t seed = first; seed != first + seeds; ++seed) {
      const composed::outcome result = composed::run(what, seed);
      INFO(what.name << ", seed " << seed << ": WEIR_COMPOSED_SEED=" << seed << " repeats it");
      CHECK(result.fault == "");
      deaths_here += result.deaths;
      steps += result.steps;
      restored += result.restored;
      if (!result.fault.empty())
        break;
    }
    INFO(what.name);
    CHECK((one || deaths_here > seeds / 4)); // else nothing was tried
    deaths += deaths_here;
    if (only)
      std::printf("%s: %zu steps, %zu deaths, %.2f s of CPU\n", what.name.c_str(), steps, deaths_here,
                  static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC);
  }
  std::printf("composed jobs: %zu jobs, %zu seeds each, %zu deaths, %zu times restored\n", all.size(),
              static_cast<std::size_t>(seeds), deaths, restored);
}

} // namespace

TEST_CASE("every operator gives the same output when subtasks and processes die") {
  run_all(composed::operator_jobs());
}

TEST_CASE("every source and sink gives the same output when subtasks and processes die") {
  run_all(composed::io_jobs());
}

TEST_CASE("what others write meanwhile is read once when subtasks and processes die") {
  run_all(composed::live_file_jobs());
}

TEST_CASE("what actors feed counts once, and what an actor gets does, when subtasks and processes and actors die") {
  run_all(composed::actor_jobs());
}

TEST_CASE("pipes and connections keep what they promise when subtasks and processes and peers die") {
  run_all(composed::stream_jobs());
}
