// Numbers as people read them.
#include <weir/coordinator/human_text.hpp>

#include <catch2/catch.hpp>

#include <limits>

using namespace weir;
using namespace std::chrono_literals;

TEST_CASE("sizes are in binary units") {
  CHECK(human_bytes(0) == "0 B");
  CHECK(human_bytes(1023) == "1023 B");
  CHECK(human_bytes(1024) == "1.0 KiB");
  CHECK(human_bytes(1536) == "1.5 KiB");
  CHECK(human_bytes((1U << 20U) - 1) == "1.0 MiB");
  CHECK(human_bytes(std::uint64_t{5} << 30U) == "5.0 GiB");
  CHECK(human_bytes(std::numeric_limits<std::uint64_t>::max()) == "16.0 EiB");
}

TEST_CASE("counts have a comma after every third digit") {
  CHECK(human_count(0) == "0");
  CHECK(human_count(999) == "999");
  CHECK(human_count(1'000) == "1,000");
  CHECK(human_count(1'234'567) == "1,234,567");
}

TEST_CASE("numbers have three significant digits") {
  CHECK(human_number(0) == "0");
  CHECK(human_number(0.5) == "0.50");
  CHECK(human_number(950) == "950");
  CHECK(human_number(999.6) == "1.00 k");
  CHECK(human_number(12'345) == "12.3 k");
  CHECK(human_number(1'234'567) == "1.23 M");
  CHECK(human_number(-2'500) == "-2.50 k");
  CHECK(human_number(std::numeric_limits<double>::infinity()) == "-");
}

TEST_CASE("a rate is for a second, and needs a duration") {
  CHECK(human_rate(1'000'000, 500ms) == "2.00 M records/s");
  CHECK(human_rate(10, 1s) == "10 records/s");
  CHECK(human_rate(10, 0s) == "- records/s");
}

TEST_CASE("durations are rounded to what matters") {
  CHECK(human_duration(0us) == "0 us");
  CHECK(human_duration(999us) == "999 us");
  CHECK(human_duration(12'345us) == "12.3 ms");
  CHECK(human_duration(999'600us) == "1.00 s");
  CHECK(human_duration(4'560ms) == "4.56 s");
  CHECK(human_duration(59'960ms) == "1 min 00 s");
  CHECK(human_duration(200s) == "3 min 20 s");
  CHECK(human_duration(3599'600ms) == "1 h 00 min");
  CHECK(human_duration(125min) == "2 h 05 min");
  CHECK(human_duration(-5ms) == "-5.00 ms");
}
