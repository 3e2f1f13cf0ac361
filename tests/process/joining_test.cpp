// Exactly once through operators with several inputs and outputs: connected streams with and without keys, side
// outputs, unions and broadcast; with a failure in each of them, stopped and resumed, and killed.
#include "process/actor_host.hpp"
#include "process/child_process.hpp"
#include "process/database.hpp"
#include "process/joining_job.hpp"
#include "unit/scratch_folder.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;
using weir_test::actor_host;
using weir_test::child_process;
using weir_test::eventually;
using weir_test::fault_in_joined;
using weir_test::job_guard;
using weir_test::joining;
using weir_test::scratch_folder;

namespace {

/// Throws once at every place, each time some hundred records later.
class accident_at_each_place {
public:
  void before(const char* place) {
    const std::lock_guard lock{mutex_};
    const auto [at, first] = places_.try_emplace(place, there{250 * (places_.size() + 1), 0, false});
    there& here = at->second;
    if (here.happened || ++here.calls < here.when)
      return;
    here.happened = true;
    throw std::runtime_error{std::string{"an accident at "} + place};
  }
  [[nodiscard]] std::size_t happened() const {
    const std::lock_guard lock{mutex_};
    return static_cast<std::size_t>(
        std::count_if(places_.begin(), places_.end(), [](const auto& each) { return each.second.happened; }));
  }

private:
  struct there {
    std::uint64_t when;
    std::uint64_t calls;
    bool happened;
  };
  mutable std::mutex mutex_;
  std::map<std::string, there> places_;
};

weir::job_options options_in(const scratch_folder& folder) {
  weir::job_options options;
  options.store = folder / "joining.weir";
  options.parallelism = 2;
  options.checkpoint_interval = 15ms;
  options.batch_size = 64;
  options.restart = weir::fixed_delay_restart{50, 5ms};
  return options;
}

} // namespace

TEST_CASE("an accident in each operator with several inputs or outputs changes nothing in what comes out") {
  const bool fusion = GENERATE(true, false);
  const std::uint32_t concurrent = GENERATE(1u, 3u);
  CAPTURE(fusion, concurrent);
  const scratch_folder folder;
  const auto accidents = std::make_shared<accident_at_each_place>();
  joining parts;
  parts.folder = folder.path().string();
  parts.before = [accidents](const char* place) { accidents->before(place); };
  weir::job_options options = options_in(folder);
  options.fusion = fusion;
  options.max_concurrent = concurrent;
  actor_host host;
  weir::job_handle running = host.jobs().start(joining_job(parts), options);
  const job_guard guard{running};
  const bool ended = running.wait_for(60s);
  INFO(host.log());
  REQUIRE(ended);
  CHECK(running.wait().state == weir::job_state::finished);
  CHECK(running.status().restarts > 0);
  CHECK(accidents->happened() == std::size(weir_test::joining_places));
  CHECK(fault_in_joined(parts) == "");
}

TEST_CASE("operators with several inputs or outputs go on exactly when the job is stopped and resumed") {
  const scratch_folder folder;
  joining parts;
  parts.folder = folder.path().string();
  actor_host host;
  bool finished = false;
  int life = 0;
  for (; !finished; ++life) {
    weir::job_options options = options_in(folder);
    options.parallelism = static_cast<std::uint32_t>(1 + life % 3);
    weir::job_handle running = host.jobs().start(joining_job(parts), options);
    const job_guard guard{running};
    if (life < 3 && eventually(running, [&] { return running.status().checkpoints >= 2; }))
      running.stop();
    const bool ended = running.wait_for(60s);
    INFO(host.log());
    REQUIRE(ended);
    finished = running.wait().state == weir::job_state::finished;
  }
  INFO(host.log());
  CHECK(life > 1); // on a slow machine two lives may do
  CHECK(fault_in_joined(parts) == "");
}

TEST_CASE("operators with several inputs or outputs go on exactly when the process is killed") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random{seed};
  const scratch_folder folder;
  joining parts;
  parts.folder = folder.path().string();
  const std::string store = folder / "joining.weir";
  int kills = 0;
  for (int life = 0; life != 6; ++life) {
    child_process job{{weir_test::program("joining_program"), "--folder", parts.folder, "--store", store, "--rate",
                       "6000", "--parallelism", "2", "--batch-size", "64", "--checkpoint-interval",
                       life < 5 ? "10ms" : "100ms"},
                      folder / "log"};
    if (life < 5) // while it runs, and at times before it has gone anywhere
      static_cast<void>(
          job.wait_for(std::chrono::microseconds{std::uniform_int_distribution{50'000, 500'000}(random)}));
    else
      static_cast<void>(job.wait_for(60s));
    job.signal(life < 5 ? SIGKILL : SIGTERM);
    const auto end = job.wait_for(10s);
    INFO(job.standard_error());
    REQUIRE(end);
    kills += end->signal == SIGKILL ? 1 : 0;
    if (end->signal == 0)
      REQUIRE(end->code == 0);
  }
  CHECK(kills >= 4);
  CHECK(weir_test::database{store}.value("SELECT status FROM runs") == "finished");
  CHECK(fault_in_joined(parts) == "");
}
