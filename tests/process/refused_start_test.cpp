// A start that is refused leaves everything as it was.
#include "process/actor_host.hpp"
#include "process/counting_job.hpp"
#include "unit/scratch_folder.hpp"

#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <sqlite3.h>

#include <filesystem>
#include <string>

using namespace std::chrono_literals;
using weir_test::actor_host;
using weir_test::counting;
using weir_test::job_guard;
using weir_test::scratch_folder;

namespace fs = std::filesystem;

namespace {

void change(const std::string& path, const char* sql) {
  sqlite3* connection = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &connection) == SQLITE_OK);
  CHECK(sqlite3_exec(connection, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(connection);
}

} // namespace

TEST_CASE("a fresh run that a sink refuses gives the former store back, and that run goes on") {
  const scratch_folder folder;
  counting parts;
  parts.folder = folder.path().string();
  parts.rate = 5'000;
  weir::job_options options;
  options.store = counting_store(parts);
  options.parallelism = 2;
  std::string run;
  {
    actor_host host;
    weir::job_handle running = host.jobs().start(counting_job(parts), options);
    const job_guard guard{running};
    run = running.status().run;
    running.checkpoint();
    running.stop();
    REQUIRE(running.wait_for(30s));
  }
  options.fresh = true;
  actor_host host;
  CHECK_THROWS_AS(host.jobs().start(counting_job(parts), options), weir::usage_error);
  options.fresh = false;
  weir::job_handle resumed = host.jobs().start(counting_job(parts), options);
  const job_guard guard{resumed};
  CHECK(resumed.status().run == run);
  CHECK(resumed.status().resumed_from.has_value());
  resumed.cancel();
  REQUIRE(resumed.wait_for(30s));
}

TEST_CASE("a first run that never begins leaves no store behind") {
  const scratch_folder folder;
  const std::string store = (folder.path() / "none.weir").string();
  weir::job job{"none"};
  job.source("lines", weir::text_lines{(folder.path() / "missing.txt").string()}).sink("out", weir::print{});
  weir::job_options options;
  options.store = store;
  actor_host host;
  CHECK_THROWS_AS(host.jobs().start(job, options), weir::usage_error);
  CHECK_FALSE(fs::exists(store));
}

TEST_CASE("what one sink refuses leaves the output of the others as it was") {
  const scratch_folder folder;
  counting parts;
  parts.folder = folder.path().string();
  weir::job_options options;
  options.store = counting_store(parts);
  options.parallelism = 2;
  {
    actor_host host;
    weir::job_handle first = host.jobs().start(counting_job(parts), options);
    const job_guard guard{first};
    REQUIRE(first.wait_for(30s));
  }
  REQUIRE(fault_in_output(parts) == "");
  // Somebody has put another table into the place of the sink's.
  change(parts.folder + "/counts.db", "ALTER TABLE counts RENAME TO aside; CREATE TABLE counts (other TEXT)");
  options.fresh = true;
  options.replace_output = true;
  {
    actor_host host;
    CHECK_THROWS_AS(host.jobs().start(counting_job(parts), options), weir::usage_error);
  }
  change(parts.folder + "/counts.db", "DROP TABLE counts; ALTER TABLE aside RENAME TO counts");
  CHECK(fault_in_output(parts) == ""); // the files, too
}
