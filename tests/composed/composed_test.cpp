// Every operator, source and sink under schedules and deaths that seeds choose: the output is as if nothing had been.
#include "composed/composed_jobs.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace {

/// Seeds for each job; WEIR_COMPOSED_SEED=n runs the one that failed.
constexpr std::uint64_t seeds = 30;

void run_all(const std::vector<composed::composition>& all) {
  const char* const one = std::getenv("WEIR_COMPOSED_SEED");
  const std::uint64_t first = one ? std::strtoull(one, nullptr, 10) : 1;
  std::size_t deaths = 0;
  std::size_t restored = 0;
  for (const composed::composition& what : all) {
    std::size_t deaths_here = 0;
    for (std::uint64_t seed = first; seed != first + (one ? 1 : seeds); ++seed) {
      const composed::outcome result = composed::run(what, seed);
      INFO(what.name << ", seed " << seed << ": WEIR_COMPOSED_SEED=" << seed << " repeats it");
      CHECK(result.fault == "");
      deaths_here += result.deaths;
      restored += result.restored;
      if (!result.fault.empty())
        break;
    }
    INFO(what.name);
    CHECK((one || deaths_here > seeds / 4)); // else nothing was tried
    deaths += deaths_here;
  }
  std::printf("composed jobs: %zu jobs, %zu seeds each, %zu deaths, %zu times restored\n", all.size(),
              static_cast<std::size_t>(one ? 1 : seeds), deaths, restored);
}

} // namespace

TEST_CASE("every operator gives the same output when subtasks and processes die") {
  run_all(composed::operator_jobs());
}

TEST_CASE("every source and sink gives the same output when subtasks and processes die") {
  run_all(composed::io_jobs());
}
