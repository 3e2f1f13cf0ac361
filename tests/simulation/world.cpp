#include "simulation/world.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

namespace simulation {

namespace {

world* the_world = nullptr;

/// Where regions are prepared, before there are subtasks that could fail.
constexpr std::array<std::string_view, 3> preparation{"prepare_output", "enumerate", "check_restored"};

} // namespace

world::world(pipeline p, std::uint64_t seed)
    : plan(std::move(p)),
      expected(evaluate_all(plan)),
      random(seed),
      time(std::make_shared<simulated_time>(random.fork())),
      exact_steps(plan.steps.size(), true),
      restored_from(plan.steps.size(), 0) {
  the_world = this;
}

world::~world() {
  the_world = nullptr;
}

world& world::now() {
  if (!the_world)
    throw std::logic_error("simulated code runs outside of a simulation");
  return *the_world;
}

void world::pass(std::string_view place) {
  if (observing || armed_.empty())
    return;
  bool throws = false;
  for (armed_exception& armed : armed_)
    throws = (armed.place == place && --armed.nth == 0) || throws;
  if (!throws)
    return;
  std::erase_if(armed_, [](const armed_exception& armed) { return armed.nth == 0; });
  const std::string where{place};
  const bool prepares = std::find(preparation.begin(), preparation.end(), place) != preparation.end();
  happened("exception in " + where + (starting && prepares ? " in a start" : ""));
  if (restarting && !starting)
    happened("exception in a restart");
  ++exceptions_;
  exceptions_in_preparation_ += prepares ? 1 : 0;
  throw planned_exception{"planned, in " + where};
}

void world::check_loaded(std::size_t step, std::uint32_t key, const key_summary& loaded) {
  key_summary should;
  const std::uint64_t checkpoint = restored_from[step];
  if (checkpoint != 0) {
    const auto model = restored_models.find(checkpoint);
    if (model == restored_models.end())
      return violated("checkpoint " + std::to_string(checkpoint) + " is restored, and nobody has looked at it");
    const auto& state = model->second.keyed_state[step];
    if (const auto found = state.find(key); found != state.end())
      should = found->second;
  }
  if (exact(step) ? loaded == should : loaded.count >= should.count)
    return;
  violated(plan.steps[step].name + " has loaded a state that counts " + std::to_string(loaded.count) + " of key " +
           std::to_string(key) + " from checkpoint " + std::to_string(checkpoint) + ", where it is " +
           std::to_string(should.count));
}

void world::check_loaded(std::size_t step, const weir::operator_identity& who, std::uint64_t loaded) {
  auto& counts = loaded_counts_[{step, life, who.attempt.value}];
  counts[who.subtask.value] = loaded;
  std::uint64_t all = 0;
  for (const auto& [subtask, count] : counts)
    all += count;
  const auto model = restored_models.find(restored_from[step]);
  const std::uint64_t should = model == restored_models.end() ? 0 : model->second.inputs[step];
  if (exact(step) ? all > should || (all < should && counts.size() == who.parallelism)
                  : all < should && counts.size() == who.parallelism)
    violated("the subtasks of " + plan.steps[step].name + " have loaded states that count " + std::to_string(all) +
             " records from checkpoint " + std::to_string(restored_from[step]) + ", where it is " +
             std::to_string(should));
}

void world::violated(const std::string& what) {
  if (!violation_)
    violation_ = what;
}

} // namespace simulation
