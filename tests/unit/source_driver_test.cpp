// Tests of how a subtask drives a source's readers: turns, positions, companions that read ahead.
#include "chain_samples.hpp"
#include "manual_environment.hpp"
#include "scripted_source.hpp"
#include "sink_harness.hpp"
#include "source_harness.hpp"

#include <weir/actors/source_driver.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using weir::read_status;
using weir::source_progress;
using weir_test::scripted_read;
using weir_test::scripted_source;

using unread = std::vector<weir::source_operator::unread_split>;

unread unread_splits(const scripted_source& source) {
  unread all;
  for (auto& split : source.enumerate(1))
    all.push_back({std::move(split), ""});
  return all;
}

/// Readers of a scripted source, and what they emit.
struct reading {
  explicit reading(const scripted_source& source) : reading(source, unread_splits(source)) {}
  reading(const scripted_source& source, unread splits) : readers(source, std::move(splits)) { out.connect(list, 8); }

  bool read(weir::processing_time now = {}, bool every_position = false) {
    const bool did = readers.read(out, 8, now + set_by, since_start(now), every_position, result);
    out.flush();
    return did;
  }

  static weir::monotonic_time since_start(weir::processing_time now) {
    return weir::monotonic_time{now.time_since_epoch()};
  }

  std::chrono::microseconds set_by{0}; ///< how far somebody has set the clock that shows the time
  weir_test::record_list<int> list;
  weir::collector<int> out;
  weir::split_readers readers;
  weir::split_readers::result result;
};

using values = std::vector<int>;
using names = std::vector<std::string>;

weir::processing_time at_ms(int ms) {
  return weir::processing_time{std::chrono::milliseconds{ms}};
}

/// A source subtask: an operator with its splits in a chain of its own.
struct source_subtask {
  explicit source_subtask(scripted_source::script script, bool one_at_a_time = true)
      : source(std::make_shared<scripted_source>(std::move(script), one_at_a_time)), chain(env, 8) {
    auto made = std::make_unique<weir::source_operator>(source);
    op = made.get();
    chain.add(std::move(made), weir_test::plain_context("lines"), {&weir::element_type_of<int>()});
    chain.connect(0, 0, out);
    chain.open();
    chain.ready(false);
    op->assign(source->enumerate(1));
  }

  /// Split by split, where a restart would begin.
  std::map<std::string, std::string> positions() const {
    std::map<std::string, std::string> all;
    for (const auto& split : op->unread())
      all[split.split.id] = split.position;
    return all;
  }

  weir_test::manual_environment env;
  std::shared_ptr<scripted_source> source;
  weir_test::recording_output out;
  weir::operator_chain chain;
  weir::source_operator* op = nullptr;
};

using places = std::map<std::string, std::string>;

weir::companion_read read_of(std::vector<int> records, std::string split, std::string position,
                             bool split_ended = false, bool all_ended = false) {
  weir::companion_read read;
  if (!records.empty())
    read.batches.push_back(weir_test::batch_of(records));
  read.split = std::move(split);
  read.position = std::move(position);
  read.split_ended = split_ended;
  read.all_ended = all_ended;
  return read;
}

} // namespace

TEST_CASE("one split is read to its end before the next is opened") {
  const scripted_source source{{{"a", {{{1}}, {{2}}}}, {"b", {{{3}}}}}};
  reading in{source};
  REQUIRE(in.read());
  CHECK(in.result.split == "a");
  CHECK(source.opened == names{"a"});
  while (in.read()) {
  }
  CHECK(in.list.records == values{1, 2, 3});
  CHECK(source.opened == names{"a", "b"});
  CHECK(in.readers.exhausted());
}

TEST_CASE("splits that are read in turn each have sixteen reads") {
  scripted_source::script script;
  for (int i = 0; i != 20; ++i) {
    script["a"].push_back({{i}});
    script["b"].push_back({{100 + i}});
  }
  const scripted_source source{script, false};
  reading in{source};
  names turns;
  while (in.read())
    if (turns.empty() || turns.back() != in.result.split)
      turns.push_back(in.result.split);
  CHECK(turns == names{"a", "b", "a", "b"});
  REQUIRE(in.list.records.size() == 40);
  CHECK(in.list.records[15] == 15);
  CHECK(in.list.records[16] == 100);
}

TEST_CASE("no more than 64 splits of a source that blocks are open at a time") {
  scripted_source::script script;
  for (int i = 0; i != 100; ++i)
    script["split " + std::to_string(100 + i)] = {{{i}}};
  const scripted_source source{script, false, true};
  reading in{source};
  REQUIRE(in.read());
  CHECK(source.opened.size() == 64);
  while (in.read()) {
  }
  CHECK(in.list.records.size() == 100);
}

TEST_CASE("a reader is not asked before the time it named, and others read meanwhile") {
  const scripted_source source{
      {{"a", {{{1}, read_status::later, at_ms(50)}, {{2}}}}, {"b", {{{3}, read_status::later, at_ms(40)}}}}};
  reading in{source};
  REQUIRE(in.read(at_ms(10)));
  REQUIRE(in.read(at_ms(10)));
  CHECK(in.list.records == values{1, 3});
  CHECK_FALSE(in.read(at_ms(39)));
  CHECK(in.readers.next_at() == in.since_start(at_ms(40)));
  CHECK_FALSE(in.readers.exhausted());
  CHECK(in.read(at_ms(40))); // the end of b
  CHECK_FALSE(in.read(at_ms(40)));
  CHECK(in.readers.next_at() == in.since_start(at_ms(50)));
  CHECK(in.read(at_ms(50)));
  CHECK(in.list.records == values{1, 3, 2});
}

TEST_CASE("silent readers that block make room for splits that wait, and forget nothing") {
  scripted_source::script script;
  for (int i = 0; i != 100; ++i) // each has one record, and is silent for ever then
    script["s" + std::to_string(1000 + i)] = {{{i}, read_status::later, at_ms(1'000'000)},
                                              {{}, read_status::later, at_ms(2'000'000)}};
  const bool one_at_a_time = GENERATE(true, false);
  const scripted_source source{script, one_at_a_time, true};
  reading in{source};
  int reads = 0;
  while (in.read(at_ms(10)))
    REQUIRE(++reads < 1000);
  CHECK(in.list.records.size() == 100);
  CHECK(in.readers.positions().size() == 100);
  for (const auto& at : in.readers.positions())
    CHECK(at.position != "");
}

TEST_CASE("each split of a source that does not block is opened once") {
  scripted_source::script script;
  for (int i = 0; i != 100; ++i)
    script["s" + std::to_string(1000 + i)] = {{{i}, read_status::later, at_ms(20)}, {{i}}};
  const bool one_at_a_time = GENERATE(true, false);
  const scripted_source source{script, one_at_a_time};
  reading in{source};
  while (in.read(at_ms(10))) {
  }
  while (in.read(at_ms(20))) {
  }
  CHECK(in.list.records.size() == 200);
  CHECK(source.opened.size() == 100);
}

TEST_CASE("a clock that is set back does not leave a reader waiting") {
  // It has no clock: it goes on to count from the time at which it began.
  const bool blocks = GENERATE(true, false);
  const auto set_by = GENERATE(-3'600'000ms, -70ms, 0ms, 70ms, 3'600'000ms);
  const scripted_source source{{{"a",
                                 {{{0}, read_status::later, at_ms(9'000'050)},
                                  {{1}, read_status::later, at_ms(9'000'150)},
                                  {{2}, read_status::later, at_ms(9'000'250)},
                                  {{3}, read_status::later, at_ms(9'000'350)},
                                  {{4}}}}},
                               true,
                               blocks};
  reading in{source};
  REQUIRE(in.read(at_ms(9'000'000)));
  CHECK_FALSE(in.read(at_ms(9'000'049)));
  in.set_by = set_by;
  CHECK_FALSE(in.read(at_ms(9'000'049)));
  int now = 9'000'050;
  for (int i = 1; i != 5; ++i) {
    CAPTURE(blocks, set_by.count(), i);
    // A time that has come a little early by the new clock is believed once.
    if (i == 2 && set_by == 70ms)
      now -= 70;
    CHECK_FALSE(in.read(at_ms(now - 1)));
    CHECK(in.readers.next_at() == in.since_start(at_ms(now)));
    CHECK(in.read(at_ms(now)));
    now += 100;
  }
  CHECK(in.list.records == values{0, 1, 2, 3, 4});
}

TEST_CASE("a reader that looks at a clock of its own waits as long as it says, however that is set") {
  const bool blocks = GENERATE(true, false);
  const int set_by_ms = GENERATE(-3'600'000, -70, 70, 3'600'000);
  const int wall = 9'000'000 + set_by_ms;
  const scripted_source source{{{"a",
                                 {{{0}, read_status::later, at_ms(9'000'050)},
                                  {{1}, read_status::later, at_ms(wall + 51 + 100)},
                                  {{2}, read_status::later, at_ms(wall + 152 + 100)},
                                  {{3}}}}},
                               true,
                               blocks};
  reading in{source};
  REQUIRE(in.read(at_ms(9'000'000)));
  CHECK_FALSE(in.read(at_ms(9'000'049)));
  in.set_by = std::chrono::milliseconds{set_by_ms};
  CHECK(in.read(at_ms(9'000'051)));
  for (int now = 9'000'151; now != 9'000'353; now += 101) {
    CAPTURE(blocks, set_by_ms, now);
    CHECK_FALSE(in.read(at_ms(now - 80)));
    CHECK(in.read(at_ms(now)));
  }
  CHECK(in.list.records == values{0, 1, 2, 3});
}

TEST_CASE("a reader that goes at a rate makes up for a tenth of a second, and for no more") {
  scripted_source::script script{{"a", {}}};
  for (int i = 1; i != 1000; ++i) // one record every 10 ms
    script["a"].push_back({{i}, read_status::later, at_ms(1000 + 10 * i)});
  const scripted_source source{script};
  reading in{source};
  const auto at_once = [&in](int now) {
    int reads = 0;
    while (in.read(at_ms(now)))
      ++reads;
    return reads;
  };
  CHECK(at_once(1000) == 1);
  CHECK(at_once(1055) == 5); // what is a little late slows nothing down
  CHECK(at_once(1060) == 1);
  in.set_by = GENERATE(-1h, 0h, 1h);
  CHECK(at_once(3000) == 12);
  CHECK_FALSE(in.read(at_ms(3009)));
  CHECK(at_once(3010) == 1);
}

TEST_CASE("a reader that blocks and was not asked for long does not catch up on all its polls") {
  // It polls every 10 ms, and counts from its last poll.
  scripted_source::script script{{"a", {}}};
  for (int i = 1; i != 100; ++i)
    script["a"].push_back({{}, read_status::later, at_ms(1000 + 10 * i)});
  const scripted_source source{script, true, true};
  reading in{source};
  CHECK(in.read(at_ms(1000)));
  CHECK(in.read(at_ms(1500)));
  CHECK_FALSE(in.read(at_ms(1509)));
  CHECK(in.read(at_ms(1510)));
}

TEST_CASE("a reader that blocks and names a time that has just passed is not kept waiting") {
  // At first it names none: what it adds to its time says nothing of how often it is to be asked.
  const scripted_source source{
      {{"a", {{{1}, read_status::later, at_ms(999)}, {{2}, read_status::later, at_ms(5000)}, {{3}}}}}, true, true};
  reading in{source};
  CHECK(in.read(at_ms(1000)));
  CHECK_FALSE(in.read(at_ms(1000)));
  CHECK(in.read(at_ms(1001)));
  CHECK(in.list.records == values{1, 2});
  CHECK_FALSE(in.read(at_ms(4999)));
  CHECK(in.read(at_ms(5001)));
}

TEST_CASE("a reader that has nothing and names no time is left alone for a while") {
  const scripted_source source{{{"a", {{{}, read_status::later}, {{7}}}}}};
  reading in{source};
  REQUIRE(in.read(at_ms(100)));
  CHECK_FALSE(in.read(at_ms(100)));
  CHECK(in.readers.next_at() > in.since_start(at_ms(100)));
  CHECK(in.read(weir::processing_time{in.readers.next_at().time_since_epoch()}));
  CHECK(in.list.records == values{7});
}

TEST_CASE("a reader begins where its split's position says") {
  const scripted_source source{{{"a", {{{1}}, {{2}}, {{3}}}}}};
  reading in{source, {{{"a", "{}"}, "2"}}};
  while (in.read()) {
  }
  CHECK(in.list.records == values{3});
}

TEST_CASE("positions are given at a split's end, or with every read if asked") {
  const scripted_source source{{{"a", {{{1}}}}}};
  SECTION("at the end") {
    reading in{source};
    in.read();
    CHECK(in.result.position.empty());
    in.read();
    CHECK(in.result.status == read_status::end);
    CHECK(in.result.position == "1");
  }
  SECTION("every time") {
    reading in{source};
    in.read({}, true);
    CHECK(in.result.position == "1");
  }
}

TEST_CASE("open readers tell their positions") {
  const scripted_source source{{{"a", {{{1}}, {{2}}}}, {"b", {{{3}}}}}, false};
  reading in{source};
  in.read();
  const auto all = in.readers.positions();
  REQUIRE(all.size() == 2);
  CHECK(all[0].split == "a");
  CHECK(all[0].position == "1");
  CHECK(all[1].position == "0");
}

TEST_CASE("readers that were interrupted read no more") {
  const scripted_source source{{{"a", {{{1}}}}}};
  reading in{source};
  in.readers.interrupt();
  CHECK_FALSE(in.read());
  CHECK(in.list.records.empty());
}

TEST_CASE("a source that does not block emits into its chain and keeps its positions at a barrier") {
  source_subtask task{{{"a", {{{1, 2}}, {{3}}}}, {"b", {{{4}}}}}};
  weir::inline_source driver{*task.op, task.chain, task.env, 8};
  CHECK(driver.produce() == source_progress::produced);
  CHECK(task.out.values() == values{1, 2});
  CHECK(task.positions() == places{{"a", ""}, {"b", ""}}); // nothing is written before it is needed
  driver.note_positions(weir::checkpoint_id{1});
  CHECK(task.positions() == places{{"a", "1"}, {"b", ""}});
  while (driver.produce() == source_progress::produced) {
  }
  CHECK(driver.produce() == source_progress::ended);
  CHECK(task.out.values() == values{1, 2, 3, 4});
  CHECK(task.positions().empty()); // all finished
}

TEST_CASE("a source that has to wait says until when") {
  const weir::processing_time later = weir_test::manual_environment{}.now() + 5ms;
  source_subtask task{{{"a", {{{1}, read_status::later, later}, {{2}}}}}};
  weir::inline_source driver{*task.op, task.chain, task.env, 8};
  CHECK(driver.produce() == source_progress::produced);
  CHECK(driver.produce() == source_progress::waiting);
  CHECK(driver.next_at() == task.env.monotonic() + 5ms);
  task.env.advance(5ms);
  CHECK(driver.produce() == source_progress::produced);
  CHECK(task.out.values() == values{1, 2});
}

TEST_CASE("a source that was halted has ended, where it is") {
  source_subtask task{{{"a", {{{1}}, {{2}}}}}};
  weir::inline_source driver{*task.op, task.chain, task.env, 8};
  driver.produce();
  driver.halt();
  CHECK(driver.produce() == source_progress::ended);
  driver.note_positions(weir::checkpoint_id{1});
  CHECK(task.positions() == places{{"a", "1"}});
}

TEST_CASE("a companion is asked to read ahead, a bounded number of times") {
  source_subtask task{{{"a", {}}}};
  int asked = 0;
  weir::companion_source driver{*task.op, task.chain, [&asked] { ++asked; }, 3};
  CHECK(driver.produce() == source_progress::waiting);
  CHECK(asked == 3);
  CHECK(driver.produce() == source_progress::waiting);
  CHECK(asked == 3);
  driver.on_read(read_of({1}, "a", "1"));
  driver.on_read(read_of({2}, "a", "2"));
  CHECK(driver.produce() == source_progress::produced);
  CHECK(asked == 4);
}

TEST_CASE("what a companion has read ahead counts as read only when it is emitted") {
  source_subtask task{{{"a", {}}, {"b", {}}}};
  weir::companion_source driver{*task.op, task.chain, [] {}, 3};
  driver.produce();
  driver.on_read(read_of({1}, "a", "one"));
  driver.on_read(read_of({2}, "a", "two", true));
  driver.on_read(read_of({3}, "b", "three"));
  CHECK(task.out.values().empty());
  driver.produce();
  driver.note_positions(weir::checkpoint_id{1});
  CHECK(task.out.values() == values{1});
  CHECK(task.positions() == places{{"a", "one"}, {"b", ""}});
  driver.produce();
  CHECK(task.positions() == places{{"b", ""}}); // a is finished
  driver.produce();
  CHECK(task.out.values() == values{1, 2, 3});
  CHECK(task.positions() == places{{"b", "three"}});
}

TEST_CASE("a source with a companion ends when all that it asked for was answered and emitted") {
  source_subtask task{{{"a", {}}}};
  weir::companion_source driver{*task.op, task.chain, [] {}, 2};
  driver.produce();
  driver.on_read(read_of({1}, "a", "1", true, true));
  CHECK(driver.produce() == source_progress::produced);
  CHECK(driver.produce() == source_progress::waiting); // one answer is owed
  driver.on_read(read_of({}, "", "", false, true));
  CHECK(driver.produce() == source_progress::ended);
}

TEST_CASE("a source with a companion that was halted drops what was read ahead, and would read it again") {
  source_subtask task{{{"a", {}}}};
  int asked = 0;
  weir::companion_source driver{*task.op, task.chain, [&asked] { ++asked; }, 3};
  driver.produce();
  driver.on_read(read_of({1}, "a", "1"));
  driver.on_read(read_of({2}, "a", "2"));
  driver.produce();
  const int before = asked;
  driver.halt();
  CHECK(driver.produce() == source_progress::ended);
  CHECK(asked == before);
  CHECK(task.out.values() == values{1});
  CHECK(task.positions() == places{{"a", "1"}});
}
