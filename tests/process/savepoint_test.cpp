// Savepoints of running jobs: taken live and with a stop, and gone on from at other parallelisms.
#include "process/actor_host.hpp"
#include "process/counting_job.hpp"
#include "process/counting_process.hpp"
#include "process/database.hpp"
#include "unit/scratch_folder.hpp"

#include <weir/weir.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <filesystem>
#include <string>

using namespace std::chrono_literals;
using weir_test::actor_host;
using weir_test::counting;
using weir_test::database;
using weir_test::eventually;
using weir_test::fault_in_output;
using weir_test::job_guard;
using weir_test::scratch_folder;

namespace fs = std::filesystem;

namespace {

weir::job_options options_for(const counting& parts, std::uint32_t parallelism = 2) {
  weir::job_options options;
  options.store = counting_store(parts);
  options.parallelism = parallelism;
  options.checkpoint_interval = 20ms;
  return options;
}

counting parts_in(const fs::path& folder, double rate = 0) {
  counting parts;
  parts.folder = folder.string();
  parts.rate = rate;
  return parts;
}

/// The output of a job as it is now, without its store, in another folder.
void copy_output(const fs::path& from, const fs::path& to) {
  fs::copy(from, to, fs::copy_options::recursive);
  for (const char* name : {"counting.weir", "counting.weir-wal", "counting.weir-shm", "counting.weir.lock"})
    fs::remove(to / name);
}

} // namespace

TEST_CASE("a savepoint at parallelism 2 goes on at 1, 3 and 5, and the output is exact") {
  const scratch_folder folder;
  const fs::path first = folder.path() / "first";
  fs::create_directory(first);
  counting parts = parts_in(first, 20'000);
  std::atomic<std::uint64_t> passed{0};
  parts.on_record = [&](std::uint64_t) { ++passed; };
  const std::string save = (folder.path() / "half.save").string();
  actor_host host;
  {
    weir::job_handle running = host.jobs().start(counting_job(parts), options_for(parts));
    const job_guard guard{running};
    REQUIRE(eventually(running, [&] { return passed > 3'000; }));
    const weir::written_savepoint written = running.stop_with_savepoint(save);
    CHECK(written.job == "counting");
    CHECK(written.checkpoint == running.status().newest_checkpoint);
    CHECK(written.entries > 0);
  }
  const std::uint64_t at_stop = passed;
  CHECK(at_stop < parts.records);
  for (const std::uint32_t parallelism : {1U, 3U, 5U}) {
    CAPTURE(parallelism);
    const fs::path other = folder.path() / std::to_string(parallelism);
    copy_output(first, other);
    counting again = parts_in(other);
    passed = 0;
    again.on_record = [&](std::uint64_t) { ++passed; };
    weir::job_options options = options_for(again, parallelism);
    options.from_savepoint = save;
    weir::job_handle running = host.jobs().start(counting_job(again), options);
    const job_guard guard{running};
    REQUIRE(running.wait_for(30s));
    INFO(host.log());
    CHECK(running.wait().state == weir::job_state::finished);
    CHECK(passed == parts.records - at_stop);
    CHECK(fault_in_output(again) == "");
    CHECK_THAT(host.log(), Catch::Contains("begins with savepoint"));
  }
}

TEST_CASE("a savepoint of a running job disturbs it in nothing, however few checkpoints it keeps") {
  const scratch_folder folder;
  counting parts = parts_in(folder.path(), 2'000); // it is to outlive four savepoints
  actor_host host;
  weir::job_options options = options_for(parts);
  options.retain = 1;
  options.checkpoint_interval = 2ms;
  weir::job_handle running = host.jobs().start(counting_job(parts), options);
  const job_guard guard{running};
  std::optional<weir::checkpoint_id> before;
  for (int i = 0; i != 4; ++i) {
    const auto written = running.savepoint((folder.path() / (std::to_string(i) + ".save")).string());
    CHECK((!before || written.checkpoint > *before));
    before = written.checkpoint;
  }
  running.drain();
  REQUIRE(running.wait_for(30s));
  INFO(host.log());
  CHECK(running.wait().state == weir::job_state::finished);
  CHECK(running.status().restarts == 0);
  CHECK(database{counting_store(parts)}.integer("SELECT count(*) FROM failures") == 0);
}

TEST_CASE("a job without checkpoints has no savepoint, and one that has ended takes no live one") {
  const scratch_folder folder;
  counting parts = parts_in(folder.path());
  parts.records = 500;
  actor_host host;
  weir::job_options options = options_for(parts);
  const std::string save = (folder.path() / "s.save").string();
  {
    weir::job_handle ended = host.jobs().start(counting_job(parts), options);
    REQUIRE(ended.wait_for(30s));
    CHECK_THROWS_AS(ended.savepoint(save), weir::error);
    CHECK_FALSE(fs::exists(save));
    // But its store has one.
    CHECK(weir::write_savepoint(options.store, std::nullopt, save, {}).checkpoint == ended.status().newest_checkpoint);
  }
  const scratch_folder other;
  parts = parts_in(other.path(), 1'000);
  options = options_for(parts);
  options.store = "";
  options.checkpoints = false;
  weir::job_handle running = host.jobs().start(counting_job(parts), options);
  const job_guard guard{running};
  CHECK_THROWS_AS(running.savepoint(save + "2"), weir::usage_error);
  running.cancel();
  REQUIRE(running.wait_for(30s));
}

TEST_CASE("a job is not stopped for a savepoint that can't be made") {
  const scratch_folder folder;
  counting parts = parts_in(folder.path(), 20'000);
  actor_host host;
  weir::job_handle running = host.jobs().start(counting_job(parts), options_for(parts));
  const job_guard guard{running};
  const std::string save = (folder.path() / "s.save").string();
  static_cast<void>(running.savepoint(save));
  CHECK_THROWS_WITH(running.stop_with_savepoint(save), Catch::Contains("where nothing is"));
  CHECK_THROWS_AS(running.stop_with_savepoint((folder.path() / "none/s.save").string()), weir::path_error);
  // It goes on: it has checkpoints yet to come.
  const weir::checkpoint_id later = running.checkpoint();
  CHECK(running.stop_with_savepoint(save + "2").checkpoint >= later);
}

TEST_CASE("a savepoint at the end that can't be made is refused before the job starts") {
  const scratch_folder folder;
  const counting parts = parts_in(folder.path());
  const std::string save = (folder.path() / "none/s.save").string();
  weir::job_status status;
  const weir::job job = counting_job(parts);
  CHECK(weir::run(job, weir::command_line{"counting", {"--savepoint", save}}, status, options_for(parts)) == 2);
  CHECK(status.records_read == 0);
  CHECK_FALSE(fs::exists(counting_store(parts)));
}
