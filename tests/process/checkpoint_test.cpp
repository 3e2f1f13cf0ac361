// Checkpoints of jobs that run in this process: those that time out, at-least-once, by records, and none at all.
#include "process/actor_host.hpp"
#include "process/counting_job.hpp"
#include "process/database.hpp"
#include "unit/scratch_folder.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;
using weir_test::actor_host;
using weir_test::counting;
using weir_test::database;
using weir_test::eventually;
using weir_test::fault_in_output;
using weir_test::job_guard;
using weir_test::scratch_folder;

namespace {

weir::job_options options_for(const counting& parts) {
  weir::job_options options;
  options.store = counting_store(parts);
  options.parallelism = 2;
  options.checkpoint_interval = 20ms;
  options.restart = weir::fixed_delay_restart{20, 5ms};
  return options;
}

counting parts_in(const scratch_folder& folder, double rate = 0) {
  counting parts;
  parts.folder = folder.path().string();
  parts.rate = rate;
  return parts;
}

/// A door that records wait at while it is closed.
class door {
public:
  void set_open(bool open) {
    {
      const std::lock_guard lock{mutex_};
      open_ = open;
    }
    moved_.notify_all();
  }
  void pass() {
    std::unique_lock lock{mutex_};
    moved_.wait(lock, [this] { return open_; });
  }

private:
  std::mutex mutex_;
  std::condition_variable moved_;
  bool open_ = true;
};

/// Fails five times, on the 1,000th record after the start or the last failure.
class five_failures {
public:
  void operator()() {
    if (++since_ >= 1000 && failures_ < 5) {
      since_ = 0;
      ++failures_;
      throw std::runtime_error{"the 1,000th record"};
    }
  }
  [[nodiscard]] int count() const { return failures_; }

private:
  std::atomic<int> failures_{0};
  std::atomic<int> since_{0};
};

} // namespace

TEST_CASE("a checkpoint that takes too long is aborted and names who was late; later ones complete") {
  const scratch_folder folder;
  counting parts = parts_in(folder, 10'000);
  door gate;
  parts.on_seen = [&](std::uint64_t) { gate.pass(); };
  weir::job_options options = options_for(parts);
  options.fusion = false; // the sink "seen" is an actor of its own
  options.checkpoint_timeout = 100ms;
  options.tolerable_failures = 1'000;
  actor_host host{4}; // waiting in user code holds workers
  weir::job_handle running = host.jobs().start(counting_job(parts), options);
  const job_guard guard{running};
  REQUIRE(eventually(running, [&] { return running.status().checkpoints >= 1; }));
  gate.set_open(false);
  database store{counting_store(parts)};
  const bool aborted = eventually(running, [&] {
    return store.integer("SELECT count(*) FROM checkpoint_overview WHERE status = 'failed' AND late LIKE '%seen%'") >=
           1;
  });
  const std::uint64_t checkpoints = running.status().checkpoints;
  gate.set_open(true);
  INFO(host.log());
  REQUIRE(aborted);
  CHECK(store.integer("SELECT count(*) FROM checkpoint_overview WHERE status = 'failed' AND reason LIKE"
                      " '%not complete after 100ms%'") >= 1);
  REQUIRE(eventually(running, [&] { return running.status().checkpoints > checkpoints + 2; }));
  REQUIRE(running.wait_for(30s));
  CHECK(running.wait().state == weir::job_state::finished);
  CHECK(running.wait().restarts == 0);
  CHECK(fault_in_output(parts) == "");
}

TEST_CASE("too many failed checkpoints in a row fail the job, which goes on when it is started again") {
  const scratch_folder folder;
  counting parts = parts_in(folder, 10'000);
  door gate;
  parts.on_seen = [&](std::uint64_t) { gate.pass(); };
  weir::job_options options = options_for(parts);
  options.fusion = false;
  options.checkpoint_timeout = 300ms;
  options.tolerable_failures = 2;
  actor_host host{4};
  {
    weir::job_handle running = host.jobs().start(counting_job(parts), options);
    const job_guard guard{running};
    REQUIRE(eventually(running, [&] { return running.status().checkpoints >= 1; }));
    gate.set_open(false);
    database store{counting_store(parts)};
    const bool failed = eventually(running, [&] {
      return store.integer("SELECT count(*) FROM checkpoint_overview WHERE status = 'failed'") >= 3;
    });
    gate.set_open(true); // nothing ends while user code waits
    REQUIRE(failed);
    REQUIRE(running.wait_for(30s));
    INFO(host.log());
    CHECK_THROWS_WITH(running.wait(), Catch::Contains("3 checkpoints in a row failed"));
  }
  options.checkpoint_timeout = 1min;
  weir::job_handle again = host.jobs().start(counting_job(parts), options);
  const job_guard guard{again};
  REQUIRE(again.wait_for(30s));
  INFO(host.log());
  CHECK(again.wait().state == weir::job_state::finished);
  CHECK(fault_in_output(parts) == "");
}

TEST_CASE("at least once: after failures nothing is missing") {
  const scratch_folder folder;
  counting parts = parts_in(folder, 40'000);
  five_failures fail;
  parts.on_record = [&](std::uint64_t) { fail(); };
  weir::job_options options = options_for(parts);
  options.mode = weir::delivery_mode::at_least_once;
  actor_host host;
  weir::job_handle running = host.jobs().start(counting_job(parts), options);
  const job_guard guard{running};
  REQUIRE(running.wait_for(30s));
  INFO(host.log());
  CHECK(running.wait().state == weir::job_state::finished);
  CHECK(fail.count() == 5);
  const auto table = weir_test::counts_in_table(parts.folder + "/counts.db", "counts");
  CHECK(table.size() == weir_test::counting_keys);
  for (const auto& [key, count] : table)
    CHECK(count >= static_cast<long long>(parts.records / weir_test::counting_keys));
}

TEST_CASE("without checkpoints a failure begins from the beginning, and the output is exact") {
  const scratch_folder folder;
  counting parts = parts_in(folder);
  five_failures fail;
  parts.on_record = [&](std::uint64_t) { fail(); };
  weir::job_options options = options_for(parts);
  options.checkpoints = false;
  options.store.clear();
  actor_host host;
  weir::job_handle running = host.jobs().start(counting_job(parts), options);
  const job_guard guard{running};
  REQUIRE(running.wait_for(30s));
  INFO(host.log());
  CHECK(running.wait().state == weir::job_state::finished);
  CHECK(running.status().store.empty());
  CHECK(fail.count() == 5);
  CHECK(fault_in_output(parts) == "");
}

TEST_CASE("checkpoints come after a number of records") {
  const scratch_folder folder;
  const counting parts = parts_in(folder, 20'000);
  weir::job_options options = options_for(parts);
  options.checkpoint_interval = 0us;
  options.checkpoint_records = 4'000;
  actor_host host;
  weir::job_handle running = host.jobs().start(counting_job(parts), options);
  const job_guard guard{running};
  REQUIRE(running.wait_for(30s));
  INFO(host.log());
  CHECK(running.wait().state == weir::job_state::finished);
  CHECK(fault_in_output(parts) == "");
  database store{counting_store(parts)};
  const auto by_records = store.integer("SELECT count(*) FROM checkpoint_overview WHERE \"trigger\" = 'records'");
  CHECK(by_records >= 3);
  CHECK(by_records <= 6);
  CHECK(store.integer("SELECT count(*) FROM checkpoint_overview WHERE \"trigger\" = 'interval'") == 0);
  CHECK(store.value("SELECT \"trigger\" FROM checkpoint_overview ORDER BY id DESC LIMIT 1") == "final");
}
