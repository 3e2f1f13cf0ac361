// Tests of a subtask with a sink: prepare with the barrier, commit after completion, and again without harm.
#include "subtask_harness.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace {

using weir::checkpoint_id;
using weir::commit_acknowledged;
using weir::sink_answer;
using weir::sink_command;
using weir::subtask_loaded;

using texts = std::vector<std::string>;

/// A sink that writes down what it is asked. Prepares "p<checkpoint>", or nothing when nothing was written.
class noting_sink final : public weir::any_sink {
public:
  bool two_phases = true;
  bool blocks = false;
  mutable texts log;

  [[nodiscard]] bool blocking() const override { return blocks; }
  [[nodiscard]] bool two_phase() const override { return two_phases; }
  [[nodiscard]] std::string guarantee() const override { return ""; }
  [[nodiscard]] std::unique_ptr<weir::sink_writer> open_writer(const weir::sink_start& start) const override {
    log.push_back("open" + ids(start.pending));
    return std::make_unique<writer>(log);
  }
  static std::string ids(const std::vector<weir::prepared_output>& prepared) {
    std::string text;
    for (const auto& output : prepared)
      text += " " + output.id;
    return text;
  }

private:
  class writer final : public weir::sink_writer {
  public:
    explicit writer(texts& log) : log_(log) {}
    void write(weir::any_batch& batch) override {
      written_ = true;
      for (const int value : weir::as<int>(batch).values)
        log_.push_back(std::to_string(value));
    }
    std::string prepare(checkpoint_id checkpoint) override {
      log_.push_back("prepare " + to_string(checkpoint));
      return std::exchange(written_, false) ? "p" + to_string(checkpoint) : "";
    }
    void commit(const std::vector<weir::prepared_output>& prepared) override {
      log_.push_back("commit" + ids(prepared));
    }

  private:
    texts& log_;
    bool written_ = false;
  };
};

/// A task that consists of a sink.
struct sink_subtask : weir_test::subtask_harness {
  explicit sink_subtask(bool blocks = false, bool two_phases = true) {
    sink->blocks = blocks;
    sink->two_phases = two_phases;
    add_inputs(1);
    add("out", [sink = sink] { return std::make_unique<weir::sink_operator>(sink); }, {});
  }
  void complete(std::uint64_t checkpoint) { loop->on_completed(checkpoint_id{checkpoint}); }
  /// A batch and a barrier, and the store's answer.
  void checkpoint(std::uint64_t id) {
    send_batch(0, {static_cast<int>(id)});
    send_barrier(0, id);
    settle();
    answer_store(id);
  }
  std::vector<std::uint64_t> committed() const {
    std::vector<std::uint64_t> all;
    for (const auto& ack : reported<commit_acknowledged>())
      all.push_back(ack.checkpoint.value);
    return all;
  }

  std::shared_ptr<noting_sink> sink = std::make_shared<noting_sink>();
};

/// What is pending in a snapshot, in the order of the items' names.
texts stored_pending(const weir::subtask_snapshot& snapshot) {
  weir::list_state_table<weir::prepared_state> loaded{"pending"};
  for (const auto& chunk : snapshot.chunks)
    loaded.load(chunk.bytes);
  texts all;
  for (const auto& [name, state] : loaded)
    all.push_back(state.id);
  return all;
}

using ids = std::vector<std::uint64_t>;

template <class Command>
const Command* last_command(const weir_test::subtask_harness& task) {
  return task.around.sink_commands.empty() ? nullptr : std::get_if<Command>(&task.around.sink_commands.back().what);
}

} // namespace

TEST_CASE("a sink prepares with the barrier, and its snapshot names what it prepared") {
  sink_subtask task;
  task.start();
  task.send_batch(0, {1, 2});
  task.send_barrier(0, 1);
  task.send_batch(0, {3});
  task.settle();
  CHECK(task.sink->log == texts{"open", "1", "2", "prepare 1", "3"});
  REQUIRE(task.around.stored.size() == 1);
  CHECK(stored_pending(task.around.stored[0]) == texts{"p1"});
  task.answer_store(1);
  const auto acks = task.reported<weir::checkpoint_acknowledged>();
  REQUIRE(acks.size() == 1);
  CHECK(acks[0].commits_pending);
}

TEST_CASE("a sink commits when the checkpoint is complete, and not before") {
  sink_subtask task;
  task.start();
  task.checkpoint(1);
  CHECK(task.sink->log.back() == "prepare 1");
  CHECK(task.committed().empty());
  task.complete(1);
  CHECK(task.sink->log.back() == "commit p1");
  CHECK(task.committed() == ids{1});
}

TEST_CASE("a commit takes in what was prepared for checkpoints that failed before") {
  sink_subtask task;
  task.start();
  task.checkpoint(1);
  task.loop->on_aborted(checkpoint_id{1});
  task.checkpoint(2);
  CHECK(stored_pending(task.around.stored.at(1)) == texts{"p1", "p2"});
  task.complete(2);
  CHECK(task.sink->log.back() == "commit p1 p2");
  CHECK(task.committed() == ids{2});
}

TEST_CASE("a commit leaves alone what was prepared for later checkpoints") {
  sink_subtask task;
  task.start();
  task.checkpoint(1);
  task.checkpoint(2);
  task.complete(1);
  CHECK(task.sink->log.back() == "commit p1");
  task.complete(2);
  CHECK(task.sink->log.back() == "commit p2");
  CHECK(task.committed() == ids{1, 2});
}

TEST_CASE("what is committed is in no later snapshot") {
  sink_subtask task;
  task.start();
  task.checkpoint(1);
  task.complete(1);
  task.checkpoint(2);
  CHECK(stored_pending(task.around.stored.at(1)) == texts{"p2"});
}

TEST_CASE("a completion is acknowledged at once when there is nothing to commit") {
  SECTION("because nothing was written") {
    sink_subtask task;
    task.start();
    task.send_barrier(0, 1);
    task.settle();
    task.complete(1);
    CHECK(task.sink->log == texts{"open", "prepare 1"});
    CHECK(task.committed() == ids{1});
  }
  SECTION("because the sink commits nothing at all") {
    sink_subtask task{false, false};
    task.start();
    task.checkpoint(1);
    CHECK_FALSE(task.reported<weir::checkpoint_acknowledged>().at(0).commits_pending);
    task.complete(1);
    CHECK(task.committed() == ids{1});
  }
}

TEST_CASE("a completion that is told twice commits once") {
  sink_subtask task;
  task.start();
  task.checkpoint(1);
  task.complete(1);
  task.complete(1);
  CHECK(std::count(task.sink->log.begin(), task.sink->log.end(), "commit p1") == 1);
  CHECK(task.committed() == ids{1, 1});
}

TEST_CASE("a restored sink is opened with what it may have to commit again") {
  sink_subtask before;
  before.start();
  before.checkpoint(4);
  sink_subtask task;
  task.setup.restored = true;
  task.setup.restored_checkpoint = checkpoint_id{4};
  task.make();
  REQUIRE(task.loop->open().size() == 1);
  for (const auto& chunk : before.around.stored.at(0).chunks)
    task.loop->load(0, chunk.entries, chunk.bytes);
  task.loop->loaded();
  CHECK(task.sink->log == texts{"open p4"});
  task.loop->run();
  task.checkpoint(5);
  CHECK(stored_pending(task.around.stored.at(0)) == texts{"p5"});
}

TEST_CASE("a subtask is loaded when its sink's companion has started") {
  sink_subtask task{true};
  task.start();
  CHECK(task.reported<subtask_loaded>().empty());
  REQUIRE(last_command<sink_command::start>(task));
  task.loop->on_sink_answer(0, {sink_answer::started{}});
  CHECK(task.reported<subtask_loaded>().size() == 1);
}

TEST_CASE("a snapshot waits for what a sink's companion prepares") {
  sink_subtask task{true};
  task.start();
  task.loop->on_sink_answer(0, {sink_answer::started{}});
  task.send_batch(0, {1});
  task.send_barrier(0, 1);
  task.settle();
  CHECK(task.around.stored.empty());
  task.loop->on_sink_answer(0, {sink_answer::prepared{checkpoint_id{1}, "p1"}});
  task.settle();
  REQUIRE(task.around.stored.size() == 1);
  CHECK(stored_pending(task.around.stored[0]) == texts{"p1"});
}

TEST_CASE("batches behind the barrier reach the companion while it prepares") {
  sink_subtask task{true};
  task.start();
  task.send_barrier(0, 1);
  task.send_batch(0, {2});
  task.settle();
  REQUIRE(task.around.sink_commands.size() >= 3);
  CHECK(std::holds_alternative<sink_command::prepare>(task.around.sink_commands[1].what));
  CHECK(std::holds_alternative<sink_command::write>(task.around.sink_commands[2].what));
}

TEST_CASE("a slow companion holds back its channel, and its barrier all the same reaches it") {
  sink_subtask task{true};
  task.start();
  for (int i = 0; i != 6; ++i)
    task.send_batch(0, {i});
  task.settle();
  CHECK(task.around.sink_commands.size() == 1 + 4); // its start, and a window of batches
  CHECK(task.setup.counters->batches_queued == 2);
  for (int i = 0; i != 2; ++i) {
    task.loop->on_sink_answer(0, {sink_answer::written{1}});
    task.settle();
  }
  CHECK(task.setup.counters->batches_queued == 0);
  task.send_barrier(0, 1);
  task.settle();
  CHECK(last_command<sink_command::prepare>(task));
}

TEST_CASE("a commit is acknowledged when the companion has done it") {
  sink_subtask task{true};
  task.start();
  task.send_batch(0, {1});
  task.send_barrier(0, 1);
  task.settle();
  task.loop->on_sink_answer(0, {sink_answer::prepared{checkpoint_id{1}, "p1"}});
  task.settle();
  task.complete(1);
  const auto* commit = last_command<sink_command::commit>(task);
  REQUIRE(commit);
  CHECK(noting_sink::ids(commit->prepared) == " p1");
  CHECK(task.committed().empty());
  task.loop->on_sink_answer(0, {sink_answer::committed{checkpoint_id{1}}});
  CHECK(task.committed() == ids{1});
}

TEST_CASE("a completion that overtakes the answer to the one before commits both, and both are acknowledged") {
  sink_subtask task{true};
  task.start();
  for (std::uint64_t id = 1; id <= 2; ++id) {
    task.send_batch(0, {1});
    task.send_barrier(0, id);
    task.settle();
    task.loop->on_sink_answer(0, {sink_answer::prepared{checkpoint_id{id}, "p" + std::to_string(id)}});
    task.settle();
  }
  task.complete(1);
  task.complete(2);
  const auto* commit = last_command<sink_command::commit>(task);
  REQUIRE(commit);
  CHECK(noting_sink::ids(commit->prepared) == " p1 p2");
  task.loop->on_sink_answer(0, {sink_answer::committed{checkpoint_id{1}}});
  CHECK(task.committed() == ids{1});
  task.loop->on_sink_answer(0, {sink_answer::committed{checkpoint_id{2}}});
  CHECK(task.committed() == ids{1, 2});
}

TEST_CASE("a completion that is told again while the companion is at it asks for no second commit") {
  sink_subtask task{true};
  task.start();
  task.send_batch(0, {1});
  task.send_barrier(0, 1);
  task.settle();
  task.loop->on_sink_answer(0, {sink_answer::prepared{checkpoint_id{1}, "p1"}});
  task.settle();
  task.complete(1);
  const std::size_t told = task.around.sink_commands.size();
  task.complete(1);
  CHECK(task.around.sink_commands.size() == told);
  task.loop->on_sink_answer(0, {sink_answer::committed{checkpoint_id{1}}});
  CHECK(task.committed() == ids{1});
  task.complete(1); // the acknowledgement may have been lost
  CHECK(task.committed() == ids{1, 1});
}

TEST_CASE("a sink behind an operator in one task prepares behind the operator's output") {
  sink_subtask task;
  task.setup.stages.clear();
  task.add("sum", [] { return std::make_unique<weir_test::summing_operator>(); }, {&weir::element_type_of<int>()});
  task.add("out", [sink = task.sink] { return std::make_unique<weir::sink_operator>(sink); }, {});
  task.start();
  task.send_batch(0, {1, 2, 3});
  task.send_barrier(0, 1);
  task.send_batch(0, {4});
  task.settle();
  CHECK(task.sink->log == texts{"open", "1", "2", "3", "prepare 1", "4"});
  REQUIRE(task.around.stored.size() == 1);
  CHECK(task.around.stored[0].tables.size() == 2);
}

TEST_CASE("a completion is not answered before the state is loaded and the subtask runs") {
  sink_subtask task;
  task.setup.restored = true;
  task.setup.restored_checkpoint = checkpoint_id{1};
  task.make();
  task.loop->open();
  task.complete(1); // what is pending is in a chunk that has not come
  CHECK(task.reported<commit_acknowledged>().empty());
  task.loop->loaded();
  task.complete(1);
  CHECK(task.reported<commit_acknowledged>().empty());
  task.loop->run();
  task.complete(1);
  CHECK(task.reported<commit_acknowledged>().size() == 1);
}

TEST_CASE("an order to a writer that was not started is an error") {
  const auto sink = std::make_shared<noting_sink>();
  std::unique_ptr<weir::sink_writer> none;
  CHECK_THROWS_AS(weir::carry_out({sink_command::commit{checkpoint_id{1}, {}}}, *sink, none), weir::error);
}

TEST_CASE("what reaches a sink is a first output, and a barrier is none") {
  sink_subtask task;
  task.start();
  task.send_barrier(0, 1);
  task.settle();
  CHECK(task.reported<weir::subtask_first_output>().empty());
  task.send_batch(0, {1});
  task.settle();
  CHECK(task.reported<weir::subtask_first_output>().size() == 1);
}
