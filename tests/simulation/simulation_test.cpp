// What the simulation promises of itself: a seed is one run, and the model is not blind.
#include "simulation/pipeline.hpp"
#include "simulation/simulator.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <set>
#include <string>

TEST_CASE("a seed gives the same run every time") {
  for (std::uint64_t seed = 1; seed != 21; ++seed) {
    const simulation::outcome first = simulation::simulate(seed);
    const simulation::outcome second = simulation::simulate(seed);
    CAPTURE(seed);
    CHECK(first.fingerprint == second.fingerprint);
    CHECK(first.steps == second.steps);
    CHECK(first.troubles == second.troubles);
    CHECK(first.violation == second.violation);
  }
}

TEST_CASE("a trace changes nothing") {
  std::uint64_t lines = 0;
  const simulation::outcome with = simulation::simulate(7, [&](const std::string&) { ++lines; });
  CHECK(simulation::simulate(7).fingerprint == with.fingerprint);
  CHECK(lines > with.steps);
}

TEST_CASE("seeds draw every kind of step, and several regions, inputs and outputs") {
  std::set<simulation::step_kind> kinds;
  bool several_sources = false;
  bool several_sinks = false;
  for (std::uint64_t seed = 0; seed != 200; ++seed) {
    simulation::chance random{seed};
    const simulation::pipeline p = simulation::draw_pipeline(random);
    int sources = 0;
    int sinks = 0;
    for (const simulation::step& s : p.steps) {
      kinds.insert(s.kind);
      sources += s.kind == simulation::step_kind::source ? 1 : 0;
      sinks += s.kind == simulation::step_kind::sink ? 1 : 0;
    }
    several_sources = several_sources || sources > 1;
    several_sinks = several_sinks || sinks > 1;
  }
  CHECK(kinds.size() == static_cast<std::size_t>(simulation::step_kind::sink) + 1);
  CHECK(several_sources);
  CHECK(several_sinks);
}
