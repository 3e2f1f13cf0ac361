// Tests of the operator that asks somebody else: order, capacity, time, failures, state.
#include "subtask_harness.hpp"

#include <weir/operators/dead_letter.hpp>
#include <weir/operators/job.hpp>
#include <weir/operators/testing.hpp>
#include <weir/persistence/error.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using texts = std::vector<std::string>;
using weir::async_order;
using weir::async_reply;

/// Keeps what it is asked, for the test to answer.
class desk {
public:
  void ask(int record, async_reply<std::string> reply) { asked.push_back({record, std::move(reply)}); }
  /// Answers the oldest open request for a record.
  void answer(int record) { take(record)("answer " + std::to_string(record)); }
  void fail(int record) { take(record).fail("no such record"); }
  [[nodiscard]] std::vector<int> open() const {
    std::vector<int> all;
    for (const auto& each : asked)
      all.push_back(each.record);
    return all;
  }

  struct request {
    int record;
    async_reply<std::string> reply;
  };
  std::vector<request> asked;

private:
  async_reply<std::string> take(int record) {
    for (auto at = asked.begin(); at != asked.end(); ++at)
      if (at->record == record) {
        async_reply<std::string> reply = std::move(at->reply);
        asked.erase(at);
        return reply;
      }
    throw std::logic_error{"nobody asked for " + std::to_string(record)};
  }
};

struct asking {
  explicit asking(weir::async_options how, weir::operator_options options = {}) : job("asking") {
    in = job.source("in", weir::testing::input<int>{});
    out = in->async_map<std::string>(
        "ask", [to = to](int record, async_reply<std::string> reply) { to->ask(record, std::move(reply)); }, how,
        options);
  }
  void start() { test.emplace(job); }
  void start(const weir::testing::snapshot& from) { test.emplace(job, from); }
  void push(const std::vector<int>& records) {
    for (const int record : records)
      test->push(*in, record);
  }
  texts outputs() { return test->outputs(*out); }

  weir::job job;
  std::shared_ptr<desk> to = std::make_shared<desk>();
  std::optional<weir::stream<int>> in;
  std::optional<weir::stream<std::string>> out;
  std::optional<weir::testing::harness> test;
};

} // namespace

TEST_CASE("ordered answers are emitted in the order of the records") {
  asking a{{.capacity = 10}};
  a.start();
  a.push({1, 2, 3});
  CHECK(a.to->open() == std::vector<int>{1, 2, 3});
  a.to->answer(2);
  a.test->work();
  CHECK(a.outputs().empty());
  a.to->answer(1);
  a.test->work();
  CHECK(a.outputs() == texts{"answer 1", "answer 2"});
}

TEST_CASE("unordered answers are emitted as they come") {
  asking a{{.capacity = 10, .order = async_order::unordered}};
  a.start();
  a.push({1, 2, 3});
  a.to->answer(3);
  a.to->answer(1);
  a.test->work();
  CHECK(a.outputs() == texts{"answer 3", "answer 1"});
}

TEST_CASE("an answer may be given at once, and by another thread") {
  weir::job job{"at-once"};
  const auto in = job.source("in", weir::testing::input<int>{});
  const auto out = in.async_map<int>("double", [](int i, async_reply<int> reply) {
    if (i % 2 == 0)
      reply(2 * i);
    else
      std::thread{[i, reply] { reply(2 * i); }}.join();
  });
  weir::testing::harness test{job};
  for (int i = 0; i != 4; ++i)
    test.push(in, i);
  test.work();
  CHECK(test.outputs(out) == std::vector<int>{0, 2, 4, 6});
}

TEST_CASE("at its capacity the operator takes no more") {
  asking a{{.capacity = 2}};
  a.start();
  a.push({1, 2, 3, 4});
  CHECK(a.test->holding());
  CHECK(a.to->open() == std::vector<int>{1, 2});
  a.to->answer(1);
  a.test->work();
  CHECK(a.to->open() == std::vector<int>{2, 3});
  for (const int record : {2, 3})
    a.to->answer(record);
  a.test->work();
  a.to->answer(4);
  a.test->work();
  CHECK_FALSE(a.test->holding());
  CHECK(a.outputs() == texts{"answer 1", "answer 2", "answer 3", "answer 4"});
}

TEST_CASE("the end of the input comes behind all answers") {
  asking a{{.capacity = 10}};
  a.start();
  a.push({1});
  a.test->end_of_input();
  CHECK(a.test->holding());
  a.to->answer(1);
  a.test->work();
  CHECK_FALSE(a.test->holding());
  CHECK(a.outputs() == texts{"answer 1"});
}

TEST_CASE("answers have the event times of their records, and a watermark comes behind them") {
  asking a{{.capacity = 10}};
  a.start();
  a.test->push(*a.in, 1, weir::event_time{5ms});
  a.test->watermark(weir::event_time{6ms});
  a.test->push(*a.in, 2, weir::event_time{7ms});
  CHECK(a.to->open() == std::vector<int>{1}); // the second waits behind the watermark
  a.to->answer(1);
  a.test->work();
  a.to->answer(2);
  a.test->work();
  CHECK(a.test->output_times(*a.out) ==
        std::vector<std::optional<weir::event_time>>{weir::event_time{5ms}, weir::event_time{7ms}});
}

TEST_CASE("a request that fails is asked again, and then fails the region with all that is known") {
  asking a{{.capacity = 10, .retries = 1, .retry_delay = 20ms}};
  a.start();
  a.push({7});
  a.to->fail(7);
  a.test->work();
  CHECK(a.to->open().empty());
  a.test->advance_processing_time(20ms);
  CHECK(a.to->open() == std::vector<int>{7});
  a.to->fail(7);
  CHECK_THROWS_WITH(a.test->work(), Catch::Contains("async_map \"ask\", record 1 of its subtask, 7") &&
                                        Catch::Contains("no such record (try 2)"));
}

TEST_CASE("a request without an answer in time is asked again, and a late answer is not heard") {
  asking a{{.capacity = 10, .timeout = 1s, .retries = 1, .retry_delay = 0s}};
  a.start();
  a.push({1});
  a.test->advance_processing_time(1s);
  CHECK(a.to->open() == std::vector<int>{1, 1});
  a.to->answer(1); // the first try's
  a.test->work();
  CHECK(a.outputs().empty());
  a.to->answer(1);
  a.test->work();
  CHECK(a.outputs() == texts{"answer 1"});
}

TEST_CASE("a clock that is set ends no request, and holds up none") {
  const auto set_by = GENERATE(-1h, 0h, 1h);
  int asked = 0;
  std::vector<async_reply<int>> replies;
  const auto ask = [&](int, async_reply<int> reply) {
    ++asked;
    replies.push_back(std::move(reply));
  };
  weir_test::subtask_harness task;
  task.add_inputs(1);
  task.add("ask",
           [&] {
             return std::make_unique<weir::async_map_operator<int, int, decltype(ask)>>(
                 ask, weir::async_options{.timeout = 10s, .retries = 1, .retry_delay = 1s}, weir::poison_policy::fail);
           },
           {&weir::element_type_of<int>()});
  task.add_edge();
  task.start();
  const auto advance = [&](std::chrono::microseconds by) {
    task.env->advance(by);
    task.loop->wake();
    task.settle();
  };
  task.send_batch(0, {1});
  task.settle();
  task.env->set_by = set_by;
  for (int second = 1; second != 11; ++second) {
    CHECK(asked == 1);
    advance(1s);
  }
  CHECK(asked == 1); // the timeout is over, the delay is not
  advance(1s);
  CHECK(asked == 2);
}

TEST_CASE("a function that throws has failed to ask") {
  weir::job job{"throwing"};
  const auto in = job.source("in", weir::testing::input<int>{});
  const auto out = in.async_map<int>("ask", [](int, const async_reply<int>&) { throw std::runtime_error{"not today"}; },
                                     {}, {.poison = weir::poison_policy::dead_letter});
  const auto letters = out.dead_letters();
  weir::testing::harness test{job};
  test.push(in, 5);
  REQUIRE(test.outputs(letters).size() == 1);
  const weir::dead_letter letter = test.outputs(letters).front();
  CHECK(letter.operator_name == "ask");
  CHECK(letter.record == "5");
  CHECK_THAT(letter.error, Catch::Contains("not today"));
}

TEST_CASE("under the policy skip the records of failed requests are left out") {
  asking a{{.capacity = 10}, {.poison = weir::poison_policy::skip}};
  a.start();
  a.push({1, 2});
  a.to->fail(1);
  a.to->answer(2);
  a.test->work();
  CHECK(a.outputs() == texts{"answer 2"});
}

TEST_CASE("requests without an answer are asked again after a restore, before others and in order") {
  asking a{{.capacity = 10}};
  a.start();
  a.push({1, 2, 3});
  a.to->answer(1);
  a.to->answer(3);
  a.test->work();
  CHECK(a.outputs() == texts{"answer 1"});
  const auto snapshot = a.test->snapshot();

  asking again{{.capacity = 10}};
  again.start(snapshot);
  again.test->work();
  again.push({4});
  CHECK(again.to->open() == std::vector<int>{2, 3, 4}); // 3 was answered, but not emitted
  for (const int record : {4, 3, 2})
    again.to->answer(record);
  again.test->work();
  CHECK(again.outputs() == texts{"answer 2", "answer 3", "answer 4"});
}

TEST_CASE("options that make no sense are problems of the job") {
  asking a{{.capacity = 0, .timeout = -1s}};
  CHECK(a.job.graph().problems.size() == 2);
}
