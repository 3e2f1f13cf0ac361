// Whose store gives the processor away: that of a real job does, and that of a simulation does not.
#include "process/actor_host.hpp"
#include "unit/scratch_folder.hpp"

#include <weir/actors/companions.hpp>
#include <weir/persistence/thread_pace.hpp>
#include <weir/weir.hpp>

#include <catch2/catch.hpp>

#include <cstdint>
#include <functional>
#include <span>
#include <string>

using weir_test::actor_host;
using weir_test::scratch_folder;

namespace {

/// How often threads rested while a job counted some hundred thousand keys, and stored them when it ended.
std::uint64_t rests_of_a_job(weir::blocking_work blocking) {
  const scratch_folder folder;
  actor_host host;
  weir::runtime jobs{host.system(), weir::system_environment(), blocking};
  weir::job job{"many-keys"};
  job.source("numbers", weir::generator<std::uint64_t>{300'000, [](std::uint64_t i) { return i; }})
      .key_by(std::identity{})
      .count("counts")
      .sink("none", weir::callback{[](std::span<const weir::counted<std::uint64_t>>) {}});
  weir::job_options options;
  options.store = folder / "many-keys.weir";
  const std::uint64_t before = weir::rests_taken();
  weir::job_handle handle = jobs.start(job, options);
  CHECK(handle.wait().state == weir::job_state::finished);
  return weir::rests_taken() - before;
}

} // namespace

TEST_CASE("the store's thread rests between the pages that it writes") {
  CHECK(rests_of_a_job(weir::blocking_work::own_thread) > 0);
}

TEST_CASE("a store without a thread of its own never sleeps") {
  CHECK(rests_of_a_job(weir::blocking_work::scheduled) == 0);
}
