// Tests of single values in and out of text.
#include "record_samples.hpp"

#include <weir/operators/csv.hpp>
#include <weir/operators/field_text.hpp>
#include <weir/operators/record_fields.hpp>
#include <weir/operators/record_text.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

template <class T>
std::optional<T> parse(const std::string& text) {
  T value{};
  return weir::store_text(weir::field_type_of<T>(), text, &value) ? std::optional{value} : std::nullopt;
}

template <class T>
std::string text_of(const T& value) {
  std::string text;
  weir::append_scalar(weir::field_type_of<T>(), &value, text);
  return text;
}

std::optional<std::int64_t> milliseconds(const std::string& text) {
  std::int64_t ticks = 0;
  return weir::parse_time(text, 1000, ticks) ? std::optional{ticks} : std::nullopt;
}

} // namespace

TEST_CASE("numbers fit into their members or are refused") {
  CHECK(parse<std::int8_t>("-128") == std::int8_t{-128});
  CHECK_FALSE(parse<std::int8_t>("128"));
  CHECK(parse<std::uint8_t>(" 255\t") == std::uint8_t{255});
  CHECK_FALSE(parse<std::uint8_t>("256"));
  CHECK_FALSE(parse<std::uint8_t>("-1"));
  CHECK(parse<std::uint64_t>("18446744073709551615") == std::numeric_limits<std::uint64_t>::max());
  CHECK_FALSE(parse<std::uint64_t>("18446744073709551616"));
  CHECK(parse<std::int64_t>("-9223372036854775808") == std::numeric_limits<std::int64_t>::min());
  for (const char* bad : {"", " ", "1x", "x", "1.5", "1e3", "0x10", "--1", "+", "1 2"})
    CHECK_FALSE(parse<int>(bad));
  CHECK(parse<double>("-1.5e-3") == -1.5e-3);
  CHECK(parse<float>("0.1") == 0.1F);
  CHECK_FALSE(parse<float>("1e39"));
  CHECK_FALSE(parse<double>("1,5"));
  CHECK(parse<bool>("TRUE") == true);
  CHECK_FALSE(parse<bool>("yes"));
  CHECK(parse<char>(" ") == ' ');
  CHECK_FALSE(parse<char>("ab"));
  CHECK(parse<std::chrono::seconds>("-7") == -7s);
}

TEST_CASE("times are read in the forms of ISO 8601") {
  const std::int64_t day = 1'770'076'800'000; // 2026-02-03
  CHECK(milliseconds("2026-02-03") == day);
  CHECK(milliseconds("2026-02-03T04:05:06.789Z") == day + 14'706'789);
  CHECK(milliseconds("2026-02-03 04:05:06,7") == day + 14'706'700);
  CHECK(milliseconds("2026-02-03T04:05") == day + 14'700'000);
  CHECK(milliseconds("2026-02-03T04:05:06.123456789z") == day + 14'706'123);
  CHECK(milliseconds("2026-02-03T04:05:06+01:30") == day + 14'706'000 - 5'400'000);
  CHECK(milliseconds("2026-02-03T04:05:06-0130") == day + 14'706'000 + 5'400'000);
  CHECK(milliseconds("1969-12-31T23:59:59.999Z") == -1);
  CHECK(milliseconds("2024-02-29") == 1'709'164'800'000);
  for (const char* bad : {"2026-02-30", "2026-13-01", "2026-2-3", "2026-02-03T", "2026-02-03T24:00", "2026-02-03T04:60",
                          "2026-02-03T04:05:06.", "2026-02-03T04:05:06X", "2026-02-03T04:05:06+1", "20260203", ""})
    CHECK_FALSE(milliseconds(bad));
  std::int64_t ticks = 0;
  CHECK_FALSE(weir::parse_time("9999-01-01", 1'000'000'000, ticks)); // too far away for nanoseconds
}

TEST_CASE("what is written is read back") {
  std::mt19937_64 random{1};
  for (int i = 0; i < 1000; ++i) {
    const weir::event_time time{std::chrono::milliseconds{static_cast<std::int64_t>(random() >> (random() % 64))}};
    CHECK(parse<weir::event_time>(text_of(time)) == time);
    const auto real = static_cast<double>(random()) / static_cast<double>(random() | 1U);
    CHECK(parse<double>(text_of(real)) == real);
    CHECK(parse<float>(text_of(static_cast<float>(real))) == static_cast<float>(real));
    const auto whole = static_cast<std::int64_t>(random());
    CHECK(parse<std::int64_t>(text_of(whole)) == whole);
  }
  CHECK(parse<weir::event_time>(text_of(weir::event_time::min())) == weir::event_time::min());
  CHECK(text_of(weir::event_time{-1ms}) == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("rows of any text are split as they were written") {
  const weir_test::scratch_folder folder;
  std::mt19937 random{2};
  constexpr std::string_view letters = "a,\";'\n\r \t\xc3\xa4";
  for (int round = 0; round < 20; ++round) {
    std::vector<weir_test::point> points;
    std::string text = weir::csv_header(weir::field_type_of<weir_test::point>(), ',', '"');
    for (int i = 0; i < 50; ++i) {
      weir_test::point point{static_cast<int>(random()), std::nullopt};
      if (random() % 4 != 0)
        point.name.emplace();
      for (std::size_t n = random() % 8; point.name && n > 0; --n)
        *point.name += letters[random() % letters.size()];
      weir::append_csv_row(text, weir::field_type_of<weir_test::point>(), &point, ',', '"');
      text += '\n';
      points.push_back(std::move(point));
    }
    const weir::csv<weir_test::point> spec{folder.write("a.csv", text)};
    CHECK(weir_test::read_all(spec) == points);
  }
}
