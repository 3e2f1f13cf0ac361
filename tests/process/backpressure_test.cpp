// A slow sink behind a fast source: what is queued stays within the credits, memory stays flat, checkpoints complete.
#include "process/actor_host.hpp"
#include "process/database.hpp"
#include "unit/scratch_folder.hpp"

#include <weir/actors/subtask_setup.hpp>
#include <weir/operators/callback.hpp>
#include <weir/operators/generator.hpp>
#include <weir/operators/job.hpp>
#include <weir/operators/sink.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <thread>

#include <unistd.h>

using namespace std::chrono_literals;
using weir_test::actor_host;
using weir_test::database;
using weir_test::eventually;
using weir_test::job_guard;
using weir_test::scratch_folder;

namespace {

constexpr std::uint32_t parallelism = 2;
constexpr std::uint32_t batch_size = 256;
constexpr std::size_t record_bytes = 2'000;
constexpr auto sink_pause = 4ms; // for a batch

std::size_t resident_bytes() {
  unsigned long pages = 0;
  unsigned long resident = 0;
  const std::string text = scratch_folder::read("/proc/self/statm");
  if (std::sscanf(text.c_str(), "%lu %lu", &pages, &resident) != 2)
    return 0;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// A sink of a device that takes its time; its writers have threads of their own.
class slow_device {
public:
  static constexpr std::string_view kind_name = "slow_device";
  explicit slow_device(std::atomic<std::uint64_t>& records) : records_(&records) {}
  template <class T>
  [[nodiscard]] std::shared_ptr<const weir::any_sink> sink() const {
    return std::make_shared<device_sink>(records_);
  }

private:
  struct writer final : weir::sink_writer {
    explicit writer(std::atomic<std::uint64_t>* to) : records(to) {}
    void write(weir::any_batch& batch) override {
      std::this_thread::sleep_for(sink_pause);
      *records += batch.size();
    }
    std::atomic<std::uint64_t>* records;
  };
  struct device_sink final : weir::any_sink {
    explicit device_sink(std::atomic<std::uint64_t>* to) : records(to) {}
    [[nodiscard]] bool blocking() const override { return true; }
    [[nodiscard]] bool two_phase() const override { return false; }
    [[nodiscard]] std::string guarantee() const override { return "At least once."; }
    [[nodiscard]] std::unique_ptr<weir::sink_writer> open_writer(const weir::sink_start&) const override {
      return std::make_unique<writer>(records);
    }
    std::atomic<std::uint64_t>* records;
  };
  std::atomic<std::uint64_t>* records_;
};

weir::job fast_source(const std::function<void(const weir::stream<std::string>&)>& end) {
  weir::job job{"flood"};
  // Without bounds, gigabytes would be waiting in the seconds that this takes.
  end(job.source("numbers", weir::generator<std::string>{[](std::uint64_t i) {
                   return std::string(record_bytes, static_cast<char>('a' + i % 26));
                 }})
          .rebalance());
  return job;
}

void check_bounds(const weir::job& job, const std::atomic<std::uint64_t>& written) {
  const scratch_folder folder;
  weir::job_options options;
  options.store = folder / "flood.weir";
  options.parallelism = parallelism;
  options.batch_size = batch_size;
  options.checkpoint_interval = 100ms;
  actor_host host;
  weir::job_handle running = host.jobs().start(job, options);
  const job_guard guard{running};
  // The queues are full when the first records have come out at the end; from then on nothing grows.
  REQUIRE(eventually(running, [&] { return written > 20 * batch_size; }));
  const std::size_t before = resident_bytes();
  std::size_t most = before;
  const std::uint64_t checkpoints_before = running.status().checkpoints;
  const std::uint64_t written_before = written;
  const auto begun = std::chrono::steady_clock::now();
  REQUIRE(eventually(running, [&] {
    most = std::max(most, resident_bytes());
    return std::chrono::steady_clock::now() - begun > 3s && running.status().checkpoints >= checkpoints_before + 3;
  }));
  CHECK(written > written_before);

  const weir::job_status status = running.status();
  const std::uint64_t window = weir::subtask_setup{}.credit_window;
  std::size_t channels_in_all = 0;
  for (const weir::task_status& task : status.tasks) {
    CAPTURE(task.name, task.batches_queued_most);
    const std::uint64_t channels = task.name == status.tasks.front().name ? 0 : parallelism; // into one subtask
    CHECK(task.batches_queued_most <= channels * window);
    channels_in_all += channels * parallelism;
  }
  CHECK(channels_in_all == parallelism * parallelism);
  CHECK(status.tasks.back().batches_queued_most > 0);
  // A window of batches on each channel, half as much again at each of its ends, and room for what is being worked on.
  const std::size_t bound = channels_in_all * window * 2 * batch_size * record_bytes + (std::size_t{16} << 20);
  INFO("resident before " << before << ", at most " << most << ", bound for the growth " << bound);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK(most - before <= bound); // a sanitizer holds on to memory that was freed
#endif
  // As much went through in that time: without bounds the growth would be of this size, or more.
  running.cancel();
  REQUIRE(running.wait_for(30s));
  database store{options.store};
  CHECK(store.integer("SELECT count(*) FROM checkpoint_overview WHERE status = 'complete'") >= 3);
  CHECK(store.integer("SELECT count(*) FROM checkpoint_overview WHERE status = 'failed'") == 0);
}

} // namespace

TEST_CASE("a slow sink inside of its subtask holds a fast source back") {
  std::atomic<std::uint64_t> written{0};
  check_bounds(fast_source([&](const weir::stream<std::string>& numbers) {
                 numbers.sink("slow", weir::callback{[&](std::span<const std::string> records) {
                                std::this_thread::sleep_for(sink_pause);
                                written += records.size();
                              }});
               }),
               written);
}

TEST_CASE("a slow sink with a thread of its own holds a fast source back") {
  std::atomic<std::uint64_t> written{0};
  check_bounds(
      fast_source([&](const weir::stream<std::string>& numbers) { numbers.sink("slow", slow_device{written}); }),
      written);
}
