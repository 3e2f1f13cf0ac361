// Tests of the sinks that write CSV and JSON lines, and of rolled and partitioned files.
#include "record_samples.hpp"
#include "sink_harness.hpp"

#include <weir/operators/csv.hpp>
#include <weir/operators/csv_files.hpp>
#include <weir/operators/json_lines.hpp>
#include <weir/operators/json_lines_files.hpp>
#include <weir/operators/text_files.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using weir_test::batch_of;
using weir_test::contains;
using weir_test::error_of;
using weir_test::point;
using weir_test::read_all;
using weir_test::reading;
using weir_test::scratch_folder;
using weir_test::start_of;

namespace {

/// Writes records before one checkpoint, and commits it.
template <class T, class Spec>
void write_files(const Spec& spec, const std::vector<std::vector<T>>& batches) {
  const auto sink = spec.template sink<T>();
  sink->prepare_output(start_of("run-1"));
  const auto writer = sink->open_writer(start_of("run-1"));
  for (const auto& batch : batches)
    writer->write(*batch_of<T>(batch));
  writer->commit({{weir::checkpoint_id{1}, weir::subtask_index{0}, writer->prepare(weir::checkpoint_id{1})}});
}

std::vector<std::string> files_in(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& each : std::filesystem::recursive_directory_iterator{directory})
    if (!each.is_directory() && !each.path().filename().string().starts_with('.'))
      names.push_back(std::filesystem::relative(each.path(), directory).string());
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<reading> samples() {
  reading first{"no,\"r\r\nth", -5, 255, 1e300, 0.1F, true, ',', weir_test::colour::blue, {}, -1500ms, {}, ""};
  first.at = weir::event_time{1770091506789ms};
  reading second{" s ", 1, 0, -0.1, 1, false, '"', weir_test::colour::red, weir::event_time{-1ms}, 0ms, 4, {}};
  reading third{"",
                0,
                0,
                std::numeric_limits<double>::denorm_min(),
                0,
                false,
                'x',
                weir_test::colour::green,
                weir::event_time::max(),
                0ms,
                -1,
                "ä"};
  return {first, second, third};
}

} // namespace

TEST_CASE("what csv_files writes, csv reads") {
  const scratch_folder folder;
  write_files<reading>(weir::csv_files{folder / "out"}, {samples(), samples()});
  auto expected = samples();
  for (const auto& each : samples())
    expected.push_back(each);
  CHECK(files_in(folder / "out") == std::vector<std::string>{"part-00000-000000000001.csv"});
  CHECK(read_all(weir::csv<reading>{folder / "out/*.csv"}) == expected);
  CHECK(scratch_folder::read(folder / "out/part-00000-000000000001.csv")
            .starts_with("sensor,level,count,value,ratio,valid,grade,shade,at,took,extra,note\n"
                         "\"no,\"\"r\r\nth\",-5,255,1e+300,0.1,true,\",\",2,2026-02-03T04:05:06.789Z,-1500,,\"\"\n"));
  write_files<reading>(weir::csv_files{folder / "semi"}.delimiter(';').quote('\'').no_header(), {samples()});
  std::vector<std::string> names{"sensor", "level", "count", "value", "ratio", "valid",
                                 "grade",  "shade", "at",    "took",  "extra", "note"};
  CHECK(read_all(weir::csv<reading>{folder / "semi/*"}.delimiter(';').quote('\'').columns(names)) == samples());
}

TEST_CASE("what json_lines_files writes, json_lines reads") {
  const scratch_folder folder;
  write_files<reading>(weir::json_lines_files{folder / "out"}, {samples()});
  CHECK(files_in(folder / "out") == std::vector<std::string>{"part-00000-000000000001.jsonl"});
  CHECK(read_all(weir::json_lines<reading>{folder / "out/*"}) == samples());
  const auto text = scratch_folder::read(folder / "out/part-00000-000000000001.jsonl");
  CHECK(text.starts_with(
      R"({"sensor":"no,\"r\r\nth","level":-5,"count":255,"value":1e+300,"ratio":0.1,"valid":true,)"
      R"("grade":",","shade":2,"at":"2026-02-03T04:05:06.789Z","took":-1500,"extra":null,"note":""})"));
}

TEST_CASE("what JSON cannot hold becomes what it can") {
  const scratch_folder folder;
  using values = std::vector<double>;
  write_files<values>(weir::json_lines_files{folder / "numbers"},
                      {{{1.5, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}}});
  CHECK(scratch_folder::read(folder / "numbers/part-00000-000000000001.jsonl") == "[1.5,null,null]\n");
  write_files<std::string>(weir::json_lines_files{folder / "text"}, {{"a\xff\xc3", "\xe4\xbd\xa0"}});
  CHECK(read_all(weir::json_lines<std::string>{folder / "text/*"}) ==
        std::vector<std::string>{"a\xef\xbf\xbd\xef\xbf\xbd", "\xe4\xbd\xa0"});
}

TEST_CASE("files roll by size, each with its header, and their names sort") {
  const scratch_folder folder;
  std::vector<std::vector<point>> batches;
  std::vector<point> expected;
  for (int i = 0; i < 100; ++i) {
    batches.push_back({{i, std::string(50, 'n')}});
    expected.push_back({i, std::string(50, 'n')});
  }
  write_files<point>(weir::csv_files{folder / "out"}.roll_bytes(500), batches);
  const auto names = files_in(folder / "out");
  CHECK(names.size() == 10);
  CHECK(names.front() == "part-00000-000000000001-00000.csv");
  for (const auto& name : names)
    CHECK(std::filesystem::file_size(folder / ("out/" + name)) < 600);
  CHECK(read_all(weir::csv<point>{folder / "out/*.csv"}) == expected);
}

TEST_CASE("records go into the folders of their partitions, more than there are descriptors") {
  const scratch_folder folder;
  std::vector<std::vector<point>> batches(40);
  for (int i = 0; i < 4000; ++i)
    batches[static_cast<std::size_t>(i / 100)].push_back({i, std::string(2000, 'n')});
  write_files<point>(weir::json_lines_files{folder / "out"}.partition_by([](const point& p) { return p.x % 200; }),
                     batches);
  CHECK(files_in(folder / "out").size() == 200);
  for (const int partition : {0, 7, 199}) {
    const auto records = read_all(weir::json_lines<point>{folder / ("out/" + std::to_string(partition) + "/*")});
    REQUIRE(records.size() == 20);
    for (std::size_t i = 0; i < records.size(); ++i)
      CHECK(records[i].x == partition + 200 * static_cast<int>(i));
  }
}

TEST_CASE("output in partitions beyond the restored checkpoint is taken back, other folders are left alone") {
  const scratch_folder folder;
  const auto spec = weir::text_files{folder / "out"}.partition_by([](const point& p) { return p.x; });
  write_files<point>(spec, {{{1, {}}, {2, {}}}});
  std::filesystem::create_directories(folder / "out/other");
  folder.write("out/other/.weir-output", "{}");
  folder.write("out/other/part-00000-000000000007.txt", "of another sink");
  CHECK(files_in(folder / "out").size() == 3);
  spec.sink<point>()->prepare_output(start_of("run-1"));
  CHECK(files_in(folder / "out") == std::vector<std::string>{"other/part-00000-000000000007.txt"});
}

TEST_CASE("a partition_by for other records and members that are no columns are problems of the job") {
  const auto by_number = [](const int& n) { return n; };
  CHECK(weir::text_files{"out"}.partition_by(by_number).problems<int>().empty());
  CHECK(weir::text_files{"out"}.partition_by(by_number).problems<point>().size() == 1);
  CHECK(weir::csv_files{"out"}.problems<point>().empty());
  CHECK(weir::csv_files{"out"}.problems<int>().size() == 1);
  CHECK(weir::csv_files{"out"}.delimiter('"').problems<point>().size() == 1);
  CHECK(weir::csv_files{""}.problems<point>().size() == 1);
  CHECK(weir::json_lines_files{"out"}.problems<int>().empty());
}
