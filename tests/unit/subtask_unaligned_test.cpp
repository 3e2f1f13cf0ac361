// Tests of what a subtask does with barriers that overtake: what it stores, how it goes on, and when one begins to.
#include "scripted_source.hpp"
#include "subtask_harness.hpp"

#include <weir/operators/in_flight_table.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using weir::checkpoint_acknowledged;
using weir::checkpoint_id;
using weir::sequence_number;
using weir_test::stored_sum;

using texts = std::vector<std::string>;
using values = std::vector<int>;

/// Sums up numbers; barriers may overtake into it, and on its way out.
struct overtaken_subtask : weir_test::summing_subtask {
  explicit overtaken_subtask(std::uint32_t channels = 1, bool inputs = true) : weir_test::summing_subtask(channels) {
    setup.batch_size = 2; // what the operator has emitted of three records is a batch already
    const weir::in_flight_factory type = weir::in_flight_factory_of<int>();
    if (inputs)
      setup.in_flight_inputs.push_back({"sum", "in-flight-0", type, 1, false});
    setup.in_flight_sent.push_back({"sum", "in-flight-to-next-0", type, 1, false});
    setup.edges.back().overtaken = 0;
  }

  weir::barrier overtaking(std::uint64_t checkpoint) const {
    weir::barrier mark = barrier_of(checkpoint);
    mark.overtakes = true;
    return mark;
  }
  weir::barrier timed(std::uint64_t checkpoint, std::chrono::microseconds timeout) const {
    weir::barrier mark = barrier_of(checkpoint);
    mark.alignment_timeout = timeout;
    return mark;
  }
  /// Lets nothing out any more: two batches wait at the sender.
  void fill_output() {
    for (int i = 0; i != 6; ++i)
      send_batch(0, {0, 0});
    settle();
    REQUIRE(sent().size() == setup.credit_window);
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

std::int64_t sum_in(weir::subtask_snapshot snapshot) {
  std::erase_if(snapshot.chunks, [](const auto& chunk) { return chunk.table != "sums"; });
  return stored_sum(snapshot);
}

} // namespace

TEST_CASE("a barrier that overtakes is taken from the middle of its queue, and what was before it is stored") {
  overtaken_subtask task;
  task.start();
  task.fill_output();
  task.send_batch(0, {1, 2});
  task.send_batch(0, {3});
  task.send(0, task.overtaking(1));
  task.send_batch(0, {100});
  task.settle();
  REQUIRE(task.around.stored.size() == 1);
  const auto& snapshot = task.around.stored[0];
  // Six batches of zeros: four are sent, the others have been overtaken on the way out or wait for the chain.
  values zeros_and_more = in_flight(snapshot, "in-flight-0");
  CHECK(values(zeros_and_more.end() - 3, zeros_and_more.end()) == values{1, 2, 3});
  CHECK(sum_in(snapshot) <= 0);
  const values sent = in_flight(snapshot, "in-flight-to-next-0");
  CHECK(4 * 2 + sent.size() + zeros_and_more.size() - 3 == 12);
  CHECK(task.sent().back() == "barrier 1"); // ahead of what waits for credit
  task.answer_store(1);
  const auto acks = task.reported<checkpoint_acknowledged>();
  REQUIRE(acks.size() == 1);
  CHECK(acks[0].received[0].at == sequence_number{9});
  CHECK(acks[0].sent[0].at == task.around.sent.back().sequence);
}

TEST_CASE("after a barrier has overtaken, everything goes on in order and nothing is lost or repeated") {
  overtaken_subtask task;
  task.start();
  task.fill_output();
  task.send_batch(0, {1, 2});
  task.send(0, task.overtaking(1));
  task.send_batch(0, {3});
  task.settle();
  task.give_credit(100);
  task.settle();
  task.env->advance(1s);
  task.loop->wake();
  task.settle();
  values out;
  sequence_number last{0};
  for (const auto& message : task.around.sent) {
    CHECK(message.sequence == last.next());
    last = message.sequence;
    if (const auto* batch = std::get_if<weir::batch_ptr>(&message.payload))
      out.insert(out.end(), weir::as<int>(**batch).values.begin(), weir::as<int>(**batch).values.end());
  }
  CHECK(out == values{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3});
}

TEST_CASE("the channels whose barriers have not come are recorded, while their records are worked off") {
  overtaken_subtask task{3};
  task.start();
  task.send_batch(1, {10});
  task.send(0, task.overtaking(1));
  task.settle();
  CHECK(task.around.stored.empty()); // two barriers are still to come
  task.send_batch(0, {1000});        // behind its barrier
  task.send_batch(1, {20});
  task.send_batch(2, {30});
  task.settle();
  task.send(2, task.overtaking(1));
  task.send_batch(2, {4000});
  task.send_batch(1, {40});
  task.send(1, task.barrier_of(1)); // of a sender that does not overtake
  task.send_batch(1, {5000});
  task.settle();
  REQUIRE(task.around.stored.size() == 1);
  CHECK(in_flight(task.around.stored[0], "in-flight-0") == values{10, 20, 30, 40});
  CHECK(sum_in(task.around.stored[0]) == -1); // nothing had been added
  task.answer_store(1);
  const auto acks = task.reported<checkpoint_acknowledged>();
  REQUIRE(acks.size() == 1);
  CHECK(acks[0].received[0].at == sequence_number{1});
  CHECK(acks[0].received[1].at == sequence_number{4});
  CHECK(acks[0].received[2].at == sequence_number{2});
  CHECK(task.loop->step() == false);
}

TEST_CASE("of the head's batch, what is not worked off is stored, before all others") {
  overtaken_subtask task;
  task.setup.credit_window = 1;
  task.start();
  task.send_batch(0, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  task.settle(); // one batch is out, two wait: the operator pauses
  task.send_batch(0, {13});
  task.send(0, task.overtaking(1));
  task.settle();
  REQUIRE(task.around.stored.size() == 1);
  const values rest = in_flight(task.around.stored[0], "in-flight-0");
  const values sent = in_flight(task.around.stored[0], "in-flight-to-next-0");
  REQUIRE(!rest.empty());
  REQUIRE(!sent.empty());
  values all{1, 2};
  all.insert(all.end(), sent.begin(), sent.end());
  std::int64_t sum = 0;
  for (const int n : all)
    sum += n;
  CHECK(sum_in(task.around.stored[0]) == sum); // what was sent is in the sum, and only that
  all.insert(all.end(), rest.begin(), rest.end());
  CHECK(all == values{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13});
}

TEST_CASE("restored in-flight batches are worked off first, what the receivers had before what the senders had") {
  overtaken_subtask task;
  task.setup.restored = true;
  const weir::in_flight_factory type = weir::in_flight_factory_of<int>();
  task.setup.in_flight_stored.push_back({"sum", "in-flight-0", 0, type});
  task.setup.in_flight_stored.push_back({"up", "in-flight-to-sum-0", 0, type});
  task.make();
  const auto tables = task.loop->open();
  REQUIRE(tables.size() == 3);
  CHECK(tables[1].table == "in-flight-0");
  CHECK(tables[2].operator_name == "up");
  const auto chunk = [](const values& numbers, std::optional<weir::subtask_index> sender) {
    weir::in_flight_table<int> t{"any"};
    t.written_for(1, sender);
    t.mark();
    t.record(weir::subtask_index{0}, weir_test::batch_of(numbers));
    t.close();
    std::vector<weir::encoded_chunk> out;
    t.encode(100, out);
    return out.at(0).bytes;
  };
  task.loop->load(2, 1, chunk({3, 4}, weir::subtask_index{0}));
  task.loop->load(1, 1, chunk({1, 2}, std::nullopt));
  task.send_batch(0, {5, 6});
  task.loop->loaded();
  task.loop->run();
  // A barrier that overtakes at once: all of it is part of the next checkpoint, too.
  task.send(0, task.overtaking(7));
  task.loop->step();
  task.settle();
  CHECK(task.sent() == texts{"barrier 7", "[1 2]", "[3 4]", "[5 6]"});
  REQUIRE(task.around.stored.size() == 1);
  CHECK(in_flight(task.around.stored[0], "in-flight-0") == values{1, 2, 3, 4, 5, 6});
}

TEST_CASE("a barrier that does not overtake comes behind the restored batches") {
  overtaken_subtask task;
  task.setup.restored = true;
  task.setup.in_flight_stored.push_back({"sum", "in-flight-0", 0, weir::in_flight_factory_of<int>()});
  task.make();
  task.loop->open();
  weir::in_flight_table<int> t{"in-flight-0"};
  t.mark();
  for (int i = 1; i != 10; ++i)
    t.record(weir::subtask_index{0}, weir_test::batch_of<int>({i, i}));
  t.close();
  std::vector<weir::encoded_chunk> out;
  t.encode(100, out);
  task.loop->load(1, 1, out.at(0).bytes);
  task.loop->loaded();
  task.loop->run();
  task.send_barrier(0, 1);
  task.settle();
  CHECK(task.around.stored.empty()); // there is no room for the last of them, and the barrier is behind it
  task.give_credit(100);
  task.settle();
  REQUIRE(task.around.stored.size() == 1);
  CHECK(sum_in(task.around.stored[0]) == 90);
  CHECK(in_flight(task.around.stored[0], "in-flight-0").empty());
  CHECK(task.sent().back() == "barrier 1");
}

TEST_CASE("an alignment that takes longer than its timeout begins to overtake") {
  overtaken_subtask task{2};
  task.start();
  const weir::barrier mark = task.timed(1, 500us);
  task.send(0, mark);
  task.send_batch(0, {1});
  task.send_batch(1, {2});
  task.settle();
  CHECK(task.around.stored.empty());
  CHECK_FALSE(task.around.wakes.empty());
  const auto sent_before = task.sent().size();
  task.env->advance(499us);
  task.loop->wake();
  task.settle();
  CHECK(task.sent().size() == sent_before);
  task.env->advance(1us);
  task.loop->wake();
  task.settle();
  CHECK(task.sent().at(sent_before) == "barrier 1");
  const auto& sent = task.around.sent.at(sent_before).payload;
  CHECK(std::get<weir::barrier>(sent).overtakes);
  task.send_batch(1, {3});
  task.send(1, mark);
  task.settle();
  REQUIRE(task.around.stored.size() == 1);
  // What was worked off before the timeout is state; what came later on the other channel was in flight.
  CHECK(in_flight(task.around.stored[0], "in-flight-0") == values{3});
  CHECK(sum_in(task.around.stored[0]) == 2);
}

TEST_CASE("a barrier that is late when it comes in overtakes at once") {
  overtaken_subtask task{2};
  task.start();
  const weir::barrier mark = task.timed(1, 500us);
  task.env->advance(1ms);
  task.send_batch(0, {1});
  task.send(0, mark);
  task.settle();
  CHECK(task.sent().front() == "barrier 1");
  task.send(1, mark);
  task.settle();
  REQUIRE(task.around.stored.size() == 1);
  CHECK(in_flight(task.around.stored[0], "in-flight-0") == values{1});
}

TEST_CASE("a barrier that waits for credit until its timeout overtakes what is before it") {
  overtaken_subtask task;
  task.start();
  task.fill_output();
  const auto batches = task.sent().size();
  task.send(0, task.timed(1, 500us));
  // The queue is worked off as far as there is room: take the barrier to the front.
  task.give_credit(batches + 2);
  task.settle();
  task.give_credit(batches + 4);
  task.settle();
  task.env->advance(1ms);
  task.loop->wake();
  task.settle();
  CHECK(task.sent().back() == "barrier 1");
  REQUIRE(task.around.stored.size() == 1);
  task.answer_store(1);
  const auto acks = task.reported<checkpoint_acknowledged>();
  REQUIRE(acks.size() == 1);
  CHECK(acks[0].sent[0].at == task.around.sent.back().sequence);
}

TEST_CASE("a barrier that leaves before its timeout overtakes nothing") {
  overtaken_subtask task;
  task.setup.credit_window = 1;
  task.start();
  task.send_batch(0, {1, 2});
  task.send_batch(0, {3, 4});
  task.send(0, task.timed(1, 500us));
  task.settle();
  CHECK(task.around.stored.empty()); // it waits behind the second batch
  CHECK(task.sent() == texts{"[1 2]"});
  task.give_credit(5);
  task.settle();
  CHECK(task.sent() == texts{"[1 2]", "[3 4]", "barrier 1"});
  REQUIRE(task.around.stored.size() == 1);
  CHECK(task.around.stored[0].tables.size() == 1); // in-flight batches are not even named
  CHECK_FALSE(std::get<weir::barrier>(task.around.sent.back().payload).overtakes);
}

TEST_CASE("an aborted checkpoint is recorded no further, and not acknowledged") {
  overtaken_subtask task{2};
  task.start();
  task.send(0, task.overtaking(1));
  task.settle();
  task.loop->on_aborted(checkpoint_id{1});
  task.settle();
  REQUIRE(task.around.stored.size() == 1); // later deltas build on it
  task.answer_store(1);
  CHECK(task.reported<checkpoint_acknowledged>().empty());
  task.send(0, task.overtaking(2));
  task.send(1, task.overtaking(2));
  task.settle();
  REQUIRE(task.around.stored.size() == 2);
  task.answer_store(2);
  CHECK(task.reported<checkpoint_acknowledged>().size() == 1);
}

TEST_CASE("a later barrier ends the recording of a checkpoint whose abort was not heard") {
  overtaken_subtask task{2};
  task.start();
  task.send(0, task.overtaking(1));
  task.settle();
  task.send(1, task.overtaking(2));
  task.settle();
  REQUIRE(task.around.stored.size() == 1);
  task.answer_store(1);
  CHECK(task.reported<checkpoint_acknowledged>().empty());
  task.send(0, task.overtaking(2));
  task.settle();
  REQUIRE(task.around.stored.size() == 2);
  CHECK(task.around.stored[1].checkpoint == checkpoint_id{2});
}

TEST_CASE("where batches can't be overtaken on the way in, a barrier is aligned and overtakes on the way out") {
  overtaken_subtask task{1, false};
  task.start();
  task.fill_output();
  task.send_batch(0, {1, 2});
  task.send(0, task.overtaking(1));
  task.settle();
  CHECK(task.around.stored.empty()); // it waits in its queue
  task.give_credit(6);
  task.settle();
  REQUIRE(task.around.stored.size() == 1);
  CHECK(sum_in(task.around.stored[0]) == 3);
  CHECK(in_flight(task.around.stored[0], "in-flight-to-next-0") == values{1, 2});
  CHECK(task.sent().back() == "barrier 1");
}

TEST_CASE("a source's barrier overtakes what it has read and could not send, which is stored with it") {
  weir_test::subtask_harness task;
  task.setup.credit_window = 1;
  const std::vector<weir_test::scripted_read> reads(10, {{1, 2, 3, 4}});
  const auto source = std::make_shared<weir_test::scripted_source>(weir_test::scripted_source::script{{"a", reads}});
  task.setup.splits = std::make_shared<const std::vector<weir::source_split>>(source->enumerate(1));
  task.add("lines", [source] { return std::make_unique<weir::source_operator>(source); },
           {&weir::element_type_of<int>()});
  task.add_edge();
  task.setup.in_flight_sent.push_back({"lines", "in-flight-to-next-0", weir::in_flight_factory_of<int>(), 1, false});
  task.setup.edges.back().overtaken = 0;
  task.start();
  task.settle();
  REQUIRE(task.sent() == texts{"[1 2 3 4]"});
  weir::barrier mark = task.barrier_of(1);
  mark.overtakes = true;
  task.loop->on_trigger({mark});
  task.settle();
  CHECK(task.sent() == texts{"[1 2 3 4]", "barrier 1"});
  REQUIRE(task.around.stored.size() == 1);
  const values stored = in_flight(task.around.stored[0], "in-flight-to-next-0");
  weir::list_state_table<weir::split_state> splits{"splits"};
  for (const auto& chunk : task.around.stored[0].chunks)
    if (chunk.table == "splits")
      splits.load(chunk.bytes);
  const auto* split = splits.find("a");
  REQUIRE(split);
  CHECK(std::to_string(1 + stored.size() / 4) == split->position); // as much as was read: no more, no less
}

TEST_CASE("a source whose barrier can't leave begins to overtake after the timeout") {
  weir_test::subtask_harness task;
  task.setup.credit_window = 1;
  const std::vector<weir_test::scripted_read> reads(10, {{1, 2, 3, 4}});
  const auto source = std::make_shared<weir_test::scripted_source>(weir_test::scripted_source::script{{"a", reads}});
  task.setup.splits = std::make_shared<const std::vector<weir::source_split>>(source->enumerate(1));
  task.add("lines", [source] { return std::make_unique<weir::source_operator>(source); },
           {&weir::element_type_of<int>()});
  task.add_edge();
  task.setup.in_flight_sent.push_back({"lines", "in-flight-to-next-0", weir::in_flight_factory_of<int>(), 1, false});
  task.setup.edges.back().overtaken = 0;
  task.start();
  task.settle();
  weir::barrier mark = task.barrier_of(1);
  mark.alignment_timeout = 500us;
  task.loop->on_trigger({mark});
  task.settle();
  CHECK(task.sent() == texts{"[1 2 3 4]"});
  CHECK(task.around.stored.empty()); // what it may yet overtake is part of the snapshot
  task.env->advance(500us);
  task.loop->wake();
  task.settle();
  CHECK(task.sent() == texts{"[1 2 3 4]", "barrier 1"});
  REQUIRE(task.around.stored.size() == 1);
  CHECK_FALSE(in_flight(task.around.stored[0], "in-flight-to-next-0").empty());
}
