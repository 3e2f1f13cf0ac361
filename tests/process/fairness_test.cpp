// Sixteen busy subtasks on two workers: all make progress, others get their turn, checkpoints complete.
//
// On a machine that is busy with other things nobody can be faster than its scheduler. So a control runs beside: the
// latency of a new actor in a second system that has nothing else to do. The bounds are 100 ms and one second, each
// widened by what the control saw: ten times its worst for an actor, which needs a few turns; fifty times for a
// checkpoint, which needs some for every subtask.
#include "process/actor_host.hpp"
#include "unit/scratch_folder.hpp"

#include <weir/operators/callback.hpp>
#include <weir/operators/generator.hpp>
#include <weir/operators/job.hpp>

#include <caf/event_based_actor.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>

using namespace std::chrono_literals;
using weir_test::actor_host;
using weir_test::eventually;
using weir_test::job_guard;
using weir_test::scratch_folder;

namespace {

using clock_type = std::chrono::steady_clock;
using milliseconds = std::chrono::duration<double, std::milli>;

constexpr std::size_t busy_tasks = 16;
constexpr std::size_t half = busy_tasks / 2;
constexpr std::size_t two_cores = 2;

/// The time from the spawning of an actor to its first message.
milliseconds latency_of_new_actor(caf::actor_system& system) {
  auto ran = std::make_shared<std::promise<clock_type::time_point>>();
  auto future = ran->get_future();
  const auto begun = clock_type::now();
  const caf::actor fresh = system.spawn([ran](caf::event_based_actor* self) -> caf::behavior {
    return {[ran, self](int) {
      ran->set_value(clock_type::now());
      self->quit();
    }};
  });
  caf::anon_send(fresh, 1);
  return future.get() - begun;
}

/// Some work for each record.
std::uint64_t churn(std::uint64_t n) {
  for (int i = 0; i != 200; ++i)
    n = n * 6364136223846793005u + 1442695040888963407u;
  return n;
}

struct progress {
  std::array<std::atomic<std::uint64_t>, busy_tasks> records{};
};

/// Sixteen sources that do all the work themselves.
weir::job sixteen_sources(progress& done) {
  weir::job job{"busy-sources"};
  job.source("numbers", weir::generator<std::uint64_t>{[](std::uint64_t i) { return i; }})
      .map("work",
           [&done](std::uint64_t n) {
             done.records[n % busy_tasks].fetch_add(1, std::memory_order_relaxed);
             return churn(n);
           })
      .sink("out", weir::callback{[](const std::uint64_t&) {}});
  return job;
}

/// Eight sources and eight subtasks that they all send to.
weir::job eight_pairs(progress& done) {
  weir::job job{"busy-pairs"};
  auto numbers = job.source("numbers", weir::generator<std::uint64_t>{[](std::uint64_t i) { return i; }})
                     .map("work", [&done](std::uint64_t n) {
                       done.records[n % half].fetch_add(1, std::memory_order_relaxed);
                       return churn(n);
                     });
  numbers.key_by([](std::uint64_t n) { return n % 1'000; })
      .reduce("sums", [](std::uint64_t a, const std::uint64_t& b) { return churn(a + b); })
      .sink("out", weir::callback{[&done, at = std::make_shared<std::atomic<std::uint64_t>>(0),
                                   mine = std::size_t{0}](const auto&) mutable {
              if (mine == 0)
                mine = half + at->fetch_add(1) % half; // each subtask has a copy of its own
              done.records[mine].fetch_add(1, std::memory_order_relaxed);
            }});
  return job;
}

void check_fairness(actor_host& host, const weir::job& job, progress& done, std::uint32_t parallelism) {
  const scratch_folder folder;
  weir::job_options options;
  options.store = folder / "busy.weir";
  options.parallelism = parallelism;
  options.checkpoint_interval = 0us;
  weir::job_handle running = host.jobs().start(job, options);
  const job_guard guard{running};
  const auto all_beyond = [&](const std::array<std::uint64_t, busy_tasks>& marks) {
    for (std::size_t i = 0; i != busy_tasks; ++i)
      if (done.records[i] <= marks[i])
        return false;
    return true;
  };
  REQUIRE(eventually(running, [&] { return all_beyond({}); }));

  actor_host idle{1};
  static_cast<void>(latency_of_new_actor(idle.system())); // its workers are awake
  milliseconds slowest_actor{0};
  milliseconds slowest_control{0};
  milliseconds slowest_checkpoint{0};
  milliseconds longest_round{0};
  for (int round = 0; round != 10; ++round) {
    std::array<std::uint64_t, busy_tasks> marks{};
    for (std::size_t i = 0; i != busy_tasks; ++i)
      marks[i] = done.records[i];
    const auto round_begun = clock_type::now();
    REQUIRE(eventually(running, [&] {
      slowest_control = std::max(slowest_control, latency_of_new_actor(idle.system()));
      slowest_actor = std::max(slowest_actor, latency_of_new_actor(host.system()));
      return all_beyond(marks);
    }));
    longest_round = std::max<milliseconds>(longest_round, clock_type::now() - round_begun);
    const auto checkpoint_begun = clock_type::now();
    static_cast<void>(running.checkpoint());
    slowest_checkpoint = std::max<milliseconds>(slowest_checkpoint, clock_type::now() - checkpoint_begun);
    slowest_control = std::max(slowest_control, latency_of_new_actor(idle.system()));
  }
  INFO("a new actor " << slowest_actor.count() << " ms, a checkpoint " << slowest_checkpoint.count()
                      << " ms, until all had made progress " << longest_round.count() << " ms, the control "
                      << slowest_control.count() << " ms");
  CHECK(slowest_actor <= 100ms + 10 * slowest_control);
  CHECK(slowest_checkpoint <= 1s + 50 * slowest_control);
  CHECK(longest_round <= 1s + 50 * slowest_control);
  // Nobody has several times as much as another one of its kind.
  const auto [least, most] = std::minmax_element(done.records.begin(), done.records.begin() + parallelism,
                                                 [](const auto& a, const auto& b) { return a.load() < b.load(); });
  CHECK(most->load() <= 5 * least->load());
  running.cancel();
  REQUIRE(running.wait_for(30s));
}

} // namespace

TEST_CASE("sixteen busy sources share two workers of a system with Weir's scheduler") {
  progress done;
  actor_host host{two_cores};
  check_fairness(host, sixteen_sources(done), done, busy_tasks);
}

TEST_CASE("sixteen busy sources share two workers of a default system of the user's") {
  progress done;
  actor_host host{two_cores, actor_host::scheduler::default_of_caf};
  check_fairness(host, sixteen_sources(done), done, busy_tasks);
}

TEST_CASE("eight busy sources and eight busy receivers share two workers of a system with Weir's scheduler") {
  progress done;
  actor_host host{two_cores};
  check_fairness(host, eight_pairs(done), done, half);
}

TEST_CASE("eight busy sources and eight busy receivers share two workers of a default system of the user's") {
  progress done;
  actor_host host{two_cores, actor_host::scheduler::default_of_caf};
  check_fairness(host, eight_pairs(done), done, half);
}
