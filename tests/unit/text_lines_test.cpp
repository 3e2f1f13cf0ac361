// Tests of the source that reads text files.
#include "scratch_folder.hpp"
#include "source_harness.hpp"

#include <weir/operators/text_lines.hpp>
#include <weir/operators/text_range.hpp>
#include <weir/persistence/error.hpp>

#include <catch2/catch.hpp>

#include <filesystem>
#include <string>
#include <vector>

#include <unistd.h>

using weir_test::scratch_folder;
using text_harness = weir_test::source_harness<std::string>;

namespace {

/// The lines of a text, by a definition of their own.
std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::string line;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\n') {
      line += text[i];
      continue;
    }
    if (!line.empty() && line.back() == '\r')
      line.pop_back();
    lines.push_back(line);
    line.clear();
  }
  if (!text.empty() && text.back() != '\n')
    lines.push_back(line);
  return lines;
}

std::vector<std::string> read_range(const weir::text_range& range, std::size_t block_bytes, std::size_t max_records,
                                    std::string position = {}, bool reopen = false) {
  weir_test::record_list<std::string> list;
  weir::collector<std::string> out;
  out.connect(list, 3);
  auto reader = weir::read_text_range(range, position, block_bytes);
  while (reader->read(out, max_records) != weir::read_status::end)
    if (reopen)
      reader = weir::read_text_range(range, reader->position(), block_bytes);
  out.flush();
  return list.records;
}

std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const weir::usage_error& error) {
    return error.what();
  }
  return "no usage_error";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("every cut of a file into ranges gives each line once") {
  const scratch_folder folder;
  const std::string texts[] = {"",
                               "\n",
                               "a",
                               "a\n",
                               "\n\n\n",
                               "a\nb",
                               "a\r\nb\r\n",
                               "\r\n\r\n",
                               "a\r\n\nbc",
                               "ab\rcd\r\r\n",
                               "one\ntwo\n\nfour\r\nfive",
                               "\n\nx",
                               "long line\n",
                               "\r",
                               "a\n\r"};
  for (const auto& text : texts) {
    const auto path = folder.write("text", text);
    const auto expected = lines_of(text);
    const auto size = text.size();
    // All ways to cut it in three, empty ranges among them.
    for (std::size_t a = 0; a <= size; ++a)
      for (std::size_t b = a; b <= size; ++b)
        for (const std::size_t block : {1U, 2U, 3U, 64U})
          for (const std::size_t most : {1U, 2U, 100U}) {
            std::vector<std::string> lines;
            for (const auto& [first, last] : {std::pair{std::size_t{0}, a}, std::pair{a, b}, std::pair{b, size}}) {
              const auto part = read_range({path, first, last, size, 0}, block, most);
              lines.insert(lines.end(), part.begin(), part.end());
            }
            if (lines != expected) {
              CAPTURE(text, a, b, block, most);
              REQUIRE(lines == expected);
            }
          }
  }
  SUCCEED();
}

TEST_CASE("one byte a range is one line a range at most") {
  const scratch_folder folder;
  const std::string text = "first\r\n\nthird and last";
  const auto path = folder.write("text", text);
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto part = read_range({path, i, i + 1, text.size(), 0}, 4, 10);
    REQUIRE(part.size() <= 1);
    lines.insert(lines.end(), part.begin(), part.end());
  }
  CHECK(lines == lines_of(text));
}

TEST_CASE("lines longer than any block are whole") {
  const scratch_folder folder;
  const std::string text =
      std::string(300'000, 'x') + "\r\n" + std::string(1'000'000, 'y') + "\nz\n" + std::string(70'000, 'w');
  const auto path = folder.write("text", text);
  for (const std::uint32_t parallelism : {1U, 3U}) {
    text_harness harness{weir::text_lines{path}.source()};
    CHECK(harness.read_all(parallelism, 100) == lines_of(text));
    CHECK(harness.resumes_everywhere(parallelism, 1));
  }
}

TEST_CASE("a range begun again at every position loses and repeats nothing") {
  const scratch_folder folder;
  std::string text;
  for (int i = 0; i < 500; ++i)
    text +=
        std::string(static_cast<std::size_t>(i * 7 % 41), static_cast<char>('a' + i % 26)) + (i % 3 ? "\n" : "\r\n");
  const auto path = folder.write("text", text + "end");
  for (const std::uint64_t bytes : {1U, 7U, 100U, 1000U, 100'000U})
    for (const std::size_t most : {1U, 10U, 1000U}) {
      text_harness harness{weir::text_lines{path}.range_bytes(bytes).source()};
      REQUIRE(harness.read_all(2, most) == lines_of(text + "end"));
      if (bytes >= 100)
        REQUIRE(harness.resumes_everywhere(2, most));
    }
  CHECK(read_range({path, 50, 400, text.size() + 3, 0}, 16, 1, {}, true) ==
        read_range({path, 50, 400, text.size() + 3, 0}, 4096, 1000));
}

TEST_CASE("a large file gives work to every subtask") {
  const scratch_folder folder;
  std::string text;
  for (int i = 0; i < 200'000; ++i)
    text += "line " + std::to_string(i) + "\n";
  const auto path = folder.write("text", text);
  const auto source = weir::text_lines{path}.source();
  CHECK(source->blocking());
  const auto splits = source->enumerate(4);
  CHECK(splits.size() == 16);
  CHECK(std::is_sorted(splits.begin(), splits.end(), [](const auto& a, const auto& b) { return a.id < b.id; }));
  std::size_t most = 0;
  text_harness harness{source};
  std::vector<std::string> all;
  for (const auto& split : splits) {
    auto lines = harness.read(split, {}, 1024);
    most = std::max(most, lines.size());
    all.insert(all.end(), lines.begin(), lines.end());
  }
  CHECK(most < 200'000 / 12);
  CHECK(all == lines_of(text));
}

TEST_CASE("an interrupt ends the reading of a line without end") {
  const scratch_folder folder;
  const auto path = folder.write("text", std::string(100'000, 'x') + "\nlast\n");
  weir_test::record_list<std::string> list;
  weir::collector<std::string> out;
  out.connect(list, 10);
  const auto reader = weir::read_text_range({path, 0, 100'006, 100'006, 0}, {}, 1000);
  reader->interrupt();
  CHECK(reader->read(out, 10) == weir::read_status::more);
  CHECK(out.emitted() == 0);
  CHECK(reader->position() == "{\"offset\":0}");
  while (reader->read(out, 10) != weir::read_status::end) {
  }
  out.flush();
  CHECK(list.records.size() == 2);
  // Before its first line, a range is where it began.
  const auto second = weir::read_text_range({path, 50, 100'006, 100'006, 0}, {}, 1000);
  second->interrupt();
  CHECK(second->read(out, 10) == weir::read_status::more);
  CHECK(second->position().empty());
}

TEST_CASE("a glob pattern names files in the order of their names") {
  const scratch_folder folder;
  folder.write("b.txt", "3\n4");
  folder.write("a.txt", "1\n2\n");
  folder.write("c.log", "no\n");
  folder.write("empty.txt", "");
  text_harness harness{weir::text_lines{folder / "*.txt"}.source()};
  CHECK(harness.read_all(2, 10) == std::vector<std::string>{"1", "2", "3", "4"});
  // A file that is called like a pattern is that file.
  folder.write("[x].txt", "brackets\n");
  text_harness literal{weir::text_lines{folder / "[x].txt"}.source()};
  CHECK(literal.read_all(1, 10) == std::vector<std::string>{"brackets"});
}

TEST_CASE("a path with odd characters survives its split") {
  const scratch_folder folder;
  const auto path = folder.write("odd \"name\"\\\n\xff\xc3\xa4.txt", "x\n");
  text_harness harness{weir::text_lines{path}.source()};
  CHECK(harness.read_all(1, 1) == std::vector<std::string>{"x"});
}

TEST_CASE("an input that cannot be read is refused by its name") {
  const scratch_folder folder;
  const auto refusal = [](const std::string& path) {
    return error_of([&] { static_cast<void>(weir::text_lines{path}.source()->enumerate(1)); });
  };
  const auto missing = refusal(folder / "missing.txt");
  CHECK(contains(missing, "missing.txt"));
  CHECK(contains(missing, "No such file"));
  CHECK(contains(refusal(folder.path().string()), "a directory"));
  CHECK(contains(refusal(folder / "*.none"), "*.none"));
  CHECK(contains(refusal("/dev/null"), "no regular file"));
  if (::geteuid() != 0) { // root may read anything
    const auto secret = folder.write("secret.txt", "x");
    std::filesystem::permissions(secret, std::filesystem::perms::none);
    CHECK(contains(refusal(secret), "secret.txt"));
    CHECK(contains(refusal(secret), "Permission denied"));
  }
  CHECK(weir::text_lines{""}.problems().size() == 1);
  CHECK(weir::text_lines{"x"}.problems().empty());
}

TEST_CASE("a restored run compares its files with what they were") {
  const scratch_folder folder;
  const auto path = folder.write("a.txt", "one\ntwo\n");
  const auto source = weir::text_lines{folder / "*.txt"}.source();
  const auto splits = source->enumerate(1);
  const auto refusal = [&] { return error_of([&] { static_cast<void>(source->check_restored(splits)); }); };
  CHECK(source->check_restored(splits).empty());

  folder.write("a.txt", "one\ntwo\nthree\n");
  const auto grown = source->check_restored(splits);
  REQUIRE(grown.size() == 1);
  CHECK(contains(grown[0], "has grown from 8 to 14 bytes"));
  text_harness harness{source};
  CHECK(harness.read(splits[0], {}, 10) == std::vector<std::string>{"one", "two"});

  folder.write("b.txt", "new\n");
  CHECK(source->check_restored(splits).size() == 2);
  std::filesystem::remove(folder / "b.txt");

  folder.write("a.txt", "one\n");
  CHECK(contains(refusal(), "a.txt"));
  CHECK(contains(refusal(), "4 bytes"));
  CHECK(contains(refusal(), "--fresh"));
  CHECK_THROWS_AS(source->open_split(splits[0], {}, {}), weir::io_error);

  folder.write("a.txt", "One\ntwo\n");
  CHECK(contains(refusal(), "another beginning"));
  CHECK(contains(refusal(), "--fresh"));

  std::filesystem::remove(path);
  CHECK(contains(refusal(), "No such file"));

  folder.write("a.txt", "one\ntwo\n");
  folder.write("other.log", "x\n");
  const auto other = weir::text_lines{folder / "other.log"}.source();
  CHECK(contains(error_of([&] { static_cast<void>(other->check_restored(splits)); }), "a.txt"));
}

TEST_CASE("a file that is shortened while it is read is an error") {
  const scratch_folder folder;
  const auto path = folder.write("text", std::string(1000, 'x') + "\n" + std::string(1000, 'y') + "\n");
  weir_test::record_list<std::string> list;
  weir::collector<std::string> out;
  out.connect(list, 10);
  const auto reader = weir::read_text_range({path, 0, 2002, 2002, 0}, {}, 100);
  CHECK(reader->read(out, 1) == weir::read_status::more);
  std::filesystem::resize_file(path, 1001);
  CHECK_THROWS_AS(reader->read(out, 1), weir::io_error);
}

TEST_CASE("a last line that goes on in what the file has gained is left out, and counted") {
  const scratch_folder folder;
  const auto path = folder.write("log", "one\ntwo\nthr");
  text_harness harness{weir::text_lines{path}.range_bytes(5).source()};
  const auto splits = weir::text_lines{path}.range_bytes(5).source()->enumerate(1);
  const auto last = [&] { return harness.read(splits.at(1), {}, 1); };
  CHECK(last() == std::vector<std::string>{"thr"});
  for (const char* ended : {"one\ntwo\nthr\nfour\n", "one\ntwo\nthr\r\n"}) { // it was whole, but for its end
    folder.write("log", ended);
    CHECK(last() == std::vector<std::string>{"thr"});
  }
  for (const char* goes_on : {"one\ntwo\nthree", "one\ntwo\nthr\r", "one\ntwo\nthr\ree\n"}) {
    folder.write("log", goes_on);
    CHECK(last().empty());
    std::vector<text_harness::step> steps;
    harness.read(splits.at(1), {}, 1, &steps);
    CHECK(steps.back().position == R"({"offset":11,"skipped":1})");
    CHECK(harness.read(splits.at(1), steps.back().position, 1, &steps).empty());
    CHECK(steps.back().position == R"({"offset":11,"skipped":1})");
    CHECK(harness.read(splits.at(0), {}, 1) == std::vector<std::string>{"one", "two"});
  }
}

TEST_CASE("a line that is longer than any text has is an error before it fills the memory") {
  const scratch_folder folder;
  const auto path = folder.write("text", "short\n" + std::string(2000, 'x') + "\nlast\n");
  const auto error = [&](std::size_t most, std::size_t block_bytes) {
    try {
      const auto reader = weir::read_text_range({path, 0, 2012, 2012, 0}, {}, block_bytes, most);
      weir_test::record_list<std::string> list;
      weir::collector<std::string> out;
      out.connect(list, 10);
      while (reader->read(out, 1) != weir::read_status::end) {
      }
    } catch (const weir::io_error& e) {
      return std::string{e.what()};
    }
    return std::string{};
  };
  CHECK(error(2000, 100).empty());
  for (const std::size_t block_bytes : {100U, 10'000U})
    CHECK(contains(error(1999, block_bytes), "lines of at most 1999 bytes, found a longer one at byte 6"));

  const auto endless = folder.write("zeros", "");
  std::filesystem::resize_file(endless, 65 * 1024 * 1024);
  text_harness harness{weir::text_lines{endless}.source()};
  CHECK_THROWS_AS(harness.read_all(1, 10), weir::io_error);
}

TEST_CASE("a file that is missing when a reader begins may come back: the reader's error is tried again") {
  const scratch_folder folder;
  const auto path = folder.write("text", "one\n");
  const auto source = weir::text_lines{path}.source();
  const auto split = source->enumerate(1).at(0);
  std::filesystem::remove(path);
  CHECK_THROWS_AS(source->open_split(split, {}, {}), weir::io_error);
}

TEST_CASE("damaged splits and positions of a text file are refused") {
  const scratch_folder folder;
  const auto path = folder.write("text", "one\ntwo\n");
  const auto source = weir::text_lines{path}.source();
  const auto split = source->enumerate(1).at(0);
  for (const char* position : {"{\"offset\":9}", "{\"offset\":-1}", "{", "{}", "{\"offset\":\"1\"}", "nonsense",
                               "{\"offset\":99999999999999999999999}", "{\"offset\":1}x"})
    CHECK_THROWS_AS(source->open_split(split, position, {}), weir::damaged_error);
  for (const char* description : {"", "{}", "{\"path\":\"x\",\"first\":2,\"last\":1,\"size\":3,\"prefix_hash\":\"0\"}"})
    CHECK_THROWS_AS(source->open_split({"0", description}, {}, {}), weir::damaged_error);
}
