// Jobs that actors watch and stop by messages.
#include "process/actor_host.hpp"
#include "unit/scratch_folder.hpp"

#include <weir/operators/callback.hpp>
#include <weir/operators/generator.hpp>

#include <caf/scoped_actor.hpp>

#include <catch2/catch.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;
using weir_test::actor_host;
using weir_test::job_guard;
using weir_test::scratch_folder;

namespace {

weir::job endless_job(const std::string& name, bool fails = false) {
  weir::job job{name};
  job.source("numbers", weir::generator<std::uint64_t>{UINT64_MAX, [](std::uint64_t i) { return i; }}.rate(10'000))
      .sink("out", weir::callback{[fails](std::uint64_t i) {
              if (fails && i == 100)
                throw std::runtime_error{"on purpose"};
            }});
  return job;
}

weir::job_options options_in(const scratch_folder& folder) {
  weir::job_options options;
  options.store = (folder.path() / "store.weir").string();
  options.parallelism = 1;
  options.checkpoint_interval = 10ms;
  options.restart = weir::no_restart{};
  return options;
}

/// Waits for the end of a monitored actor.
weir::job_end end_of(caf::scoped_actor& self) {
  weir::job_end end;
  self->receive([&](const caf::down_msg& down) { end = weir::how_job_ended(down.reason); });
  return end;
}

} // namespace

TEST_CASE("an actor asks a job for its state and for a checkpoint, stops it, and hears of its end") {
  const scratch_folder folder;
  actor_host host;
  weir::job_handle running = host.jobs().start(endless_job("one"), options_in(folder));
  const job_guard guard{running};
  caf::scoped_actor self{host.system()};
  const caf::actor job = weir::spawn_job_actor(host.system(), running);
  self->monitor(job);
  std::uint64_t id = 0;
  self->request(job, 20s, weir::job_checkpoint_atom::value)
      .receive([&](std::uint64_t complete) { id = complete; },
               [&](const caf::error& why) { FAIL(to_string(why.context())); });
  CHECK(id > 0);
  std::string state;
  self->request(job, 20s, weir::job_state_atom::value)
      .receive([&](const std::string& now) { state = now; }, [](const caf::error&) {});
  CHECK(state == "running");
  self->send(job, weir::job_stop_atom::value);
  CHECK(end_of(self).state == weir::job_state::stopped);
  CHECK(running.wait().state == weir::job_state::stopped);
}

TEST_CASE("the reason of a job's actor tells apart what finished, was cancelled and failed") {
  actor_host host;
  caf::scoped_actor self{host.system()};
  const auto end_after = [&](const weir::job& job, auto... message) {
    const scratch_folder folder;
    weir::job_handle running = host.jobs().start(job, options_in(folder));
    const job_guard guard{running};
    const caf::actor watched = weir::spawn_job_actor(host.system(), running);
    self->monitor(watched);
    if constexpr (sizeof...(message) != 0)
      self->send(watched, message...);
    return end_of(self);
  };
  CHECK(end_after(endless_job("drained"), weir::job_drain_atom::value).state == weir::job_state::finished);
  CHECK(end_after(endless_job("cancelled"), weir::job_cancel_atom::value).state == weir::job_state::cancelled);
  const weir::job_end failed = end_after(endless_job("failing", true));
  CHECK(failed.state == weir::job_state::failed);
  CHECK_THAT(failed.why, Catch::Contains("on purpose"));
}

TEST_CASE("whoever asks for a checkpoint of a job that has ended is answered") {
  const scratch_folder folder;
  actor_host host;
  weir::job_handle running = host.jobs().start(endless_job("over"), options_in(folder));
  const job_guard guard{running};
  running.cancel();
  REQUIRE(running.wait_for(30s));
  caf::scoped_actor self{host.system()};
  const caf::actor job = weir::spawn_job_actor(host.system(), running);
  bool answered = false;
  self->request(job, 20s, weir::job_checkpoint_atom::value)
      .receive([](std::uint64_t) { FAIL("a checkpoint of nothing"); }, [&](const caf::error&) { answered = true; });
  CHECK(answered);
  self->monitor(job);
  CHECK_FALSE(end_of(self).state == weir::job_state::finished);
}

TEST_CASE("several jobs of one system end one by one, each with its own actor") {
  const scratch_folder one;
  const scratch_folder two;
  actor_host host;
  caf::scoped_actor self{host.system()};
  weir::job_handle first = host.jobs().start(endless_job("first"), options_in(one));
  const job_guard first_guard{first};
  weir::job_handle second = host.jobs().start(endless_job("second"), options_in(two));
  const job_guard second_guard{second};
  const caf::actor first_job = weir::spawn_job_actor(host.system(), first);
  const caf::actor second_job = weir::spawn_job_actor(host.system(), second);
  self->monitor(first_job);
  self->send(first_job, weir::job_stop_atom::value);
  CHECK(end_of(self).state == weir::job_state::stopped);
  CHECK(second.status().state == weir::job_state::running);
  self->monitor(second_job);
  self->send(second_job, weir::job_drain_atom::value);
  CHECK(end_of(self).state == weir::job_state::finished);
}
