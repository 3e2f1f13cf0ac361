// Savepoints in simulation: taken beside a running job, and taken of a job that then goes on in another store.
#include "simulation/simulated_run.hpp"

#include <weir/persistence/error.hpp>
#include <weir/persistence/savepoint.hpp>

#include <algorithm>
#include <utility>

namespace simulation {

namespace {

/// So many steps lie between two savepoints beside a running job, more or less.
constexpr std::uint64_t steps_to_a_savepoint = 4000;
/// Writes of a savepoint, more or less.
constexpr std::uint64_t writes_of_a_savepoint = 60;

weir::wall_time wall_time_of(const simulated_time& time) {
  return weir::wall_time{time.now().time_since_epoch().count()};
}

} // namespace

/// Between two lives: the job may move to another store, by a savepoint of the newest checkpoint. Returns whether the
/// job may be started now.
bool simulated_run::move_by_savepoint() {
  std::error_code none;
  if (!std::filesystem::exists(savepoint_, none)) {
    const bool may = result_.lives > 1 && world_.newest_complete != 0 && result_.steps < troubles_end;
    if (!may || !random_.one_in(2))
      return true;
    if (!write_savepoint_of_newest()) {
      const bool alive = !dying_;
      if (!alive)
        begin_next_life();
      return alive;
    }
  }
  check_savepoint(savepoint_, world_.newest_complete);
  for (const char* suffix : {"", "-wal", "-shm", ".lock"})
    std::filesystem::remove(store_.string() + suffix, none);
  options_.from_savepoint = savepoint_.string();
  newest_opened_ = world_.newest_complete; // the ids of checkpoints that did not complete come again
  world_.happened(std::string{moved_by_savepoint});
  return !world_.violation();
}

/// The process may die meanwhile, or the disk fail: then there is none.
bool simulated_run::write_savepoint_of_newest() {
  die_at_.clear();
  die_in_ = 0;
  if (random_.one_in(3)) {
    std::vector<std::string> points;
    std::copy_if(failpoints_in_reach().begin(), failpoints_in_reach().end(), std::back_inserter(points),
                 [](const std::string& name) { return name.compare(0, 10, "savepoint.") == 0; });
    if (!points.empty())
      die_at_ = random_.pick(points);
    die_in_ = points.empty() ? 0 : 1;
  } else if (random_.one_in(3)) {
    weir_test::faulty_disk::fault f;
    f.of = weir_test::faulty_disk::operation::write;
    f.nth = static_cast<long>(1 + random_.below(writes_of_a_savepoint));
    f.what = random_.one_in(2) ? weir_test::faulty_disk::trouble::full : weir_test::faulty_disk::trouble::fail;
    f.from_then_on = random_.one_in(2);
    disk_.arm(f);
  }
  const long disk_before = disk_.happened();
  bool written = false;
  try {
    const weir::written_savepoint of =
        weir::write_savepoint(store_.string(), std::nullopt, savepoint_.string(), wall_time_of(*world_.time));
    written = true;
    if (of.checkpoint.value != world_.newest_complete)
      world_.violated("a savepoint has checkpoint " + to_string(of.checkpoint) + ", the newest is " +
                      std::to_string(world_.newest_complete));
  } catch (const weir::error& e) {
    say(std::string{"no savepoint: "} + e.what());
    if (!dying_ && disk_.happened() == disk_before)
      world_.violated(std::string{"no savepoint can be written: "} + e.what());
    if (!dying_) {
      world_.happened(std::string{savepoint_failed});
      if (std::filesystem::exists(savepoint_))
        world_.violated("a savepoint that failed is there");
    }
  }
  die_in_ = 0;
  disk_.disarm();
  return written && !dying_;
}

/// It has the state that the model has.
void simulated_run::check_savepoint(const std::filesystem::path& savepoint, std::uint64_t checkpoint) {
  world_.observing = true;
  disk_.stand_aside(true);
  try {
    if (const std::uint64_t found = check_savepoint_state(savepoint).checkpoint; found != checkpoint)
      world_.violated("a savepoint of checkpoint " + std::to_string(checkpoint) + " has " + std::to_string(found));
  } catch (const std::exception& e) {
    world_.violated(std::string{"a savepoint can't be read: "} + e.what());
  }
  disk_.stand_aside(false);
  world_.observing = false;
}

/// A store that has begun is there for good: from now on it is resumed.
void simulated_run::forget_savepoint_of_begun_store() {
  std::error_code none;
  if (options_.from_savepoint.empty() || !std::filesystem::exists(store_, none))
    return;
  options_.from_savepoint.clear();
  std::filesystem::remove(savepoint_, none);
}

/// It reads the store that the job is writing, and disturbs nobody.
void simulated_run::take_savepoint_beside_job() {
  if (world_.newest_complete == 0 || !random_.one_in(steps_to_a_savepoint))
    return;
  std::filesystem::path beside = savepoint_;
  beside += ".beside";
  const std::uint64_t die_in = std::exchange(die_in_, 0);
  disk_.stand_aside(true);
  std::uint64_t checkpoint = 0;
  try {
    checkpoint = weir::write_savepoint(store_.string(), std::nullopt, beside.string(), wall_time_of(*world_.time))
                     .checkpoint.value;
  } catch (const std::exception& e) {
    world_.violated(std::string{"no savepoint can be taken beside the job: "} + e.what());
  }
  disk_.stand_aside(false);
  if (checkpoint != 0) {
    if (checkpoint < world_.newest_complete)
      world_.violated("a savepoint has checkpoint " + std::to_string(checkpoint) + ", though " +
                      std::to_string(world_.newest_complete) + " is complete");
    check_savepoint(beside, checkpoint);
    world_.happened(std::string{savepoint_beside_job});
  }
  die_in_ = die_in;
  std::error_code none;
  for (const char* suffix : {"", ".lock"})
    std::filesystem::remove(beside.string() + suffix, none);
}

} // namespace simulation
