// Tests of how often members are told again that a checkpoint is aborted.
#include <weir/coordinator/travelling_barriers.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

using namespace std::chrono_literals;

namespace {

using weir::checkpoint_id;
using weir::monotonic_time;
using weir::travelling_barriers;

constexpr monotonic_time start{1h};

} // namespace

TEST_CASE("only those who have not said that they know of an aborted checkpoint are told again") {
  travelling_barriers barriers;
  barriers.add(checkpoint_id{1}, {0, 1, 2}, start, start + 1min);
  barriers.heard(checkpoint_id{1}, 1);
  CHECK(barriers.next() == start + weir::abort_reminder_after);
  const auto told = barriers.tick(start + weir::abort_reminder_after);
  REQUIRE(told.size() == 1);
  CHECK(told[0].id == checkpoint_id{1});
  CHECK(told[0].missing == std::set<std::size_t>{0, 2});
  barriers.passed(checkpoint_id{2}, 0);
  barriers.passed(checkpoint_id{2}, 2);
  CHECK(barriers.next() == std::nullopt);
}

TEST_CASE("a subtask that never answers is told no more often as time goes by") {
  travelling_barriers barriers;
  std::uint64_t id = 0;
  std::map<checkpoint_id, int> times;
  std::vector<std::size_t> told_in; // in each of ten times ten minutes
  monotonic_time now = start;
  for (int part = 0; part != 10; ++part) {
    told_in.push_back(0);
    for (int second = 0; second != 600; ++second) { // one checkpoint after the other is aborted
      barriers.add(checkpoint_id{++id}, {7}, now, now + 1s);
      const monotonic_time next_second = now + 1s;
      while (barriers.next() && *barriers.next() < next_second) {
        now = std::max(now, *barriers.next());
        for (const auto& each : barriers.tick(now)) {
          ++times[each.id];
          ++told_in.back();
        }
        REQUIRE(barriers.next() > now);
      }
      now = next_second;
    }
  }
  constexpr std::size_t most = 600 * weir::most_abort_reminders * (1s / weir::abort_reminder_after);
  for (const std::size_t told : told_in)
    CHECK(told <= most);
  CHECK(told_in.back() <= told_in[1] + most / 100);
  CHECK(times.size() + 1 >= id); // what is new does not wait for what was told often
  CHECK(times.at(checkpoint_id{1}) > times.at(checkpoint_id{id - 60})); // and that is not forgotten
}

TEST_CASE("reminders at the end of time come then, and not before") {
  travelling_barriers barriers;
  barriers.add(checkpoint_id{1}, {0}, monotonic_time::max(), monotonic_time::max());
  CHECK(barriers.next() == monotonic_time::max());
  CHECK(barriers.tick(start).empty());
  CHECK(barriers.size() == 1);
}
