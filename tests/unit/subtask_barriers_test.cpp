// Tests of what a subtask does with barriers: alignment, snapshots, acknowledgements, and aborts.
#include "scripted_source.hpp"
#include "subtask_harness.hpp"

#include <weir/operators/state_table.hpp>
#include <weir/persistence/hash.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using weir::channel_id;
using weir::channel_position;
using weir::checkpoint_acknowledged;
using weir::checkpoint_declined;
using weir::checkpoint_id;
using weir::sequence_number;
using weir::snapshot_kind;
using weir_test::stored_sum;
using weir_test::summing_subtask;

using texts = std::vector<std::string>;

/// Counts each number: keyed state, whose snapshots take several slices.
class counting_operator final : public weir::any_operator {
public:
  void open(weir::operator_context& context) override {
    const auto& identity = context.identity();
    counts_.configure(identity.key_groups, identity.max_parallelism, identity.checkpointing);
  }
  std::size_t process(std::size_t, weir::any_batch& in, std::size_t from, std::size_t to,
                      weir::operator_outputs&) override {
    for (std::size_t i = from; i != to; ++i) {
      const auto key = static_cast<std::uint64_t>(weir::as<int>(in).values[i]);
      ++counts_.touch(weir::key_hash(key), key);
    }
    return to;
  }
  std::vector<weir::any_state_table*> state_tables() override { return {&counts_}; }

private:
  weir::state_table<std::uint64_t, std::uint64_t> counts_{"counts"};
};

struct counting_subtask : weir_test::subtask_harness {
  counting_subtask() {
    add_inputs(1);
    add("count", [] { return std::make_unique<counting_operator>(); }, {&weir::element_type_of<int>()});
    add_edge();
    start();
  }
  void send_numbers(int n) {
    std::vector<int> numbers;
    for (int i = 0; i != n; ++i)
      numbers.push_back(i);
    send_batch(0, numbers);
  }
};

/// The sum of all counts in a snapshot.
std::uint64_t stored_counts(const weir::subtask_snapshot& snapshot) {
  weir::state_table<std::uint64_t, std::uint64_t> loaded{"counts"};
  loaded.configure({0, 128}, 128, false);
  for (const auto& chunk : snapshot.chunks)
    loaded.load(chunk.bytes);
  std::uint64_t sum = 0;
  loaded.for_each_entry([&sum](std::uint64_t, std::uint64_t count) { sum += count; });
  return sum;
}

} // namespace

TEST_CASE("a barrier goes on behind all output of what came before it") {
  summing_subtask task;
  task.start();
  task.send_batch(0, {1}); // too few to be sent by themselves
  task.send_barrier(0, 1);
  task.send_batch(0, {2, 3, 4, 5});
  task.settle();
  CHECK(task.sent() == texts{"[1]", "barrier 1", "[2 3 4 5]"});
}

TEST_CASE("a snapshot has the state that was there at the barrier") {
  summing_subtask task;
  task.start();
  task.send_batch(0, {1, 2});
  task.send_barrier(0, 1);
  task.send_batch(0, {100});
  task.settle();
  REQUIRE(task.around.stored.size() == 1);
  const auto& snapshot = task.around.stored[0];
  CHECK(stored_sum(snapshot) == 3);
  CHECK(snapshot.checkpoint == checkpoint_id{1});
  CHECK(snapshot.region == weir::region_id{1});
  CHECK(snapshot.attempt == weir::attempt_id{3});
  CHECK(snapshot.task == "task");
  REQUIRE(snapshot.tables.size() == 1);
  CHECK(snapshot.tables[0].operator_name == "sum");
}

TEST_CASE("records go on while a snapshot is encoded, and are not in it") {
  counting_subtask task;
  task.send_numbers(5000);
  task.send_barrier(0, 1);
  task.settle();
  REQUIRE(task.around.stored.size() == 1);
  task.send_barrier(0, 2);
  task.send_numbers(5000);
  task.send_barrier(0, 3);
  task.send_numbers(10);
  while (task.around.stored.size() != 3)
    REQUIRE(task.loop->step());
  CHECK(stored_counts(task.around.stored[0]) == 5000);
  CHECK(stored_counts(task.around.stored[2]) == 10000); // all 5,000 keys have changed
  task.settle();
  task.send_barrier(0, 4);
  task.settle();
  CHECK(stored_counts(task.around.stored[3]) == 30); // the ten that changed after barrier 3
}

TEST_CASE("batches are taken between the slices of a snapshot") {
  counting_subtask task;
  task.send_numbers(20'000);
  task.send_barrier(0, 1);
  for (int i = 0; i != 20; ++i)
    task.send_numbers(1);
  while (task.sent() != texts{"barrier 1"})
    REQUIRE(task.loop->step());
  REQUIRE(task.around.stored.empty());
  while (task.around.stored.empty())
    REQUIRE(task.loop->step());
  CHECK(task.setup.counters->records_in > 20'000);
  CHECK(stored_counts(task.around.stored[0]) == 20'000);
}

TEST_CASE("a barrier waits until the snapshot before it is encoded") {
  counting_subtask task;
  task.send_numbers(5000);
  task.send_barrier(0, 1);
  task.send_barrier(0, 2);
  while (task.around.stored.empty()) {
    CHECK(task.sent().size() <= 1);
    REQUIRE(task.loop->step());
  }
  CHECK(task.around.stored[0].checkpoint == checkpoint_id{1});
  task.settle();
  CHECK(task.sent() == texts{"barrier 1", "barrier 2"});
  CHECK(task.around.stored.size() == 2);
}

TEST_CASE("an acknowledgement comes when the snapshot is durable, with both ends' positions") {
  summing_subtask task{2};
  task.start();
  task.send_batch(0, {1, 2, 3, 4});
  task.send_barrier(0, 7);
  task.send_barrier(1, 7);
  task.settle();
  CHECK(task.reported<checkpoint_acknowledged>().empty());
  task.answer_store(7);
  const auto acks = task.reported<checkpoint_acknowledged>();
  REQUIRE(acks.size() == 1);
  CHECK(acks[0].checkpoint == checkpoint_id{7});
  CHECK(acks[0].received ==
        std::vector<channel_position>{{channel_id{0}, sequence_number{2}}, {channel_id{1}, sequence_number{1}}});
  CHECK(acks[0].sent == std::vector<channel_position>{{channel_id{100}, sequence_number{2}}});
  CHECK(acks[0].bytes > 0);
  CHECK(acks[0].phases.write == std::chrono::microseconds{77});
  CHECK_FALSE(acks[0].commits_pending);
}

TEST_CASE("in exactly-once a channel whose barrier came is not read until the others' have come") {
  summing_subtask task{2};
  task.start();
  task.send_barrier(0, 1);
  task.send_batch(0, {100, 100, 100, 100});
  task.send_batch(1, {1, 1, 1, 1});
  task.settle();
  CHECK(task.sent() == texts{"[1 1 1 1]"});
  task.send_barrier(1, 1);
  task.settle();
  CHECK(task.sent() == texts{"[1 1 1 1]", "barrier 1", "[100 100 100 100]"});
  CHECK(stored_sum(task.around.stored.at(0)) == 4);
}

TEST_CASE("in at-least-once nothing waits for a barrier") {
  summing_subtask task{2};
  task.setup.mode = weir::delivery_mode::at_least_once;
  task.start();
  task.send_barrier(0, 1);
  task.send_batch(0, {100, 100, 100, 100});
  task.settle();
  CHECK(task.sent() == texts{"[100 100 100 100]"});
  task.send_barrier(1, 1);
  task.settle();
  CHECK(task.sent() == texts{"[100 100 100 100]", "barrier 1"});
  CHECK(stored_sum(task.around.stored.at(0)) == 400);
}

TEST_CASE("a subtask whose output has no room still takes a barrier, and sends it behind what waits") {
  summing_subtask task{2};
  task.setup.credit_window = 1;
  task.start();
  for (int i = 1; i <= 4; ++i)
    task.send_batch(0, {i, i, i, i});
  task.settle();
  REQUIRE(task.sent() == texts{"[1 1 1 1]"}); // two batches wait, and one is not taken
  task.send_barrier(1, 1);
  task.settle();
  CHECK(task.around.stored.empty()); // the barrier of channel 0 has not come
  task.send_barrier(0, 1);
  task.settle();
  CHECK(task.around.stored.empty()); // it is behind a batch
  task.give_credit(2);
  task.settle();
  REQUIRE(task.around.stored.size() == 1);
  CHECK(stored_sum(task.around.stored[0]) == 40);
  CHECK(task.sent() == texts{"[1 1 1 1]", "[2 2 2 2]"});
  task.give_credit(9);
  CHECK(task.sent() == texts{"[1 1 1 1]", "[2 2 2 2]", "[3 3 3 3]", "[4 4 4 4]", "barrier 1"});
}

TEST_CASE("a subtask whose output has no room takes no batch and grants no credit") {
  summing_subtask task;
  task.setup.credit_window = 2;
  task.start();
  for (int i = 1; i <= 4; ++i)
    task.send_batch(0, {i, i, i, i});
  task.settle();
  const auto granted = task.around.grants.size();
  task.send_batch(0, {5, 5, 5, 5});
  task.settle();
  CHECK(task.around.grants.size() == granted);
  CHECK(task.setup.counters->batches_queued == 1);
  task.give_credit(4);
  task.settle();
  CHECK(task.around.grants.size() == granted + 1);
}

TEST_CASE("a source whose output has no room answers a trigger at once") {
  weir_test::subtask_harness task;
  task.setup.credit_window = 1;
  std::vector<weir_test::scripted_read> reads(10, {{1, 1, 1, 1}});
  const auto source = std::make_shared<weir_test::scripted_source>(weir_test::scripted_source::script{{"a", reads}});
  task.setup.splits = std::make_shared<const std::vector<weir::source_split>>(source->enumerate(1));
  task.add("lines", [source] { return std::make_unique<weir::source_operator>(source); },
           {&weir::element_type_of<int>()});
  task.add_edge();
  task.start();
  task.settle();
  REQUIRE(task.sent() == texts{"[1 1 1 1]"});
  task.trigger(1);
  task.settle();
  REQUIRE(task.around.stored.size() == 1);
  task.give_credit(3);
  REQUIRE(task.sent().size() == 4);
  CHECK(task.sent()[3] == "barrier 1");
  weir::list_state_table<weir::split_state> splits{"splits"};
  for (const auto& chunk : task.around.stored[0].chunks)
    splits.load(chunk.bytes);
  REQUIRE(splits.find("a") != nullptr);
  CHECK(splits.find("a")->position == "3"); // as many reads as there are batches before the barrier
}

TEST_CASE("a source declines a checkpoint while the barrier of another has not left it") {
  weir_test::subtask_harness task;
  const auto source = std::make_shared<weir_test::scripted_source>(weir_test::scripted_source::script{{"a", {}}});
  task.add("lines", [source] { return std::make_unique<weir::source_operator>(source); },
           {&weir::element_type_of<int>()});
  task.add_edge();
  task.start();
  task.trigger(1);
  task.trigger(2);
  const auto declined = task.reported<checkpoint_declined>();
  REQUIRE(declined.size() == 1);
  CHECK(declined[0].checkpoint == checkpoint_id{2});
  CHECK_THAT(declined[0].reason, Catch::Contains("checkpoint 1"));
  CHECK(declined[0].busy);
  task.settle();
  CHECK(task.around.stored.at(0).checkpoint == checkpoint_id{1});
}

TEST_CASE("an abort drops a barrier that is due and lets its channels go") {
  summing_subtask task{2};
  task.start();
  task.send_barrier(0, 1);
  task.send_batch(0, {1, 1, 1, 1});
  task.settle();
  task.loop->on_aborted(checkpoint_id{1});
  task.send_barrier(1, 1);
  task.settle();
  CHECK(task.sent() == texts{"[1 1 1 1]"});
  CHECK(task.around.stored.empty());
  const auto skipped = task.reported<weir::barrier_skipped>();
  REQUIRE(skipped.size() == 1);
  CHECK(skipped[0].checkpoint == checkpoint_id{1});
  task.send_barrier(0, 2);
  task.send_barrier(1, 2);
  task.settle();
  CHECK(task.sent().back() == "barrier 2");
}

TEST_CASE("a source forgets a checkpoint that was aborted before its barrier left") {
  weir_test::subtask_harness task;
  const auto source =
      std::make_shared<weir_test::scripted_source>(weir_test::scripted_source::script{{"a", {{{1, 2, 3, 4}}}}});
  task.setup.splits = std::make_shared<const std::vector<weir::source_split>>(source->enumerate(1));
  task.add("lines", [source] { return std::make_unique<weir::source_operator>(source); },
           {&weir::element_type_of<int>()});
  task.add_edge();
  task.start();
  task.trigger(1);
  task.loop->on_aborted(checkpoint_id{1});
  task.trigger(2);
  task.settle();
  CHECK(task.reported<checkpoint_declined>().empty());
  CHECK(task.sent()[0] == "barrier 2");
}

TEST_CASE("a source that is told to go on does not rest behind a stop's barrier that has not left it yet") {
  weir_test::subtask_harness task;
  const auto source = std::make_shared<weir_test::scripted_source>(
      weir_test::scripted_source::script{{"a", {{{1, 2, 3, 4}}, {{5, 6, 7, 8}}}}});
  task.setup.splits = std::make_shared<const std::vector<weir::source_split>>(source->enumerate(1));
  task.add("lines", [source] { return std::make_unique<weir::source_operator>(source); },
           {&weir::element_type_of<int>()});
  task.add_edge();
  task.start();
  task.trigger(1, true);
  task.loop->on_resume(); // the stop was given up; the abort itself may be lost
  task.settle();
  const auto sent = task.sent();
  REQUIRE(sent.size() > 1);
  CHECK(sent[0] == "barrier 1");
  CHECK(sent[1] == "[1 2 3 4]");
}

TEST_CASE("an open snapshot is finished although its checkpoint is aborted: later deltas may need it") {
  counting_subtask task;
  task.send_numbers(5000);
  task.send_barrier(0, 1);
  while (task.sent().empty())
    REQUIRE(task.loop->step());
  task.loop->on_aborted(checkpoint_id{1});
  task.settle();
  CHECK(task.around.stored.size() == 1);
}

TEST_CASE("when the store has no parent for a delta the subtask declines, and its next snapshot is a base") {
  counting_subtask task;
  task.send_numbers(10);
  task.send_barrier(0, 1);
  task.settle();
  task.answer_store(1);
  task.send_numbers(1);
  task.send_barrier(0, 2);
  task.settle();
  REQUIRE(task.around.stored.at(1).tables[0].kind == snapshot_kind::delta);
  task.answer_store(2, weir::write_result::refused_parent);
  CHECK(task.reported<checkpoint_acknowledged>().size() == 1);
  REQUIRE(task.reported<checkpoint_declined>().size() == 1);
  task.send_barrier(0, 3);
  task.settle();
  CHECK(task.around.stored.at(2).tables[0].kind == snapshot_kind::base);
  CHECK(stored_counts(task.around.stored[2]) == 11);
  task.answer_store(3);
  CHECK(task.reported<checkpoint_acknowledged>().size() == 2);
}

TEST_CASE("an answer of the store counts once, and only for a snapshot that it was sent") {
  summing_subtask task;
  task.start();
  task.send_barrier(0, 1);
  task.settle();
  task.answer_store(9);
  task.answer_store(1, weir::write_result::repeated);
  task.answer_store(1, weir::write_result::repeated);
  CHECK(task.reported<checkpoint_acknowledged>().size() == 1);
}

TEST_CASE("a snapshot that came too late is not acknowledged") {
  const auto result = GENERATE(weir::write_result::stored_late, weir::write_result::refused_attempt);
  summing_subtask task;
  task.start();
  task.send_barrier(0, 1);
  task.settle();
  task.answer_store(1, result);
  CHECK(task.reported<checkpoint_acknowledged>().empty());
  CHECK(task.reported<checkpoint_declined>().empty());
}

TEST_CASE("the first snapshot after a restore is a base of all that was restored") {
  counting_subtask before;
  before.send_numbers(10);
  before.send_barrier(0, 1);
  before.settle();

  weir_test::subtask_harness task;
  task.add_inputs(1);
  task.add("count", [] { return std::make_unique<counting_operator>(); }, {&weir::element_type_of<int>()});
  task.add_edge();
  task.setup.restored = true;
  task.setup.restored_checkpoint = checkpoint_id{1};
  task.make();
  const auto tables = task.loop->open();
  REQUIRE(tables.size() == 1);
  CHECK(tables[0].operator_name == "count");
  CHECK(tables[0].table == "counts");
  for (const auto& chunk : before.around.stored[0].chunks)
    task.loop->load(0, chunk.entries, chunk.bytes);
  CHECK(task.reported<weir::subtask_loaded>().empty());
  task.loop->loaded();
  CHECK(task.reported<weir::subtask_loaded>().size() == 1);
  task.loop->run();
  task.send_batch(0, {1});
  task.send_barrier(0, 2);
  task.settle();
  const auto& snapshot = task.around.stored.at(0);
  CHECK(snapshot.tables[0].kind == snapshot_kind::base);
  CHECK(stored_counts(snapshot) == 11);
}

TEST_CASE("without checkpoints a subtask tracks no state") {
  summing_subtask task;
  task.setup.checkpointing = false;
  task.make();
  CHECK(task.loop->open().empty());
}
