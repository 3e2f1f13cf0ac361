// Checkpoints while a job runs: opening, acknowledging, completing, giving up.
#include "checkpoint_samples.hpp"

#include <catch2/catch.hpp>

using namespace weir;
using namespace std::chrono_literals;
using namespace checkpoint_samples;

// ---- opening ----

TEST_CASE("a checkpoint is opened an interval after the start, and an interval after the last opening") {
  fixture f{settings_with(1s)};
  CHECK_FALSE(f.tracker.next_deadline().has_value());
  f.run();
  CHECK(f.tracker.next_deadline() == at(1s));
  f.tick_at(999ms);
  CHECK(f.take().empty());
  f.tick_at(1s);
  CHECK(f.take() == steps{"open interval"});
  f.tick_at(5s); // while the store is asked for the id nothing else is opened
  CHECK(f.take().empty());
  f.now = at(1100ms);
  f.pass(1);
  CHECK(f.take() == steps{"complete 1", "commit 1", "committed 1"});
  CHECK(f.tracker.next_deadline() == at(2s));
}

TEST_CASE("without interval and record count nothing is opened by itself") {
  fixture f{settings_with(0s)};
  f.run();
  f.tick_at(24h);
  CHECK(f.take().empty());
  CHECK_FALSE(f.tracker.next_deadline().has_value());
}

TEST_CASE("a checkpoint is opened after a number of records from all sources, counted from the last opening") {
  checkpoint_settings settings = settings_with(0s);
  settings.records = 100;
  fixture f{settings, 2};
  f.run();
  f.did(f.tracker.records_emitted(f.subtask(0), first_attempt, 60, f.now));
  f.did(f.tracker.records_emitted(f.subtask(3), attempt_id{7}, 60, f.now)); // of an old attempt
  CHECK(f.take().empty());
  f.did(f.tracker.records_emitted(f.subtask(3), first_attempt, 60, f.now));
  CHECK(f.take() == steps{"open records"});
  f.pass(1);
  f.take();
  f.did(f.tracker.records_emitted(f.subtask(0), first_attempt, 99, f.now));
  CHECK(f.take().empty());
  f.did(f.tracker.records_emitted(f.subtask(0), first_attempt, 1, f.now));
  CHECK(f.take() == steps{"open records"});
}

TEST_CASE("the minimum pause is from the end of one checkpoint to the next, unless it is asked for") {
  checkpoint_settings settings = settings_with(1s);
  settings.min_pause = 700ms;
  fixture f{settings};
  f.run();
  f.tick_at(1s);
  f.now = at(1500ms);
  f.pass(1);
  f.take();
  CHECK(f.tracker.next_deadline() == at(2200ms));
  f.tick_at(2s);
  CHECK(f.take().empty());
  f.did(f.tracker.request(checkpoint_trigger::demand, f.now));
  CHECK(f.take() == steps{"open demand"});
}

TEST_CASE("an interval, a timeout and a pause that end beyond all times do not end") {
  using std::chrono::microseconds;
  checkpoint_settings settings = settings_with(microseconds::max());
  settings.timeout = microseconds::max();
  settings.min_pause = microseconds::max();
  fixture f{settings};
  f.run();
  f.tick_at(24h);
  CHECK(f.take().empty());
  f.did(f.tracker.request(checkpoint_trigger::demand, f.now));
  f.now = at(25h);
  f.tick_at(26h);
  CHECK(f.take() == steps{"open demand"});
  f.pass(1);
  CHECK(f.take() == steps{"complete 1", "commit 1", "committed 1"});
  f.tick_at(48h);
  CHECK(f.take().empty());
  CHECK(f.tracker.next_deadline() == monotonic_time::max());
}

TEST_CASE("no more checkpoints are under way than may be") {
  checkpoint_settings settings = settings_with(1s);
  settings.max_concurrent = 2;
  fixture f{settings};
  f.run();
  f.tick_at(1s);
  f.opened(1);
  f.tick_at(2s);
  f.opened(2);
  CHECK(f.take() == steps{"open interval", "open interval"});
  f.tick_at(3s);
  CHECK(f.take().empty());
  CHECK(f.tracker.open_checkpoints() == 2);
  f.acknowledge_all(1);
  f.completed(1);
  CHECK(f.take() == steps{"complete 1", "commit 1", "open interval"});
}

TEST_CASE("requests on demand that come before the opening are one checkpoint") {
  fixture f{settings_with(0s)};
  f.did(f.tracker.request(checkpoint_trigger::demand, f.now));
  f.did(f.tracker.request(checkpoint_trigger::demand, f.now));
  CHECK(f.take().empty()); // no region runs yet
  f.run();
  CHECK(f.take() == steps{"open demand"});
  f.did(f.tracker.request(checkpoint_trigger::demand, f.now)); // after the opening: another one
  f.pass(1);
  CHECK(f.take() == steps{"complete 1", "commit 1", "open demand", "committed 1"});
}

TEST_CASE("only requests can be asked for") {
  fixture f;
  f.run();
  f.did(f.tracker.request(checkpoint_trigger::interval, f.now));
  f.did(f.tracker.request(checkpoint_trigger::at_end, f.now));
  CHECK(f.take() == steps{"refuse interval", "refuse final"});
}

// ---- acknowledgements ----

TEST_CASE("a checkpoint is complete when everyone has acknowledged, and the store decides it") {
  fixture f;
  f.run();
  f.tick_at(1s);
  f.opened(1);
  f.take();
  CHECK(f.acknowledge(1, 2, true) == acknowledgement_result::accepted);
  CHECK(f.acknowledge(1, 0) == acknowledgement_result::accepted);
  CHECK(f.take().empty());
  CHECK(f.acknowledge(1, 1) == acknowledgement_result::accepted);
  CHECK(f.take() == steps{"complete 1"});
  CHECK_FALSE(f.tracker.newest_complete().has_value());
  f.completed(1);
  CHECK(f.take() == steps{"commit 1"});
  CHECK(f.tracker.newest_complete() == checkpoint_id{1});
  CHECK(f.tracker.commits_pending());
}

TEST_CASE("a repeated acknowledgement counts once") {
  fixture f;
  f.run();
  f.tick_at(1s);
  f.opened(1);
  f.take();
  f.acknowledge(1, 0);
  CHECK(f.acknowledge(1, 0) == acknowledgement_result::repeated);
  CHECK(f.acknowledge(1, 1) == acknowledgement_result::accepted);
  CHECK(f.acknowledge(1, 1) == acknowledgement_result::repeated);
  CHECK(f.take().empty());
  f.acknowledge(1, 2);
  CHECK(f.take() == steps{"complete 1"});
  CHECK(f.acknowledge(1, 2) == acknowledgement_result::repeated);
  CHECK(f.take().empty());
}

TEST_CASE("acknowledgements that are late, of strangers or of old attempts change nothing") {
  fixture f;
  f.run(std::nullopt, attempt_id{2});
  f.tick_at(1s);
  f.opened(1);
  f.take();
  CHECK(f.acknowledge(1, 9) == acknowledgement_result::unknown_subtask);
  CHECK(f.acknowledge(1, 0, false, attempt_id{1}) == acknowledgement_result::old_attempt);
  CHECK(f.acknowledge(7, 0, false, attempt_id{2}) == acknowledgement_result::late);
  CHECK(f.tracker.late(checkpoint_id{1}).size() == 3);
  f.acknowledge_all(1, attempt_id{2});
  f.completed(1);
  CHECK(f.acknowledge(1, 0, false, attempt_id{2}) == acknowledgement_result::late);
  CHECK(f.take() == steps{"complete 1", "commit 1"});
}

TEST_CASE("a channel whose ends disagree fails the checkpoint, by name") {
  fixture f;
  f.run();
  f.tick_at(1s);
  f.opened(1);
  f.take();
  checkpoint_acknowledged wrong = f.ack(1, 1);
  wrong.received.front().at = sequence_number{9};
  SECTION("when the receiver speaks last") {
    f.acknowledge(1, 0);
    f.acknowledge(wrong, 1);
  }
  SECTION("when the sender speaks last") {
    f.acknowledge(wrong, 1);
    f.acknowledge(1, 0);
  }
  CHECK(f.take() == steps{"failed 1"});
  REQUIRE(f.last_abort.has_value());
  CHECK(f.last_abort->reason ==
        "the channel source => counts lost or repeated messages: the barrier was sent as 10 and "
        "received as 9");
  CHECK(f.tracker.consecutive_failures() == 1);
}

TEST_CASE("an acknowledgement has to name each of its channels, and no other") {
  fixture f;
  f.run();
  f.tick_at(1s);
  f.opened(1);
  checkpoint_acknowledged ack = f.ack(1, 1);
  SECTION("one is missing") {
    ack.sent.clear();
    f.acknowledge(ack, 1);
    CHECK(f.last_abort->reason == "counts said nothing about the channel counts => table");
  }
  SECTION("one is another's") {
    ack.received.front().channel = channel_id{1};
    f.acknowledge(ack, 1);
    CHECK(f.last_abort->reason == "counts acknowledged channel 1, which is not its own");
  }
  SECTION("one does not exist") {
    ack.sent.push_back({channel_id{4'000'000'000}, sequence_number{1}});
    f.acknowledge(ack, 1);
    CHECK(f.last_abort->reason == "counts acknowledged channel 4000000000, which is not its own");
  }
}

// ---- giving up ----

TEST_CASE("a checkpoint times out, and says who was late, causes first") {
  fixture f;
  f.run();
  f.tick_at(1s);
  f.opened(1);
  f.acknowledge(1, 0);
  f.tracker.remark(f.subtask(1), first_attempt, "one record has taken 58 s");
  CHECK(f.tracker.next_deadline() == at(61s));
  f.take();
  f.tick_at(61s - 1us);
  CHECK(f.take().empty());
  f.tick_at(61s);
  CHECK(f.take() == steps{"failed 1"});
  CHECK(f.last_abort->reason == "not complete after 1min");
  REQUIRE(f.last_abort->late.size() == 2);
  CHECK(f.last_abort->late[0].name == "counts");
  CHECK(f.last_abort->late[0].why ==
        "its barriers are on the way, or it is busy with what came before them (one record has taken 58 s)");
  CHECK(f.last_abort->late[1].name == "table");
  CHECK(f.last_abort->late[1].why == "it waits for counts");
}

TEST_CASE("a checkpoint that the store is completing does not time out") {
  fixture f;
  f.run();
  f.tick_at(1s);
  f.opened(1);
  f.acknowledge_all(1);
  f.take();
  f.tick_at(10min);
  CHECK(f.take().empty());
  f.completed(1);
  CHECK(f.take() == steps{"commit 1", "open interval"});
}

TEST_CASE("barriers of an aborted checkpoint travel until everyone has seen them") {
  fixture f;
  f.run();
  f.tick_at(1s);
  f.opened(1);
  f.acknowledge(1, 0);
  f.tick_at(61s);
  CHECK(f.take() == steps{"open interval", "failed 1"});
  f.did(f.tracker.barrier_skipped(checkpoint_id{1}, f.subtask(1), first_attempt, f.now));
  CHECK(f.take().empty());
  SECTION("the last one acknowledges late") {
    CHECK(f.acknowledge(1, 2) == acknowledgement_result::late);
    CHECK(f.take() == steps{"open interval"});
  }
  SECTION("the last one says that it skipped it") {
    f.did(f.tracker.barrier_skipped(checkpoint_id{1}, f.subtask(2), first_attempt, f.now));
    CHECK(f.take() == steps{"open interval"});
  }
  SECTION("they count no more after one more timeout") {
    f.tick_at(120s);
    CHECK(f.take() == steps{"abort again 1 to 2"});
    CHECK(f.tracker.next_deadline() == at(121s));
    f.tick_at(121s);
    CHECK(f.take() == steps{"abort again 1 to 2", "open interval"});
  }
  SECTION("who says nothing is told again, less and less often, until it is heard of") {
    CHECK(f.tracker.next_deadline() == at(61500ms));
    f.tick_at(61499ms);
    CHECK(f.take().empty());
    f.tick_at(61500ms);
    f.tick_at(61501ms);
    CHECK(f.take() == steps{"abort again 1 to 2"});
    for (const auto after : {1000ms, 2000ms, 4000ms, 8000ms, 10'000ms, 10'000ms}) {
      const auto due = f.now - 1ms + after; // the last was told a millisecond before
      CHECK(f.tracker.next_deadline() == due);
      f.tick_at(due - at(1ms));
      CHECK(f.take().empty());
      f.tick_at(due - at(0ms));
      f.tick_at(due - at(0ms) + 1ms);
      CHECK(f.take() == steps{"abort again 1 to 2"});
    }
    f.did(f.tracker.barrier_skipped(checkpoint_id{1}, f.subtask(2), first_attempt, f.now));
    CHECK(f.take() == steps{"open interval"});
    f.tick_at(117s);
    CHECK(f.take().empty());
  }
}

TEST_CASE("a subtask that declines fails the checkpoint with its reason") {
  fixture f;
  f.run();
  f.tick_at(1s);
  f.opened(1);
  f.acknowledge(1, 0);
  f.did(f.tracker.decline(checkpoint_id{1}, f.subtask(2), attempt_id{9}, "an old one", f.now));
  CHECK(f.tracker.open_checkpoints() == 1);
  f.did(f.tracker.decline(checkpoint_id{1}, f.subtask(2), first_attempt, "the disk is full", f.now));
  CHECK(f.take() == steps{"open interval", "failed 1"});
  CHECK(f.last_abort->reason == "table declined it: the disk is full");
}

TEST_CASE("more failures in a row than are tolerable fail the job, with the last reason") {
  checkpoint_settings settings;
  settings.tolerable_failures = 2;
  fixture f{settings};
  f.run();
  f.did(f.tracker.request(checkpoint_trigger::demand, f.now));
  const auto fail = [&](std::uint64_t id) {
    f.opened(id);
    for (std::uint32_t task = 0; task != 3; ++task)
      f.did(f.tracker.decline(checkpoint_id{id}, f.subtask(task), first_attempt, "no", f.now));
    f.did(f.tracker.request(checkpoint_trigger::demand, f.now));
  };
  fail(1);
  fail(2);
  CHECK(f.take() == steps{"open demand", "failed 1", "open demand", "failed 2", "open demand"});
  f.pass(3); // one that succeeds begins the count anew
  CHECK(f.tracker.consecutive_failures() == 0);
  f.did(f.tracker.request(checkpoint_trigger::demand, f.now));
  fail(4);
  fail(5);
  f.take();
  fail(6);
  CHECK(f.take() == steps{"failed 6", "fail job", "refuse demand"});
  CHECK(f.last_failure == "3 checkpoints in a row failed; the last: source declined it: no");
}

TEST_CASE("a subtask that is busy with an earlier checkpoint fails nothing when it declines the next") {
  checkpoint_settings settings;
  settings.tolerable_failures = 0;
  fixture f{settings};
  f.run();
  for (std::uint64_t id = 1; id != 5; ++id) {
    f.did(f.tracker.request(checkpoint_trigger::demand, f.now));
    f.opened(id);
    for (std::uint32_t task = 0; task != 3; ++task)
      f.did(f.tracker.decline(checkpoint_id{id}, f.subtask(task), first_attempt, "not yet", f.now, true));
    CHECK(f.take() == steps{"open demand", "aborted " + std::to_string(id)});
    CHECK(f.last_abort->reason == "source declined it: not yet");
  }
  CHECK(f.tracker.consecutive_failures() == 0);
}

TEST_CASE("a checkpoint is overtaken by a newer one that completes") {
  checkpoint_settings settings = settings_with(1s);
  settings.max_concurrent = 2;
  fixture f{settings};
  f.run();
  f.tick_at(1s);
  f.opened(1);
  f.tick_at(2s);
  f.opened(2);
  f.acknowledge(1, 0);
  f.acknowledge(1, 1);
  f.acknowledge_all(2);
  f.take();
  f.acknowledge(1, 2); // all of 1 as well, but 2 is being completed
  CHECK(f.take().empty());
  SECTION("the newer one completes") {
    f.completed(2);
    CHECK(f.take() == steps{"aborted 1", "commit 2"});
    CHECK(f.last_abort->reason == "overtaken by checkpoint 2");
    CHECK(f.tracker.consecutive_failures() == 0);
  }
  SECTION("the store can't complete the newer one") {
    f.did(f.tracker.complete_failed(checkpoint_id{2}, "no room", f.now));
    CHECK(f.take() == steps{"failed 2", "complete 1"});
    CHECK(f.last_abort->reason == "the store could not complete it: no room");
  }
}

TEST_CASE("a checkpoint that the store can't open is a failure without an id") {
  checkpoint_settings settings = settings_with(1s);
  settings.tolerable_failures = 1;
  fixture f{settings};
  f.run();
  f.tick_at(1s);
  f.did(f.tracker.open_failed("no room", f.now));
  CHECK(f.take() == steps{"open interval"});
  f.did(f.tracker.request(checkpoint_trigger::demand, f.now));
  f.did(f.tracker.open_failed("no room", f.now));
  CHECK(f.take() == steps{"open demand", "refuse demand", "fail job"});
}
