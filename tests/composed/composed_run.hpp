// Runs jobs of the library's own operators, sources and sinks in simulated time, with deaths that a seed chooses.
#pragma once

#include "composed/world.hpp"

#include <weir/coordinator/job_options.hpp>
#include <weir/operators/job.hpp>
#include <weir/operators/sink.hpp>
#include <weir/operators/to_text.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace composed {

/// What a sink has written, a line a record. Outlives the simulated processes.
struct ledger {
  std::map<std::string, std::vector<std::string>> prepared; ///< by the sink's own id
  std::map<std::string, bool> committed_ids;
  std::vector<std::string> committed;
};

/// A sink like any exactly-once sink, whose output is in a ledger.
class to_ledger {
public:
  static constexpr std::string_view kind_name = "ledger";
  explicit to_ledger(std::shared_ptr<ledger> to) : to_(std::move(to)) {}

  template <class T>
  [[nodiscard]] std::shared_ptr<const weir::any_sink> sink() const {
    return make(to_, [](const weir::any_batch& records, std::vector<std::string>& lines) {
      for (const T& record : weir::as<T>(records).values)
        weir::append_text(lines.emplace_back(), record);
    });
  }

private:
  using append_function = void (*)(const weir::any_batch& records, std::vector<std::string>& lines);
  static std::shared_ptr<const weir::any_sink> make(std::shared_ptr<ledger> to, append_function append);

  std::shared_ptr<ledger> to_;
};

/// What is outside of the simulated process.
struct surroundings {
  std::filesystem::path folder; ///< for files, of this run only
  std::shared_ptr<ledger> out = std::make_shared<ledger>();
  /// Answers that come later, from outside: the run calls them when it likes, in any order.
  std::shared_ptr<std::vector<std::function<void()>>> owed = std::make_shared<std::vector<std::function<void()>>>();
  std::shared_ptr<world> beside; ///< of a composition that makes one
  std::size_t deaths = 0;        ///< so far; a stop counts, too

  /// The world, as what the composition has made it.
  template <class World>
  [[nodiscard]] World& in() const {
    return static_cast<World&>(*beside);
  }
};

/// A job, and what has to come out of it.
struct composition {
  std::string name;
  /// Adds the operators. Called for every life of the process.
  std::function<void(weir::job&, const surroundings&)> compose;
  /// What is wrong with the output; empty if nothing is.
  std::function<std::string(const surroundings&)> fault;
  /// Before the first life: makes input files.
  std::function<void(const surroundings&)> prepare = {};
  /// What goes on beside the job; made once a run, after `prepare`.
  std::function<std::shared_ptr<world>(const surroundings&, simulation::chance)> make_world = {};
  /// Changes what the seed has chosen.
  std::function<void(weir::job_options&)> tune = {};
};

/// What a run came to.
struct outcome {
  std::string fault; ///< empty: all is as it should be
  std::size_t steps = 0;
  std::size_t lives = 0;    ///< of the process
  std::size_t deaths = 0;   ///< of subtasks, companions and processes, and stops
  std::size_t restored = 0; ///< lives and restarts that went on from a checkpoint
};

/// Runs a composition to its end under the schedule and the deaths of a seed. One at a time in a process.
[[nodiscard]] outcome run(const composition& what, std::uint64_t seed);

/// "" if the ledger has these lines, in any order; else what differs.
[[nodiscard]] std::string same_lines(std::vector<std::string> found, std::vector<std::string> wanted);

} // namespace composed
