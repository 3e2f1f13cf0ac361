// What follows from a failure.
#include <weir/coordinator/failure_decision.hpp>

#include <catch2/catch.hpp>

#include <string>

using namespace weir;
using namespace std::chrono_literals;

namespace {

const monotonic_time start{1h};

region_failure failure_of(std::uint32_t region, std::uint64_t attempt, std::string message = "boom") {
  region_failure failure;
  failure.region = region_id{region};
  failure.attempt = attempt_id{attempt};
  failure.name = "counts 1/2";
  failure.kind = "exception";
  failure.message = std::move(message);
  return failure;
}

failure_tracker running_tracker(restart_settings settings, std::uint32_t regions = 1) {
  failure_tracker tracker{settings, regions};
  for (std::uint32_t region = 0; region != regions; ++region) {
    tracker.deployed(region_id{region}, attempt_id{1});
    tracker.running(region_id{region}, attempt_id{1});
  }
  return tracker;
}

ignored_because why_ignored(const failure_decision& decision) {
  REQUIRE(std::holds_alternative<ignore_failure>(decision));
  return std::get<ignore_failure>(decision).why;
}

} // namespace

TEST_CASE("a region goes from idle over starting to running, in its present attempt only") {
  failure_tracker tracker{fixed_delay_restart{}, 1};
  CHECK(tracker.status(region_id{0}) == region_status::idle);
  tracker.running(region_id{0}, attempt_id{0});
  CHECK(tracker.status(region_id{0}) == region_status::idle);
  tracker.deployed(region_id{0}, attempt_id{2});
  CHECK(tracker.status(region_id{0}) == region_status::starting);
  tracker.running(region_id{0}, attempt_id{1});
  CHECK(tracker.status(region_id{0}) == region_status::starting);
  CHECK_FALSE(tracker.all_running());
  tracker.running(region_id{0}, attempt_id{2});
  CHECK(tracker.status(region_id{0}) == region_status::running);
  CHECK(tracker.all_running());
}

TEST_CASE("a failure restarts its region after the delay, and no other") {
  failure_tracker tracker = running_tracker(fixed_delay_restart{3, 200ms}, 2);
  const failure_decision decision = tracker.failed(failure_of(1, 1), start, 0.5);
  REQUIRE(std::holds_alternative<restart_region>(decision));
  CHECK(std::get<restart_region>(decision).region == region_id{1});
  CHECK(std::get<restart_region>(decision).delay == 200ms);
  CHECK(std::get<restart_region>(decision).restart == 1);
  CHECK(tracker.status(region_id{1}) == region_status::failing);
  CHECK(tracker.status(region_id{0}) == region_status::running);
}

TEST_CASE("what fails after the first failure of an attempt is ignored, and the first stays the cause") {
  failure_tracker tracker = running_tracker(fixed_delay_restart{1, 0ms});
  static_cast<void>(tracker.failed(failure_of(0, 1, "first"), start, 0.5));
  CHECK(why_ignored(tracker.failed(failure_of(0, 1, "second"), start, 0.5)) == ignored_because::already_failing);
  REQUIRE(tracker.cause(region_id{0}) != nullptr);
  CHECK(tracker.cause(region_id{0})->message == "first");

  tracker.deployed(region_id{0}, attempt_id{2});
  CHECK(tracker.cause(region_id{0}) == nullptr);
  CHECK(why_ignored(tracker.failed(failure_of(0, 1, "late"), start, 0.5)) == ignored_because::old_attempt);
  CHECK(tracker.status(region_id{0}) == region_status::starting);
}

TEST_CASE("a region that fails while it starts is a failure like any other") {
  failure_tracker tracker = running_tracker(fixed_delay_restart{2, 0ms});
  static_cast<void>(tracker.failed(failure_of(0, 1), start, 0.5));
  tracker.deployed(region_id{0}, attempt_id{2});
  const failure_decision decision = tracker.failed(failure_of(0, 2), start, 0.5);
  REQUIRE(std::holds_alternative<restart_region>(decision));
  CHECK(std::get<restart_region>(decision).restart == 2);
}

TEST_CASE("without restarts the job fails with the first cause") {
  failure_tracker tracker = running_tracker(no_restart{}, 2);
  const failure_decision decision = tracker.failed(failure_of(0, 1, "first"), start, 0.5);
  REQUIRE(std::holds_alternative<give_up_job>(decision));
  CHECK(std::get<give_up_job>(decision).cause.message == "first");
  CHECK(std::string{error{std::get<give_up_job>(decision).text}.what()} ==
        "counts 1/2: first; remove the cause, and start the job again: it goes on from its "
        "last complete checkpoint, if it has one");
  CHECK(tracker.job_failed());
  CHECK(tracker.status(region_id{0}) == region_status::failed);
  CHECK(why_ignored(tracker.failed(failure_of(1, 1, "second"), start, 0.5)) == ignored_because::job_failed);
}

TEST_CASE("a job that gives up says how often it tried") {
  failure_tracker tracker = running_tracker(fixed_delay_restart{2, 0ms});
  for (std::uint64_t attempt = 1; attempt != 3; ++attempt) {
    CHECK(std::holds_alternative<restart_region>(tracker.failed(failure_of(0, attempt), start, 0.5)));
    tracker.deployed(region_id{0}, attempt_id{attempt + 1});
  }
  const failure_decision decision = tracker.failed(failure_of(0, 3), start, 0.5);
  REQUIRE(std::holds_alternative<give_up_job>(decision));
  CHECK(std::get<give_up_job>(decision).restarts == 2);
  CHECK(std::get<give_up_job>(decision).text.remedy.find("restarted 2 times before") != std::string::npos);
}

TEST_CASE("what a restart can't help is not restarted") {
  failure_tracker tracker = running_tracker(fixed_delay_restart{5, 0ms});
  region_failure failure = failure_of(0, 1);
  failure.recoverable = false;
  CHECK(std::holds_alternative<give_up_job>(tracker.failed(failure, start, 0.5)));
}

TEST_CASE("each region has restarts of its own") {
  failure_tracker tracker = running_tracker(fixed_delay_restart{1, 0ms}, 2);
  CHECK(std::holds_alternative<restart_region>(tracker.failed(failure_of(0, 1), start, 0.5)));
  CHECK(std::holds_alternative<restart_region>(tracker.failed(failure_of(1, 1), start, 0.5)));
}
