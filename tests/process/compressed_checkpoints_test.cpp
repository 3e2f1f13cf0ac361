// Jobs with compressed checkpoints: killed and resumed, with and without compression, and savepoints of them.
#include "process/actor_host.hpp"
#include "process/child_process.hpp"
#include "process/counting_job.hpp"
#include "process/counting_process.hpp"
#include "process/database.hpp"
#include "unit/scratch_folder.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <string>

using namespace std::chrono_literals;
using weir_test::actor_host;
using weir_test::child_process;
using weir_test::counting;
using weir_test::counting_command;
using weir_test::counting_store;
using weir_test::database;
using weir_test::eventually;
using weir_test::fault_in_output;
using weir_test::job_guard;
using weir_test::run_program;
using weir_test::scratch_folder;
using weir_test::wait_for_checkpoint;

namespace {

constexpr const char* frames = "SELECT count(*) FROM chunk_bytes WHERE substr(bytes, 1, 4) = x'28b52ffd'";

weir::job_options options_for(const counting& parts, bool compress) {
  weir::job_options options;
  options.store = counting_store(parts);
  options.parallelism = 2;
  options.checkpoint_interval = 10ms;
  options.compress_checkpoints = compress;
  return options;
}

} // namespace

TEST_CASE("a job with compressed checkpoints that is killed goes on from them exactly, compressed or not") {
  const scratch_folder folder;
  counting parts;
  parts.folder = folder.path().string();
  for (const char* compress : {"true", "true", "false", "true"}) {
    child_process job{counting_command(parts, {"--rate", "20000", "--compress-checkpoints=" + std::string{compress}}),
                      folder / "log"};
    REQUIRE(wait_for_checkpoint(job, counting_store(parts)));
    const auto newest = [&] { return database{counting_store(parts)}.integer("SELECT newest_complete FROM runs"); };
    const long long before = newest();
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (!job.wait_for(5ms) && std::chrono::steady_clock::now() < deadline && newest() < before + 4) {
    }
    job.signal(SIGKILL);
    REQUIRE(job.wait_for(30s));
    INFO(job.standard_error());
  }
  CHECK(database{counting_store(parts)}.integer(frames) > 0);
  const auto last = run_program(counting_command(parts, {"--compress-checkpoints"}), folder / "log");
  INFO(last.err);
  CHECK(last.code == 0);
  CHECK(fault_in_output(parts) == "");
}

TEST_CASE("a savepoint of a job with compressed checkpoints is compressed, and begins a job without them") {
  const scratch_folder folder;
  counting parts;
  parts.folder = folder.path().string();
  parts.rate = 20'000;
  std::atomic<std::uint64_t> passed{0};
  parts.on_record = [&](std::uint64_t) { ++passed; };
  actor_host host;
  const std::string save = folder / "half.save";
  {
    weir::job_handle running = host.jobs().start(counting_job(parts), options_for(parts, true));
    const job_guard guard{running};
    REQUIRE(eventually(running, [&] { return passed > 2'000; }));
    CHECK(running.stop_with_savepoint(save).entries > 0);
  }
  CHECK(database{counting_store(parts)}.integer(frames) > 0);
  CHECK(database{save}.integer(frames) > 0);
  weir::job_options options = options_for(parts, false);
  options.parallelism = 3;
  options.from_savepoint = save;
  options.store = folder / "second.weir";
  parts.rate = 0;
  weir::job_handle running = host.jobs().start(counting_job(parts), options);
  const job_guard guard{running};
  REQUIRE(running.wait_for(30s));
  INFO(host.log());
  CHECK(running.wait().state == weir::job_state::finished);
  CHECK(running.status().restore.entries > 0);
  CHECK(running.status().restore.entries_loaded == running.status().restore.entries);
  CHECK(running.status().restore.bytes_loaded == running.status().restore.bytes);
  CHECK_THAT(host.log(), Catch::Contains("loaded ") && Catch::Contains(" entries, "));
  CHECK(database{options.store}.integer(frames) == 0);
  CHECK(fault_in_output(parts) == "");
}
