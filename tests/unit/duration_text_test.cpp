// Durations as people write them.
#include <weir/coordinator/duration_text.hpp>

#include <catch2/catch.hpp>

using namespace weir;
using namespace std::chrono_literals;

TEST_CASE("durations are read with every unit") {
  CHECK(parse_duration("250us") == 250us);
  CHECK(parse_duration("100ms") == 100ms);
  CHECK(parse_duration("2s") == 2s);
  CHECK(parse_duration("5min") == 5min);
  CHECK(parse_duration("5m") == 5min);
  CHECK(parse_duration("1h") == 1h);
  CHECK(parse_duration("2d") == 48h);
  CHECK(parse_duration("1.5s") == 1500ms);
  CHECK(parse_duration("0.0000014s") == 1us);
  CHECK(parse_duration("0") == 0us);
  CHECK(parse_duration("0ms") == 0us);
}

TEST_CASE("what is no duration is not read") {
  for (const char* text : {"", "5", "s", "-1s", "+1s", "1 s", "1sec", "1s ", "1..5s", ".", ".s", "1e3s", "0x1s",
                           "9223372036854775808us", "99999999999999h", "99999999999999.5h"}) {
    INFO(text);
    CHECK_FALSE(parse_duration(text).has_value());
  }
}

TEST_CASE("durations are written exactly, in the largest unit that fits") {
  CHECK(duration_text(0us) == "0s");
  CHECK(duration_text(1us) == "1us");
  CHECK(duration_text(1500us) == "1500us");
  CHECK(duration_text(1500ms) == "1500ms");
  CHECK(duration_text(2s) == "2s");
  CHECK(duration_text(60s) == "1min");
  CHECK(duration_text(90min) == "90min");
  CHECK(duration_text(24h) == "24h");
  CHECK(duration_text(-5ms) == "-5ms");
}

TEST_CASE("a written duration is read as itself") {
  for (const auto duration :
       {0us, 7us, 1'000us, 1'234'567us, 3'600'000'000us, 86'400'000'001us, std::chrono::microseconds::max()})
    CHECK(parse_duration(duration_text(duration)) == duration);
}
