// Tests of the source that reads lines of JSON.
#include "record_samples.hpp"

#include <weir/operators/json_lines.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <map>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using weir_test::contains;
using weir_test::error_of;
using weir_test::point;
using weir_test::read_all;
using weir_test::reading;
using weir_test::scratch_folder;

namespace {

struct tree {
  std::string name;
  std::vector<tree> children;
  std::map<std::string, double> weights;
  std::array<int, 2> pair{};
  std::optional<point> at;
  WEIR_FIELDS(name, children, weights, pair, at)

  friend bool operator==(const tree&, const tree&) = default;
};

template <class T = point>
std::string error_in(const std::string& line) {
  const scratch_folder folder;
  const auto path = folder.write("bad.json", "{\"x\":1}\n\n" + line + "\n{\"x\":2}\n");
  return error_of([&] { read_all(weir::json_lines<T>{path}); });
}

} // namespace

TEST_CASE("members of JSON lines are found by their names") {
  const scratch_folder folder;
  const auto path = folder.write(
      "a.json", R"({"note":"a \"b\" \u00e4","sensor":"north","level":-5,"count":255,"value":1e3,"ratio":0.1,)"
                R"("valid":true,"grade":"A","shade":2,"at":"2026-02-03T04:05:06.789Z","took":1500,)"
                R"("unknown":{"x":[1,2]},"extra":null})"
                "\r\n\n  \n"
                R"({"sensor":"s","level":1,"count":0,"value":2,"ratio":1,"valid":false,"grade":"B",)"
                R"("shade":0,"at":1000,"took":0,"extra":4})");
  const auto records = read_all(weir::json_lines<reading>{path});
  reading first{"north", -5, 255, 1000, 0.1F, true, 'A', weir_test::colour::blue, {}, 1500ms, {}, "a \"b\" ä"};
  first.at = weir::event_time{1770091506789ms};
  reading second{"s", 1, 0, 2, 1, false, 'B', weir_test::colour::red, weir::event_time{1s}, 0ms, 4, {}};
  CHECK(records == std::vector{first, second});
}

TEST_CASE("JSON lines hold lists, maps and structures within each other") {
  const scratch_folder folder;
  const auto path =
      folder.write("a.json", R"({"name":"a","children":[{"name":"b","children":[],"weights":{},"pair":[3,4]}],)"
                             R"("weights":{"k\n":1.5,"l":2},"pair":[1,2],"at":{"x":9}})");
  tree leaf{"b", {}, {}, {3, 4}, {}};
  const tree whole{"a", {leaf}, {{"k\n", 1.5}, {"l", 2}}, {1, 2}, point{9, {}}};
  CHECK(read_all(weir::json_lines<tree>{path}) == std::vector{whole});
  CHECK(read_all(weir::json_lines<double>{folder.write("n.json", "1\n-2.5\n\n3e2\n")}) ==
        std::vector<double>{1, -2.5, 300});
  CHECK(read_all(weir::json_lines<std::vector<std::string>>{folder.write("l.json", "[]\n[\"a\",\"b\"]\n")}) ==
        std::vector<std::vector<std::string>>{{}, {"a", "b"}});
}

TEST_CASE("JSON lines are read alike in ranges of any size, begun again anywhere") {
  const scratch_folder folder;
  std::string text;
  std::vector<point> expected;
  for (unsigned i = 0; i < 60; ++i) {
    text += "{\"x\": " + std::to_string(i * i * i) +
            (i % 3 == 0 ? ", \"name\":\"" + std::string(i % 17, 'n') + "\"" : "") + "}\n";
    expected.push_back(
        {static_cast<int>(i * i * i), i % 3 == 0 ? std::optional{std::string(i % 17, 'n')} : std::nullopt});
    if (i % 7 == 0)
      text += "\n";
  }
  const auto path = folder.write("a.json", text);
  for (const std::uint64_t range : {1U, 7U, 30U, 100U, 100000U}) {
    const auto spec = weir::json_lines<point>{path}.range_bytes(range);
    CHECK(read_all(spec) == expected);
    CHECK(weir_test::source_harness<point>{spec.source()}.resumes_everywhere(1, 4));
  }
}

TEST_CASE("a line that is no record is named with file, line, member, text and reason") {
  const auto error = error_in(R"({"x": "seven"})");
  CHECK(contains(error, "bad.json, line 3, \"x\""));
  CHECK(contains(error, "expected a whole number from -2147483648 to 2147483647, found \"seven\""));
  CHECK(contains(error, R"(the line is: {"x": "seven"})"));
  CHECK(contains(error_in(R"({"x": 3000000000})"), "found 3000000000"));
  CHECK(contains(error_in(R"({"x": 1.5})"), "found 1.5"));
  CHECK(contains(error_in(R"({"x": null})"), "found null"));
  CHECK(contains(error_in(R"({"x": {"y":1}})"), "found an object"));
  CHECK(contains(error_in(R"({"name": "n"})"), "\"x\": expected a whole number"));
  CHECK(contains(error_in(R"({"name": "n"})"), "found no such member"));
  CHECK(contains(error_in(R"({"x": 1, "x": 2})"), "found it twice"));
  CHECK(contains(error_in("[1]"), "expected an object, found a list"));
  CHECK(contains(error_in("12"), "expected an object, found 12"));
  for (const char* broken : {"{\"x\": 1", "{\"x\": 1}}", "{\"x\": 1} {}", "nonsense", "{\"x\" 1}", "{\"x\": 1,}", "\"x",
                             "{\"x\": tru}", "{\"x\": 1} 2", "{\"name\":\"\xff\",\"x\":1}"}) {
    CAPTURE(broken);
    CHECK(contains(error_in(broken), "bad.json, line 3"));
  }
}

TEST_CASE("a fault deep in a JSON line has its path") {
  const scratch_folder folder;
  const auto path = folder.write(
      "a.json",
      R"({"name":"a","children":[{"name":"b","children":[],"weights":{"k":"x"},"pair":[3,4]}],"weights":{},"pair":[1,2]})");
  CHECK(contains(error_of([&] { read_all(weir::json_lines<tree>{path}); }), "line 1, \"children[0].weights.k\""));
  const auto deep = folder.write("deep.json", std::string(5000, '[') + std::string(5000, ']'));
  CHECK(contains(error_of([&] { read_all(weir::json_lines<std::vector<int>>{deep}); }), "line 1"));
}

TEST_CASE("bad JSON lines are skipped and counted, or go with the records") {
  const scratch_folder folder;
  const auto path = folder.write("a.json", "{\"x\":1}\nbad\n{\"x\":2}\n\n{\"x\":\"3\"}\n{\"x\":4}\n");
  const auto skipping = weir::json_lines<point>{path}.on_error(weir::bad_record::skip);
  CHECK(read_all(skipping) == std::vector<point>{{1, {}}, {2, {}}, {4, {}}});
  CHECK(weir_test::last_position(skipping) == R"({"offset":39,"skipped":2})");
  CHECK(weir_test::source_harness<point>{skipping.source()}.resumes_everywhere(1, 1));

  const auto lines = read_all(weir::json_lines<point>{path}.keep_bad_lines());
  REQUIRE(lines.size() == 5);
  CHECK(lines[0].record == point{1, {}});
  CHECK_FALSE(lines[0].bad);
  REQUIRE(lines[1].bad);
  CHECK_FALSE(lines[1].record);
  CHECK(lines[1].bad->file == path);
  CHECK(lines[1].bad->line == 2);
  CHECK(lines[1].bad->text == "bad");
  REQUIRE(lines[3].bad);
  CHECK(lines[3].bad->line == 5);
  CHECK(lines[3].bad->column == "x");
}

TEST_CASE("missing and unknown members are allowed or not, as asked") {
  const scratch_folder folder;
  const auto path = folder.write("a.json", "{\"y\":1}\n");
  CHECK(read_all(weir::json_lines<point>{path}.allow_missing()) == std::vector<point>{{7, {}}});
  CHECK(contains(error_of([&] { read_all(weir::json_lines<point>{path}.allow_missing().refuse_extra()); }),
                 "expected no members but x, name"));
}

TEST_CASE("a JSON line that is too long is a bad one, and the next is read") {
  const scratch_folder folder;
  const auto path =
      folder.write("a.json", "{\"x\":1}\n{\"x\":2,\"name\":\"" + std::string(900'000, 'n') + "\"}\n{\"x\":3}\n");
  const auto spec = weir::json_lines<point>{path}.most_line_bytes(1000).on_error(weir::bad_record::skip);
  CHECK(read_all(spec) == std::vector<point>{{1, {}}, {3, {}}});
  CHECK(weir_test::source_harness<point>{spec.source()}.resumes_everywhere(1, 1));
  CHECK(read_all(weir::json_lines<point>{path}).size() == 3);
}

TEST_CASE("a type that JSON cannot hold is a problem of the job") {
  struct local {
    static std::string first(const std::vector<weir::error_text>& problems) {
      return problems.empty() ? "" : problems[0].found;
    }
  };
  CHECK(weir::json_lines<tree>{"a"}.problems().empty());
  CHECK(local::first(weir::json_lines<std::map<int, int>>{"a"}.problems()).find("no form in JSON") !=
        std::string::npos);
  CHECK(weir::json_lines<tree>{""}.problems().size() == 1);
}
