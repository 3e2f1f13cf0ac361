// Sinks that were renamed between two starts of a run.
#include "process/actor_host.hpp"
#include "process/committed_counts.hpp"
#include "process/database.hpp"
#include "unit/scratch_folder.hpp"

#include <weir/weir.hpp>

#include <catch2/catch.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>

using namespace std::chrono_literals;
using weir_test::actor_host;
using weir_test::eventually;
using weir_test::job_guard;
using weir_test::scratch_folder;

namespace {

constexpr std::uint64_t records = 12'000;

/// Counts of keys into files and a table, by sinks with these names.
weir::job counting(const std::string& folder, const std::string& files, const std::string& table,
                   const std::string& former_files = {}, const std::string& former_table = {}) {
  weir::job job{"renamed"};
  auto counts =
      job.source("numbers", weir::generator<std::uint64_t>{records, [](std::uint64_t i) { return i; }}.rate(12'000))
          .map("keys", [](std::uint64_t n) { return "key " + std::to_string(n % 10); })
          .key_by(std::identity{})
          .count("counts");
  counts.sink(files, weir::text_files{folder + "/files"}, {.renamed_from = former_files});
  counts.sink(table, weir::sqlite_table{folder + "/out.db", "counts"}.upsert("key"), {.renamed_from = former_table});
  return job;
}

} // namespace

TEST_CASE("renamed sinks go on where they were, and are refused without their former names") {
  const scratch_folder folder;
  const std::string at = folder.path().string();
  weir::job_options options;
  options.store = folder / "renamed.weir";
  options.parallelism = 2;
  options.checkpoint_interval = 20ms;
  actor_host host;
  const auto some_checkpoints = [&](const weir::job& job) {
    weir::job_handle running = host.jobs().start(job, options);
    const job_guard guard{running};
    const bool midway = eventually(running, [&] { return running.status().checkpoints >= 3; });
    running.stop();
    const bool ended = running.wait_for(30s);
    INFO(host.log());
    REQUIRE(midway);
    REQUIRE(ended);
    REQUIRE(running.wait().state == weir::job_state::stopped);
  };
  some_checkpoints(counting(at, "files", "table"));
  CHECK_THROWS_AS(host.jobs().start(counting(at, "texts", "table"), options), weir::usage_error);
  some_checkpoints(counting(at, "texts", "rows", "files", "table"));

  // The option may go or stay, now that checkpoints know the new names.
  const bool stays = GENERATE(true, false);
  weir::job_handle running =
      host.jobs().start(counting(at, "texts", "rows", stays ? "files" : "", stays ? "table" : ""), options);
  const job_guard guard{running};
  const bool ended = running.wait_for(30s);
  INFO(host.log());
  REQUIRE(ended);
  CHECK(running.wait().state == weir::job_state::finished);

  std::map<std::string, long long, std::less<>> expected;
  for (std::uint64_t n = 0; n != records; ++n)
    ++expected["key " + std::to_string(n % 10)];
  CHECK((weir_test::counts_in_table(folder / "out.db", "counts") == expected));
  weir_test::committed_counts files{folder / "files"};
  CHECK(files.look() == "");
  CHECK((files.counts() == expected));
}
