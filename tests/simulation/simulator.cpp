#include "simulation/simulator.hpp"

#include "simulation/simulated_run.hpp"
#include "simulation/troubles.hpp"

#include <utility>

namespace simulation {

outcome simulate(std::uint64_t seed, const trace_function& trace) {
  return simulated_run{seed, trace}.go();
}

const std::vector<std::string>& kinds_of_trouble() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const trouble_kind& kind : all_troubles())
      all.push_back(kind.name);
    for (const trouble_kind& kind : start_troubles())
      all.push_back(kind.name);
    for (std::string& name : restart_trouble_names())
      all.push_back(std::move(name));
    for (const std::string_view name : {moved_by_savepoint, savepoint_beside_job, savepoint_failed})
      all.emplace_back(name);
    for (const char* name :
         {"in-flight batches restored", "in-flight batches dealt out anew", "in-flight batches after a timeout"})
      all.emplace_back(name);
    return all;
  }();
  return names;
}

std::vector<std::string> deaths_at_failpoints() {
  std::vector<std::string> all;
  for (const std::string& name : failpoints_in_reach())
    all.push_back("died at " + name);
  return all;
}

} // namespace simulation
