// Tests of the source that reads CSV.
#include "record_samples.hpp"

#include <weir/operators/csv.hpp>

#include <catch2/catch.hpp>

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

std::string error_in(const std::string& row) {
  const scratch_folder folder;
  const auto path = folder.write("bad.csv", "name,x\n\nfirst,1\n" + row + "\nlast,2\n");
  return error_of([&] { read_all(weir::csv<point>{path}); });
}

} // namespace

TEST_CASE("columns of CSV are found by their names, with their types") {
  const scratch_folder folder;
  const auto path =
      folder.write("a.csv", "\xef\xbb\xbf"
                            "note,sensor,level,unknown,count,value,ratio,valid,grade,shade,at,took,extra\r\n"
                            "\"a, \"\"b\"\"\",north,-5,?,255,1e3,0.1,true,A,2,2026-02-03T04:05:06.789Z,1500,\r\n"
                            "\"\",\" s \", 1 ,?,+0,2,1,0,B,0,1000,0,4");
  reading first{"north", -5, 255, 1000, 0.1F, true, 'A', weir_test::colour::blue, {}, 1500ms, {}, "a, \"b\""};
  first.at = weir::event_time{1770091506789ms};
  reading second{" s ", 1, 0, 2, 1, false, 'B', weir_test::colour::red, weir::event_time{1s}, 0ms, 4, ""};
  CHECK(read_all(weir::csv<reading>{path}) == std::vector{first, second});
}

TEST_CASE("an optional member is empty where nothing stands, and text may be empty") {
  const scratch_folder folder;
  const auto path = folder.write("a.csv", "x,name\n1,\n2,\"\"\n3,n\n");
  CHECK(read_all(weir::csv<point>{path}) == std::vector<point>{{1, {}}, {2, ""}, {3, "n"}});
}

TEST_CASE("a quoted field goes over lines") {
  const scratch_folder folder;
  std::string text = "x,name\n";
  std::vector<point> expected;
  for (int i = 0; i < 40; ++i) {
    const std::string name(static_cast<std::size_t>(i % 5), '\n');
    text += std::to_string(i) + ",\"<" + name + ",\"\">\"" + (i % 2 == 0 ? "\r\n" : "\n");
    expected.push_back({i, "<" + name + ",\">"});
  }
  const auto path = folder.write("a.csv", text);
  const weir::csv<point> spec{path};
  CHECK(spec.source()->enumerate(8).size() == 1);
  CHECK(read_all(spec) == expected);
  CHECK(weir_test::source_harness<point>{spec.source()}.resumes_everywhere(1, 3));
  text.pop_back(); // without the last line end
  folder.write("a.csv", text);
  CHECK(read_all(spec) == expected);
}

TEST_CASE("CSV without quoted line ends is read alike in ranges of any size, begun again anywhere") {
  const scratch_folder folder;
  std::string text = "a_column_that_nobody_wants,x,name\n";
  std::vector<point> expected;
  for (int i = 0; i < 60; ++i) {
    text += "," + std::to_string(i) + (i % 3 == 0 ? ",\"n,n\"\n" : ",nn\n") + (i % 11 == 0 ? "\n" : "");
    expected.push_back({i, i % 3 == 0 ? "n,n" : "nn"});
  }
  const auto path = folder.write("a.csv", text);
  for (const std::uint64_t range : {1U, 7U, 40U, 100U, 100000U}) {
    const auto spec = weir::csv<point>{path}.no_quoted_newlines().range_bytes(range);
    CHECK(read_all(spec) == expected);
    CHECK(weir_test::source_harness<point>{spec.source()}.resumes_everywhere(1, 4));
  }
}

TEST_CASE("a row that is no record is named with file, line, column, text and reason") {
  const auto error = error_in("n,seven");
  CHECK(contains(error, "bad.csv, line 4, \"x\""));
  CHECK(contains(error, "expected a whole number from -2147483648 to 2147483647, found \"seven\""));
  CHECK(contains(error, "the line is: n,seven"));
  CHECK(contains(error_in("n,"), "found nothing"));
  CHECK(contains(error_in("n,3000000000"), "found \"3000000000\""));
  CHECK(contains(error_in("n,1.5"), "found \"1.5\""));
  CHECK(contains(error_in("n,1 2"), "found \"1 2\""));
  CHECK(contains(error_in("n"), "expected 2 fields, found 1"));
  CHECK(contains(error_in("n,1,2"), "expected 2 fields, found 3"));
  CHECK(contains(error_in("\"n\",1,2"), "expected 2 fields, found 3"));
  CHECK(contains(error_in("n\"n,1"), "found a quote within it"));
  CHECK(contains(error_in("\"n\"n,1"), "bad.csv, line 4, \"name\""));
  CHECK(contains(error_in("\"n,1"), "bad.csv, line 4: expected the end of a quoted field, found the end of the file"));
  CHECK(contains(error_in(std::string(1000, 'n') + ",x"), std::string(197, 'n') + "..."));
  CHECK(contains(error_in("n,\x1b[2J\x7f\t"), "the line is: n,?[2J?\t"));
}

TEST_CASE("bad rows are skipped and counted, or go with the records") {
  const scratch_folder folder;
  const auto path = folder.write("a.csv", "x,name\n1,a\nb,b\n3,c\n\"4,d\n5,e\n6,\"f\nf\"\n");
  const std::vector<point> good{{1, "a"}, {3, "c"}, {5, "e"}, {6, "f\nf"}};
  const auto skipping = weir::csv<point>{path}.on_error(weir::bad_record::skip);
  CHECK(read_all(skipping) == good); // the quote before 4 ends at the one before f, which can't be
  CHECK(contains(weir_test::last_position(skipping), R"("skipped":2)"));
  CHECK(weir_test::source_harness<point>{skipping.source()}.resumes_everywhere(1, 1));

  const auto rows = read_all(weir::csv<point>{path}.keep_bad_lines());
  std::vector<std::uint64_t> bad;
  for (const auto& row : rows)
    if (row.bad)
      bad.push_back(row.bad->line);
  CHECK(bad == std::vector<std::uint64_t>{3, 5});
}

TEST_CASE("a bad row that goes over lines is one bad row, and the next one is read") {
  const scratch_folder folder;
  const auto path = folder.write("a.csv", "x,name\n1,a\n\"b\n2\",b\n\"3\n4\",c,\"c\n5,c\"\n6,f\n");
  const auto skipping = weir::csv<point>{path}.on_error(weir::bad_record::skip);
  CHECK(read_all(skipping) == std::vector<point>{{1, "a"}, {6, "f"}});
  CHECK(contains(weir_test::last_position(skipping), R"("skipped":2)"));
  CHECK(weir_test::source_harness<point>{skipping.source()}.resumes_everywhere(1, 1));
}

TEST_CASE("a last row that is cut, as its file was being written, is a bad one") {
  const scratch_folder folder;
  const auto path = folder.write("a.csv", "x,name\n1,a\n2,1"); // of 2,1299
  const auto spec = weir::csv<point>{path}.no_quoted_newlines();
  const auto split = spec.source()->enumerate(1).at(0);
  const auto rows = [&](const weir::csv<point>& wanted) {
    return weir_test::source_harness<point>{wanted.source()}.read(split, {}, 10);
  };
  CHECK(rows(spec) == std::vector<point>{{1, "a"}, {2, "1"}});
  folder.write("a.csv", "x,name\n1,a\n2,1\n3,c\n"); // it was whole, but for its line end
  CHECK(rows(spec) == std::vector<point>{{1, "a"}, {2, "1"}});
  folder.write("a.csv", "x,name\n1,a\n2,1299\n");
  CHECK(contains(error_of([&] { rows(spec); }), "a.csv, line 3: expected a last line that is whole"));
  CHECK(rows(spec.on_error(weir::bad_record::skip)) == std::vector<point>{{1, "a"}});
  folder.write("a.csv", "x,name\n1,a\n2,\"");
  const auto quoted = weir::csv<point>{path};
  const auto quoted_split = quoted.source()->enumerate(1).at(0);
  folder.write("a.csv", "x,name\n1,a\n2,\"b\"\n");
  CHECK(contains(error_of([&] { weir_test::source_harness<point>{quoted.source()}.read(quoted_split, {}, 10); }),
                 "has grown since"));
}

TEST_CASE("a quote that is never closed takes one line with it, not the file") {
  const scratch_folder folder;
  std::string text = "x,name\n1,a\n2,\"open\n";
  for (int i = 3; i < 2000; ++i)
    text += std::to_string(i) + ",nnnnnnnnnn\n";
  const auto path = folder.write("a.csv", text);
  const auto spec = weir::csv<point>{path}.on_error(weir::bad_record::skip).most_row_bytes(4096);
  CHECK(read_all(spec).size() == 1998);
  CHECK(contains(weir_test::last_position(spec), R"("skipped":1)"));
  CHECK(read_all(spec.no_quoted_newlines()).size() == 1998);
}

TEST_CASE("a file with other columns is refused before anything is read") {
  const scratch_folder folder;
  const auto refused = [&](const weir::csv<point>& spec) {
    return error_of([&] { static_cast<void>(spec.source()->enumerate(1)); });
  };
  const auto path = folder.write("a.csv", "y,name\n1,a\n");
  CHECK(contains(refused(weir::csv<point>{path}), "none for x; there are y, name"));
  CHECK(read_all(weir::csv<point>{path}.allow_missing()) == std::vector<point>{{7, "a"}});
  CHECK(contains(refused(weir::csv<point>{path}.allow_missing().refuse_extra()), "also y"));
  CHECK(contains(refused(weir::csv<point>{folder.write("b.csv", "x,x\n")}), "two columns x"));
  CHECK(read_all(weir::csv<point>{folder.write("c.csv", "x\n1\n\n2\n")}) == std::vector<point>{{1, {}}, {2, {}}});
  CHECK(read_all(weir::csv<point>{folder.write("d.csv", "")}).empty());
  CHECK(read_all(weir::csv<point>{folder.write("e.csv", "x,name")}).empty());
  CHECK(contains(refused(weir::csv<point>{folder / "none.csv"}), "none.csv"));
}

TEST_CASE("CSV may have other delimiters, other quotes, and no row of names") {
  const scratch_folder folder;
  const auto path = folder.write("a.csv", "\xef\xbb\xbf"
                                          "1;'a;b'\n2;\"c\"\n");
  const auto spec = weir::csv<point>{path}.delimiter(';').quote('\'').columns({"x", "name"});
  CHECK(read_all(spec) == std::vector<point>{{1, "a;b"}, {2, "\"c\""}});
  CHECK(spec.problems().empty());
  CHECK(spec.delimiter('\'').problems().size() == 1);
  CHECK(spec.range_bytes(10).problems().size() == 1);
  CHECK(spec.columns({"x", "x"}).problems().size() == 1);
}

TEST_CASE("a record that is no row is a problem of the job") {
  CHECK(weir::csv<int>{"a"}.problems().size() == 1);
  CHECK(weir::csv<weir::parsed<point>>{"a"}.problems().size() == 2);
  CHECK(weir::csv<reading>{"a"}.problems().empty());
}
