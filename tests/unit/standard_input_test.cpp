// Tests of the source of lines from the standard input.
#include "live_reader.hpp"

#include <weir/operators/file_io.hpp>
#include <weir/operators/standard_input.hpp>
#include <weir/persistence/error.hpp>

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <string>

using weir_test::contains;
using weir_test::error_of;
using weir_test::lines;
using weir_test::live_reader;
using weir_test::scratch_folder;

namespace {

struct pipe_ends {
  weir::file_descriptor out;
  weir::file_descriptor in;
  pipe_ends() {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    out = weir::file_descriptor{ends[0]};
    in = weir::file_descriptor{ends[1]};
  }
  void write(const std::string& text) const { weir::write_all(in.get(), text, "the pipe"); }
};

} // namespace

TEST_CASE("lines of the standard input come as they are written, and the last without a line end") {
  pipe_ends pipe;
  live_reader input{weir::standard_input{pipe.out.get()}.source()};
  pipe.write("one\r\ntwo\nthr");
  CHECK(input.read_lines(2) == lines{"one", "two"});
  CHECK(input.reader->position() == R"({"lines":2})");
  pipe.write("ee\nfour\nfi");
  CHECK(input.read(1) == weir::read_status::more);
  CHECK(input.seen.size() == 2); // it was there, and is given by the next read
  CHECK(input.read(1) == weir::read_status::more);
  CHECK(input.seen == lines{"one", "two", "three"});
  // A new reader goes on with what the old one had read.
  input.reader = input.source->open_split(input.split, input.reader->position(), input.now);
  pipe.in = {};
  while (input.read() != weir::read_status::end) {
  }
  CHECK(input.seen == lines{"one", "two", "three", "four", "fi"});
  CHECK(input.reader->position() == R"({"lines":5})");
}

TEST_CASE("an interrupt ends the wait for the standard input") {
  pipe_ends pipe;
  live_reader input{weir::standard_input{pipe.out.get()}.source()};
  input.reader->interrupt(); // also one that comes before the wait
  CHECK(input.read() == weir::read_status::more);
  CHECK(input.seen.empty());
}

TEST_CASE("a line of the standard input that does not end is an error before it fills the memory") {
  const scratch_folder folder;
  const auto path = folder.write("zeros", "first\n");
  std::filesystem::resize_file(path, 65 * 1024 * 1024);
  const weir::file_descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  live_reader input{weir::standard_input{file.get()}.source()};
  CHECK_THROWS_WITH(
      [&] {
        while (input.read() != weir::read_status::end) {
        }
      }(),
      Catch::Contains("lines of at most 67108864 bytes, found a longer one behind line 1"));
  CHECK(input.seen == lines{"first"});

  pipe_ends pipe;
  live_reader small{weir::standard_input{pipe.out.get()}.most_line_bytes(4).source()};
  pipe.write("1234\n12345");
  CHECK(small.read_lines(1) == lines{"1234"});
  CHECK_THROWS_AS(small.read(), weir::io_error);
}

TEST_CASE("a line of the standard input that is too long is an error also if it comes whole") {
  pipe_ends pipe;
  live_reader input{weir::standard_input{pipe.out.get()}.most_line_bytes(4).source()};
  pipe.write("1234\r\n12345\n6\n");
  CHECK(input.read_lines(1) == lines{"1234"});
  for (int attempt = 0; attempt < 2; ++attempt) { // the next one must not go on behind it
    CHECK(contains(error_of([&] { input.read(); }), "a longer one behind line 1"));
    input.reader = input.source->open_split(input.split, input.reader->position(), input.now);
  }
  CHECK(input.seen == lines{"1234"});

  pipe_ends halves;
  live_reader whole{weir::standard_input{halves.out.get()}.most_line_bytes(4).source()};
  halves.write("1234\r"); // half of a line end
  whole.read();
  whole.read();
  halves.write("\n");
  CHECK(whole.read_lines(1) == lines{"1234"});
}
