// A small job's checkpoint tracker, for tests: its decisions as text.
#pragma once

#include <weir/coordinator/checkpoint_tracker.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace checkpoint_samples {

using namespace weir;
using namespace std::chrono_literals;

inline constexpr attempt_id first_attempt{1};

inline monotonic_time at(std::chrono::microseconds since_start) {
  return monotonic_time{1h + since_start};
}

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

  /// The three subtasks of a region have sent the end of their output.
  void ended(std::uint32_t region = 0, attempt_id attempt = first_attempt) {
    for (std::uint32_t task = 3 * region; task != 3 * region + 3; ++task)
      did(tracker.subtask_ended(subtask(task), attempt, now));
  }
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
      channels.push_back(
          {channel_id{2 * region + 1}, "counts => table" + suffix, subtask(task + 1), subtask(task + 2)});
    }
    return {std::move(members), std::move(channels), regions};
  }

  static std::string text_of(const open_decision& d) { return "open " + std::string{to_text(d.trigger)}; }
  static std::string text_of(const complete_decision& d) { return "complete " + to_string(d.id); }
  static std::string text_of(const remind_decision& d) { return "remind " + to_string(d.id); }
  static std::string text_of(const commit_decision& d) { return "commit " + to_string(d.id); }
  static std::string text_of(const repeat_abort_decision& d) {
    std::string text = "abort again " + to_string(d.id) + " to";
    for (const subtask_id each : d.unheard)
      text += " " + std::to_string(each.task.value);
    return text;
  }
  static std::string text_of(const committed_decision& d) { return "committed " + to_string(d.id); }
  static std::string text_of(const abort_decision& d) { return std::string{to_text(d.status)} + " " + to_string(d.id); }
  static std::string text_of(const resume_decision&) { return "resume"; }
  static std::string text_of(const refuse_decision& d) { return "refuse " + std::string{to_text(d.trigger)}; }
  static std::string text_of(const end_decision& d) {
    return "end " + to_string(d.id) + " " + std::string{to_text(d.trigger)};
  }
  static std::string text_of(const fail_job_decision&) { return "fail job"; }

  std::uint32_t regions_;
};

using steps = std::vector<std::string>;

inline checkpoint_settings settings_with(std::chrono::microseconds interval) {
  checkpoint_settings settings;
  settings.interval = interval;
  return settings;
}

} // namespace checkpoint_samples
