// Tests of the source that follows a log.
#include "scratch_folder.hpp"
#include "source_harness.hpp"

#include <weir/operators/file_io.hpp>
#include <weir/operators/follow.hpp>
#include <weir/persistence/error.hpp>

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

using weir_test::scratch_folder;
using lines = std::vector<std::string>;

namespace {

/// A log in a folder, its rotations, and a reader that can be started again at its position.
struct followed_log {
  scratch_folder folder;
  weir::follow spec{folder / "log"};
  std::unique_ptr<weir::split_reader> reader;
  weir::processing_time now{std::chrono::seconds{1'700'000'000}};
  lines seen;

  followed_log() { restart({}); }

  void restart(const std::string& position) {
    const auto source = spec.source();
    reader = source->open_split(source->enumerate(1).at(0), position, now);
  }
  /// Reads until there is nothing for now; all that was seen so far.
  const lines& poll(std::size_t max_records = 100) {
    weir_test::record_list<std::string> list;
    weir::collector<std::string> out;
    out.connect(list, 16);
    for (int reads = 0; reader->read(out, max_records) == weir::read_status::more; ++reads)
      REQUIRE(reads < 10'000);
    REQUIRE(reader->next_at() > now);
    now = reader->next_at();
    out.flush();
    seen.insert(seen.end(), list.records.begin(), list.records.end());
    return seen;
  }
  void append(const std::string& text, const std::string& name = "log") const {
    std::ofstream file{folder / name, std::ios::binary | std::ios::app};
    file << text;
  }
  /// What logrotate does with three old files and more.
  void shift() const {
    for (int i = 30; i > 0; --i)
      if (std::filesystem::exists(numbered(i)))
        std::filesystem::rename(numbered(i), numbered(i + 1));
  }
  void rotate() const {
    shift();
    std::filesystem::rename(folder / "log", numbered(1));
  }
  void copy_and_truncate() const {
    shift();
    std::filesystem::copy_file(folder / "log", numbered(1));
    std::filesystem::resize_file(folder / "log", 0);
  }
  /// Until a file that is made now is younger than one that was made just before: the clock of files may be coarse.
  void let_clock_go_on() const {
    const auto made_at = [&] {
      std::filesystem::remove(folder / "probe");
      return weir::look_at_file(folder.write("probe", ""))->changed_ns;
    };
    for (const auto begun = made_at(); made_at() == begun;) {
    }
  }
  [[nodiscard]] std::string numbered(int i) const { return folder / ("log." + std::to_string(i)); }
};

} // namespace

TEST_CASE("a followed log may be missing at first, and half a line waits for its end") {
  followed_log log;
  CHECK(log.poll().empty());
  CHECK(log.reader->position().empty());
  log.append("one\r\ntwo\nthr");
  CHECK(log.poll() == lines{"one", "two"});
  CHECK(log.poll() == lines{"one", "two"});
  log.append("ee");
  CHECK(log.poll() == lines{"one", "two"});
  log.append("\n\n");
  CHECK(log.poll(1) == lines{"one", "two", "three", ""});
}

TEST_CASE("a rotated log is read to its end before the new one") {
  followed_log log;
  log.append("one\n");
  log.poll();
  log.append("two\nthr");
  log.rotate();
  CHECK(log.poll() == lines{"one", "two"});
  log.append("ee\n", "log.1"); // by a writer that has the old file open
  CHECK(log.poll() == lines{"one", "two", "three"});
  log.append("", "log"); // the new one, with nothing in it yet
  log.append("four", "log.1");
  CHECK(log.poll() == lines{"one", "two", "three"});
  log.append("five\n");
  CHECK(log.poll() == lines{"one", "two", "three", "four", "five"});
}

TEST_CASE("several rotations between two looks lose nothing") {
  followed_log log;
  log.append("one\n");
  log.poll();
  for (const char* line : {"two\n", "three\n", "four\n"}) {
    log.append(line);
    log.rotate();
  }
  log.append("five\n");
  CHECK(log.poll() == lines{"one", "two", "three", "four", "five"});
}

TEST_CASE("logs that are rotated to dates are followed by the times of their changes") {
  followed_log log;
  log.append("one\n");
  log.poll();
  const auto rotate_to = [&](const std::string& name, int second) {
    std::filesystem::rename(log.folder / "log", log.folder / name);
    std::filesystem::last_write_time(log.folder / name, std::filesystem::file_time_type{std::chrono::seconds{second}});
  };
  log.append("old\n", "log-20260101");
  std::filesystem::last_write_time(log.folder / "log-20260101",
                                   std::filesystem::file_time_type{std::chrono::seconds{1}});
  log.append("two\n");
  rotate_to("log-20260102", 2);
  log.append("three\n");
  rotate_to("log-20260103", 3);
  log.append("packed\n", "log-20260102.gz");
  log.append("four\n");
  CHECK(log.poll() == lines{"one", "two", "three", "four"});
}

TEST_CASE("a copy of a log, or what else lies beside it, is not read as the next log") {
  for (const std::string rotated : {"log.1", "log-20261123", "log.2026-11-23T10:00", "log.23-Nov-2026", "log.old", ""})
    for (const bool with_time : {false, true}) { // cp -p
      CAPTURE(rotated, with_time);
      followed_log log;
      log.append("one\ntwo\n");
      log.poll();
      for (const char* name : {"log.bak", "log-copy", "log.save.5"}) {
        std::filesystem::copy_file(log.folder / "log", log.folder / name);
        const auto time = std::filesystem::last_write_time(log.folder / "log");
        std::filesystem::last_write_time(log.folder / name, with_time ? time : time + std::chrono::seconds{1});
      }
      log.append("17 bytes of a log\n", "log.offset");
      if (rotated.empty())
        std::filesystem::rename(log.folder / "log", log.folder / "moved-away");
      else
        std::filesystem::rename(log.folder / "log", log.folder / rotated);
      log.append("three\n");
      CHECK(log.poll() == lines{"one", "two", "three"});
      log.restart(log.reader->position());
      log.append("four\n");
      CHECK(log.poll() == lines{"one", "two", "three", "four"});
    }
}

TEST_CASE("a copy of a log under the name of a rotated one is not read again") {
  for (const std::string rotated : {"log-20261123", "moved-away"}) {
    CAPTURE(rotated);
    followed_log log;
    log.append("one\ntwo\n");
    log.poll();
    const auto time = std::filesystem::last_write_time(log.folder / "log") + std::chrono::seconds{1};
    std::filesystem::copy_file(log.folder / "log", log.folder / "log-20261124");
    std::filesystem::last_write_time(log.folder / "log-20261124", time);
    log.let_clock_go_on();
    std::filesystem::rename(log.folder / "log", log.folder / rotated);
    log.append("one\ntwo\nand more\n", "log-20261125"); // begins alike, and is another one
    std::filesystem::last_write_time(log.folder / "log-20261125", time + std::chrono::seconds{1});
    log.append("three\n");
    CHECK(log.poll() == lines{"one", "two", "one", "two", "and more", "three"});
  }
}

TEST_CASE("a log that has nothing but what the one before it began with is read nevertheless") {
  followed_log log;
  log.append("# header\none\n");
  log.poll();
  auto time = std::filesystem::last_write_time(log.folder / "log");
  std::filesystem::rename(log.folder / "log", log.folder / "log-20261123");
  for (const char* idle : {"log-20261124", "log-20261125"}) {
    log.append("# header\n", idle);
    std::filesystem::last_write_time(log.folder / idle, time += std::chrono::seconds{1});
  }
  log.append("# header\ntwo\n");
  CHECK(log.poll() == lines{"# header", "one", "# header", "# header", "# header", "two"});
}

TEST_CASE("names of rotated logs that hold a month's name follow each other") {
  followed_log log;
  log.append("one\n");
  log.poll();
  auto time = std::filesystem::last_write_time(log.folder / "log");
  for (const char* name : {"log.29-Jun-2026", "log.30-Jun-2026", "log.1-July-2026"}) {
    std::filesystem::rename(log.folder / "log", log.folder / name);
    std::filesystem::last_write_time(log.folder / name, time += std::chrono::seconds{1});
    log.append(std::string{"after "} + name + "\n");
  }
  CHECK(log.poll() == lines{"one", "after log.29-Jun-2026", "after log.30-Jun-2026", "after log.1-July-2026"});
}

TEST_CASE("a log that was rotated to .old twice between two looks loses nothing that is there") {
  followed_log log;
  log.append("one\n");
  log.poll();
  const auto time = std::filesystem::last_write_time(log.folder / "log");
  log.append("two\n");
  std::filesystem::rename(log.folder / "log", log.folder / "log.old");
  log.append("three\n");
  std::filesystem::rename(log.folder / "log", log.folder / "log.old"); // the reader has the first one open
  std::filesystem::last_write_time(log.folder / "log.old", time + std::chrono::seconds{1});
  log.append("four\n");
  CHECK(log.poll() == lines{"one", "two", "three", "four"});
}

TEST_CASE("the rest of a log that was emptied is read out of the rotated copy, not out of another one too") {
  followed_log log;
  log.append("one\n");
  log.poll();
  auto time = std::filesystem::last_write_time(log.folder / "log");
  log.append("two\n");
  std::filesystem::copy_file(log.folder / "log", log.folder / "log.bak");
  std::filesystem::last_write_time(log.folder / "log.bak", time += std::chrono::seconds{1});
  log.append("three\n");
  log.copy_and_truncate();
  std::filesystem::last_write_time(log.numbered(1), time += std::chrono::seconds{1});
  log.append("four\n");
  CHECK(log.poll() == lines{"one", "two", "three", "four"});
}

TEST_CASE("the rest of a log that was copied and emptied is read out of the copy") {
  followed_log log;
  log.append("one\ntw");
  log.poll();
  log.append("o\nthree\nfo");
  log.copy_and_truncate();
  log.append("five and more than there was\n"); // longer than what was read
  CHECK(log.poll() == lines{"one", "two", "three", "fo", "five and more than there was"});
}

TEST_CASE("a log that is emptied without a copy is read from its beginning, and counted") {
  followed_log log;
  log.append("one\ntwo\nhal");
  log.poll();
  std::filesystem::resize_file(log.folder / "log", 0);
  CHECK(log.poll() == lines{"one", "two"});
  log.append("three\n");
  CHECK(log.poll() == lines{"one", "two", "three"});
  CHECK(log.reader->position().find(R"("truncations":1)") != std::string::npos);
}

TEST_CASE("a log that vanishes may come back") {
  followed_log log;
  log.append("one\n");
  log.poll();
  std::filesystem::remove(log.folder / "log");
  CHECK(log.poll() == lines{"one"});
  log.append("two\n");
  CHECK(log.poll() == lines{"one", "two"});
}

TEST_CASE("a follower that starts again finds its log, rotated, copied or as it was") {
  for (const int change : {0, 1, 2, 3}) {
    followed_log log;
    log.append("one\ntwo\n");
    log.poll();
    const auto position = log.reader->position();
    log.append("three\n");
    if (change == 1 || change == 3)
      log.rotate();
    if (change == 2)
      log.copy_and_truncate();
    if (change == 3) {
      log.append("four\n");
      log.rotate();
    }
    log.append("last\n");
    log.restart(position);
    lines expected{"one", "two", "three", "four", "last"};
    if (change != 3)
      expected.erase(expected.begin() + 3);
    CAPTURE(change);
    CHECK(log.poll() == expected);
  }
}

TEST_CASE("a follower whose log is gone for good refuses to go on unless it may") {
  followed_log log;
  log.append("one\n");
  log.poll();
  const auto position = log.reader->position();
  std::filesystem::remove(log.folder / "log");
  log.append("another\n");
  CHECK_THROWS_WITH(log.restart(position), Catch::Contains("allow_loss"));
  log.spec = log.spec.allow_loss();
  log.restart(position);
  CHECK(log.poll() == lines{"one", "another"});
}

TEST_CASE("an old log that begins like the new one is not taken for a copy of it") {
  const std::string banner = "# written by a program that begins each log alike\n";
  for (const std::size_t banners : {1U, 30U}) { // fewer and more bytes than are compared
    std::string header;
    for (std::size_t i = 0; i < banners; ++i)
      header += banner;
    for (const bool late : {true, false}) { // also if the clock of the files is too coarse
      followed_log log;
      log.append(header + "one\ntwo\n");
      log.poll();
      log.rotate();
      const auto at = std::filesystem::last_write_time(log.numbered(1));
      log.append(header);
      if (late)
        std::filesystem::last_write_time(log.folder / "log", at + std::chrono::seconds{1});
      else
        std::filesystem::last_write_time(log.folder / "log", at);
      log.poll();
      std::filesystem::resize_file(log.folder / "log", 0);
      log.poll();
      log.append(header + "three\n");
      log.poll();
      lines expected(banners, banner.substr(0, banner.size() - 1));
      expected.insert(expected.end(), {"one", "two"});
      expected.insert(expected.end(), 2 * banners, banner.substr(0, banner.size() - 1));
      expected.emplace_back("three");
      CAPTURE(banners, late);
      CHECK(log.seen == expected);
    }
  }
}

TEST_CASE("a new log that begins like the one that was removed is not taken for it") {
  followed_log log;
  log.append("# header\none\n");
  log.poll();
  log.rotate();
  const auto at = std::filesystem::last_write_time(log.numbered(1));
  log.append("# header\n");
  std::filesystem::last_write_time(log.folder / "log", at + std::chrono::seconds{1});
  log.poll();
  const auto position = log.reader->position();
  log.append("never read\n");
  for (const bool other_inode : {true, false}) {
    if (other_inode) {
      std::filesystem::rename(log.folder.write("log-new", "# header\ntwo\n"), log.folder / "log");
    } else { // a file system may give the inode again
      std::filesystem::remove(log.folder / "log");
      log.append("# header\ntwo\n");
    }
    CAPTURE(other_inode);
    CHECK_THROWS_WITH(log.restart(position), Catch::Contains("allow_loss"));
  }
}

TEST_CASE("of several copies of a log the first one goes on where it was read") {
  followed_log log;
  log.append("# header\n");
  log.poll();
  const auto position = log.reader->position();
  auto at = std::filesystem::last_write_time(log.folder / "log");
  for (const char* line : {"one", "two", "three"}) {
    if (std::filesystem::file_size(log.folder / "log") == 0)
      log.append("# header\n");
    log.append(std::string{line} + "\n");
    log.copy_and_truncate();
    std::filesystem::last_write_time(log.numbered(1), at += std::chrono::seconds{1});
  }
  log.append("last\n");
  std::filesystem::last_write_time(log.folder / "log", at + std::chrono::seconds{1});
  log.restart(position);
  CHECK(log.poll() == lines{"# header", "one", "# header", "two", "# header", "three", "last"});
}

TEST_CASE("what can't be followed is refused before a run, and tried again within one") {
  followed_log log;
  std::filesystem::create_directory(log.folder / "log");
  CHECK_THROWS_AS(log.spec.source()->enumerate(1), weir::usage_error);
  CHECK_THROWS_AS(log.poll(), weir::io_error);
}

TEST_CASE("a follower may begin at the end, and a line that is too long is an error") {
  followed_log log;
  log.append("old\nhal");
  log.spec = weir::follow{log.folder / "log"}.from_end().most_line_bytes(100'000);
  log.restart({});
  log.append("f\nnew\n");
  CHECK(log.poll() == lines{"half", "new"});
  log.append(std::string(300'000, 'x'));
  CHECK_THROWS_WITH(log.poll(), Catch::Contains("most_line_bytes"));
  CHECK(weir::follow{""}.problems().size() == 1);
  CHECK(weir::follow{"log"}.problems().empty());
}

TEST_CASE("a line that is too long is an error however it comes, once those before it are out") {
  for (const bool at_once : {true, false}) {
    followed_log log;
    log.spec = weir::follow{log.folder / "log"}.most_line_bytes(4);
    log.restart({});
    log.append("1234\r\n1234\r");
    CHECK(log.poll() == lines{"1234"});
    log.append("\n");
    CHECK(log.poll() == lines{"1234", "1234"});
    log.append("123\n12345");
    if (at_once)
      log.append("\n6\n");
    weir_test::record_list<std::string> list;
    weir::collector<std::string> out;
    out.connect(list, 1);
    CHECK(log.reader->read(out, 100) == weir::read_status::more);
    CHECK(list.records == lines{"123"});
    CHECK_THROWS_WITH(log.reader->read(out, 100),
                      Catch::Contains("at most 4 bytes") && Catch::Contains("longer one at byte 16"));
    CHECK(list.records == lines{"123"});
  }
}

TEST_CASE("every line of a log that is rotated at random comes once, through restarts") {
  for (unsigned seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    std::mt19937 random{seed};
    followed_log log;
    lines written;
    std::string position;
    std::size_t kept = 0; // lines seen at that position
    const auto write = [&](int count) {
      for (int i = 0; i < count; ++i) {
        written.push_back("line " + std::to_string(written.size()) + std::string(random() % 200, '.'));
        log.append(written.back() + "\n");
      }
    };
    write(1);
    log.poll(); // what is rotated before anything was read is none of its business
    std::string history;
    for (int step = 0; step < 80; ++step) {
      const auto what = random() % 7;
      history += std::to_string(what);
      switch (what) {
      case 0:
      case 1:
        write(static_cast<int>(random() % 8));
        break;
      case 2:
        log.poll(1 + random() % 5);
        break;
      case 3:
        if (std::filesystem::exists(log.folder / "log"))
          log.rotate();
        break;
      case 4: // nothing can be known of a log of which nothing was read
        write(1);
        log.poll();
        write(static_cast<int>(random() % 3));
        log.copy_and_truncate();
        break;
      case 5: // a checkpoint
        position = log.reader->position();
        kept = log.seen.size();
        break;
      default: // a failure
        if (!position.empty()) {
          log.seen.resize(kept);
          log.restart(position);
        }
      }
    }
    write(1);
    log.poll();
    if (const bool all = log.poll() == written; !all) {
      std::size_t same = 0;
      while (same < written.size() && same < log.seen.size() && log.seen[same] == written[same])
        ++same;
      CAPTURE(same, written.size(), log.seen.size(), history);
      CHECK(all);
    }
  }
}
