// Tests of what the composed tests find wrong with lines that come at most once.
#include <composed/line_stream.hpp>

#include <catch2/catch.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace {

std::vector<std::string> lines_but(const composed::line_stream& stream, std::size_t from, std::size_t to) {
  std::vector<std::string> all;
  for (std::size_t n = 0; n != stream.lines_begun(); ++n)
    if (n < from || n >= to)
      all.push_back(stream.line(n));
  return all;
}

} // namespace

TEST_CASE("lines that are missing in the middle or at the end are a gap, which only a death explains") {
  composed::line_stream stream{'s'};
  static_cast<void>(stream.next(20, 3));
  static_cast<void>(stream.rest_of_line());
  REQUIRE(stream.lines_begun() == 21);
  CHECK(stream.fault(lines_but(stream, 0, 0), 0, true).empty());
  const bool at_end = GENERATE(true, false);
  const auto found = at_end ? lines_but(stream, 19, 21) : lines_but(stream, 3, 5);
  CHECK(stream.fault(found, 0, true) == "1 gaps, and 0 deaths");
  CHECK(stream.fault(found, 1, true).empty());
  CHECK(stream.fault(found, 0, false).empty() == at_end); // of what was not read to the end, the end may be missing
}

TEST_CASE("lines that were never sent, or came twice, are found") {
  composed::line_stream stream{'s'};
  static_cast<void>(stream.next(2, 0));
  CHECK(stream.fault({"s 00000", "s 00001", "s 00002"}, 9, true) == "never sent: s 00002");
  CHECK(stream.fault({"s 00000", "s 00000"}, 9, true) == "twice: s 00000");
}
