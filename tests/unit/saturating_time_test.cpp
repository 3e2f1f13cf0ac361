// Tests of sums and differences of times at the ends of what a time can be.
#include <weir/operators/event_time.hpp>
#include <weir/persistence/saturating_time.hpp>

#include <catch2/catch.hpp>

#include <chrono>

using namespace std::chrono_literals;
using std::chrono::microseconds;
using weir::processing_time;
using weir::saturating_add;
using weir::saturating_until;

TEST_CASE("a time and a duration give a time, at most the last one") {
  constexpr processing_time now{1'700'000'000s};
  CHECK(saturating_add(now, 5s) == now + 5s);
  CHECK(saturating_add(now, -5s) == now - 5s);
  CHECK(saturating_add(now, microseconds::max()) == processing_time::max());
  CHECK(saturating_add(processing_time::max(), 1us) == processing_time::max());
  CHECK(saturating_add(processing_time::max(), -1us) == processing_time::max() - 1us);
  CHECK(saturating_add(processing_time{-1us}, microseconds::min()) == processing_time::min());
}

TEST_CASE("two times give a duration, at most the longest") {
  constexpr processing_time now{1'700'000'000s};
  CHECK(saturating_until(now, now + 5s) == 5s);
  CHECK(saturating_until(now, now - 5s) == -5s);
  CHECK(saturating_until(now, processing_time::max()) == processing_time::max() - now);
  CHECK(saturating_until(now, processing_time::min()) == microseconds::min());
  CHECK(saturating_until(-1us + processing_time{}, processing_time::max()) == microseconds::max());
  CHECK(saturating_until(processing_time::min(), processing_time::max()) == microseconds::max());
  CHECK(saturating_until(processing_time::max(), processing_time::min()) == microseconds::min());
}
