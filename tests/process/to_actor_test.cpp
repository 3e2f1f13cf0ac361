// Jobs whose results go to an actor: each record counts once for one that remembers what it has.
#include "process/actor_host.hpp"
#include "unit/scratch_folder.hpp"

#include <weir/operators/generator.hpp>

#include <caf/event_based_actor.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using weir_test::actor_host;
using weir_test::eventually;
using weir_test::job_guard;
using weir_test::scratch_folder;

namespace {

/// What a receiving actor has got. Survives the actor.
struct received {
  std::mutex mutex;
  std::map<std::pair<std::string, std::uint32_t>, std::uint64_t> last; ///< checkpoint by sink and subtask
  std::multiset<std::uint64_t> numbers;
  std::uint64_t repeats = 0;
  bool backwards = false;
};

caf::behavior receive_into(caf::event_based_actor*, std::shared_ptr<received> into) {
  return caf::behavior{weir::on_delivery<std::uint64_t>([into](const weir::delivery<std::uint64_t>& got) {
    const std::lock_guard lock{into->mutex};
    std::uint64_t& last = into->last[{got.id.sink, got.id.subtask}];
    if (got.id.checkpoint <= last) {
      ++into->repeats;
      return;
    }
    last = got.id.checkpoint;
    into->numbers.insert(got.records.begin(), got.records.end());
  })};
}

weir::job_options options_in(const scratch_folder& folder) {
  weir::job_options options;
  options.store = (folder.path() / "store.weir").string();
  options.parallelism = 2;
  options.checkpoint_interval = 5ms;
  options.restart = weir::fixed_delay_restart{20, 5ms};
  return options;
}

weir::job delivering_job(
    std::uint64_t records, double rate, caf::actor to,
    std::function<void(std::uint64_t)> on_record = [](std::uint64_t) {}) {
  weir::job job{"delivering"};
  job.source("numbers", weir::generator<std::uint64_t>{records, [](std::uint64_t i) { return i; }}.rate(rate))
      .map("seen",
           [on_record](std::uint64_t i) {
             on_record(i);
             return i;
           })
      .sink("actor", weir::to_actor{std::move(to)});
  return job;
}

} // namespace

TEST_CASE("an actor gets each record once, although the job fails again and again") {
  const scratch_folder folder;
  actor_host host;
  const auto got = std::make_shared<received>();
  std::atomic<int> failures{0};
  std::atomic<int> since_failure{0};
  const auto on_record = [&](std::uint64_t) {
    if (++since_failure > 3'000 && failures < 5) {
      since_failure = 0;
      ++failures;
      throw std::runtime_error{"now and then"};
    }
  };
  const caf::actor receiver = host.system().spawn(receive_into, got);
  weir::job_handle running =
      host.jobs().start(delivering_job(30'000, 100'000, receiver, on_record), options_in(folder));
  const job_guard guard{running};
  REQUIRE(running.wait_for(60s));
  INFO(host.log());
  CHECK(running.wait().state == weir::job_state::finished);
  CHECK(failures == 5);
  CHECK(got->numbers.size() == 30'000);
  CHECK(std::set<std::uint64_t>(got->numbers.begin(), got->numbers.end()).size() == 30'000);
}

TEST_CASE("what an actor has not acknowledged it gets again from the next life of the run") {
  const scratch_folder folder;
  actor_host host;
  const auto got = std::make_shared<received>();
  std::atomic<int> left_alone{0};
  {
    // Takes deliveries, and never says so.
    const caf::actor silent = host.system().spawn([&left_alone](caf::event_based_actor* self) -> caf::behavior {
      auto kept = std::make_shared<std::vector<caf::response_promise>>();
      return {[self, kept, &left_alone](weir::delivery_atom, const std::string&, const std::string&, std::uint32_t,
                                        std::uint64_t, const std::vector<char>&) {
        kept->push_back(self->make_response_promise());
        ++left_alone;
        return kept->back();
      }};
    });
    weir::job_handle running = host.jobs().start(delivering_job(20'000, 50'000, silent), options_in(folder));
    const job_guard guard{running};
    REQUIRE(eventually(running, [&] { return left_alone >= 2 && running.status().checkpoints >= 3; }));
    running.cancel();
    REQUIRE(running.wait_for(30s));
    caf::anon_send_exit(silent, caf::exit_reason::kill);
  }
  const caf::actor receiver = host.system().spawn(receive_into, got);
  weir::job_handle again = host.jobs().start(delivering_job(20'000, 50'000, receiver), options_in(folder));
  const job_guard guard{again};
  REQUIRE(again.wait_for(60s));
  INFO(host.log());
  CHECK(again.wait().state == weir::job_state::finished);
  CHECK(got->numbers.size() == 20'000);
  CHECK(std::set<std::uint64_t>(got->numbers.begin(), got->numbers.end()).size() == 20'000);
}

TEST_CASE("an actor that refuses a delivery now and then gets it again, before any later one") {
  const scratch_folder folder;
  actor_host host;
  const auto got = std::make_shared<received>();
  const auto refused = std::make_shared<std::atomic<int>>(0);
  const caf::actor receiver = host.system().spawn([got, refused](caf::event_based_actor*) -> caf::behavior {
    auto deliveries = std::make_shared<int>(0);
    return {[=](weir::delivery_atom, const std::string&, const std::string& sink, std::uint32_t subtask,
                std::uint64_t checkpoint, const std::vector<char>& bytes) -> caf::result<weir::delivered_atom> {
      if (++*deliveries % 7 == 0 && *refused < 4) {
        ++*refused;
        return caf::make_error(caf::sec::runtime_error, "not now");
      }
      const std::lock_guard lock{got->mutex};
      std::uint64_t& last = got->last[{sink, subtask}];
      if (checkpoint <= last)
        return weir::delivered_atom::value;
      last = checkpoint;
      const auto records = weir::from_bytes<std::vector<std::uint64_t>>(std::as_bytes(std::span<const char>{bytes}));
      got->numbers.insert(records.begin(), records.end());
      return weir::delivered_atom::value;
    }};
  });
  weir::job_handle running = host.jobs().start(delivering_job(30'000, 60'000, receiver), options_in(folder));
  const job_guard guard{running};
  REQUIRE(running.wait_for(60s));
  INFO(host.log());
  CHECK(running.wait().state == weir::job_state::finished);
  CHECK(*refused == 4);
  CHECK(got->numbers.size() == 30'000);
  CHECK(std::set<std::uint64_t>(got->numbers.begin(), got->numbers.end()).size() == 30'000);
}

TEST_CASE("a courier that dies fails its region, and everything is delivered all the same") {
  const scratch_folder folder;
  actor_host host;
  const auto got = std::make_shared<received>();
  const auto killed = std::make_shared<std::atomic<int>>(0);
  const caf::actor receiver = host.system().spawn([got, killed](caf::event_based_actor* self) -> caf::behavior {
    auto deliveries = std::make_shared<int>(0);
    return {[=](weir::delivery_atom, const std::string&, const std::string& sink, std::uint32_t subtask,
                std::uint64_t checkpoint, const std::vector<char>& bytes) -> caf::result<weir::delivered_atom> {
      if (++*deliveries % 5 == 0 && *killed < 3) {
        ++*killed;
        caf::anon_send_exit(caf::actor_cast<caf::actor>(self->current_sender()), caf::exit_reason::kill);
      }
      const std::lock_guard lock{got->mutex};
      std::uint64_t& last = got->last[{sink, subtask}];
      if (checkpoint <= last)
        return weir::delivered_atom::value;
      last = checkpoint;
      const auto records = weir::from_bytes<std::vector<std::uint64_t>>(std::as_bytes(std::span<const char>{bytes}));
      got->numbers.insert(records.begin(), records.end());
      return weir::delivered_atom::value;
    }};
  });
  weir::job_handle running = host.jobs().start(delivering_job(30'000, 60'000, receiver), options_in(folder));
  const job_guard guard{running};
  REQUIRE(running.wait_for(60s));
  CHECK(running.wait().state == weir::job_state::finished);
  CHECK(*killed == 3);
  CHECK(got->numbers.size() == 30'000);
  CHECK(std::set<std::uint64_t>(got->numbers.begin(), got->numbers.end()).size() == 30'000);
  CHECK_THAT(host.log(), Catch::Contains("the actor that brings the deliveries ended"));
}

TEST_CASE("an actor that is gone fails the job with the sink's name") {
  const scratch_folder folder;
  actor_host host;
  const caf::actor receiver = host.system().spawn(receive_into, std::make_shared<received>());
  caf::anon_send_exit(receiver, caf::exit_reason::kill);
  weir::job_options options = options_in(folder);
  options.restart = weir::no_restart{};
  weir::job_handle running = host.jobs().start(delivering_job(1'000'000, 10'000, receiver), options);
  const job_guard guard{running};
  REQUIRE(running.wait_for(30s));
  CHECK_THROWS_WITH(running.wait(), Catch::Contains("actor") && Catch::Contains("did not take a delivery"));
}

TEST_CASE("an empty handle is a problem of the job") {
  CHECK(delivering_job(1, 1, caf::actor{}).graph().problems.size() == 1);
}
