// Tests of what reaches a subtask from outside: wake-ups of operators and readers, and which positions are durable.
#include "subtask_harness.hpp"

#include <catch2/catch.hpp>

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using weir::checkpoint_id;
using weir_test::subtask_harness;

using texts = std::vector<std::string>;

/// Records that are put in from outside. The position is the number of those read.
class fed_source final : public weir::any_source {
public:
  struct feed {
    std::deque<int> records;
    bool ended = false;
    int reads = 0;
    std::shared_ptr<weir::waker> wakes;
    texts durable;
    texts read_before;
  };

  explicit fed_source(std::shared_ptr<feed> from) : from_(std::move(from)) {}

  [[nodiscard]] bool blocking() const override { return false; }
  [[nodiscard]] std::vector<weir::source_split> enumerate(std::uint32_t) const override { return {{"a", "{}"}}; }
  [[nodiscard]] std::unique_ptr<weir::split_reader> open_split(const weir::source_split&, const std::string&,
                                                               weir::processing_time) const override {
    return std::make_unique<reader>(*from_);
  }
  void already_read(const weir::source_split& split, const std::string& position) const override {
    from_->read_before.push_back(split.id + " " + position);
  }

private:
  class reader final : public weir::split_reader {
  public:
    explicit reader(feed& from) : from_(from) {}

    weir::read_status read(weir::any_collector& out, std::size_t) override {
      ++from_.reads;
      if (from_.records.empty())
        return from_.ended ? weir::read_status::end : weir::read_status::later;
      static_cast<weir::collector<int>&>(out)(from_.records.front());
      from_.records.pop_front();
      ++at_;
      return weir::read_status::more;
    }
    [[nodiscard]] std::string position() const override { return std::to_string(at_); }
    [[nodiscard]] weir::processing_time next_at() const override { return weir::processing_time::max(); }
    void attach(std::shared_ptr<weir::waker> wakes) override { from_.wakes = std::move(wakes); }
    void durable(const std::string& position) override { from_.durable.push_back(position); }

  private:
    feed& from_;
    int at_ = 0;
  };

  std::shared_ptr<feed> from_;
};

/// A source that is fed from outside.
struct fed_subtask : subtask_harness {
  explicit fed_subtask(bool runs = true) {
    const auto source = std::make_shared<fed_source>(feed);
    setup.splits = std::make_shared<const std::vector<weir::source_split>>(source->enumerate(1));
    add("fed", [source] { return std::make_unique<weir::source_operator>(source); }, {&weir::element_type_of<int>()});
    add_edge();
    setup.credit_window = 100;
    if (runs)
      start();
  }
  void put(std::vector<int> records) {
    feed->records.insert(feed->records.end(), records.begin(), records.end());
    loop->on_outside_wake();
    settle();
  }
  void complete(std::uint64_t checkpoint) { loop->on_completed(checkpoint_id{checkpoint}); }

  std::shared_ptr<fed_source::feed> feed = std::make_shared<fed_source::feed>();
};

/// Counts the calls of `on_wake`, and emits the count.
class woken_operator final : public weir::any_operator {
public:
  explicit woken_operator(bool asks) : asks_(asks) {}
  void open(weir::operator_context& context) override {
    if (asks_)
      wakes_ = context.outside_waker();
  }
  std::size_t process(std::size_t, weir::any_batch&, std::size_t, std::size_t to, weir::operator_outputs&) override {
    return to;
  }
  bool on_wake(weir::processing_time, weir::operator_outputs& out) override {
    out.port<int>(0)(++woken_);
    return true;
  }

private:
  bool asks_;
  std::shared_ptr<weir::waker> wakes_;
  int woken_ = 0;
};

struct woken_subtask : subtask_harness {
  explicit woken_subtask(bool asks) {
    add_inputs(1);
    add("woken", [asks] { return std::make_unique<woken_operator>(asks); }, {&weir::element_type_of<int>()});
    add_edge();
    setup.flush_interval = {};
  }
};

} // namespace

TEST_CASE("an operator that has asked for the outside waker is woken by it") {
  woken_subtask task{true};
  task.start();
  task.settle();
  CHECK(task.sent().empty());
  task.loop->on_outside_wake();
  task.settle();
  CHECK(task.sent() == texts{"[1]"});
}

TEST_CASE("a wake-up that comes before a subtask runs is not lost") {
  woken_subtask task{true};
  task.make();
  task.loop->open();
  task.loop->loaded();
  task.loop->on_outside_wake();
  task.settle();
  task.loop->run();
  task.settle();
  CHECK(task.sent() == texts{"[1]"});
}

TEST_CASE("operators that have not asked for it do not see an outside wake-up") {
  woken_subtask task{false};
  task.start();
  task.loop->on_outside_wake();
  task.settle();
  CHECK(task.sent().empty());
}

TEST_CASE("a reader that waits for its waker alone is read after a wake-up, and not before") {
  fed_subtask task;
  task.settle();
  CHECK(task.feed->wakes == task.around.waker);
  const int reads = task.feed->reads;
  task.env->advance(std::chrono::hours{24});
  task.loop->wake();
  task.settle();
  CHECK(task.feed->reads == reads);
  for (const auto delay : task.around.wakes)
    CHECK(delay < std::chrono::hours{1}); // nothing was asked of the clock
  task.put({1, 2});
  CHECK(task.sent() == texts{"[1 2]"});
}

TEST_CASE("a reader hears which of its positions a complete checkpoint has") {
  fed_subtask task;
  task.put({1, 2});
  task.trigger(1);
  task.settle();
  task.answer_store(1);
  task.put({3});
  CHECK(task.feed->durable.empty());
  task.complete(1);
  CHECK(task.feed->durable == texts{"2"});
  task.complete(1); // told again
  CHECK(task.feed->durable == texts{"2"});
}

TEST_CASE("a reader does not hear of a checkpoint that was aborted, and the next one says it all") {
  fed_subtask task;
  task.put({1});
  task.trigger(1);
  task.settle();
  task.answer_store(1);
  task.loop->on_aborted(checkpoint_id{1});
  task.complete(1); // cannot be
  CHECK(task.feed->durable.empty());
  task.put({2, 3});
  task.trigger(2);
  task.settle();
  task.answer_store(2);
  task.complete(2);
  CHECK(task.feed->durable == texts{"3"});
}

TEST_CASE("a reader that has ended hears that its end is durable, once") {
  fed_subtask task;
  task.feed->ended = true;
  task.put({1, 2});
  for (std::uint64_t checkpoint = 1; checkpoint != 3; ++checkpoint) {
    task.trigger(checkpoint);
    task.settle();
    task.answer_store(checkpoint);
    task.complete(checkpoint);
  }
  CHECK(task.feed->durable == texts{"2"});
}

TEST_CASE("a restored source is told of splits that were read to their end before") {
  fed_subtask task;
  task.feed->ended = true;
  task.put({1, 2});
  task.trigger(1);
  task.settle();
  REQUIRE(task.around.stored.size() == 1);

  fed_subtask again{false};
  again.setup.splits.reset();
  again.setup.restored = true;
  again.setup.restored_checkpoint = checkpoint_id{1};
  again.make();
  again.loop->open();
  for (const auto& chunk : task.around.stored.front().chunks)
    again.loop->load(0, chunk.entries, chunk.bytes);
  again.loop->loaded();
  again.loop->run();
  again.settle();
  CHECK(again.feed->read_before == texts{"a 2"});
  CHECK(again.feed->reads == 0);
}
