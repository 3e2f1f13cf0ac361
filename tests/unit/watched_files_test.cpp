// Tests of what a watched folder remembers of the files that are done.
#include "scratch_folder.hpp"
#include "source_harness.hpp"

#include <weir/operators/flat_json.hpp>
#include <weir/operators/watch_folder.hpp>

#include <catch2/catch.hpp>

#include <ctime>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

using weir_test::scratch_folder;
using lines = std::vector<std::string>;

namespace {

/// A reader of a folder that is asked for its position after each read, as a subtask does.
struct watched {
  const scratch_folder& folder;
  std::shared_ptr<const weir::any_source> source = weir::watch_folder{folder.path().string()}.source();
  weir::source_split split = source->enumerate(1).at(0);
  std::unique_ptr<weir::split_reader> reader = source->open_split(split, {}, {});
  std::string position;

  explicit watched(const scratch_folder& f) : folder(f) {}

  void resume(const std::string& at) { reader = source->open_split(split, at, {}); }
  lines read() {
    weir_test::record_list<std::string> list;
    weir::collector<std::string> out;
    out.connect(list, 16);
    while (reader->read(out, 1) == weir::read_status::more)
      position = reader->position();
    out.flush();
    position = reader->position();
    return list.records;
  }
};

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++count;
  return count;
}

} // namespace

TEST_CASE("ten thousand files of a watched folder are read without writing down all that are done for each") {
  const scratch_folder folder;
  constexpr std::size_t files = 10'000;
  for (std::size_t i = 0; i < files; ++i)
    folder.write("measurements-" + std::to_string(100'000 + i) + ".log", "line " + std::to_string(i) + "\n");
  watched watch{folder};
  const std::clock_t begun = std::clock(); // of the processor: others may keep the machine busy
  CHECK(watch.read().size() == files);
  const auto took_seconds = (std::clock() - begun) / CLOCKS_PER_SEC;
  CHECK(took_seconds < 8); // it would be 20 and more
  CHECK(count_of(watch.position, "measurements-") == files);
  watch.resume(watch.position);
  CHECK(watch.read().empty());
}

TEST_CASE("names of files that JSON has to escape are known again") {
  const scratch_folder folder;
  const lines names{"a \"quoted\" one", "back\\slash", "a\nline", "umlaut-\xc3\xa4", "no utf-8 \xff"};
  for (const auto& name : names)
    folder.write(name, name.substr(0, 1) + "\n");
  watched watch{folder};
  CHECK(watch.read().size() == names.size());
  const auto done = weir::flat_json::parse(watch.position, "the position").text("done");
  for (const auto& name : names)
    CHECK(count_of(done, name + "/-") == 1);
  watch.resume(watch.position);
  CHECK(watch.read().empty());
}

TEST_CASE("a name that comes again and again does not make the position of a watched folder grow") {
  const scratch_folder folder;
  watched watch{folder};
  for (int i = 0; i < 100; ++i) {
    std::filesystem::rename(folder.write(".new", std::to_string(i) + "\n"), folder / "same");
    std::filesystem::rename(folder.write(".new", "x\n"), folder / ("f" + std::to_string(i % 3)));
    CHECK(watch.read().size() == 2);
    CHECK(count_of(watch.position, "/-") <= 2 * 4);
    watched other{folder};
    other.resume(watch.position);
    CHECK(other.read().empty());
  }
  for (const char* name : {"f0", "f1", "f2"})
    std::filesystem::remove(folder / name);
  CHECK(watch.read().empty());
  CHECK(count_of(watch.position, "/-") == 1);
}
