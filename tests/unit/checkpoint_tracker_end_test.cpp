// Checkpoints where regions fail, sinks commit and jobs end.
#include "checkpoint_samples.hpp"

#include <catch2/catch.hpp>

using namespace weir;
using namespace std::chrono_literals;
using namespace checkpoint_samples;

// ---- regions ----

TEST_CASE("the failure of a region aborts what is in flight, and opens nothing until it runs again") {
  fixture f{settings_with(1s), 2};
  f.run();
  f.tick_at(1s);
  f.opened(1);
  f.acknowledge(1, 0);
  f.take();
  f.did(f.tracker.region_failed(region_id{1}, "region 1 failed", f.now));
  CHECK(f.take() == steps{"aborted 1"});
  CHECK(f.last_abort->reason == "region 1 failed");
  CHECK(f.tracker.consecutive_failures() == 0);
  f.tick_at(10s);
  CHECK(f.take() == steps{"abort again 1 to 1 2"}); // those of region 0, which have not said anything
  CHECK(f.acknowledge(1, 4) == acknowledgement_result::old_attempt);
  f.did(f.tracker.region_running(region_id{1}, attempt_id{2}, std::nullopt, f.now));
  CHECK(f.take().empty());
  // The failed region's barriers are gone; the other's are seen by its operator and its sink.
  f.acknowledge(1, 1);
  f.acknowledge(1, 2);
  CHECK(f.tracker.next_deadline() == at(11s));
  f.tick_at(11s);
  CHECK(f.take() == steps{"open interval"});
}

TEST_CASE("a checkpoint that is opening when a region fails is aborted as soon as it has an id") {
  fixture f;
  f.run();
  f.tick_at(1s);
  f.take();
  f.did(f.tracker.region_failed(region_id{0}, "region 0 failed", f.now));
  f.did(f.tracker.region_running(region_id{0}, attempt_id{2}, std::nullopt, f.now));
  CHECK(f.take().empty());
  f.opened(1);
  CHECK(f.take() == steps{"aborted 1"});
  CHECK(f.tracker.open_checkpoints() == 0);
}

TEST_CASE("a checkpoint that the store is completing outlives the failure of a region") {
  fixture f;
  f.run();
  f.tick_at(1s);
  f.opened(1);
  f.acknowledge_all(1);
  f.take();
  f.did(f.tracker.region_failed(region_id{0}, "region 0 failed", f.now));
  CHECK(f.take().empty());
  f.completed(1);
  CHECK(f.take() == steps{"commit 1"});
  f.did(f.tracker.region_running(region_id{0}, attempt_id{2}, checkpoint_id{1}, f.now));
  CHECK(f.take() == steps{"committed 1"}); // sinks commit what they restore before they run
}

TEST_CASE("what subtasks of a starting region say is heard before all of them run") {
  fixture f{settings_with(0s)};
  f.tracker.region_starting(region_id{0}, attempt_id{3});
  f.ended(0, attempt_id{3});
  CHECK(f.take().empty());
  f.did(f.tracker.region_running(region_id{0}, attempt_id{3}, std::nullopt, f.now));
  CHECK(f.take() == steps{"open final"});
}

// ---- commits ----

TEST_CASE("a checkpoint is committed when every sink that has something to commit has said so") {
  fixture f{settings_with(0s), 2};
  f.run();
  f.did(f.tracker.request(checkpoint_trigger::demand, f.now));
  f.opened(1);
  f.acknowledge_all(1);
  f.completed(1);
  f.take();
  f.committed(1, 2);
  f.committed(1, 2);
  f.committed(1, 5, attempt_id{9}); // of an old attempt
  CHECK(f.take().empty());
  f.committed(1, 5);
  CHECK(f.take() == steps{"committed 1"});
  CHECK_FALSE(f.tracker.commits_pending());
}

TEST_CASE("a checkpoint with nothing to commit is committed at once") {
  fixture f{settings_with(1s)};
  f.run();
  f.tick_at(1s);
  f.opened(1);
  for (std::uint32_t task = 0; task != 3; ++task)
    f.acknowledge(1, task);
  f.completed(1);
  CHECK(f.take() == steps{"open interval", "complete 1", "commit 1", "committed 1"});
}

TEST_CASE("the commit of a checkpoint confirms all before it") {
  fixture f{settings_with(1s)};
  f.run();
  for (const std::uint64_t id : {1U, 2U}) {
    f.tick_at(std::chrono::seconds{id});
    f.opened(id);
    f.acknowledge_all(id);
    f.completed(id);
  }
  f.take();
  f.committed(2);
  CHECK(f.take() == steps{"committed 1", "committed 2"});
}

// ---- the end ----

TEST_CASE("when all subtasks have ended the final checkpoint is taken, and its commit ends the job") {
  fixture f{settings_with(1s), 2};
  f.run();
  f.ended();
  f.ended();                                                          // said twice
  f.did(f.tracker.subtask_ended(f.subtask(4), first_attempt, f.now)); // one of the other region
  f.ended(1, attempt_id{9});
  CHECK(f.take().empty());
  f.ended(1);
  CHECK(f.take() == steps{"open final"});
  f.opened(1);
  f.did(f.tracker.request(checkpoint_trigger::demand, f.now));
  f.did(f.tracker.request(checkpoint_trigger::stop, f.now));
  CHECK(f.take() == steps{"refuse demand", "refuse stop"});
  f.acknowledge_all(1); // subtasks that have finished still acknowledge
  f.completed(1);
  f.committed(1, 2);
  CHECK(f.take() == steps{"complete 1", "commit 1"});
  f.committed(1, 5);
  CHECK(f.take() == steps{"committed 1", "end 1 final"});
  f.tick_at(1h);
  CHECK(f.take().empty());
  CHECK_FALSE(f.tracker.next_deadline().has_value());
  f.did(f.tracker.request(checkpoint_trigger::demand, f.now));
  CHECK(f.take() == steps{"refuse demand"});
}

TEST_CASE("a drain names the final checkpoint") {
  fixture f;
  f.run();
  f.did(f.tracker.request(checkpoint_trigger::drain, f.now));
  CHECK(f.take().empty());
  f.ended();
  CHECK(f.take() == steps{"open drain"});
  f.pass(1);
  CHECK(f.take() == steps{"complete 1", "commit 1", "committed 1", "end 1 drain"});
}

TEST_CASE("a final checkpoint that fails is taken again after the pause, until the job fails") {
  checkpoint_settings settings = settings_with(1s);
  settings.min_pause = 100ms;
  settings.tolerable_failures = 1;
  fixture f{settings};
  f.run();
  f.ended();
  f.opened(1);
  const auto decline = [&](std::uint64_t id) {
    for (std::uint32_t task = 0; task != 3; ++task)
      f.did(f.tracker.decline(checkpoint_id{id}, f.subtask(task), first_attempt, "no", f.now));
  };
  decline(1);
  CHECK(f.take() == steps{"open final", "failed 1"});
  CHECK(f.tracker.next_deadline() == at(100ms));
  f.tick_at(100ms);
  f.opened(2);
  CHECK(f.take() == steps{"open final"});
  SECTION("it succeeds") {
    f.acknowledge_all(2);
    f.completed(2);
    f.committed(2);
    CHECK(f.take() == steps{"complete 2", "commit 2", "committed 2", "end 2 final"});
  }
  SECTION("it fails too often") {
    decline(2);
    f.tick_at(1h);
    CHECK(f.take() == steps{"failed 2", "fail job"});
  }
}

TEST_CASE("a region that fails before the final checkpoint is complete ends again") {
  fixture f;
  f.run();
  f.ended();
  f.opened(1);
  f.did(f.tracker.region_failed(region_id{0}, "region 0 failed", f.now));
  CHECK(f.take() == steps{"open final", "aborted 1"});
  f.did(f.tracker.region_running(region_id{0}, attempt_id{2}, std::nullopt, f.now));
  CHECK(f.take().empty());
  f.ended(0, attempt_id{2});
  CHECK(f.take() == steps{"open final"});
}

TEST_CASE("a region that fails between the final checkpoint and its commit ends the job when it runs again") {
  fixture f;
  f.run();
  f.ended();
  f.opened(1);
  f.acknowledge_all(1);
  f.completed(1);
  f.take();
  f.did(f.tracker.region_failed(region_id{0}, "region 0 failed", f.now));
  CHECK(f.take().empty());
  SECTION("from it") {
    f.did(f.tracker.region_running(region_id{0}, attempt_id{2}, checkpoint_id{1}, f.now));
    CHECK(f.take() == steps{"committed 1", "end 1 final"});
  }
  SECTION("not from an earlier one, which is to be ended anew") {
    f.did(f.tracker.region_running(region_id{0}, attempt_id{2}, std::nullopt, f.now));
    CHECK(f.take().empty());
    f.ended(0, attempt_id{2});
    CHECK(f.take() == steps{"open final"});
  }
}

TEST_CASE("a stop takes a last checkpoint, and nothing is opened after it") {
  fixture f{settings_with(1s)};
  f.run();
  f.did(f.tracker.request(checkpoint_trigger::stop, f.now));
  f.did(f.tracker.request(checkpoint_trigger::stop, f.now));
  f.opened(1);
  CHECK(f.take() == steps{"open stop"});
  f.did(f.tracker.request(checkpoint_trigger::demand, f.now));
  f.did(f.tracker.request(checkpoint_trigger::drain, f.now));
  f.tick_at(10s);
  CHECK(f.take() == steps{"refuse demand", "refuse drain"});
  f.acknowledge_all(1);
  f.completed(1);
  f.tick_at(20s);
  f.committed(1);
  CHECK(f.take() == steps{"complete 1", "commit 1", "remind 1", "committed 1", "end 1 stop"});
}

TEST_CASE("a stop waits for its turn, before what is due") {
  fixture f{settings_with(1s)};
  f.run();
  f.tick_at(1s);
  f.opened(1);
  f.did(f.tracker.request(checkpoint_trigger::demand, f.now));
  f.did(f.tracker.request(checkpoint_trigger::stop, f.now));
  f.tick_at(5s);
  f.take();
  f.pass(1);
  CHECK(f.take() == steps{"complete 1", "commit 1", "open stop", "committed 1"});
  f.pass(2);
  CHECK(f.take() == steps{"complete 2", "commit 2", "committed 2", "refuse demand", "end 2 stop"});
}

TEST_CASE("a stop that fails is over, and the job goes on") {
  fixture f{settings_with(1s)};
  f.run();
  f.did(f.tracker.request(checkpoint_trigger::stop, f.now));
  f.opened(1);
  for (std::uint32_t task = 0; task != 3; ++task)
    f.did(f.tracker.decline(checkpoint_id{1}, f.subtask(task), first_attempt, "no", f.now));
  CHECK(f.take() == steps{"open stop", "failed 1", "resume"});
  CHECK(f.last_abort->trigger == checkpoint_trigger::stop);
  f.tick_at(1s);
  CHECK(f.take() == steps{"open interval"});
}

TEST_CASE("a stop that has not begun gives way to the end of all input") {
  fixture f{settings_with(1s)};
  f.run();
  f.tick_at(1s);
  f.opened(1);
  f.did(f.tracker.request(checkpoint_trigger::stop, f.now));
  f.take();
  f.ended();
  CHECK(f.take() == steps{"refuse stop"});
  f.pass(1);
  CHECK(f.take() == steps{"complete 1", "commit 1", "open final", "committed 1"});
}

TEST_CASE("all input may end while a stop is under way: if the stop fails the final checkpoint follows") {
  fixture f{settings_with(0s)};
  f.run();
  f.did(f.tracker.request(checkpoint_trigger::stop, f.now));
  f.opened(1);
  f.ended();
  CHECK(f.take() == steps{"open stop"});
  SECTION("it succeeds") {
    f.acknowledge_all(1);
    f.completed(1);
    f.committed(1);
    CHECK(f.take() == steps{"complete 1", "commit 1", "committed 1", "end 1 stop"});
  }
  SECTION("it fails") {
    for (std::uint32_t task = 0; task != 3; ++task)
      f.did(f.tracker.decline(checkpoint_id{1}, f.subtask(task), first_attempt, "no", f.now));
    CHECK(f.take() == steps{"failed 1", "resume", "open final"});
  }
}

TEST_CASE("a stop whose checkpoint could not be restored lets the sources of all regions go on") {
  fixture f{settings_with(0s), 2};
  f.run();
  f.did(f.tracker.request(checkpoint_trigger::stop, f.now));
  f.opened(1);
  for (const std::uint32_t task : {0U, 1U, 2U, 3U, 4U, 5U})
    f.acknowledge(1, task, task == 2);
  f.completed(1);
  CHECK(f.take() == steps{"open stop", "complete 1", "commit 1"});
  f.did(f.tracker.region_failed(region_id{0}, "region 0 failed", f.now));
  f.take();
  f.did(f.tracker.region_running(region_id{0}, attempt_id{2}, std::nullopt, f.now)); // checkpoint 1 was damaged
  CHECK(f.take() == steps{"refuse stop", "resume"});
}

TEST_CASE("a commit of a region that does not run yet is not believed") {
  fixture f{settings_with(0s)};
  f.run();
  f.ended();
  f.opened(1);
  for (const std::uint32_t task : {0U, 1U, 2U})
    f.acknowledge(1, task, task == 2);
  f.completed(1);
  f.take();
  f.did(f.tracker.region_failed(region_id{0}, "the commit failed", f.now));
  f.tracker.region_starting(region_id{0}, attempt_id{2});
  f.did(f.tracker.committed(checkpoint_id{1}, f.subtask(2), attempt_id{2}, f.now)); // its state is not loaded
  CHECK(f.take().empty());
  f.did(f.tracker.region_running(region_id{0}, attempt_id{2}, checkpoint_id{1}, f.now));
  CHECK(f.take() == steps{"committed 1", "end 1 final"});
}

TEST_CASE("a shut-down aborts what is in flight and refuses what is asked for") {
  checkpoint_settings settings = settings_with(1s);
  settings.max_concurrent = 2;
  fixture f{settings};
  f.run();
  f.tick_at(1s);
  f.opened(1);
  f.tick_at(2s);
  f.did(f.tracker.request(checkpoint_trigger::demand, f.now));
  f.take();
  f.did(f.tracker.shut_down("the job is cancelled"));
  CHECK(f.take() == steps{"aborted 1", "refuse demand"});
  f.opened(2); // was asked for before
  CHECK(f.take() == steps{"aborted 2"});
  f.did(f.tracker.request(checkpoint_trigger::stop, f.now));
  f.tick_at(1h);
  CHECK(f.take() == steps{"refuse stop"});
}

TEST_CASE("a job that pauses for ever between checkpoints can be shut down in the middle of one") {
  checkpoint_settings settings = settings_with(1s);
  settings.min_pause = std::chrono::microseconds::max();
  fixture f{settings};
  f.run();
  f.tick_at(1s);
  f.pass(1);
  f.did(f.tracker.request(checkpoint_trigger::demand, f.now));
  f.opened(2);
  f.take();
  f.did(f.tracker.shut_down("the job is cancelled"));
  CHECK(f.take() == steps{"aborted 2"});
  CHECK(f.tracker.next_deadline() > f.now);
}

TEST_CASE("words of the store that fit nothing change nothing") {
  fixture f;
  f.run();
  f.opened(1);
  f.completed(1);
  f.did(f.tracker.complete_failed(checkpoint_id{1}, "no", f.now));
  f.did(f.tracker.open_failed("no", f.now));
  CHECK(f.take().empty());
  CHECK(f.tracker.open_checkpoints() == 0);
  CHECK(f.tracker.consecutive_failures() == 0);
}

TEST_CASE("sinks that say nothing of a commit are told again, until they do") {
  fixture f;
  f.run();
  f.did(f.tracker.request(checkpoint_trigger::stop, f.now));
  f.opened(1);
  f.acknowledge(1, 0);
  f.acknowledge(1, 1);
  f.acknowledge(1, 2, true);
  f.completed(1);
  CHECK(f.take() == steps{"open stop", "complete 1", "commit 1"});
  const monotonic_time first = f.now + commit_reminder_after;
  REQUIRE(f.tracker.next_deadline() == first);
  f.now = first - 1us;
  f.did(f.tracker.tick(f.now));
  CHECK(f.take().empty());
  f.now = first;
  f.did(f.tracker.tick(f.now));
  f.did(f.tracker.tick(f.now));
  CHECK(f.take() == steps{"remind 1"});
  f.now += commit_reminder_after;
  f.did(f.tracker.tick(f.now));
  CHECK(f.take() == steps{"remind 1"});
  f.committed(1);
  CHECK(f.take() == steps{"committed 1", "end 1 stop"});
  CHECK(f.tracker.next_deadline() == std::nullopt);
}

TEST_CASE("a store that can't open a checkpoint is left alone for a moment") {
  checkpoint_settings settings;
  settings.interval = {};
  settings.records = 1;
  fixture f{settings};
  f.run();
  f.did(f.tracker.records_emitted(f.subtask(0), first_attempt, 1, f.now));
  CHECK(f.take() == steps{"open records"});
  f.did(f.tracker.open_failed("full", f.now));
  f.did(f.tracker.records_emitted(f.subtask(0), first_attempt, 1, f.now));
  CHECK(f.take().empty());
  f.now += pause_after_refusal;
  f.did(f.tracker.tick(f.now));
  CHECK(f.take() == steps{"open records"});
}
