// Large state: what checkpoints of ten million keys cost, how long they stop anybody, and how fast they are loaded.
#include "paired_runs.hpp"
#include "tapped_updates.hpp"

#include <weir/caf.hpp>
#include <weir/persistence/error.hpp>
#include <weir/persistence/sqlite_database.hpp>
#include <weir/persistence/thread_pace.hpp>
#include <weir/weir.hpp>

#include <caf/actor_system_config.hpp>

#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

struct settings {
  std::uint64_t keys = 10'000'000;
  std::size_t rounds = 4;
  std::size_t pairs = 10;
  std::string folder;
  bool compress = false;
  caf::actor_system* system = nullptr;
};

using weir::bench::tapped_updates;
using weir::bench::update;
using weir::bench::update_tap;

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

weir::job large_job(const std::shared_ptr<update_tap>& tap) {
  weir::job job{"large"};
  job.source("updates", tapped_updates{tap}, {.parallelism = 1})
      .key_by(&update::key)
      .process("totals", totals{})
      .sink("seen", weir::callback{[](std::span<const std::uint64_t>) {}});
  return job;
}

weir::job_options options_for(const settings& s, bool checkpoints) {
  weir::job_options options;
  options.parallelism = 2;
  options.checkpoint_interval = 24h; // each is asked for
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
  int small = 0;
  for (int checkpoint = 0; checkpoint != 12 && small != 2; ++checkpoint) {
    job.checkpoint();
    const auto entries =
        store.integer("SELECT entries FROM checkpoints WHERE status = 'complete' ORDER BY id DESC LIMIT 1");
    small = entries < static_cast<std::int64_t>(s.keys / 10) ? small + 1 : 0;
  }
  if (small != 2)
    std::printf("the checkpoints did not become small before the measurement\n");
}

struct updates_made {
  std::uint64_t updates = 0;
  double seconds = 0;
  double work_seconds = 0; ///< of processor time of the program

  void add(const updates_made& more) {
    updates += more.updates;
    seconds += more.seconds;
    work_seconds += more.work_seconds;
  }
  [[nodiscard]] double rate() const { return static_cast<double>(updates) / seconds; }
  [[nodiscard]] double rate_of_work() const { return static_cast<double>(updates) / work_seconds; }
};

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

/// A job with all its keys, whose updates can be turned off and on.
class large_run {
public:
  large_run(const settings& s, weir::runtime& jobs, bool checkpoints)
      : tap_(std::make_shared<update_tap>(s.keys)), job_(jobs.start(large_job(tap_), options_for(s, checkpoints))) {
    wait_until(job_, [&](const weir::job_status& now) { return updates_in(now) >= s.keys; });
    if (checkpoints)
      settle(job_, s);
    rest();
  }

  /// Goes on to the next hundredth of the keys.
  void move_on() { tap_->move_on(); }
  /// Updates for a while.
  void slice(std::chrono::milliseconds time, bool take_checkpoint, updates_made& sum) {
    const double work_before = processor_seconds();
    const std::uint64_t before = updates_in(job_.status());
    const auto begun = clock_type::now();
    tap_->turn_on();
    if (take_checkpoint) {
      job_.checkpoint();
      wait_for_store();
    }
    std::this_thread::sleep_until(begun + time);
    rest();
    sum.updates += updates_in(job_.status()) - before;
    sum.seconds += std::chrono::duration<double>(clock_type::now() - begun).count();
    sum.work_seconds += processor_seconds() - work_before;
  }

  [[nodiscard]] pauses longest() { return longest_pauses(job_.status()); }
  void stop() {
    job_.stop();
    job_.wait();
  }
  void cancel() {
    job_.cancel();
    job_.wait();
  }

private:
  /// What a checkpoint leaves to be done: old chunks are deleted, and the log is copied into the file. That is work of
  /// this job, not of the one whose turn comes next.
  static void wait_for_store() {
    for (std::uint64_t rests = weir::rests_taken();;) {
      std::this_thread::sleep_for(20ms);
      if (rests == weir::rests_taken())
        return;
      rests = weir::rests_taken();
    }
  }

  /// Until what was read has come to the state.
  void rest() {
    tap_->turn_off();
    for (weir::job_status now = job_.status();;) {
      if (job_.wait_for(1ms))
        job_.wait(); // throws what it failed with
      weir::job_status next = job_.status();
      if (next.restarts != 0)
        throw weir::error({"the measured job", "to run without a failure", "one that restarted", "read its store"});
      if (next.records_read == now.records_read && updates_in(next) == next.records_read)
        return;
      now = std::move(next);
    }
  }

  std::shared_ptr<update_tap> tap_;
  weir::job_handle job_;
};

/// What all pairs gave.
struct steady_figures {
  std::vector<double> ratios;
  std::vector<double> work_ratios;
  std::vector<double> rates;
  updates_made with; ///< in all pairs
  updates_made without;
};

/// Two jobs with the same state, one with checkpoints, take short turns: what the machine's speed does is then much the
/// same for both. A pair is a second of each job, and one checkpoint.
void steady_updates(const settings& s, bool checkpoints_first, steady_figures& figures) {
  constexpr int slices = 10;
  constexpr std::chrono::milliseconds slice_time{100};
  remove_store(s);
  weir::runtime jobs{*s.system};
  // Whose memory comes first may matter.
  large_run first{s, jobs, checkpoints_first};
  large_run second{s, jobs, !checkpoints_first};
  large_run& with = checkpoints_first ? first : second;
  large_run& without = checkpoints_first ? second : first;
  for (std::size_t i = 0; i != s.pairs; ++i) {
    updates_made bare;
    updates_made checkpointed;
    without.move_on();
    with.move_on();
    for (int slice = 0; slice != slices; ++slice)
      for (const bool checkpoints : {slice % 2 == 0, slice % 2 != 0})
        if (checkpoints)
          with.slice(slice_time, slice == slices / 2, checkpointed);
        else
          without.slice(slice_time, false, bare);
    figures.ratios.push_back(checkpointed.rate() / bare.rate());
    figures.work_ratios.push_back(checkpointed.rate_of_work() / bare.rate_of_work());
    figures.rates.push_back(checkpointed.rate());
    figures.with.add(checkpointed);
    figures.without.add(bare);
  }
  const pauses longest = with.longest();
  std::printf("longest pause of any subtask: %.2f ms, of which work %.2f ms\n",
              static_cast<double>(longest.clock.count()) / 1e3, static_cast<double>(longest.work.count()) / 1e3);
  std::fflush(stdout);
  without.cancel();
  with.stop();
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

/// The longest that two busy threads, which do nothing else, were kept from the processor in a few seconds: what the
/// machine does then is in the pauses by the clock.
double longest_gap_ms() {
  const auto busy = [](double& found) {
    double longest = 0;
    const auto begun = clock_type::now();
    auto last = begun;
    while (last - begun < 5s) {
      const auto now = clock_type::now();
      longest = std::max(longest, std::chrono::duration<double, std::milli>(now - last).count());
      last = now;
    }
    found = longest;
  };
  double longest[2] = {0, 0};
  std::thread other{busy, std::ref(longest[1])};
  busy(longest[0]);
  other.join();
  return std::max(longest[0], longest[1]);
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
    weir::runtime jobs{*s.system};
    const auto begun = clock_type::now();
    const double work_begun = processor_seconds();
    weir::job_handle job = jobs.start(large_job(std::make_shared<update_tap>(s.keys)), options_for(s, true));
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
  s.rounds = cli.option("rounds", s.rounds, "how often both jobs are started anew, at least 1");
  s.pairs = cli.option("pairs", s.pairs, "pairs of seconds of a round, at least 1");
  s.folder = cli.option("folder", std::filesystem::temp_directory_path().string(), "where the store goes");
  try {
    const auto command = cli.parse("state");
    if (command.action == weir::command_action::help) {
      std::fputs(command.text.c_str(), stdout);
      return 0;
    }
    s.rounds = std::max<std::size_t>(s.rounds, 1);
    s.pairs = std::max<std::size_t>(s.pairs, 1);
    s.compress = command.options.compress_checkpoints;
    caf::actor_system_config config;
    weir::use_fair_scheduler(config, 2);
    caf::actor_system system{config};
    s.system = &system;
    std::printf("the longest first touch of a page of memory, out of a GiB: %.2f ms of work\n",
                longest_first_touch_ms());
    std::printf("the longest that two busy threads were kept from the processor: %.2f ms\n", longest_gap_ms());
    steady_figures figures;
    for (std::size_t round = 0; round != s.rounds; ++round)
      steady_updates(s, round % 2 != 0, figures);
    std::printf("%zu pairs of seconds: %.1f million updates a second with a checkpoint in each\n",
                figures.ratios.size(), weir::bench::median(figures.rates) / 1e6);
    weir::bench::print_spread("updates a second with checkpoints, to those without", figures.ratios);
    weir::bench::print_spread("the same by processor time", figures.work_ratios);
    std::printf("all pairs together, with the bases that were written in them: %.3f, by processor time %.3f\n",
                figures.with.rate() / figures.without.rate(),
                figures.with.rate_of_work() / figures.without.rate_of_work());
    print_checkpoints(s);
    restore(s);
    remove_store(s);
    return 0;
  } catch (const weir::error& e) {
    std::fprintf(stderr, "state: %s\n", e.what());
    return e.exit_code();
  }
}
