// Tests of sources that look again and again: what was read may be removed, replaced, and looked for too seldom.
#include "scratch_folder.hpp"
#include "source_harness.hpp"

#include <weir/actors/source_driver.hpp>
#include <weir/operators/follow.hpp>
#include <weir/operators/watch_folder.hpp>

#include <catch2/catch.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using weir_test::scratch_folder;
using lines = std::vector<std::string>;

namespace {

lines read_once(weir::split_reader& reader, std::size_t max_records) {
  weir_test::record_list<std::string> list;
  weir::collector<std::string> out;
  out.connect(list, 16);
  static_cast<void>(reader.read(out, max_records));
  out.flush();
  return list.records;
}

lines read_all(weir::split_reader& reader) {
  lines all;
  for (lines some; !(some = read_once(reader, 100)).empty();)
    all.insert(all.end(), some.begin(), some.end());
  return all;
}

} // namespace

TEST_CASE("a file of a watched folder can be removed as soon as its last line was emitted") {
  const scratch_folder folder;
  const std::string path = folder.write("a", "one\ntwo\n");
  const auto source = weir::watch_folder{folder.path().string()}.source();
  const auto split = source->enumerate(1).at(0);
  auto reader = source->open_split(split, {}, {});
  REQUIRE(read_once(*reader, 2) == lines{"one", "two"});
  const std::string position = reader->position();
  std::filesystem::remove(path);
  folder.write("b", "three\n");
  reader = source->open_split(split, position, {});
  CHECK(read_all(*reader) == lines{"three"});
}

TEST_CASE("a followed log that was emptied and is as long again as it was is read anew") {
  const scratch_folder folder;
  const std::string path = folder.write("log", "one\ntwo\n");
  const auto source = weir::follow{path}.source();
  const auto reader = source->open_split(source->enumerate(1).at(0), {}, {});
  REQUIRE(read_all(*reader) == lines{"one", "two"});
  folder.write("log", "six\nten\n");
  CHECK(read_all(*reader) == lines{"six", "ten"});
}

TEST_CASE("a source that polls looks once after a long time, not once for each interval of it") {
  const scratch_folder folder;
  const auto source = weir::watch_folder{folder.path().string()}.poll_interval(100ms).source();
  weir::split_readers readers{*source, {{source->enumerate(1).at(0), {}}}};
  weir::collector<std::string> out;
  weir_test::record_list<std::string> list;
  out.connect(list, 16);
  weir::split_readers::result result;
  weir::processing_time now{1000s};
  const auto monotonic = [&now] { return weir::monotonic_time{now.time_since_epoch()}; };
  REQUIRE(readers.read(out, 10, now, monotonic(), true, result));
  CHECK(result.status == weir::read_status::later);
  now += 1h;
  REQUIRE(readers.read(out, 10, now, monotonic(), true, result));
  CHECK_FALSE(readers.read(out, 10, now, monotonic(), true, result));
  CHECK(readers.next_at() == monotonic() + 100ms);
}
