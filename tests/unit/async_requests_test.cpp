// Tests of which requests are asked, tried again, given up, and go on, and of replies.
#include <weir/operators/async_reply.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using weir::async_options;
using weir::async_order;
using weir::async_requests;
using weir::async_try;
using outcome = weir::async_requests::outcome;

constexpr weir::monotonic_time start{1'000s};

async_try asked(async_requests& requests, weir::monotonic_time now = start) {
  const auto next = requests.next_try(now);
  REQUIRE(next);
  return *next;
}

class counting final : public weir::waker {
public:
  void wake() noexcept override { ++calls; }
  int calls = 0;
};

} // namespace

TEST_CASE("no more requests are under way than the capacity says") {
  async_requests requests{{.capacity = 2}};
  for (int i = 0; i != 3; ++i)
    requests.add();
  CHECK(requests.at_capacity());
  const async_try first = asked(requests);
  asked(requests);
  CHECK_FALSE(requests.next_try(start));
  CHECK(requests.answered(first));
  CHECK(asked(requests).ticket == 3);
}

TEST_CASE("ordered answers go on in the order of the records") {
  async_requests requests{{.capacity = 3}};
  requests.add();
  requests.add();
  const async_try first = asked(requests);
  const async_try second = asked(requests);
  CHECK(requests.answered(second));
  CHECK_FALSE(requests.next_settled());
  CHECK(requests.answered(first));
  CHECK(requests.next_settled() == 1U);
  requests.erase(1);
  CHECK(requests.next_settled() == 2U);
  requests.erase(2);
  CHECK(requests.size() == 0);
}

TEST_CASE("unordered answers go on as they come") {
  async_requests requests{{.capacity = 3, .order = async_order::unordered}};
  requests.add();
  requests.add();
  const async_try first = asked(requests);
  CHECK(requests.answered(asked(requests)));
  CHECK(requests.next_settled() == 2U);
  requests.erase(2);
  CHECK_FALSE(requests.next_settled());
  CHECK(requests.answered(first));
  CHECK(requests.next_settled() == 1U);
}

TEST_CASE("a request is tried again after its delay, and given up after its last try") {
  async_requests requests{{.capacity = 1, .timeout = 0s, .retries = 1, .retry_delay = 50ms}};
  requests.add();
  const async_try first = asked(requests);
  CHECK(requests.failed(first, start) == outcome::again);
  CHECK_FALSE(requests.next_try(start));
  CHECK(requests.next_due() == start + 50ms);
  CHECK(requests.expire(start + 50ms).empty());
  const async_try second = asked(requests, start + 50ms);
  CHECK(second.number == 2);
  CHECK_FALSE(requests.answered(first)); // too late
  CHECK(requests.failed(first, start) == outcome::ignored);
  CHECK(requests.failed(second, start) == outcome::given_up);
  CHECK(requests.next_settled() == 1U);
}

TEST_CASE("a request that takes too long is told, once") {
  async_requests requests{{.capacity = 2, .timeout = 1s}};
  requests.add();
  const async_try only = asked(requests);
  CHECK(requests.expire(start + 999ms).empty());
  const auto late = requests.expire(start + 1s);
  REQUIRE(late.size() == 1);
  CHECK(late.front().ticket == only.ticket);
  CHECK(requests.failed(late.front(), start + 1s) == outcome::given_up);
  CHECK(requests.expire(start + 2s).empty());
  CHECK_FALSE(requests.next_due());
}

TEST_CASE("a timeout and a delay that end beyond all times do not end") {
  async_requests requests{{.capacity = 2,
                           .timeout = std::chrono::microseconds::max(),
                           .retries = 1,
                           .retry_delay = std::chrono::microseconds::max()}};
  requests.add();
  const async_try only = asked(requests);
  CHECK(requests.expire(start + 10h).empty());
  CHECK(requests.next_due() == weir::monotonic_time::max());
  CHECK(requests.failed(only, start) == outcome::again);
  CHECK(requests.expire(start + 10h).empty());
  CHECK_FALSE(requests.next_try(start + 10h));
}

TEST_CASE("only the first answer of a reply counts, and one that is dropped has failed") {
  const auto wakes = std::make_shared<counting>();
  const auto box = std::make_shared<weir::detail::answer_box<int>>(wakes);
  {
    const weir::async_reply<int> reply{box, {1, 1}};
    const weir::async_reply<int> copy = reply;
    copy(7);
    reply(8);
    reply.fail("too late");
  }
  { const weir::async_reply<int> dropped{box, {2, 1}}; }
  const auto answers = box->take();
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].out == 7);
  CHECK_FALSE(answers[1].out);
  CHECK(answers[1].error == "the request was dropped without an answer");
  CHECK(wakes->calls == 1); // one for both
}

TEST_CASE("a reply may come after its operator is gone") {
  const auto wakes = std::make_shared<counting>();
  const auto box = std::make_shared<weir::detail::answer_box<int>>(wakes);
  const weir::async_reply<int> reply{box, {1, 1}};
  box->close();
  reply(7);
  CHECK(box->take().empty());
  CHECK(wakes->calls == 0);
}
