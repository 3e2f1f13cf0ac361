// Large state: what checkpoints of ten million keys cost, how long they stop anybody, and how fast they are loaded.
#include "paired_runs.hpp"

#include <weir/caf.hpp>
#include <weir/persistence/sqlite_database.hpp>
#include <weir/weir.hpp>

#include <caf/actor_system_config.hpp>

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

struct settings {
  std::uint64_t keys = 10'000'000;
  std::uint64_t seconds = 10; ///< of each measured part
  std::size_t pairs = 3;
  std::string folder;
  bool compress = false;
  caf::actor_system* system = nullptr;
};

struct update {
  std::uint64_t key = 0;
  std::uint64_t value = 0;
  WEIR_FIELDS(key, value)
};

/// Two numbers a key: 16 bytes beside the 8 of the key.
struct totals {
  struct state {
    std::uint64_t sum = 0;
    std::uint64_t count = 0;
    WEIR_FIELDS(sum, count)
  };
  void process(const update& u, state& s, weir::keyed_context<std::uint64_t>&,
               weir::collector<std::uint64_t>& out) const {
    s.sum += u.value;
    if (++s.count % 64 == 0)
      out(s.sum);
  }
};

/// First every key once; then updates of one part in a hundred, which moves on every second.
class workload {
public:
  explicit workload(std::uint64_t keys) : keys_(keys) {}

  [[nodiscard]] update operator()(std::uint64_t index, weir::counter_random& random) const {
    const std::uint64_t hundredth = std::max<std::uint64_t>(1, keys_ / 100);
    const std::uint64_t at =
        index < keys_ ? index : (part_->load(std::memory_order_relaxed) * hundredth + random.below(hundredth)) % keys_;
    return {at * 0x9e37'79b9'7f4a'7c15U, 1};
  }
  void move_on() const { part_->fetch_add(1, std::memory_order_relaxed); }

private:
  std::uint64_t keys_;
  std::shared_ptr<std::atomic<std::uint64_t>> part_ = std::make_shared<std::atomic<std::uint64_t>>(0);
};

weir::job large_job(const workload& updates) {
  weir::job job{"large"};
  // One subtask makes them all: two would begin with two parts of the numbers.
  job.source("updates", weir::generator<update>{UINT64_MAX / 2, updates}, {.parallelism = 1})
      .key_by(&update::key)
      .process("totals", totals{})
      .sink("seen", weir::callback{[](std::span<const std::uint64_t>) {}});
  return job;
}

weir::job_options options_for(const settings& s, bool checkpoints) {
  weir::job_options options;
  options.parallelism = 2;
  options.checkpoint_interval = 1s;
  options.checkpoints = checkpoints;
  options.compress_checkpoints = s.compress;
  if (checkpoints)
    options.store = s.folder + "/state_bench.weir";
  return options;
}

void remove_store(const settings& s) {
  for (const char* suffix : {"", "-wal", "-shm", ".lock"})
    std::filesystem::remove(s.folder + "/state_bench.weir" + suffix);
}

void wait_until(weir::job_handle& job, const auto& so) {
  while (!so(job.status()))
    if (job.wait_for(10ms))
      job.wait(); // throws what it failed with
}

/// How many updates have come to the state.
std::uint64_t updates_in(const weir::job_status& status) {
  std::uint64_t updates = 0;
  for (const weir::task_status& task : status.tasks)
    if (task.name.rfind("totals", 0) == 0) // with the sink, which is fused to it
      updates += task.records_in;
  return updates;
}

/// Takes checkpoints until two in a row have written little: what came with the keys is then in a base.
void settle(weir::job_handle& job, const settings& s) {
  auto store = weir::sqlite_database::open(s.folder + "/state_bench.weir", weir::sqlite_access::read_only);
  for (int checkpoint = 0, small = 0; checkpoint != 12 && small != 2; ++checkpoint) {
    job.checkpoint();
    const auto entries =
        store.integer("SELECT entries FROM checkpoints WHERE status = 'complete' ORDER BY id DESC LIMIT 1");
    small = entries < static_cast<std::int64_t>(s.keys / 10) ? small + 1 : 0;
  }
}

/// The longest pause of any subtask: as the clock has it, and in processor time, without what other threads took.
struct pauses {
  std::chrono::microseconds clock{};
  std::chrono::microseconds work{};
};

pauses longest_pauses(const weir::job_status& status) {
  pauses longest;
  for (const weir::task_status& task : status.tasks) {
    longest.clock = std::max(longest.clock, task.longest_pause);
    longest.work = std::max(longest.work, task.longest_pause_work);
  }
  return longest;
}

/// Seconds of processor time of the whole program.
double processor_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

/// Records a second under steady updates, once every key is there and the first checkpoints have it all. Other programs
/// take less from the figure by processor time.
struct steady {
  double rate = 0;
  double rate_of_work = 0; ///< a second of processor time
  pauses longest;
};

steady measure(const settings& s, bool checkpoints, bool keep) {
  remove_store(s);
  const workload updates{s.keys};
  weir::runtime jobs{*s.system};
  weir::job_handle job = jobs.start(large_job(updates), options_for(s, checkpoints));
  wait_until(job, [&](const weir::job_status& now) { return updates_in(now) >= s.keys; });
  if (checkpoints)
    settle(job, s);
  const double work_before = processor_seconds();
  const std::uint64_t before = updates_in(job.status());
  const auto begun = clock_type::now();
  for (std::uint64_t second = 0; second != s.seconds; ++second) {
    updates.move_on();
    if (job.wait_for(1s))
      job.wait();
  }
  const std::uint64_t after = updates_in(job.status());
  const double seconds = std::chrono::duration<double>(clock_type::now() - begun).count();
  const double work = processor_seconds() - work_before;
  const auto records = static_cast<double>(after - before);
  steady result{records / seconds, records / work, longest_pauses(job.status())};
  if (keep)
    job.stop();
  else
    job.cancel();
  job.wait();
  return result;
}

/// The longest that one page of fresh memory took, in processor time, out of a GiB: what the system does then is part
/// of a pause, whoever asks for memory.
double longest_first_touch_ms() {
  constexpr std::size_t bytes = std::size_t{1} << 30;
  constexpr std::size_t page = 4096;
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return 0;
  const auto work_ms = [] {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
  };
  double longest = 0;
  for (std::size_t at = 0; at != bytes; at += page) {
    const double before = work_ms();
    static_cast<volatile char*>(memory)[at] = 1;
    longest = std::max(longest, work_ms() - before);
  }
  ::munmap(memory, bytes);
  return longest;
}

void print_checkpoints(const settings& s) {
  auto store = weir::sqlite_database::open(s.folder + "/state_bench.weir", weir::sqlite_access::read_only);
  auto query =
      store.prepare("SELECT c.id, c.entries, c.bytes, c.duration_us / 1000.0, c.state_bytes, c.\"trigger\" FROM "
                    "checkpoints c WHERE c.status = 'complete' ORDER BY c.id");
  std::printf("%-12s %-10s %12s %12s %12s %14s\n", "checkpoint", "trigger", "entries", "MB", "ms", "whole state MB");
  while (query.step())
    std::printf("%-12lld %-10s %12lld %12.1f %12.1f %14.1f\n", static_cast<long long>(query.integer(0)),
                std::string{query.text(5)}.c_str(), static_cast<long long>(query.integer(1)),
                static_cast<double>(query.integer(2)) / 1e6, query.real(3),
                static_cast<double>(query.integer(4)) / 1e6);
}

/// From the start of the job to the moment when all subtasks have their state, as the store's row has it.
void restore(const settings& s) {
  for (int round = 0; round != 3; ++round) {
    const workload updates{s.keys};
    weir::runtime jobs{*s.system};
    const auto begun = clock_type::now();
    const double work_begun = processor_seconds();
    weir::job_handle job = jobs.start(large_job(updates), options_for(s, true));
    const double verified = std::chrono::duration<double>(clock_type::now() - begun).count();
    wait_until(job, [](const weir::job_status& now) { return now.records_read != 0; });
    const double work = processor_seconds() - work_begun;
    job.cancel();
    job.wait();
    auto store = weir::sqlite_database::open(s.folder + "/state_bench.weir", weir::sqlite_access::read_only);
    const double loaded = static_cast<double>(store.integer(
                              "SELECT loaded_us FROM recoveries ORDER BY time DESC, attempt DESC LIMIT 1")) /
                          1e6;
    const double keys = static_cast<double>(s.keys) / 1e6;
    std::printf("restored in %.2f s, of which %.2f s to verify: each of two subtasks loads %.1f million keys a second; "
                "in all %.2f s of processor time\n",
                loaded, verified, keys / (loaded - verified) / 2, work);
  }
}

} // namespace

int main(int argc, char** argv) {
  weir::command_line cli{argc, argv};
  settings s;
  s.keys = cli.option("keys", s.keys, "keys of the state");
  s.seconds = cli.option("seconds", s.seconds, "how long each measured part is");
  s.pairs = cli.option("pairs", s.pairs, "pairs of runs; medians are reported");
  s.folder = cli.option("folder", std::filesystem::temp_directory_path().string(), "where the store goes");
  try {
    const auto command = cli.parse("state");
    if (command.action == weir::command_action::help) {
      std::fputs(command.text.c_str(), stdout);
      return 0;
    }
    s.compress = command.options.compress_checkpoints;
    caf::actor_system_config config;
    weir::use_fair_scheduler(config, 2);
    caf::actor_system system{config};
    s.system = &system;
    std::vector<double> ratios;
    std::vector<double> work_ratios;
    std::printf("the longest first touch of a page of memory, out of a GiB: %.2f ms of work\n",
                longest_first_touch_ms());
    for (std::size_t i = 0; i != s.pairs; ++i) {
      const steady without = measure(s, false, false);
      const steady with = measure(s, true, i + 1 == s.pairs);
      ratios.push_back(with.rate / without.rate);
      work_ratios.push_back(with.rate_of_work / without.rate_of_work);
      std::printf(
          "%.2f million updates a second, %.2f without checkpoints: ratio %.3f, by processor time %.3f; longest "
          "pause %.2f ms, of which work %.2f ms\n",
          with.rate / 1e6, without.rate / 1e6, ratios.back(), work_ratios.back(),
          static_cast<double>(with.longest.clock.count()) / 1e3, static_cast<double>(with.longest.work.count()) / 1e3);
      std::fflush(stdout);
    }
    std::printf("median ratio %.3f, by processor time %.3f\n", weir::bench::median(ratios),
                weir::bench::median(work_ratios));
    print_checkpoints(s);
    restore(s);
    remove_store(s);
    return 0;
  } catch (const weir::error& e) {
    std::fprintf(stderr, "state: %s\n", e.what());
    return e.exit_code();
  }
}
