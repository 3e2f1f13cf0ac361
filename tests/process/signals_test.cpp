// Signals to a program that runs a job: a graceful end with a last checkpoint, and a hard one.
#include "process/committed_counts.hpp"
#include "process/counting_process.hpp"
#include "process/database.hpp"
#include "unit/scratch_folder.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using weir_test::child_process;
using weir_test::committed_counts;
using weir_test::counting;
using weir_test::counting_command;
using weir_test::database;
using weir_test::scratch_folder;

namespace {

constexpr auto patience = 30s;

} // namespace

TEST_CASE("a signal stops a job with a last checkpoint, from which it goes on") {
  const int signal = GENERATE(SIGINT, SIGTERM);
  CAPTURE(signal);
  const scratch_folder folder;
  counting parts;
  parts.folder = folder.path().string();
  committed_counts files{parts.folder + "/files"};
  {
    child_process job{counting_command(parts, {"--rate", "2000"}), folder / "first"};
    REQUIRE(wait_for_checkpoint(job, counting_store(parts)));
    job.signal(signal);
    const auto end = job.wait_for(patience);
    INFO(job.standard_error());
    REQUIRE(end);
    CHECK(end->signal == 0);
    CHECK(end->code == 0);
    CHECK_THAT(job.standard_error(), Catch::Contains("stopping with a last checkpoint"));
  }
  {
    database store{counting_store(parts)};
    CHECK(store.value("SELECT status FROM job_overview") == "stopped");
    const auto last = store.rows("SELECT \"trigger\", status FROM checkpoint_overview ORDER BY id DESC LIMIT 1");
    REQUIRE(last.size() == 1);
    CHECK(last.front().at(0) == "stop");
    CHECK(last.front().at(1) == "complete");
    // What the last checkpoint covers is committed.
    CHECK(files.look() == "");
    long long in_files = 0;
    for (const auto& [key, count] : files.counts())
      in_files += count;
    long long in_table = 0;
    for (const auto& [key, count] : weir_test::counts_in_table(parts.folder + "/counts.db", "counts"))
      in_table += count;
    CHECK(in_files > 0);
    CHECK(in_table == in_files);
    CHECK(in_files < static_cast<long long>(parts.records));
  }
  const auto again = weir_test::run_program(counting_command(parts), folder / "second");
  INFO(again.err);
  CHECK(again.code == 0);
  CHECK_THAT(again.err, Catch::Contains("resumes run") && Catch::Contains("from checkpoint"));
  CHECK(fault_in_output(parts, files) == "");
}

TEST_CASE("a second signal stops a job hard, and it goes on from the checkpoint before") {
  const scratch_folder folder;
  counting parts;
  parts.folder = folder.path().string();
  parts.records = 4'000;
  {
    // No barrier passes the slow operator for seconds, so that the last checkpoint would take its time.
    child_process job{counting_command(parts, {"--pause-us", "20000"}), folder / "first"};
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (job.standard_error().find("begins run") == std::string::npos && std::chrono::steady_clock::now() < deadline)
      REQUIRE_FALSE(job.wait_for(5ms));
    job.signal(SIGINT);
    while (job.standard_error().find("stopping with") == std::string::npos &&
           std::chrono::steady_clock::now() < deadline)
      REQUIRE_FALSE(job.wait_for(5ms));
    job.signal(SIGINT);
    const auto end = job.wait_for(patience);
    INFO(job.standard_error());
    REQUIRE(end);
    CHECK(end->signal == 0);
    CHECK(end->code == 130);
    CHECK_THAT(job.standard_error(), Catch::Contains("cancelled"));
  }
  {
    database store{counting_store(parts)};
    CHECK(store.integer("SELECT count(*) FROM checkpoints WHERE status = 'complete' AND \"trigger\" = 'stop'") == 0);
    CHECK(store.integer("SELECT count(*) FROM checkpoints WHERE status = 'open'") == 0);
    CHECK(store.value("SELECT status FROM job_overview") == "stopped");
  }
  const auto again = weir_test::run_program(counting_command(parts), folder / "second");
  INFO(again.err);
  CHECK(again.code == 0);
  CHECK(fault_in_output(parts) == "");
}

TEST_CASE("a third signal ends a program whose code does not return") {
  const scratch_folder folder;
  counting parts;
  parts.folder = folder.path().string();
  parts.records = 4'000;
  {
    child_process job{counting_command(parts, {"--rate", "4000", "--hang-at", "2000"}), folder / "first"};
    const auto deadline = std::chrono::steady_clock::now() + patience;
    const auto wait_for_text = [&](const char* text) {
      while (job.standard_error().find(text) == std::string::npos && std::chrono::steady_clock::now() < deadline)
        REQUIRE_FALSE(job.wait_for(5ms));
    };
    wait_for_text("hangs");
    job.signal(SIGTERM);
    wait_for_text("stopping with");
    job.signal(SIGTERM);
    wait_for_text("cancelled");
    job.signal(SIGTERM);
    const auto end = job.wait_for(patience);
    INFO(job.standard_error());
    REQUIRE(end);
    CHECK(end->signal == 0);
    CHECK(end->code == 130);
  }
  const auto again = weir_test::run_program(counting_command(parts), folder / "second");
  INFO(again.err);
  CHECK(again.code == 0);
  CHECK(fault_in_output(parts) == "");
}

TEST_CASE("a job without checkpoints that is stopped does not promise to go on") {
  const scratch_folder folder;
  counting parts;
  parts.folder = folder.path().string();
  std::vector<std::string> command = counting_command(parts, {"--rate", "2000", "--no-checkpoints"});
  const auto store = std::find(command.begin(), command.end(), "--store");
  command.erase(store, store + 2);
  child_process job{command, folder / "only"};
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (job.standard_error().find("begins run") == std::string::npos && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  job.signal(SIGINT);
  const auto end = job.wait_for(patience);
  const std::string said = job.standard_error();
  INFO(said);
  REQUIRE(end);
  CHECK(end->code == 0);
  CHECK_THAT(said, Catch::Contains("stopped; nothing is stored") && !Catch::Contains("last checkpoint"));
}
