// A job whose store is on a disk that is really full: it says so, and goes on, or fails with the reason.
#include "process/actor_host.hpp"
#include "process/counting_job.hpp"
#include "store_faults/small_disk.hpp"
#include "unit/scratch_folder.hpp"

#include <weir/persistence/error.hpp>

#include <catch2/catch.hpp>

#include <cstdio>
#include <string>

using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using store_faults::small_disk;
using weir_test::actor_host;
using weir_test::counting;
using weir_test::eventually;
using weir_test::job_guard;
using weir_test::scratch_folder;

namespace {

/// The output is elsewhere: only the store's disk is full.
weir::job_options options_for(const small_disk& disk) {
  weir::job_options options;
  options.store = (disk.path() / "counting.weir").string();
  options.parallelism = 2;
  options.checkpoint_interval = 10ms;
  return options;
}

counting parts_in(const scratch_folder& folder, std::uint64_t records) {
  counting parts;
  parts.folder = folder.path().string();
  parts.records = records;
  parts.rate = 10'000;
  return parts;
}

bool is_refused(const small_disk& disk) {
  if (!disk.refusal().empty())
    std::printf("skipped, there is no small disk: %s\n", disk.refusal().c_str());
  return !disk.refusal().empty();
}

} // namespace

TEST_CASE("a job whose disk fills up names it; when there is room a new start goes on with the right output") {
  const small_disk disk{16 << 20};
  if (is_refused(disk))
    return;
  const scratch_folder folder;
  const auto parts = parts_in(folder, 20'000);
  auto options = options_for(disk);
  options.retain = 100'000; // the store grows with each checkpoint
  options.restart = weir::fixed_delay_restart{2, 10ms};
  weir::checkpoint_id newest;
  {
    actor_host host;
    auto job = host.jobs().start(counting_job(parts), options);
    const job_guard guard{job};
    REQUIRE(eventually(job, [&] { return job.status().checkpoints >= 2; }));
    disk.fill(200'000);
    const bool ended = job.wait_for(30s);
    newest = job.status().newest_checkpoint.value_or(weir::checkpoint_id{});
    INFO(host.log());
    REQUIRE(ended);
    REQUIRE(job.status().state == weir::job_state::failed);
    CHECK_THAT(job.status().failure, Contains("room on the disk") && Contains("free space"));
    CHECK_THAT(host.log(), Contains("room on the disk"));
  }
  disk.fill();
  actor_host host;
  // Full as it is, nothing begins, and nothing is lost by that.
  CHECK_THROWS_WITH(host.jobs().start(counting_job(parts), options), Contains("free space"));
  disk.free();
  auto job = host.jobs().start(counting_job(parts), options);
  const job_guard guard{job};
  CHECK(job.status().resumed_from.value_or(weir::checkpoint_id{}) >= newest);
  REQUIRE(job.wait_for(30s));
  INFO(host.log());
  CHECK(job.wait().state == weir::job_state::finished);
  CHECK(fault_in_output(parts) == "");
}

TEST_CASE("a store that needs no more room goes on when somebody else fills the disk") {
  const small_disk disk{8 << 20};
  if (is_refused(disk))
    return;
  const scratch_folder folder;
  const auto parts = parts_in(folder, 20'000);
  auto options = options_for(disk);
  options.retain = 1;
  actor_host host;
  auto job = host.jobs().start(counting_job(parts), options);
  const job_guard guard{job};
  // The file and its log have grown to what they need.
  REQUIRE(eventually(job, [&] { return job.status().checkpoints >= 25; }));
  disk.fill();
  const auto checkpoints = job.status().checkpoints;
  const bool goes_on = eventually(job, [&] { return job.status().checkpoints >= checkpoints + 5; });
  INFO(host.log());
  CHECK(goes_on);
  disk.free();
  REQUIRE(job.wait_for(30s));
  CHECK(job.wait().state == weir::job_state::finished);
  CHECK(fault_in_output(parts) == "");
}

TEST_CASE("a disk with room for the state is enough: the log is used again before it fills the disk") {
  const small_disk disk{3 << 20};
  if (is_refused(disk))
    return;
  const scratch_folder folder;
  const auto parts = parts_in(folder, 15'000);
  auto options = options_for(disk);
  options.retain = 2;
  options.tolerable_failures = 1'000'000;
  actor_host host;
  auto job = host.jobs().start(counting_job(parts), options);
  const job_guard guard{job};
  REQUIRE(job.wait_for(60s));
  INFO(host.log());
  CHECK(job.wait().state == weir::job_state::finished);
  CHECK(job.status().checkpoints >= 20);
  CHECK(fault_in_output(parts) == "");
}

TEST_CASE("a run that finds no room to begin leaves nothing behind") {
  const small_disk disk{4 << 20};
  if (is_refused(disk))
    return;
  const scratch_folder folder;
  const auto parts = parts_in(folder, 1'000);
  const auto options = options_for(disk);
  actor_host host;
  disk.fill(100'000);
  CHECK_THROWS_WITH(host.jobs().start(counting_job(parts), options), Contains("free space"));
  CHECK_FALSE(std::filesystem::exists(options.store));
  CHECK_FALSE(std::filesystem::exists(options.store + ".lock"));
  disk.free();
  auto job = host.jobs().start(counting_job(parts), options);
  const job_guard guard{job};
  REQUIRE(job.wait_for(30s));
  CHECK(job.wait().state == weir::job_state::finished);
  CHECK(fault_in_output(parts) == "");
}
