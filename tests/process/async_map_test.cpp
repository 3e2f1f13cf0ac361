// Jobs that ask actors about their records: exact through failures, and many requests at a time.
#include "process/actor_host.hpp"
#include "unit/scratch_folder.hpp"

#include <weir/operators/callback.hpp>
#include <weir/operators/generator.hpp>

#include <caf/event_based_actor.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using weir_test::actor_host;
using weir_test::eventually;
using weir_test::job_guard;
using weir_test::scratch_folder;

namespace {

/// Sums up what comes.
struct summing {
  struct state {
    std::uint64_t count = 0;
    std::uint64_t sum = 0;
    WEIR_FIELDS(count, sum)
  };
  void process(std::uint64_t n, state& s, weir::context&, weir::collector<std::string>& out) const {
    ++s.count;
    s.sum += n;
    out(std::to_string(s.count) + " " + std::to_string(s.sum));
  }
};

caf::message question(std::uint64_t i) {
  return caf::make_message(i);
}

/// A job that has an actor double numbers, and sums the doubles up. `last` is its newest output.
weir::job doubling_job(
    std::uint64_t records, const caf::actor& to, weir::async_options how, std::function<void(const std::string&)> last,
    std::function<void(std::uint64_t)> on_answer = [](std::uint64_t) {}) {
  weir::job job{"doubling"};
  job.source("numbers", weir::generator<std::uint64_t>{records, [](std::uint64_t i) { return i; }})
      .async_map<std::uint64_t>("double", weir::ask_actor<std::uint64_t>(to, question, 20s), how)
      .map("seen",
           [on_answer](std::uint64_t n) {
             on_answer(n);
             return n;
           })
      .process("sum", summing{}, {.parallelism = 1})
      .sink("last", weir::callback{std::move(last)});
  return job;
}

weir::job_options options_in(const scratch_folder& folder) {
  weir::job_options options;
  options.store = (folder.path() / "store.weir").string();
  options.parallelism = 1;
  options.checkpoint_interval = 10ms;
  options.restart = weir::fixed_delay_restart{20, 5ms};
  return options;
}

caf::behavior doubling(caf::event_based_actor*) {
  return {[](std::uint64_t i) { return 2 * i; }};
}

} // namespace

TEST_CASE("the answers of an actor are summed up exactly, although the job fails again and again") {
  const auto order = GENERATE(weir::async_order::ordered, weir::async_order::unordered);
  const scratch_folder folder;
  actor_host host;
  std::string last;
  std::atomic<int> failures{0};
  std::atomic<int> since_failure{0};
  const auto on_answer = [&](std::uint64_t) {
    if (++since_failure > 3'000 && failures < 5) {
      since_failure = 0;
      ++failures;
      throw std::runtime_error{"now and then"};
    }
  };
  constexpr std::uint64_t records = 20'000;
  const caf::actor to = host.system().spawn(doubling);
  weir::job_handle running = host.jobs().start(
      doubling_job(
          records, to, {.capacity = 500, .order = order}, [&](const std::string& line) { last = line; }, on_answer),
      options_in(folder));
  const job_guard guard{running};
  REQUIRE(running.wait_for(60s));
  INFO(host.log());
  CHECK(running.wait().state == weir::job_state::finished);
  CHECK(failures == 5);
  CHECK(last == std::to_string(records) + " " + std::to_string(records * (records - 1)));
}

TEST_CASE("ten thousand requests are under way at a time, and checkpoints pass them") {
  const scratch_folder folder;
  actor_host host;
  std::string last;
  constexpr std::uint64_t records = 15'000;
  std::atomic<std::size_t> open{0};
  // Answers nothing until it is told to.
  const caf::actor slow = host.system().spawn([&open](caf::event_based_actor* self) -> caf::behavior {
    struct waiting {
      std::vector<std::pair<caf::response_promise, std::uint64_t>> all;
      bool answers = false;
    };
    auto kept = std::make_shared<waiting>();
    return {[self, kept, &open](std::uint64_t i) -> caf::response_promise {
              caf::response_promise answer = self->make_response_promise();
              if (kept->answers)
                answer.deliver(2 * i);
              else
                kept->all.emplace_back(answer, i);
              open = kept->all.size();
              return answer;
            },
            [kept](const std::string&) {
              kept->answers = true;
              for (auto& [answer, i] : kept->all)
                answer.deliver(2 * i);
              kept->all.clear();
            }};
  });
  weir::job_handle running = host.jobs().start(
      doubling_job(records, slow, {.capacity = 10'000, .timeout = 0s}, [&](const std::string& line) { last = line; }),
      options_in(folder));
  const job_guard guard{running};
  REQUIRE(eventually(running, [&] { return open == 10'000; }));
  CHECK(running.checkpoint() > weir::checkpoint_id{0});
  caf::anon_send(slow, std::string{"answer"});
  REQUIRE(running.wait_for(60s));
  INFO(host.log());
  CHECK(running.wait().state == weir::job_state::finished);
  CHECK(last == std::to_string(records) + " " + std::to_string(records * (records - 1)));
}

TEST_CASE("answers that other threads give after their job is over do no harm") {
  const scratch_folder folder;
  std::mutex mutex;
  std::vector<weir::async_reply<std::uint64_t>> replies;
  {
    actor_host host;
    weir::job job{"late"};
    job.source("numbers", weir::generator<std::uint64_t>{UINT64_MAX, [](std::uint64_t i) { return i; }})
        .async_map<std::uint64_t>("never",
                                  [&](std::uint64_t, weir::async_reply<std::uint64_t> reply) {
                                    const std::lock_guard lock{mutex};
                                    replies.push_back(std::move(reply));
                                  })
        .sink("none", weir::callback{[](std::uint64_t) {}});
    weir::job_handle running = host.jobs().start(job, options_in(folder));
    const job_guard guard{running};
    REQUIRE(eventually(running, [&] {
      const std::lock_guard lock{mutex};
      return replies.size() == 100; // the capacity
    }));
    running.cancel();
    REQUIRE(running.wait_for(30s));
    replies.front()(1);
  }
  std::thread{[&] {
    for (const auto& reply : replies)
      reply(1);
  }}.join();
  CHECK(replies.size() == 100);
}

TEST_CASE("a request to an actor that is gone fails the job with the operator's name and the record") {
  const scratch_folder folder;
  actor_host host;
  weir::job_options options = options_in(folder);
  options.restart = weir::no_restart{};
  caf::actor to;
  SECTION("an empty handle") {}
  SECTION("a dead actor") {
    to = host.system().spawn(doubling);
    caf::anon_send_exit(to, caf::exit_reason::kill);
  }
  weir::job_handle running =
      host.jobs().start(doubling_job(10, to, {.timeout = 0s}, [](const std::string&) {}), options);
  const job_guard guard{running};
  REQUIRE(running.wait_for(30s));
  CHECK_THROWS_WITH(running.wait(), Catch::Contains("async_map \"double\", record 1") && Catch::Contains("actor"));
}
