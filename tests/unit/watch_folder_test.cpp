// Tests of the source that reads the files of a watched folder.
#include "live_reader.hpp"

#include <weir/operators/watch_folder.hpp>
#include <weir/persistence/error.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

using namespace std::chrono_literals;
using weir_test::contains;
using weir_test::error_of;
using weir_test::lines;
using weir_test::live_reader;
using weir_test::scratch_folder;

namespace {

void append(const std::string& path, const std::string& text) {
  std::ofstream{path, std::ios::app | std::ios::binary} << text;
}

} // namespace

TEST_CASE("files of a watched folder are read once each, in the order of their names") {
  const scratch_folder folder;
  folder.write("b", "b1\nb2\n");
  folder.write("a", "a1\r\na2");
  folder.write(".hidden", "no\n");
  folder.write("c.tmp", "no\n");
  std::filesystem::create_directory(folder / "d");
  const auto spec = weir::watch_folder{folder.path().string()}.matching("[a-z]");
  live_reader watch{spec.source()};
  while (watch.read(1) != weir::read_status::later) {
  }
  CHECK(watch.seen == lines{"a1", "a2", "b1", "b2"});
  CHECK(watch.reader->next_at() == watch.now + 500ms);
  CHECK(watch.reader->position().starts_with(R"({"done":"a/-)"));
  CHECK(contains(watch.reader->position(), "/b/-"));
  append(folder / "a", "\nmore\n"); // is done
  folder.write("0", "hidden by the pattern\n");
  std::filesystem::rename(folder.write(".new", "q1\n"), folder / "q");
  std::filesystem::remove(folder / "b");
  while (watch.read(1) != weir::read_status::later) {
  }
  CHECK(watch.seen == lines{"a1", "a2", "b1", "b2", "q1"});
  CHECK_FALSE(contains(watch.reader->position(), "/b/-"));
  CHECK(contains(watch.reader->position(), "/q/-"));
  CHECK(contains(error_of([&] { static_cast<void>(weir::watch_folder{folder / "none"}.source()->enumerate(1)); }),
                 "none"));
}

TEST_CASE("a watched folder is gone on with at any position") {
  const scratch_folder folder;
  lines expected;
  for (const char* name : {"a", "b", "c"}) {
    std::string text;
    for (int i = 0; i < 5; ++i) {
      expected.push_back(std::string{name} + std::to_string(i));
      text += expected.back() + "\n";
    }
    folder.write(name, text);
  }
  const auto source = weir::watch_folder{folder.path().string()}.source();
  live_reader watch{source};
  for (bool more = true; more;) {
    const auto position = watch.reader->position();
    live_reader again{source};
    again.reader = source->open_split(again.split, position, again.now);
    while (again.read(2) != weir::read_status::later) {
    }
    lines all = watch.seen;
    all.insert(all.end(), again.seen.begin(), again.seen.end());
    CHECK(all == expected);
    more = watch.read(2) != weir::read_status::later;
  }
  watch.reader = source->open_split(watch.split, {}, watch.now);
  watch.read(1);
  const auto position = watch.reader->position();
  folder.write("a", "");
  CHECK(contains(error_of([&] { static_cast<void>(source->open_split(watch.split, position, watch.now)); }),
                 "the 15 bytes"));
}

TEST_CASE("a file that takes the name of one that is done is a new file") {
  const scratch_folder folder;
  folder.write("a", "one\n");
  folder.write("b", "b1\nb2\nb3\n");
  const auto source = weir::watch_folder{folder.path().string()}.source();
  live_reader watch{source};
  const auto read_rest = [&] {
    watch.seen.clear();
    while (watch.read(1) != weir::read_status::later) {
    }
    return watch.seen;
  };
  CHECK(read_rest() == lines{"one", "b1", "b2", "b3"});
  std::filesystem::rename(folder.write(".a", "two\n"), folder / "a");
  CHECK(read_rest() == lines{"two"});
  std::filesystem::rename(folder.write(".a", "two\n"), folder / "a"); // the same text, of another time
  std::filesystem::last_write_time(folder / "a", std::filesystem::file_time_type{std::chrono::seconds{1}});
  CHECK(read_rest() == lines{"two"});

  folder.write("c", "c1\nc2\nc3\n");
  CHECK(watch.read(1) == weir::read_status::more);
  std::filesystem::remove(folder / "a");
  folder.write("a", "three\n"); // while another one is read, perhaps with the same inode
  CHECK(read_rest() == lines{"c2", "c3", "three"});

  auto position = watch.reader->position();
  const auto resume = [&] { watch.reader = source->open_split(watch.split, position, watch.now); };
  std::filesystem::remove(folder / "b");
  folder.write("b", "b4\n");
  std::filesystem::rename(folder.write(".c", "c4\n"), folder / "c");
  resume();
  CHECK(read_rest() == lines{"b4", "c4"});

  // A copy that was put back, with its time, is no new file; nor is one that was touched.
  position = watch.reader->position();
  const auto time = std::filesystem::last_write_time(folder / "a");
  std::filesystem::copy_file(folder / "a", folder / ".a");
  std::filesystem::last_write_time(folder / ".a", time);
  std::filesystem::rename(folder / ".a", folder / "a");
  std::filesystem::last_write_time(folder / "b", time + std::chrono::hours{1});
  resume();
  CHECK(read_rest().empty());
  folder.write("b", "b5 written over it\n");
  CHECK(read_rest() == lines{"b5 written over it"});
  position = R"({"done":"a/b"})";
  CHECK_THROWS_AS(resume(), weir::damaged_error);
}

TEST_CASE("a watched file that was half read and is another one now is refused") {
  const scratch_folder folder;
  folder.write("a", "a1\na2\na3\n");
  const auto source = weir::watch_folder{folder.path().string()}.source();
  live_reader watch{source};
  CHECK(watch.read(1) == weir::read_status::more);
  const auto position = watch.reader->position();
  const auto time = std::filesystem::last_write_time(folder / "a");
  const auto resume = [&] {
    watch.seen.clear();
    watch.reader = source->open_split(watch.split, position, watch.now);
    while (watch.read(1) != weir::read_status::later) {
    }
    return watch.seen;
  };
  append(folder / "a", "more\n"); // which is not read
  CHECK(resume() == lines{"a2", "a3"});
  std::filesystem::rename(folder.write(".a", "a1\na2\na3\n"), folder / "a"); // a copy that has its time
  std::filesystem::last_write_time(folder / "a", time);
  CHECK(resume() == lines{"a2", "a3"});
  for (const char* other : {"new1\nnew2\nnew3\n", "b1\nb2\nb3\n", "a1\na2\na3\na4\n"}) {
    std::filesystem::rename(folder.write(".a", other), folder / "a");
    if (other[0] == 'b')
      std::filesystem::last_write_time(folder / "a", time);
    CHECK(contains(error_of([&] { resume(); }), "another file of this name"));
  }
  std::filesystem::remove(folder / "a");
  CHECK(contains(error_of([&] { resume(); }), "no file"));
}

TEST_CASE("a watched file that vanishes is passed over, and one that can't be read is tried again") {
  const scratch_folder folder;
  for (const char* name : {"a", "b", "c"})
    folder.write(name, std::string{name} + "\n");
  const auto source = weir::watch_folder{folder.path().string()}.source();
  live_reader watch{source};
  CHECK(watch.read() == weir::read_status::more);
  std::filesystem::remove(folder / "b"); // it was found when the folder was listed
  while (watch.read() != weir::read_status::later) {
  }
  CHECK(watch.seen == lines{"a", "c"});

  std::atomic<bool> over{false};
  std::thread moving{[&] {
    while (!over) {
      std::filesystem::rename(folder.write(".a", "x\n"), folder / "a");
      std::filesystem::remove(folder / "a");
    }
  }};
  const auto error = error_of([&] {
    for (int reads = 0; reads < 20'000; ++reads)
      watch.read();
  });
  over = true;
  moving.join();
  CHECK(error.empty());

  folder.write("a", "a\n");
  std::filesystem::permissions(folder.path(), std::filesystem::perms::all);
  std::filesystem::permissions(folder / "a", std::filesystem::perms::none);
  live_reader other{source};
  const bool is_root = ::geteuid() == 0; // who may read anything
  if (is_root)
    REQUIRE(::seteuid(65534) == 0);
  CHECK_THROWS_AS(other.read(), weir::io_error);
  if (is_root)
    REQUIRE(::seteuid(0) == 0);
}

TEST_CASE("a line of a watched file that does not end is an error before it fills the memory") {
  const scratch_folder folder;
  folder.write("a", "first\n");
  std::filesystem::resize_file(folder / "a", 65 * 1024 * 1024);
  live_reader watch{weir::watch_folder{folder.path().string()}.source()};
  CHECK(watch.read_lines(1) == lines{"first"});
  CHECK(contains(error_of([&] { watch.read(); }), "lines of at most 67108864 bytes"));
  folder.write("a", "1234\n12345\n");
  live_reader small{weir::watch_folder{folder.path().string()}.most_line_bytes(4).source()};
  CHECK(contains(error_of([&] { small.read(); }), "lines of at most 4 bytes"));
}
