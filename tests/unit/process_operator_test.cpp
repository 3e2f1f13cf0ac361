// The un-keyed process operators as plain objects: state, side outputs, two inputs, changes of parallelism.
#include "operator_harness.hpp"

#include <weir/operators/process_operator.hpp>
#include <weir/persistence/fields.hpp>

#include <catch2/catch.hpp>

#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

using namespace weir_test;

namespace {

/// Numbers the records of its subtask; side outputs for odd ones.
struct numbering {
  struct state {
    std::uint64_t seen = 0;
    WEIR_FIELDS(seen)
  };
  weir::side_output<std::string> odd{"odd"};
  weir::side_output<int> unlisted{"unlisted"};

  auto side_outputs() const { return std::tuple{odd}; }
  void process(const int& n, state& s, weir::context& ctx, weir::collector<std::string>& out) const {
    ++s.seen;
    if (n < 0)
      ctx.emit(unlisted, n);
    if (n % 2 != 0)
      ctx.emit(odd, std::to_string(n));
    else
      out(std::to_string(s.seen) + ":" + std::to_string(n));
  }
};

struct merging : numbering {
  void merge(state& into, const state& from) const { into.seen = into.seen * 100 + from.seen + 1; }
};

struct stateless {
  void process(int n, weir::context& ctx, weir::collector<std::int64_t>& out) const {
    out(n + (ctx.time() ? ctx.time()->time_since_epoch().count() : 0) +
        ctx.now().time_since_epoch() / std::chrono::seconds{1});
  }
};

/// Emits what it has: a list that is dealt out, a set that all share, and how many subtasks stored them.
struct dividing {
  struct state {
    std::vector<int> waiting;
    std::set<int> known;
    std::uint64_t stored_by = 0;
    WEIR_FIELDS(waiting, known, stored_by)
  };
  void restore(state& own, const weir::restored_states<state>& stored) const {
    own.waiting = stored.dealt(&state::waiting);
    own.known = stored.united(&state::known);
    own.stored_by = stored.size();
  }
  void process(const int& n, state& s, weir::context& ctx, weir::collector<std::string>& out) const {
    if (n != 0) {
      s.waiting.push_back(n);
      s.known.insert(static_cast<int>(ctx.identity().subtask.value));
      return;
    }
    std::string text = std::to_string(s.stored_by) + ":";
    for (const int each : s.waiting)
      text += " " + std::to_string(each);
    text += " /";
    for (const int each : s.known)
      text += " " + std::to_string(each);
    out(text);
  }
};

/// Words of the left that the right has not forbidden.
struct forbidding {
  struct state {
    std::vector<std::string> forbidden;
    WEIR_FIELDS(forbidden)
  };
  void process_left(const std::string& word, state& s, weir::context&, weir::collector<std::string>& out) const {
    if (std::find(s.forbidden.begin(), s.forbidden.end(), word) == s.forbidden.end())
      out(word);
  }
  void process_right(const int& length, state& s, weir::context&, weir::collector<std::string>&) const {
    s.forbidden.emplace_back(static_cast<std::size_t>(length), 'x');
  }
};

template <class Op>
operator_harness numbered(Op op, std::uint32_t subtask = 0, std::uint32_t parallelism = 1, std::size_t room = 0) {
  return {std::make_unique<weir::process_operator<int, Op, std::string>>(op),
          identity_of("numbers", subtask, parallelism), ports_of<std::string, std::string>(), 2, room};
}

/// Snapshots of `parallelism` subtasks that have seen 1, 2, 3 … records.
template <class Op>
std::vector<snapshot> snapshots_of(std::uint32_t parallelism) {
  std::vector<snapshot> all;
  for (std::uint32_t subtask = 0; subtask != parallelism; ++subtask) {
    auto harness = numbered(Op{}, subtask, parallelism);
    harness.start();
    harness.feed(std::vector<int>(subtask + 1, 0));
    all.push_back(harness.take_snapshot());
  }
  return all;
}

template <class Op>
std::string next_of(const std::vector<snapshot>& from, std::uint32_t subtask, std::uint32_t parallelism) {
  auto harness = numbered(Op{}, subtask, parallelism);
  harness.restore(from);
  harness.feed(std::vector<int>{0});
  return harness.template port<std::string>().values.front();
}

} // namespace

TEST_CASE("process keeps state from batch to batch and emits to side outputs") {
  auto harness = numbered(numbering{});
  harness.start();
  harness.feed(std::vector<int>{2, 3, 4, 5, 6}, {.batch_size = 2});
  CHECK(harness.port<std::string>(0).values == std::vector<std::string>{"1:2", "3:4", "5:6"});
  CHECK(harness.port<std::string>(1).values == std::vector<std::string>{"3", "5"});
}

TEST_CASE("process pauses when any of its outputs is full") {
  auto harness = numbered(numbering{}, 0, 1, 1);
  harness.start();
  harness.feed(std::vector<int>{1, 3, 5, 7, 2, 4, 6, 8});
  CHECK(harness.calls == 4);
  CHECK(harness.port<std::string>(1).values.size() == 4);
  CHECK(harness.port<std::string>(0).values.back() == "8:8");
}

TEST_CASE("side outputs carry the event time of the record that they came from") {
  auto harness = numbered(numbering{});
  harness.start();
  harness.feed(std::vector<int>{1, 2, 3}, {.times = {at_ms(10), at_ms(20), at_ms(30)}});
  harness.feed(std::vector<int>{5, 6});
  CHECK(harness.port<std::string>(0).times == std::vector<weir::event_time>{at_ms(20)});
  CHECK(harness.port<std::string>(1).times == std::vector<weir::event_time>{at_ms(10), at_ms(30)});
  CHECK(harness.port<std::string>(1).values.size() == 3);
}

TEST_CASE("a record for a side output that is not listed is an error that names both") {
  auto harness = numbered(numbering{});
  harness.start();
  CHECK_THROWS_WITH(harness.feed(std::vector<int>{-2}), Catch::Contains(R"("numbers")") &&
                                                            Catch::Contains(R"("unlisted")") &&
                                                            Catch::Contains("side_outputs()"));
}

TEST_CASE("a process without state has no table, and reads both clocks") {
  operator_harness harness{std::make_unique<weir::process_operator<int, stateless, std::int64_t>>(stateless{}),
                           identity_of("p"), ports_of<std::int64_t>()};
  harness.start();
  CHECK(harness.op().state_tables().empty());
  harness.context.clock = weir::processing_time{std::chrono::seconds{1000}};
  harness.feed(std::vector<int>{1, 2}, {.times = {at_ms(10), at_ms(20)}});
  harness.feed(std::vector<int>{3});
  CHECK(harness.port<std::int64_t>().values == std::vector<std::int64_t>{1011, 1022, 1003});
}

TEST_CASE("a restored process goes on where its snapshot was taken") {
  auto first = numbered(numbering{});
  first.start();
  first.feed(std::vector<int>{2, 4});
  const auto taken = first.take_snapshot();
  first.feed(std::vector<int>{6});

  auto second = numbered(numbering{});
  second.restore({taken});
  second.feed(std::vector<int>{6});
  CHECK(second.port<std::string>().values == std::vector<std::string>{"3:6"});
}

TEST_CASE("each subtask gets its own state back at the same parallelism") {
  const auto from = snapshots_of<numbering>(12); // "10" sorts before "2"
  for (std::uint32_t subtask = 0; subtask != 12; ++subtask)
    CHECK(next_of<numbering>(from, subtask, 12) == std::to_string(subtask + 2) + ":0");
}

TEST_CASE("at another parallelism a state that cannot be merged is refused, with the remedy") {
  for (const std::uint32_t parallelism : {1U, 3U})
    CHECK_THROWS_WITH(next_of<numbering>(snapshots_of<numbering>(2), 0, parallelism),
                      Catch::Contains(R"("numbers")") && Catch::Contains("{.parallelism = 2}") &&
                          Catch::Contains("merge"));
}

TEST_CASE("at a lower parallelism states are merged in the order of their subtasks") {
  const auto from = snapshots_of<merging>(5);       // 1, 2, 3, 4, 5 records seen
  CHECK(next_of<merging>(from, 0, 2) == "10407:0"); // 1, then 3, then 5
  CHECK(next_of<merging>(from, 1, 2) == "206:0");   // 2, then 4
}

TEST_CASE("at a higher parallelism states are kept and new subtasks begin empty") {
  const auto from = snapshots_of<merging>(2);
  CHECK(next_of<merging>(from, 0, 3) == "2:0");
  CHECK(next_of<merging>(from, 1, 3) == "3:0");
  CHECK(next_of<merging>(from, 2, 3) == "1:0");
}

TEST_CASE("restore deals a list out at another parallelism, in order, and gives all subtasks what it unites") {
  std::vector<snapshot> from;
  for (std::uint32_t subtask = 0; subtask != 2; ++subtask) {
    auto harness = numbered(dividing{}, subtask, 2);
    harness.start();
    const int first = subtask == 0 ? 1 : 4;
    harness.feed(std::vector<int>{first, first + 1, first + 2});
    if (subtask == 1)
      harness.feed(std::vector<int>{7, 8});
    from.push_back(harness.take_snapshot());
  }
  const auto texts = [&](std::uint32_t parallelism) {
    std::vector<std::string> all;
    for (std::uint32_t subtask = 0; subtask != parallelism; ++subtask)
      all.push_back(next_of<dividing>(from, subtask, parallelism));
    return all;
  };
  CHECK(texts(1) == std::vector<std::string>{"2: 1 2 3 4 5 6 7 8 / 0 1"});
  CHECK(texts(2) == std::vector<std::string>{"2: 1 2 3 / 0 1", "2: 4 5 6 7 8 / 0 1"}); // each what it had
  CHECK(texts(3) == std::vector<std::string>{"2: 1 2 / 0 1", "2: 3 4 5 / 0 1", "2: 6 7 8 / 0 1"});
}

TEST_CASE("a dealt list keeps its order beyond ten subtasks, and stays where it is at the same parallelism") {
  std::vector<snapshot> from;
  for (std::uint32_t subtask = 0; subtask != 12; ++subtask) {
    auto harness = numbered(dividing{}, subtask, 12);
    harness.start();
    harness.feed(std::vector<int>{static_cast<int>(subtask) + 1});
    from.push_back(harness.take_snapshot());
  }
  const std::string known = " / 0 1 2 3 4 5 6 7 8 9 10 11";
  CHECK(next_of<dividing>(from, 0, 1) == "12: 1 2 3 4 5 6 7 8 9 10 11 12" + known);
  CHECK(next_of<dividing>(from, 2, 4) == "12: 7 8 9" + known);
  for (int restart = 0; restart != 3; ++restart) {
    std::vector<snapshot> again;
    for (std::uint32_t subtask = 0; subtask != 12; ++subtask) {
      auto harness = numbered(dividing{}, subtask, 12);
      harness.restore(from);
      again.push_back(harness.take_snapshot());
    }
    from = std::move(again);
  }
  CHECK(next_of<dividing>(from, 10, 12) == "12: 11" + known);
}

/// Restores one member, and says nothing of the other.
struct half_restoring : numbering {
  struct state {
    std::uint64_t seen = 0;
    std::set<int> known;
    WEIR_FIELDS(seen, known)
  };
  void restore(state& own, const weir::restored_states<state>& stored) const {
    own.known = stored.united(&state::known);
  }
  void process(const int&, state& s, weir::context&, weir::collector<std::string>& out) const {
    out(std::to_string(++s.seen));
  }
};

TEST_CASE("what restore does not mention stays as the subtask had it") {
  const auto from = snapshots_of<half_restoring>(2); // 1 and 2 records seen
  CHECK(next_of<half_restoring>(from, 1, 2) == "3");
  CHECK(next_of<half_restoring>(from, 1, 3) == "1"); // none of these had it
}

TEST_CASE("a state that is restored from all subtasks begins by default without a checkpoint") {
  auto harness = numbered(dividing{});
  harness.start();
  harness.feed(std::vector<int>{0});
  CHECK(harness.port<std::string>().values == std::vector<std::string>{"0: /"});
}

TEST_CASE("what was merged is what the next snapshot holds") {
  auto merged = numbered(merging{}, 0, 1);
  merged.restore(snapshots_of<merging>(2));
  const auto taken = merged.take_snapshot();
  CHECK(next_of<merging>({taken}, 0, 1) == "104:0");
}

TEST_CASE("both inputs of a two-input process see one state") {
  operator_harness harness{
      std::make_unique<weir::two_input_process_operator<std::string, int, forbidding, std::string>>(forbidding{}),
      identity_of("two"), ports_of<std::string>()};
  harness.start();
  harness.feed(std::vector<std::string>{"x", "xx"}, {.input = 0});
  harness.feed(std::vector<int>{2}, {.input = 1});
  harness.feed(std::vector<std::string>{"x", "xx", "xxx"}, {.input = 0});
  CHECK(harness.port<std::string>().values == std::vector<std::string>{"x", "xx", "x", "xxx"});
}
