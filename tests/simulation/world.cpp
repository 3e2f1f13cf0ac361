#include "simulation/world.hpp"

#include <stdexcept>
#include <utility>

namespace simulation {

namespace {

world* the_world = nullptr;

} // namespace

world::world(pipeline p, std::uint64_t seed)
    : plan(std::move(p)),
      expected(evaluate_all(plan)),
      random(seed),
      time(std::make_shared<simulated_time>(random.fork())) {
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

void world::arm_exception(std::string place, std::uint64_t nth) {
  place_ = std::move(place);
  nth_ = nth;
}

void world::pass(std::string_view place) {
  if (observing || nth_ == 0 || place != place_ || --nth_ != 0)
    return;
  happened("exception in " + place_);
  throw planned_exception{"planned, in " + place_};
}

void world::violated(const std::string& what) {
  if (!violation_)
    violation_ = what;
}

} // namespace simulation
