// Tests of the limits of barriers that overtake: what is emitted meanwhile keeps to the room there is, and the timeout
// of a checkpoint's barriers is not lost to barriers of an earlier one.
#include "passing_operator.hpp"
#include "subtask_harness.hpp"

#include <weir/operators/in_flight_table.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using weir::checkpoint_id;

using texts = std::vector<std::string>;
using values = std::vector<int>;

constexpr std::uint32_t batch_size = 16;
constexpr int flood_size = 20'000;

/// Passes numbers on, and emits very many at a watermark: it pauses as told.
class flooding_operator final : public weir_test::passing_operator {
public:
  bool watermark(weir::event_time, weir::operator_outputs& out) override {
    while (emitted_ != flood_size) {
      out.port<int>(0)(emitted_++);
      if (out.full())
        return false;
    }
    return true;
  }

private:
  int emitted_ = 0;
};

/// What barriers can do to a task with one operator and one output.
struct overtaken_subtask : weir_test::subtask_harness {
  void may_be_overtaken(const std::string& name, bool inputs) {
    const weir::in_flight_factory factory = weir::in_flight_factory_of<int>();
    if (inputs)
      setup.in_flight_inputs.push_back({name, "in-flight-0", factory, 1, false});
    setup.in_flight_sent.push_back({name, "in-flight-to-next-0", factory, 1, false});
    setup.edges.back().overtaken = 0;
  }
  weir::barrier overtaking(std::uint64_t checkpoint) const {
    weir::barrier mark = barrier_of(checkpoint);
    mark.overtakes = true;
    return mark;
  }
  weir::barrier timed(std::uint64_t checkpoint, std::chrono::microseconds timeout = 500us) const {
    weir::barrier mark = barrier_of(checkpoint);
    mark.alignment_timeout = timeout;
    return mark;
  }
  void wake_after(std::chrono::microseconds time) {
    env->advance(time);
    loop->wake();
    settle();
  }
};

struct flooding_subtask : overtaken_subtask {
  explicit flooding_subtask(bool inputs) {
    setup.batch_size = batch_size;
    add_inputs(1);
    add("flood", [] { return std::make_unique<flooding_operator>(); }, {&weir::element_type_of<int>()});
    add_edge();
    may_be_overtaken("flood", inputs);
  }
};

/// Sums up numbers of two channels.
struct summing_subtask : overtaken_subtask {
  summing_subtask() {
    add_inputs(2);
    add("sum", [] { return std::make_unique<weir_test::summing_operator>(); }, {&weir::element_type_of<int>()});
    add_edge();
    may_be_overtaken("sum", true);
  }
};

/// The records of one table in a snapshot.
values in_flight(const weir::subtask_snapshot& snapshot, const std::string& table) {
  weir::in_flight_table<int> loaded{table};
  loaded.read_for({weir::subtask_index{0}, 1, {0, 128}, 128, false});
  for (const auto& chunk : snapshot.chunks)
    if (chunk.table == table)
      loaded.load(chunk.bytes);
  values all;
  for (const weir::batch_ptr& batch : loaded.take_loaded())
    all.insert(all.end(), weir::as<int>(*batch).values.begin(), weir::as<int>(*batch).values.end());
  return all;
}

values records_in(const std::vector<weir::channel_message>& messages) {
  values all;
  for (const auto& message : messages)
    if (const auto* batch = std::get_if<weir::batch_ptr>(&message.payload))
      all.insert(all.end(), weir::as<int>(**batch).values.begin(), weir::as<int>(**batch).values.end());
  return all;
}

} // namespace

TEST_CASE("what a watermark makes keeps to the room there is, though a barrier wants to overtake it") {
  const bool inputs = GENERATE(true, false);
  const bool late = GENERATE(true, false);
  CAPTURE(inputs, late);
  flooding_subtask task{inputs};
  task.start();
  task.send(0, weir::watermark{weir::event_time{5ms}});
  task.settle();
  const std::size_t window = task.setup.credit_window;
  REQUIRE(task.around.sent.size() == window);
  task.send(0, late ? task.timed(1) : task.overtaking(1));
  task.send_batch(0, {-1});
  task.settle();
  task.wake_after(1ms);
  CHECK(task.around.stored.empty()); // the flood is not yet over

  // Room for one batch after the other: what is stored in the end is not more than waits without a barrier.
  for (std::size_t limit = window + 1; task.around.stored.empty(); ++limit) {
    REQUIRE(limit < flood_size);
    task.give_credit(limit);
    task.settle();
  }
  task.wake_after(1ms);
  REQUIRE(task.around.stored.size() == 1);
  const values sent = records_in(task.around.sent);
  const values overtaken = in_flight(task.around.stored[0], "in-flight-to-next-0");
  CHECK(overtaken.size() <= 4 * batch_size);
  // All before the barrier is sent or stored, in order.
  values before = sent;
  before.insert(before.end(), overtaken.begin(), overtaken.end());
  values expected(flood_size);
  for (int i = 0; i != flood_size; ++i)
    expected[static_cast<std::size_t>(i)] = i;
  CHECK((before == expected));
  CHECK(task.sent().back() == "barrier 1");

  // Behind it, nothing is lost or repeated.
  task.give_credit(flood_size);
  task.settle();
  task.wake_after(1s);
  expected.push_back(-1);
  CHECK((records_in(task.around.sent) == expected));
}

TEST_CASE("a barrier of a checkpoint that was given up does not take the timeout from the next one's") {
  summing_subtask task;
  task.start();
  const weir::barrier first = task.timed(1);
  const weir::barrier second = task.timed(2);
  task.send(0, first);
  task.send(0, second);
  task.settle();
  task.loop->on_aborted(checkpoint_id{1});
  task.settle();
  task.send_batch(1, {7});
  task.send(1, first); // it was under way for long
  task.settle();
  CHECK(task.sent() == texts{});
  task.wake_after(499us);
  CHECK(task.sent() == texts{});
  task.wake_after(1us);
  CHECK(task.sent() == texts{"[7]", "barrier 2"});
  task.send_batch(1, {8});
  task.send(1, second);
  task.settle();
  task.wake_after(1s);
  CHECK(task.sent() == texts{"[7]", "barrier 2", "[8]"});
  REQUIRE(task.around.stored.size() == 1);
  CHECK(task.around.stored[0].checkpoint == checkpoint_id{2});
}

TEST_CASE("the timeout of a later barrier stays, though an earlier one comes after it and is aligned") {
  summing_subtask task;
  task.start();
  const weir::barrier first = task.timed(1);
  task.env->advance(100us);
  const weir::barrier second = task.timed(2);
  task.send(0, first);
  task.send(0, second);
  task.send(1, first);
  task.settle();
  CHECK(task.sent() == texts{"barrier 1"});
  task.wake_after(499us);
  CHECK(task.sent() == texts{"barrier 1"});
  task.wake_after(1us);
  CHECK(task.sent() == texts{"barrier 1", "barrier 2"});
}

TEST_CASE("the barrier of a checkpoint that was given up does not overtake when its timeout comes") {
  summing_subtask task;
  task.start();
  task.send(0, task.timed(1));
  task.settle();
  task.loop->on_aborted(checkpoint_id{1});
  task.settle();
  task.wake_after(1s);
  CHECK(task.sent() == texts{});
  CHECK(task.around.stored.empty());
  // The next one has its own time.
  task.send(1, task.timed(2));
  task.settle();
  CHECK(task.sent() == texts{});
  task.wake_after(500us);
  CHECK(task.sent() == texts{"barrier 2"});
}
