// Restart strategies, and their written form.
#include <weir/coordinator/restart_strategy.hpp>
#include <weir/persistence/error.hpp>

#include <catch2/catch.hpp>

#include <string>

using namespace weir;
using namespace std::chrono_literals;

namespace {

constexpr double middle = 0.5; // no jitter

monotonic_time at(std::chrono::microseconds since_start) {
  return monotonic_time{1h + since_start};
}

std::string refusal(const char* text) {
  try {
    static_cast<void>(parse_restart_settings(text));
  } catch (const usage_error& e) {
    return e.what();
  }
  return "accepted";
}

} // namespace

TEST_CASE("without restarts the first failure is the last") {
  restart_strategy strategy{no_restart{}};
  CHECK_FALSE(strategy.failed(at(0s), middle).has_value());
  CHECK(strategy.restarts() == 0);
}

TEST_CASE("a fixed delay is granted so many times, however far apart") {
  restart_strategy strategy{fixed_delay_restart{2, 200ms}};
  CHECK(strategy.failed(at(0s), middle) == 200ms);
  CHECK(strategy.failed(at(24h), middle) == 200ms);
  CHECK_FALSE(strategy.failed(at(48h), middle).has_value());
  CHECK(strategy.restarts() == 2);
}

TEST_CASE("an exponential delay grows to its maximum") {
  restart_strategy strategy{exponential_delay_restart{100ms, 1s, 2, 0, 1min, 0}};
  for (const auto expected : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms})
    CHECK(strategy.failed(at(0s), middle) == expected);
  for (int i = 0; i != 5'000; ++i) // beyond what a double can hold
    CHECK(strategy.failed(at(0s), middle) == 1s);
}

TEST_CASE("an exponential delay starts anew after a time without failure, counted from the restart") {
  const exponential_delay_restart settings{100ms, 10s, 2, 0, 1min, 2};
  restart_strategy strategy{settings};
  CHECK(strategy.failed(at(0s), middle) == 100ms);
  CHECK(strategy.failed(at(1min), middle) == 200ms); // the restart was at 100 ms: a little less than a minute
  CHECK(strategy.failed(at(2min + 200ms), middle) == 100ms);
  CHECK(strategy.failed(at(2min + 300ms), middle) == 200ms);
  CHECK_FALSE(strategy.failed(at(2min + 400ms), middle).has_value()); // two without a reset between them
}

TEST_CASE("jitter lengthens and shortens by its part, and never beyond the maximum") {
  const exponential_delay_restart settings{100ms, 105ms, 1, 0.1, 1min, 0};
  CHECK(restart_strategy{settings}.failed(at(0s), 0) == 90ms);
  CHECK(restart_strategy{settings}.failed(at(0s), 0.5) == 100ms);
  CHECK(restart_strategy{settings}.failed(at(0s), 0.75) == 105ms);
  CHECK(restart_strategy{settings}.failed(at(0s), 0.999) == 105ms);
}

TEST_CASE("a failure rate looks at one interval only") {
  restart_strategy strategy{failure_rate_restart{2, 1min, 50ms}};
  CHECK(strategy.failed(at(0s), middle) == 50ms);
  CHECK(strategy.failed(at(30s), middle) == 50ms);
  CHECK(strategy.failed(at(60s), middle) == 50ms); // the first is a minute old
  CHECK_FALSE(strategy.failed(at(89s), middle).has_value());
}

TEST_CASE("the default gives up on what always fails within twenty seconds") {
  restart_strategy strategy{default_restart_settings()};
  std::chrono::microseconds waited{0};
  int restarts = 0;
  while (const auto delay = strategy.failed(at(waited), middle)) {
    waited += *delay;
    REQUIRE(++restarts < 100);
  }
  CHECK(restarts >= 5);
  CHECK(waited < 20s);
}

TEST_CASE("strategies are read from text, and written as it") {
  CHECK(parse_restart_settings("none") == restart_settings{no_restart{}});
  CHECK(parse_restart_settings("fixed:3,1s") == restart_settings{fixed_delay_restart{3, 1s}});
  CHECK(parse_restart_settings("fixed:3") == restart_settings{fixed_delay_restart{3, 200ms}});
  CHECK(parse_restart_settings("exponential:100ms,30s,1.5,0.2,2min,7") ==
        restart_settings{exponential_delay_restart{100ms, 30s, 1.5, 0.2, 2min, 7}});
  CHECK(parse_restart_settings("exponential") == default_restart_settings());
  CHECK(parse_restart_settings("rate:3,1m,200ms") == restart_settings{failure_rate_restart{3, 1min, 200ms}});
  for (const char* text : {"none", "fixed:5,200ms", "exponential:50ms,10s,2,0.1,1min,8", "rate:3,1min,200ms"})
    CHECK(to_text(parse_restart_settings(text)) == text);
  CHECK(to_text(default_restart_settings()) == "exponential:50ms,10s,2,0.1,1min,8");
}

TEST_CASE("what is no strategy is refused with what was expected") {
  CHECK(refusal("sometimes").find("expected one of none, fixed, exponential, rate, found \"sometimes\"") !=
        std::string::npos);
  CHECK(refusal("").find("expected one of") != std::string::npos);
  CHECK(refusal("none:1").find("no more parts") != std::string::npos);
  CHECK(refusal("fixed:0").find("a whole number of at least 1") != std::string::npos);
  CHECK(refusal("fixed:1,x").find("a duration such as") != std::string::npos);
  CHECK(refusal("fixed:1,").find("a duration such as") != std::string::npos);
  CHECK(refusal("fixed:1,1s,1").find("no more parts") != std::string::npos);
  CHECK(refusal("exponential:1s,10s,0.5").find("a multiplier of at least 1") != std::string::npos);
  CHECK(refusal("exponential:1s,10s,nan").find("a multiplier of at least 1") != std::string::npos);
  CHECK(refusal("exponential:1s,10s,2,1.5").find("a jitter from 0 to 1") != std::string::npos);
  CHECK(refusal("exponential:10s,1s").find("not below the initial delay") != std::string::npos);
  CHECK(refusal("rate:3,0s").find("a duration such as") != std::string::npos);
}
