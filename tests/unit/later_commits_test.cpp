// Tests of a subtask whose sink's commits wait for somebody else, and of the text that holds their bytes.
#include "subtask_harness.hpp"

#include <weir/actors/base64.hpp>
#include <weir/persistence/error.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using weir::checkpoint_id;
using weir::commit_acknowledged;
using weir::subtask_loaded;
using texts = std::vector<std::string>;

/// A sink whose commits the test answers.
class waiting_sink final : public weir::any_sink {
public:
  struct asked_commit {
    texts ids;
    std::function<void(std::string)> done;
  };

  mutable std::vector<asked_commit> commits;

  [[nodiscard]] bool blocking() const override { return false; }
  [[nodiscard]] bool two_phase() const override { return true; }
  [[nodiscard]] bool commits_later() const override { return true; }
  [[nodiscard]] std::string guarantee() const override { return ""; }
  [[nodiscard]] std::unique_ptr<weir::sink_writer> open_writer(const weir::sink_start&) const override {
    return std::make_unique<writer>(commits);
  }

private:
  class writer final : public weir::sink_writer {
  public:
    explicit writer(std::vector<asked_commit>& commits) : commits_(commits) {}
    void write(weir::any_batch&) override {}
    std::string prepare(checkpoint_id checkpoint) override { return "p" + to_string(checkpoint); }
    void commit_later(const std::vector<weir::prepared_output>& prepared,
                      std::function<void(std::string)> done) override {
      asked_commit asked;
      for (const auto& output : prepared)
        asked.ids.push_back(output.id);
      asked.done = std::move(done);
      commits_.push_back(std::move(asked));
    }

  private:
    std::vector<asked_commit>& commits_;
  };
};

struct waiting_subtask : weir_test::subtask_harness {
  waiting_subtask() {
    add_inputs(1);
    add("out", [sink = sink] { return std::make_unique<weir::sink_operator>(sink); }, {});
  }
  /// Restores what another subtask has stored last.
  void start_from(const waiting_subtask& other, std::uint64_t checkpoint) {
    setup.restored = true;
    setup.restored_checkpoint = checkpoint_id{checkpoint};
    make();
    loop->open();
    for (const auto& chunk : other.around.stored.back().chunks)
      loop->load(0, chunk.entries, chunk.bytes);
    loop->loaded();
  }
  void complete(std::uint64_t checkpoint) {
    send_batch(0, {1});
    send_barrier(0, checkpoint);
    settle();
    answer_store(checkpoint);
    loop->on_completed(checkpoint_id{checkpoint});
  }
  void answer(std::size_t commit, const std::string& error = {}) {
    const int before = around.waker->calls;
    sink->commits.at(commit).done(error);
    CHECK(around.waker->calls == before + 1);
    loop->on_outside_wake();
  }

  std::shared_ptr<waiting_sink> sink = std::make_shared<waiting_sink>();
};

} // namespace

TEST_CASE("a commit that is made later is acknowledged when its answer has come") {
  waiting_subtask task;
  task.start();
  task.complete(1);
  REQUIRE(task.sink->commits.size() == 1);
  CHECK(task.sink->commits[0].ids == texts{"p1"});
  CHECK(task.reported<commit_acknowledged>().empty());
  task.answer(0);
  REQUIRE(task.reported<commit_acknowledged>().size() == 1);
  CHECK(task.reported<commit_acknowledged>()[0].checkpoint == checkpoint_id{1});
}

TEST_CASE("a commit that fails later fails the subtask, with its sink to blame") {
  waiting_subtask task;
  task.start();
  task.complete(1);
  CHECK_THROWS_WITH(task.answer(0, "nobody there"), Catch::Contains("nobody there"));
  CHECK(task.loop->current_operator() == "out");
}

TEST_CASE("what was pending is committed before the subtask is loaded, and stays pending until then") {
  waiting_subtask before;
  before.start();
  before.complete(1);
  waiting_subtask task;
  task.start_from(before, 1);
  REQUIRE(task.sink->commits.size() == 1);
  CHECK(task.sink->commits[0].ids == texts{"p1"});
  CHECK(task.reported<subtask_loaded>().empty());
  task.answer(0);
  CHECK(task.reported<subtask_loaded>().size() == 1);
  task.loop->run();
  task.complete(2);
  REQUIRE(task.sink->commits.size() == 2);
  CHECK(task.sink->commits[1].ids == texts{"p2"});
}

TEST_CASE("with nothing pending the subtask is loaded at once") {
  waiting_subtask task;
  task.start();
  CHECK(task.reported<subtask_loaded>().size() == 1);
  CHECK(task.sink->commits.empty());
}

TEST_CASE("a sink with too many commits under way takes no more until one is answered") {
  waiting_subtask task;
  task.start();
  for (std::uint64_t checkpoint = 1; checkpoint != 5; ++checkpoint)
    task.complete(checkpoint);
  const std::size_t batches = task.setup.counters->records_in;
  task.send_batch(0, {5});
  task.settle();
  CHECK(task.setup.counters->records_in == batches);
  task.answer(0);
  task.settle();
  CHECK(task.setup.counters->records_in == batches + 1);
}

TEST_CASE("an answer that comes after the subtask is gone does no harm") {
  const auto sink = [] {
    waiting_subtask task;
    task.start();
    task.complete(1);
    return task.sink;
  }();
  sink->commits.at(0).done("");
  CHECK(sink->commits.size() == 1);
}

TEST_CASE("bytes come back from their text, and other text is refused") {
  std::vector<std::byte> bytes;
  for (int i = 0; i != 300; ++i) {
    CHECK(weir::from_base64(weir::to_base64(bytes)) == bytes);
    bytes.push_back(static_cast<std::byte>(i * 7));
  }
  const std::string light = "light work.";
  CHECK(weir::to_base64(std::as_bytes(std::span<const char>{light})) == "bGlnaHQgd29yay4=");
  for (const char* wrong : {"a", "abc", "ab*d", "=abc", "a===", "ab=d"})
    CHECK_THROWS_AS(weir::from_base64(wrong), weir::damaged_error);
}
