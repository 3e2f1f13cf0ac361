// Tests of a subtask between barriers: watermarks, end of stream, stop and drain, flushes, wake-ups, credit.
#include "scripted_source.hpp"
#include "subtask_harness.hpp"

#include <weir/persistence/error.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using weir::checkpoint_id;
using weir::end_of_stream;
using weir_test::scripted_read;
using weir_test::scripted_source;
using weir_test::summing_subtask;

using texts = std::vector<std::string>;

weir::watermark mark_at(int ms) {
  return {weir::event_time{std::chrono::milliseconds{ms}}};
}

/// A source of one split.
struct source_subtask : weir_test::subtask_harness {
  explicit source_subtask(std::vector<scripted_read> reads, bool blocks = false)
      : source(std::make_shared<scripted_source>(scripted_source::script{{"a", std::move(reads)}}, true, blocks)) {
    setup.splits = std::make_shared<const std::vector<weir::source_split>>(source->enumerate(1));
    setup.credit_window = 100;
    add("lines", [source = source] { return std::make_unique<weir::source_operator>(source); },
        {&weir::element_type_of<int>()});
    add_edge();
    start();
  }

  std::shared_ptr<scripted_source> source;
};

/// Where the only split stands in a snapshot.
std::string stored_position(const weir::subtask_snapshot& snapshot) {
  weir::list_state_table<weir::split_state> splits{"splits"};
  for (const auto& chunk : snapshot.chunks)
    splits.load(chunk.bytes);
  return splits.find("a") ? splits.find("a")->position : "no such split";
}

/// Asks to be woken when it is opened.
class waking_operator final : public weir::any_operator {
public:
  waking_operator(std::vector<weir::processing_time> when, std::vector<weir::processing_time>& woken)
      : when_(std::move(when)), woken_(woken) {}
  void ready(weir::operator_context& context, bool) override {
    for (const auto time : when_)
      context.wake_at(time);
  }
  std::size_t process(std::size_t, weir::any_batch&, std::size_t, std::size_t to, weir::operator_outputs&) override {
    return to;
  }
  bool on_wake(weir::processing_time now, weir::operator_outputs&) override {
    woken_.push_back(now);
    return true;
  }

private:
  std::vector<weir::processing_time> when_;
  std::vector<weir::processing_time>& woken_;
};

/// Passes numbers on, at a millisecond each.
class slow_operator final : public weir::any_operator {
public:
  explicit slow_operator(weir_test::manual_environment& env) : env_(env) {}
  std::size_t process(std::size_t, weir::any_batch& in, std::size_t from, std::size_t to,
                      weir::operator_outputs& out) override {
    for (std::size_t i = from; i != to; ++i) {
      env_.advance(1ms);
      out.port<int>(0)(weir::as<int>(in).values[i]);
    }
    return to;
  }

private:
  weir_test::manual_environment& env_;
};

} // namespace

TEST_CASE("the watermark of a subtask is the lowest of its channels'") {
  summing_subtask task{2};
  task.start();
  task.send(0, mark_at(10));
  task.settle();
  CHECK(task.sent().empty());
  task.send(1, mark_at(5));
  task.settle();
  CHECK(task.sent() == texts{"watermark 5"});
  task.send(1, mark_at(20));
  task.settle();
  CHECK(task.sent() == texts{"watermark 5", "watermark 10"});
}

TEST_CASE("a watermark does not go back") {
  summing_subtask task;
  task.start();
  task.send(0, mark_at(10));
  task.send(0, mark_at(7));
  task.settle();
  CHECK(task.sent() == texts{"watermark 10"});
}

TEST_CASE("a watermark goes on behind the output of what came before it") {
  summing_subtask task;
  task.start();
  task.send_batch(0, {1});
  task.send(0, mark_at(10));
  task.send_batch(0, {2, 3, 4, 5});
  task.settle();
  CHECK(task.sent() == texts{"[1]", "watermark 10", "[2 3 4 5]"});
}

TEST_CASE("a channel that has ended does not hold the watermark back") {
  summing_subtask task{2};
  task.start();
  task.send(0, mark_at(10));
  task.send(1, end_of_stream{});
  task.settle();
  CHECK(task.sent() == texts{"watermark 10"});
}

TEST_CASE("the stream ends when all channels have ended, behind the last output") {
  summing_subtask task{2};
  task.start();
  task.send_batch(0, {1});
  task.send(0, end_of_stream{});
  task.settle();
  CHECK(task.reported<weir::subtask_ended>().empty());
  task.send(1, end_of_stream{});
  task.settle();
  CHECK(task.sent() == texts{"[1 -1]", "end"}); // -1 is what the operator says at its end
  CHECK(task.reported<weir::subtask_ended>().size() == 1);
}

TEST_CASE("a subtask that has ended goes on to align, snapshot and forward barriers") {
  summing_subtask task{2};
  task.start();
  task.send_batch(0, {5});
  task.send(0, end_of_stream{});
  task.send(1, end_of_stream{});
  task.send_barrier(0, 3);
  task.settle();
  CHECK(task.around.stored.empty());
  task.send_barrier(1, 3);
  task.settle();
  CHECK(task.sent() == texts{"[5 -1]", "end", "barrier 3"});
  CHECK(weir_test::stored_sum(task.around.stored.at(0)) == 5);
  task.answer_store(3);
  CHECK(task.reported<weir::checkpoint_acknowledged>().size() == 1);
  task.send_barrier(0, 4);
  task.send_barrier(1, 4);
  task.settle();
  CHECK(task.around.stored.size() == 2);
}

TEST_CASE("an alignment ends across a channel that ended before its barrier") {
  summing_subtask task{2};
  task.start();
  task.send(1, end_of_stream{});
  task.send_barrier(1, 1);
  task.send_batch(0, {1});
  task.send_barrier(0, 1);
  task.settle();
  CHECK(task.sent() == texts{"[1]", "barrier 1"});
}

TEST_CASE("a source reads, ends, and says so") {
  source_subtask task{{{{1, 2, 3, 4}}, {{5}}}};
  task.settle();
  CHECK(task.sent() == texts{"[1 2 3 4]", "[5]", "end"});
  CHECK(task.reported<weir::subtask_ended>().size() == 1);
  task.trigger(1); // the final checkpoint
  task.settle();
  CHECK(task.sent().back() == "barrier 1");
}

TEST_CASE("a source emits nothing after a suspending barrier until it is told to resume") {
  source_subtask task{{{{1, 2, 3, 4}}, {{5, 6, 7, 8}}}};
  REQUIRE(task.loop->step());
  task.trigger(1, true);
  task.settle();
  CHECK(task.sent() == texts{"[1 2 3 4]", "barrier 1"});
  CHECK(stored_position(task.around.stored.at(0)) == "1");
  CHECK(task.reported<weir::subtask_ended>().empty());
  task.loop->on_resume();
  task.settle();
  CHECK(task.sent() == texts{"[1 2 3 4]", "barrier 1", "[5 6 7 8]", "end"});
}

TEST_CASE("a suspended source still takes checkpoints") {
  source_subtask task{{{{1, 2, 3, 4}}}};
  task.trigger(1, true);
  task.settle();
  task.trigger(2, true);
  task.settle();
  CHECK(task.sent() == texts{"barrier 1", "barrier 2"});
}

TEST_CASE("a source that is drained ends where it is") {
  source_subtask task{{{{1, 2, 3, 4}}, {{5, 6, 7, 8}}}};
  REQUIRE(task.loop->step());
  task.loop->on_drain();
  task.settle();
  CHECK(task.sent() == texts{"[1 2 3 4]", "end"});
  task.trigger(1);
  task.settle();
  CHECK(stored_position(task.around.stored.at(0)) == "1");
}

TEST_CASE("a source that blocks is read by a companion, and its position follows what was emitted") {
  source_subtask task{{}, true};
  REQUIRE(task.around.source_splits.size() == 1);
  CHECK(task.around.source_splits[0].split.id == "a");
  task.settle();
  CHECK(task.around.source_asked == 3);
  for (int i = 1; i <= 2; ++i) {
    weir::companion_read read;
    read.batches.push_back(weir_test::batch_of<int>({i, i, i, i}));
    read.split = "a";
    read.position = "after " + std::to_string(i);
    task.loop->on_read(std::move(read));
  }
  while (task.sent().empty())
    REQUIRE(task.loop->step());
  task.trigger(1);
  task.settle();
  CHECK(task.sent() == texts{"[1 1 1 1]", "barrier 1", "[2 2 2 2]"});
  CHECK(stored_position(task.around.stored.at(0)) == "after 1");
}

TEST_CASE("records that do not fill a batch go out when the flush interval is over") {
  summing_subtask task;
  task.setup.flush_interval = 5ms;
  task.start();
  task.send_batch(0, {1});
  task.settle();
  CHECK(task.sent().empty());
  REQUIRE(task.around.wakes.size() == 1);
  CHECK(task.around.wakes[0] == 5ms);
  task.env->advance(3ms);
  task.send_batch(0, {});
  task.loop->wake();
  task.settle();
  CHECK(task.sent().empty());
  task.env->advance(2ms);
  task.loop->wake();
  CHECK(task.sent() == texts{"[1]"});
}

TEST_CASE("the flush interval is kept while a slow operator is at one batch") {
  weir_test::subtask_harness task;
  task.add_inputs(1);
  task.setup.batch_size = 1024;
  task.setup.credit_window = 1000;
  task.add("slow", [&task] { return std::make_unique<slow_operator>(*task.env); }, {&weir::element_type_of<int>()});
  task.add_edge();
  task.start();
  task.send_batch(0, {1}); // teaches the chain what a record takes
  task.settle();
  std::vector<int> many(100, 2);
  task.send_batch(0, many);
  for (int i = 0; i != 20; ++i)
    REQUIRE(task.loop->step());
  CHECK(task.sent().size() >= 3); // 20 ms are over, and the batch is not
  task.settle();
  task.env->advance(5ms);
  task.loop->wake();
  std::size_t records = 0;
  for (const auto& message : task.around.sent)
    records += std::get<weir::batch_ptr>(message.payload)->size();
  CHECK(records == 101);
}

TEST_CASE("an idle source does not let records wait") {
  const weir::processing_time later = weir_test::manual_environment{}.now() + 50ms;
  source_subtask task{{{{1}, weir::read_status::later, later}}};
  task.settle();
  CHECK(task.sent() == texts{"[1]"});
  // Besides the probe of what was sent.
  CHECK(task.around.wakes == std::vector<std::chrono::microseconds>{weir::probe_interval, 50ms});
}

TEST_CASE("an operator is woken at every time it asked for, and not before") {
  weir_test::subtask_harness task;
  std::vector<weir::processing_time> woken;
  const auto now = task.env->now();
  task.add_inputs(1);
  task.add("timer", [&] { return std::make_unique<waking_operator>(std::vector{now + 10ms, now + 30ms}, woken); }, {});
  task.start();
  CHECK(task.around.wakes == std::vector<std::chrono::microseconds>{10ms});
  task.env->advance(9ms);
  task.loop->wake();
  task.settle();
  CHECK(woken.empty());
  task.env->advance(1ms);
  task.loop->wake();
  task.settle();
  CHECK(woken == std::vector{now + 10ms});
  CHECK(task.around.wakes.back() == 20ms);
  task.env->advance(25ms);
  task.loop->wake();
  task.settle();
  CHECK(woken == std::vector{now + 10ms, now + 35ms});
}

TEST_CASE("a wake-up far away is asked for minute by minute, and one long ago at once") {
  weir_test::subtask_harness task;
  std::vector<weir::processing_time> woken;
  task.add_inputs(1);
  const auto asked = GENERATE(weir::processing_time::max(), weir::processing_time::min());
  task.add("timer", [&] { return std::make_unique<waking_operator>(std::vector{asked}, woken); }, {});
  task.start();
  REQUIRE(task.around.wakes.size() == 1);
  const bool far = asked == weir::processing_time::max();
  CHECK(task.around.wakes.front() == (far ? 1min : 0min));
  task.env->advance(task.around.wakes.front());
  task.loop->wake();
  task.settle();
  CHECK(woken.empty() == far);
  CHECK(task.around.wakes.size() == (far ? 2 : 1));
  CHECK(task.around.wakes.back() == (far ? 1min : 0min));
}

TEST_CASE("a flush interval beyond all times is none") {
  summing_subtask task;
  task.setup.flush_interval = std::chrono::microseconds::max();
  task.start();
  task.send_batch(0, {1});
  task.settle();
  CHECK(task.sent().empty());
  REQUIRE_FALSE(task.around.wakes.empty());
  CHECK(task.around.wakes.back() <= 1min);
  CHECK(task.around.wakes.back() > 0min);
}

TEST_CASE("a subtask grants credit for the batches it has taken") {
  summing_subtask task;
  task.setup.credit_window = 4;
  task.start();
  for (int i = 0; i != 4; ++i)
    task.send_batch(0, {1, 1, 1, 1});
  CHECK(task.around.grants.empty());
  task.settle();
  REQUIRE(task.around.grants.size() == 2);
  CHECK(task.around.grants[1].limit == 8);
  CHECK(task.around.grants[1].channel == weir::channel_id{0});
}

TEST_CASE("a grant for another attempt or region gives nothing") {
  summing_subtask task;
  task.setup.credit_window = 1;
  task.start();
  task.send_batch(0, {1, 1, 1, 1});
  task.send_batch(0, {2, 2, 2, 2});
  task.settle();
  const weir::channel_id out{100};
  task.loop->on_grant({task.setup.region, weir::attempt_id{2}, out, 9, weir::sequence_number{0}});
  task.loop->on_grant({weir::region_id{2}, task.setup.attempt, out, 9, weir::sequence_number{0}});
  CHECK(task.sent() == texts{"[1 1 1 1]"});
  task.give_credit(9);
  CHECK(task.sent().size() == 2);
}

TEST_CASE("messages that come before the start are kept until it runs") {
  summing_subtask task;
  task.make();
  task.loop->open();
  task.loop->loaded();
  task.send_batch(0, {1, 2, 3, 4});
  CHECK_FALSE(task.loop->step());
  CHECK(task.sent().empty());
  task.loop->run();
  task.settle();
  CHECK(task.sent() == texts{"[1 2 3 4]"});
}

TEST_CASE("a lost message is an error of the subtask that notices it") {
  summing_subtask task;
  task.start();
  ++task.next_sequence[0];
  CHECK_THROWS_AS(task.send_batch(0, {1}), weir::error);
}

TEST_CASE("the first output is reported once") {
  summing_subtask task;
  task.start();
  task.settle();
  CHECK(task.reported<weir::subtask_first_output>().empty());
  task.send_batch(0, {1, 2, 3, 4});
  task.send_batch(0, {1, 2, 3, 4});
  task.settle();
  CHECK(task.reported<weir::subtask_first_output>().size() == 1);
}

TEST_CASE("a source reports how many records it has emitted") {
  weir_test::subtask_harness task;
  const auto source =
      std::make_shared<scripted_source>(scripted_source::script{{"a", std::vector<scripted_read>(10, {{1, 2, 3, 4}})}});
  task.setup.splits = std::make_shared<const std::vector<weir::source_split>>(source->enumerate(1));
  task.setup.credit_window = 100;
  task.setup.report_records_every = 10;
  task.add("lines", [source] { return std::make_unique<weir::source_operator>(source); },
           {&weir::element_type_of<int>()});
  task.add_edge();
  task.start();
  task.settle();
  std::uint64_t sum = 0;
  for (const auto& emitted : task.reported<weir::records_emitted>()) {
    CHECK(emitted.records >= 10);
    sum += emitted.records;
  }
  CHECK(sum >= 31); // less than ten are left over
  CHECK(sum <= 40);
}

TEST_CASE("what is not acknowledged is asked after, half a second later and again") {
  summing_subtask task;
  task.start();
  task.send_batch(0, {1, 1, 1, 1});
  task.settle();
  REQUIRE_FALSE(task.sent().empty());
  task.env->advance(weir::probe_interval - 1us);
  task.loop->wake();
  CHECK(task.around.probes.empty());
  task.env->advance(1us);
  task.loop->wake();
  REQUIRE(task.around.probes.size() == 1);
  CHECK(task.around.probes[0].sent_through == weir::sequence_number{1});
  task.env->advance(weir::probe_interval);
  task.loop->wake();
  CHECK(task.around.probes.size() == 2);
  task.loop->on_grant({task.setup.region, task.setup.attempt, weir::channel_id{100}, 4, weir::sequence_number{1}});
  task.env->advance(weir::probe_interval);
  task.loop->wake();
  CHECK(task.around.probes.size() == 2);
}
