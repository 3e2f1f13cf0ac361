// Tests of how a subtask drives a sink's writer, beside it or inside of it.
#include "sink_harness.hpp"

#include <weir/actors/sink_driver.hpp>

#include <catch2/catch.hpp>

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using weir::checkpoint_id;
using weir::sink_answer;
using weir::sink_command;
using weir_test::batch_of;

using steps = std::vector<std::string>;

/// A sink that writes down what it is asked.
class noting_sink final : public weir::any_sink {
public:
  explicit noting_sink(steps& log) : log_(log) {}

  [[nodiscard]] bool blocking() const override { return false; }
  [[nodiscard]] bool two_phase() const override { return true; }
  [[nodiscard]] std::string guarantee() const override { return ""; }
  [[nodiscard]] std::unique_ptr<weir::sink_writer> open_writer(const weir::sink_start& start) const override {
    log_.push_back("open for " + start.identity.run);
    return std::make_unique<writer>(log_);
  }

private:
  class writer final : public weir::sink_writer {
  public:
    explicit writer(steps& log) : log_(log) {}
    void write(weir::any_batch& batch) override {
      if (weir::as<int>(batch).values[0] < 0)
        throw std::runtime_error{"the disk is full"};
      log_.push_back("write " + std::to_string(weir::as<int>(batch).values[0]));
    }
    std::string prepare(checkpoint_id checkpoint) override {
      log_.push_back("prepare " + to_string(checkpoint));
      return "p" + to_string(checkpoint);
    }
    void commit(const std::vector<weir::prepared_output>& prepared) override {
      std::string line = "commit";
      for (const auto& output : prepared)
        line += " " + output.id;
      log_.push_back(line);
    }
    void flush() override { log_.push_back("flush"); }

  private:
    steps& log_;
  };

  steps& log_;
};

weir::prepared_output prepared(std::uint64_t checkpoint) {
  return {checkpoint_id{checkpoint}, weir::subtask_index{0}, "p" + std::to_string(checkpoint)};
}

weir::sink_answers noting_answers(steps& log) {
  return {
      [&log](checkpoint_id id, const std::string& name) { log.push_back("prepared " + to_string(id) + " as " + name); },
      [&log](checkpoint_id up_to) { log.push_back("committed up to " + to_string(up_to)); },
      [&log] { log.push_back("threw"); }};
}

/// A companion that only remembers its commands.
struct companion {
  explicit companion(std::size_t window = 4)
      : driver([this](sink_command command) { commands.push_back(std::move(command)); }, noting_answers(answers),
               window) {}

  template <class T>
  [[nodiscard]] bool told(std::size_t at) const {
    return std::holds_alternative<T>(commands.at(at).what);
  }

  std::vector<sink_command> commands;
  steps answers;
  weir::companion_sink driver;
};

} // namespace

TEST_CASE("a sink that does not block is driven at once") {
  steps log;
  const noting_sink sink{log};
  weir::inline_sink driver{sink, noting_answers(log)};
  driver.start(weir_test::start_of("run-1"));
  CHECK(driver.accept(batch_of<int>({7})));
  CHECK_FALSE(driver.full());
  driver.flush();
  driver.prepare(checkpoint_id{3});
  driver.commit(checkpoint_id{3}, {prepared(2), prepared(3)});
  CHECK(log == steps{"open for run-1", "write 7", "flush", "prepare 3", "prepared 3 as p3", "commit p2 p3",
                     "committed up to 3"});
}

TEST_CASE("a companion is told everything in order") {
  companion with;
  with.driver.start(weir_test::start_of("run-1"));
  with.driver.accept(batch_of<int>({1}));
  with.driver.prepare(checkpoint_id{1});
  with.driver.accept(batch_of<int>({2}));
  with.driver.commit(checkpoint_id{1}, {prepared(1)});
  with.driver.flush();
  REQUIRE(with.commands.size() == 6);
  CHECK(with.told<sink_command::start>(0));
  CHECK(with.told<sink_command::write>(1));
  CHECK(with.told<sink_command::prepare>(2));
  CHECK(with.told<sink_command::write>(3));
  CHECK(with.told<sink_command::commit>(4));
  CHECK(with.told<sink_command::flush>(5));
  CHECK(with.answers.empty()); // nothing counts as done before the companion says so
}

TEST_CASE("a companion's answers are passed on") {
  companion with;
  CHECK_FALSE(with.driver.started());
  with.driver.on_answer({sink_answer::started{}});
  CHECK(with.driver.started());
  with.driver.on_answer({sink_answer::prepared{checkpoint_id{4}, "p4"}});
  with.driver.on_answer({sink_answer::committed{checkpoint_id{4}}});
  CHECK(with.answers == steps{"prepared 4 as p4", "committed up to 4"});
}

TEST_CASE("no more batches than the window are under way to a companion") {
  companion with{2};
  CHECK(with.driver.accept(batch_of<int>({1})));
  CHECK_FALSE(with.driver.full());
  CHECK_FALSE(with.driver.accept(batch_of<int>({2})));
  CHECK(with.driver.full());
  with.driver.on_answer({sink_answer::written{0}}); // of a flush
  CHECK(with.driver.full());
  with.driver.on_answer({sink_answer::written{1}});
  CHECK_FALSE(with.driver.full());
}

TEST_CASE("barriers and commits reach a companion whose window is full") {
  companion with{1};
  with.driver.accept(batch_of<int>({1}));
  REQUIRE(with.driver.full());
  with.driver.prepare(checkpoint_id{1});
  with.driver.commit(checkpoint_id{1}, {});
  CHECK(with.commands.size() == 3);
}

TEST_CASE("a companion is asked to flush once after something was written") {
  companion with;
  with.driver.flush();
  CHECK(with.commands.empty());
  with.driver.accept(batch_of<int>({1}));
  with.driver.flush();
  with.driver.flush();
  CHECK(with.commands.size() == 2);
  with.driver.accept(batch_of<int>({2}));
  with.driver.flush();
  CHECK(with.commands.size() == 4);
}

TEST_CASE("a companion carries each command out and answers it") {
  steps log;
  const noting_sink sink{log};
  std::unique_ptr<weir::sink_writer> writer;
  const auto answer_to = [&](sink_command command) { return weir::carry_out(std::move(command), sink, writer).what; };
  CHECK(std::holds_alternative<sink_answer::started>(answer_to({sink_command::start{weir_test::start_of("run-1")}})));
  CHECK(std::get<sink_answer::written>(answer_to({sink_command::write{batch_of<int>({7})}})).batches == 1);
  const auto made = std::get<sink_answer::prepared>(answer_to({sink_command::prepare{checkpoint_id{3}}}));
  CHECK(made.checkpoint == checkpoint_id{3});
  CHECK(made.id == "p3");
  const auto done = answer_to({sink_command::commit{checkpoint_id{3}, {prepared(3)}}});
  CHECK(std::get<sink_answer::committed>(done).up_to == checkpoint_id{3});
  CHECK(std::get<sink_answer::written>(answer_to({sink_command::flush{}})).batches == 0);
  CHECK(log == steps{"open for run-1", "write 7", "prepare 3", "commit p3", "flush"});
}

TEST_CASE("what a writer throws passes through its driver, which says that it was the writer") {
  steps log;
  const noting_sink sink{log};
  weir::inline_sink driver{sink, noting_answers(log)};
  driver.start(weir_test::start_of("run-1"));
  CHECK_THROWS_WITH(driver.accept(batch_of<int>({-1})), "the disk is full");
  CHECK(log.back() == "threw");
}
