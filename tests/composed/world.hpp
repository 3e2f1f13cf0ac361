// What goes on beside the job in a composed run: it writes logs, sends lines, feeds records, takes results.
#pragma once

#include "simulation/chance.hpp"

#include <cstddef>

namespace caf {
class actor_system;
} // namespace caf

namespace composed {

/// Outlives the simulated processes. All is called on the one thread of the run.
class world {
public:
  world() = default;
  virtual ~world() = default;
  world(const world&) = delete;
  world& operator=(const world&) = delete;

  /// A process begins; its job is not composed yet.
  virtual void begin_life(caf::actor_system& system) { static_cast<void>(system); }
  /// The process is gone. What of it is held is let go of.
  virtual void end_life() {}
  /// The run is over.
  virtual void end() {}
  /// Does one thing, between two steps of the run.
  virtual void act() {}
  /// Called whenever somebody looks at the clock: sees to it that a read that would block finds something.
  virtual void pump() {}
  /// Whether a job that has no end by itself has done all that it is for.
  [[nodiscard]] virtual bool done() const { return false; }
  /// How many actors of its own there are.
  [[nodiscard]] virtual std::size_t actors() const { return 0; }
};

} // namespace composed
