// A job seen through its handle: checkpoints on demand, stop and resume, drain, cancel, other parallelisms.
#include "process/actor_host.hpp"
#include "process/counting_job.hpp"
#include "process/database.hpp"
#include "unit/scratch_folder.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using weir_test::actor_host;
using weir_test::committed_counts;
using weir_test::counting;
using weir_test::database;
using weir_test::eventually;
using weir_test::fault_in_output;
using weir_test::job_guard;
using weir_test::scratch_folder;

namespace {

weir::job_options options_for(const counting& parts, std::uint32_t parallelism = 2) {
  weir::job_options options;
  options.store = counting_store(parts);
  options.parallelism = parallelism;
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

} // namespace

TEST_CASE("a checkpoint can be asked for, by several threads at once") {
  const scratch_folder folder;
  const counting parts = parts_in(folder, 5'000);
  weir::job_options options = options_for(parts);
  options.checkpoint_interval = 0us;
  actor_host host;
  weir::job_handle running = host.jobs().start(counting_job(parts), options);
  const job_guard guard{running};
  const weir::checkpoint_id first = running.checkpoint();
  CHECK(running.status().newest_checkpoint == first);
  std::vector<std::future<weir::checkpoint_id>> asked;
  for (int i = 0; i != 4; ++i)
    asked.push_back(std::async(std::launch::async, [running]() mutable { return running.checkpoint(); }));
  for (auto& each : asked)
    CHECK(each.get() > first);
  running.drain();
  REQUIRE(running.wait_for(30s));
  CHECK(running.wait().state == weir::job_state::finished);
  CHECK_THROWS_AS(running.checkpoint(), weir::error);
  CHECK(database{counting_store(parts)}.integer(
            "SELECT count(*) FROM checkpoint_overview WHERE \"trigger\" = 'demand' AND status = 'complete'") >= 2);
}

TEST_CASE("a job that was stopped goes on exactly where it stopped, and one that has finished says so") {
  const scratch_folder folder;
  counting parts = parts_in(folder, 20'000);
  std::atomic<std::uint64_t> passed{0};
  parts.on_record = [&](std::uint64_t) { ++passed; };
  actor_host host;
  committed_counts files{parts.folder + "/files"};
  std::optional<weir::checkpoint_id> newest;
  for (int life = 1; life <= 3; ++life) {
    weir::job_handle running = host.jobs().start(counting_job(parts), options_for(parts));
    const job_guard guard{running};
    CHECK(running.status().resumed_from == newest);
    const std::uint64_t before = passed;
    REQUIRE(eventually(running, [&] { return passed > before + 500; }));
    running.stop();
    REQUIRE(running.wait_for(30s));
    const weir::job_status status = running.wait();
    CHECK(status.state == weir::job_state::stopped);
    newest = status.newest_checkpoint;
    REQUIRE(newest);
    // All that was read is in the output: nothing will be read again.
    CHECK(files.look() == "");
    long long words = 0;
    for (const auto& [key, count] : files.counts())
      words += count;
    CHECK(words == static_cast<long long>(passed));
    CHECK(database{counting_store(parts)}.value("SELECT status FROM job_overview") == "stopped");
  }
  weir::job_handle last = host.jobs().start(counting_job(parts), options_for(parts));
  const job_guard guard{last};
  REQUIRE(last.wait_for(30s));
  INFO(host.log());
  const weir::job_status finished = last.wait();
  CHECK(finished.state == weir::job_state::finished);
  CHECK(passed == parts.records); // each once
  CHECK(fault_in_output(parts, files) == "");

  const weir::job_status again = host.jobs().start(counting_job(parts), options_for(parts)).wait();
  CHECK(again.state == weir::job_state::finished);
  CHECK(again.newest_checkpoint == finished.newest_checkpoint);
  CHECK(passed == parts.records);
  CHECK_THAT(host.log(), Catch::Contains("--fresh runs it again"));
}

TEST_CASE("a run resumes at another parallelism, and its output stays exact") {
  const scratch_folder folder;
  counting parts = parts_in(folder, 20'000);
  std::atomic<std::uint64_t> passed{0};
  parts.on_record = [&](std::uint64_t) { ++passed; };
  actor_host host;
  for (const std::uint32_t parallelism : {2u, 3u, 1u}) {
    weir::job_handle running = host.jobs().start(counting_job(parts), options_for(parts, parallelism));
    const job_guard guard{running};
    const std::uint64_t before = passed;
    REQUIRE(eventually(running, [&] { return passed > before + 2'000; }));
    CHECK(running.status().tasks.front().parallelism == parallelism);
    running.stop();
    REQUIRE(running.wait_for(30s));
    INFO(host.log());
    CHECK(running.wait().state == weir::job_state::stopped);
  }
  weir::job_handle last = host.jobs().start(counting_job(parts), options_for(parts, 4));
  const job_guard guard{last};
  REQUIRE(last.wait_for(30s));
  INFO(host.log());
  CHECK(last.wait().state == weir::job_state::finished);
  CHECK(passed == parts.records);
  CHECK(fault_in_output(parts) == "");
}

TEST_CASE("a job that was cancelled goes on from its last checkpoint") {
  const scratch_folder folder;
  counting parts = parts_in(folder, 10'000);
  std::atomic<std::uint64_t> passed{0};
  parts.on_record = [&](std::uint64_t) { ++passed; };
  actor_host host;
  {
    weir::job_handle running = host.jobs().start(counting_job(parts), options_for(parts));
    const job_guard guard{running};
    REQUIRE(eventually(running, [&] { return running.status().checkpoints >= 2; }));
    running.cancel();
    REQUIRE(running.wait_for(30s));
    CHECK(running.wait().state == weir::job_state::cancelled);
  }
  parts.rate = 0;
  weir::job_handle again = host.jobs().start(counting_job(parts), options_for(parts));
  const job_guard guard{again};
  REQUIRE(again.wait_for(30s));
  INFO(host.log());
  CHECK(again.wait().state == weir::job_state::finished);
  CHECK(fault_in_output(parts) == "");
}

TEST_CASE("a job that never ends by itself is drained, even if it is asked at once or fails meanwhile") {
  const bool at_once = GENERATE(true, false);
  CAPTURE(at_once);
  const scratch_folder folder;
  counting parts = parts_in(folder, 5'000);
  parts.records = 1'000'000'000;
  std::atomic<std::uint64_t> highest{0};
  std::atomic<bool> fail{false};
  parts.on_record = [&](std::uint64_t n) {
    if (fail.exchange(false))
      throw std::runtime_error{"just before the end"};
    if (n > highest)
      highest = n;
  };
  actor_host host;
  weir::job_options options = options_for(parts, 1);
  options.restart = weir::fixed_delay_restart{20, 200ms};
  weir::job_handle running = host.jobs().start(counting_job(parts), options);
  const job_guard guard{running};
  if (!at_once) {
    REQUIRE(eventually(running, [&] { return highest > 100; }));
    fail = true;
    REQUIRE(eventually(running, [&] { return running.status().state == weir::job_state::restarting; }));
  }
  running.drain();
  const bool ended = running.wait_for(20s);
  INFO(host.log());
  REQUIRE(ended);
  CHECK(running.wait().state == weir::job_state::finished);
}

TEST_CASE("a job that is asked to stop while it restarts stops when it is back") {
  const scratch_folder folder;
  counting parts = parts_in(folder, 20'000);
  std::atomic<std::uint64_t> passed{0};
  std::atomic<bool> fail{false};
  parts.on_record = [&](std::uint64_t) {
    if (fail.exchange(false))
      throw std::runtime_error{"at the wrong moment"};
    ++passed;
  };
  actor_host host;
  weir::job_options options = options_for(parts);
  options.restart = weir::fixed_delay_restart{20, 200ms};
  {
    weir::job_handle running = host.jobs().start(counting_job(parts), options);
    const job_guard guard{running};
    REQUIRE(eventually(running, [&] { return passed > 100; }));
    fail = true;
    REQUIRE(eventually(running, [&] { return running.status().state == weir::job_state::restarting; }));
    running.stop();
    const bool ended = running.wait_for(20s);
    INFO(host.log());
    REQUIRE(ended);
    CHECK(running.wait().state == weir::job_state::stopped);
  }
  weir::job_handle again = host.jobs().start(counting_job(parts), options);
  const job_guard guard{again};
  REQUIRE(again.wait_for(30s));
  INFO(host.log());
  CHECK(fault_in_output(parts) == "");
}

TEST_CASE("a store can be used by one job at a time, and by the next when that one has ended") {
  const scratch_folder folder;
  const counting parts = parts_in(folder, 5'000);
  actor_host host;
  weir::job_handle running = host.jobs().start(counting_job(parts), options_for(parts));
  const job_guard guard{running};
  CHECK_THROWS_WITH(host.jobs().start(counting_job(parts), options_for(parts)),
                    Catch::Contains("it is open in this process already"));
  running.cancel();
  REQUIRE(running.wait_for(30s));
  weir::job_handle next = host.jobs().start(counting_job(parts), options_for(parts));
  const job_guard next_guard{next};
  next.drain();
  REQUIRE(next.wait_for(30s));
  CHECK(next.wait().state == weir::job_state::finished);
}

TEST_CASE("status tells what a job does") {
  const scratch_folder folder;
  const counting parts = parts_in(folder, 5'000);
  actor_host host;
  weir::job_handle running = host.jobs().start(counting_job(parts), options_for(parts));
  const job_guard guard{running};
  REQUIRE(eventually(running, [&] { return running.status().records_read > 100 && running.status().checkpoints > 1; }));
  const weir::job_status status = running.status();
  CHECK(status.state == weir::job_state::running);
  CHECK(status.job == "counting");
  CHECK(status.run.size() == 36);
  CHECK(status.store == counting_store(parts));
  CHECK_FALSE(status.resumed_from);
  CHECK(status.newest_checkpoint);
  CHECK(status.restarts == 0);
  CHECK(status.running_for > 0us);
  CHECK(status.failure.empty());
  REQUIRE(status.tasks.size() >= 2);
  for (const weir::task_status& task : status.tasks)
    CHECK(task.parallelism == 2);
}

TEST_CASE("two jobs run in one default system of the user's, each with a store of its own") {
  const scratch_folder one;
  const scratch_folder two;
  actor_host host{2, actor_host::scheduler::default_of_caf};
  const counting first = parts_in(one);
  const counting second = parts_in(two);
  weir::job_handle a = host.jobs().start(counting_job(first), options_for(first));
  const job_guard guard_a{a};
  weir::job_handle b = host.jobs().start(counting_job(second), options_for(second));
  const job_guard guard_b{b};
  REQUIRE(a.wait_for(30s));
  REQUIRE(b.wait_for(30s));
  CHECK(a.wait().state == weir::job_state::finished);
  CHECK(b.wait().state == weir::job_state::finished);
  CHECK(fault_in_output(first) == "");
  CHECK(fault_in_output(second) == "");
}
