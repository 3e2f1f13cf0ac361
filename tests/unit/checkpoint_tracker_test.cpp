// The state machine of checkpoints: opening, acknowledging, completing, giving up, ending.
#include <weir/coordinator/checkpoint_tracker.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace weir;
using namespace std::chrono_literals;

namespace {

constexpr attempt_id first_attempt{1};

monotonic_time at(std::chrono::microseconds since_start) { return monotonic_time{1h + since_start}; }

/// A job of one source (0/0), one operator (1/0) and one sink (2/0) in a row, with a tracker and the clock of the test.
class fixture {
public:
  explicit fixture(checkpoint_settings settings = {}, std::uint32_t regions = 1)
    : tracker(settings, topology(regions)), regions_(regions) {}

  static subtask_id subtask(std::uint32_t task) { return {task_id{task}, subtask_index{0}}; }

  void run(std::optional<checkpoint_id> restored = std::nullopt, attempt_id attempt = first_attempt) {
    for (std::uint32_t region = 0; region != regions_; ++region)
      did(tracker.region_running(region_id{region}, attempt, restored, now));
  }
  /// Takes decisions, and remembers them as text.
  void did(const checkpoint_decisions& decisions) {
    for (const checkpoint_decision& decision : decisions) {
      log.push_back(std::visit([](const auto& each) { return text_of(each); }, decision));
      if (const auto* abort = std::get_if<abort_decision>(&decision))
        last_abort = *abort;
      if (const auto* fail = std::get_if<fail_job_decision>(&decision))
        last_failure = fail->reason;
    }
  }
  std::vector<std::string> take() { return std::exchange(log, {}); }

  void tick_at(std::chrono::microseconds since_start) {
    now = at(since_start);
    did(tracker.tick(now));
  }
  void opened(std::uint64_t id) { did(tracker.opened(checkpoint_id{id}, now)); }
  void completed(std::uint64_t id) { did(tracker.completed(checkpoint_id{id}, now)); }
  acknowledgement_result acknowledge(std::uint64_t id, std::uint32_t task, bool commits = false,
                                     attempt_id attempt = first_attempt) {
    return acknowledge(ack(id, task, commits), task, attempt);
  }
  acknowledgement_result acknowledge(const checkpoint_acknowledged& ack, std::uint32_t task,
                                     attempt_id attempt = first_attempt) {
    const auto [result, decisions] = tracker.acknowledge(subtask(task), attempt, ack, now);
    did(decisions);
    return result;
  }
  void committed(std::uint64_t id, std::uint32_t task = 2, attempt_id attempt = first_attempt) {
    did(tracker.committed(checkpoint_id{id}, subtask(task), attempt, now));
  }
  /// All three acknowledge; the sink has something to commit.
  void acknowledge_all(std::uint64_t id, attempt_id attempt = first_attempt) {
    for (std::uint32_t task = 0; task != 3 * regions_; ++task)
      acknowledge(id, task, task % 3 == 2, attempt);
  }
  /// From an id to the end of it.
  void pass(std::uint64_t id) {
    opened(id);
    acknowledge_all(id);
    completed(id);
    for (std::uint32_t region = 0; region != regions_; ++region)
      committed(id, 3 * region + 2);
  }

  static checkpoint_acknowledged ack(std::uint64_t id, std::uint32_t task, bool commits = false) {
    checkpoint_acknowledged ack;
    ack.checkpoint = checkpoint_id{id};
    ack.commits_pending = commits;
    const std::uint32_t channels_before = task / 3 * 2;
    if (task % 3 > 0)
      ack.received = {{channel_id{channels_before + task % 3 - 1}, sequence_number{id * 10}}};
    if (task % 3 < 2)
      ack.sent = {{channel_id{channels_before + task % 3}, sequence_number{id * 10}}};
    return ack;
  }

  checkpoint_tracker tracker;
  monotonic_time now = at(0s);
  std::vector<std::string> log;
  std::optional<abort_decision> last_abort;
  std::string last_failure;

private:
  static checkpoint_topology topology(std::uint32_t regions) {
    std::vector<checkpoint_member> members;
    std::vector<audited_channel> channels;
    for (std::uint32_t region = 0; region != regions; ++region) {
      const std::string suffix = region == 0 ? "" : std::to_string(region + 1);
      const std::uint32_t task = 3 * region;
      members.push_back({subtask(task), "source" + suffix, region_id{region}, true});
      members.push_back({subtask(task + 1), "counts" + suffix, region_id{region}, false});
      members.push_back({subtask(task + 2), "table" + suffix, region_id{region}, false});
      channels.push_back({channel_id{2 * region}, "source => counts" + suffix, subtask(task), subtask(task + 1)});
      channels.push_back({channel_id{2 * region + 1}, "counts => table" + suffix, subtask(task + 1), subtask(task + 2)});
    }
    return {std::move(members), std::move(channels), regions};
  }

  static std::string text_of(const open_decision& d) { return "open " + std::string{to_text(d.trigger)}; }
  static std::string text_of(const complete_decision& d) { return "complete " + to_string(d.id); }
  static std::string text_of(const commit_decision& d) { return "commit " + to_string(d.id); }
  static std::string text_of(const committed_decision& d) { return "committed " + to_string(d.id); }
  static std::string text_of(const abort_decision& d) {
    return std::string{to_text(d.status)} + " " + to_string(d.id);
  }
  static std::string text_of(const refuse_decision& d) { return "refuse " + std::string{to_text(d.trigger)}; }
  static std::string text_of(const end_decision& d) {
    return "end " + to_string(d.id) + " " + std::string{to_text(d.trigger)};
  }
  static std::string text_of(const fail_job_decision&) { return "fail job"; }

  std::uint32_t regions_;
};

using steps = std::vector<std::string>;

checkpoint_settings settings_with(std::chrono::microseconds interval) {
  checkpoint_settings settings;
  settings.interval = interval;
  return settings;
}

} // namespace

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
  CHECK(f.last_abort->reason == "the channel source => counts lost or repeated messages: the barrier was sent as 10 and "
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
  SECTION("they are forgotten after one more timeout") {
    CHECK(f.tracker.next_deadline() == at(121s));
    f.tick_at(121s);
    CHECK(f.take() == steps{"open interval"});
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
  CHECK(f.take().empty());
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
  f.did(f.tracker.source_ended(f.subtask(0), attempt_id{3}, f.now));
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

TEST_CASE("when all sources have ended the final checkpoint is taken, and its commit ends the job") {
  fixture f{settings_with(1s), 2};
  f.run();
  f.did(f.tracker.source_ended(f.subtask(0), first_attempt, f.now));
  f.did(f.tracker.source_ended(f.subtask(0), first_attempt, f.now)); // said twice
  f.did(f.tracker.source_ended(f.subtask(1), first_attempt, f.now)); // no source
  f.did(f.tracker.source_ended(f.subtask(3), attempt_id{9}, f.now));
  CHECK(f.take().empty());
  f.did(f.tracker.source_ended(f.subtask(3), first_attempt, f.now));
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
  f.did(f.tracker.source_ended(f.subtask(0), first_attempt, f.now));
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
  f.did(f.tracker.source_ended(f.subtask(0), first_attempt, f.now));
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
  f.did(f.tracker.source_ended(f.subtask(0), first_attempt, f.now));
  f.opened(1);
  f.did(f.tracker.region_failed(region_id{0}, "region 0 failed", f.now));
  CHECK(f.take() == steps{"open final", "aborted 1"});
  f.did(f.tracker.region_running(region_id{0}, attempt_id{2}, std::nullopt, f.now));
  CHECK(f.take().empty());
  f.did(f.tracker.source_ended(f.subtask(0), attempt_id{2}, f.now));
  CHECK(f.take() == steps{"open final"});
}

TEST_CASE("a region that fails between the final checkpoint and its commit ends the job when it runs again") {
  fixture f;
  f.run();
  f.did(f.tracker.source_ended(f.subtask(0), first_attempt, f.now));
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
    f.did(f.tracker.source_ended(f.subtask(0), attempt_id{2}, f.now));
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
  CHECK(f.take() == steps{"complete 1", "commit 1", "committed 1", "end 1 stop"});
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
  CHECK(f.take() == steps{"open stop", "failed 1"});
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
  f.did(f.tracker.source_ended(f.subtask(0), first_attempt, f.now));
  CHECK(f.take() == steps{"refuse stop"});
  f.pass(1);
  CHECK(f.take() == steps{"complete 1", "commit 1", "open final", "committed 1"});
}

TEST_CASE("all input may end while a stop is under way: if the stop fails the final checkpoint follows") {
  fixture f{settings_with(0s)};
  f.run();
  f.did(f.tracker.request(checkpoint_trigger::stop, f.now));
  f.opened(1);
  f.did(f.tracker.source_ended(f.subtask(0), first_attempt, f.now));
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
    CHECK(f.take() == steps{"failed 1", "open final"});
  }
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
