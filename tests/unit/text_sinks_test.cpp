// Tests of the text of records, and of the sinks print and callback.
#include "sink_harness.hpp"

#include <weir/operators/callback.hpp>
#include <weir/operators/print.hpp>
#include <weir/operators/to_text.hpp>
#include <weir/persistence/error.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <tuple>
#include <variant>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

using namespace std::chrono_literals;
using weir_test::batch_of;
using weir_test::start_of;

namespace {

struct word_count {
  std::string key;
  std::uint64_t count = 0;
  WEIR_FIELDS(key, count)
};

enum class color : std::uint8_t { red, green };

struct nested {
  word_count inner;
  std::vector<word_count> list;
  std::optional<int> maybe;
  bool flag = false;
  color shade = color::green;
  WEIR_FIELDS(inner, list, maybe, flag, shade)
};

struct by_hand {
  int a = 1;
  int b = 2;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& WEIR_FIELD(a);
    archive& b;
  }
};

/// A pipe whose reading end is read to its end.
class pipe_reader {
public:
  pipe_reader() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0)
      throw std::runtime_error{"no pipe"};
    reader_ = std::thread{[this] {
      char block[4096];
      for (;;) {
        const auto got = ::read(ends_[0], block, sizeof block);
        if (got <= 0)
          return;
        content_.append(block, static_cast<std::size_t>(got));
      }
    }};
  }
  ~pipe_reader() {
    if (reader_.joinable())
      static_cast<void>(content());
    ::close(ends_[0]);
  }
  [[nodiscard]] int writing_end() const { return ends_[1]; }
  /// Closes the writing end and returns what was read.
  std::string content() {
    ::close(ends_[1]);
    reader_.join();
    return content_;
  }

private:
  std::array<int, 2> ends_{};
  std::string content_;
  std::thread reader_;
};

} // namespace

TEST_CASE("records have a text with the names of their members") {
  using weir::to_text;
  CHECK(to_text(word_count{"the", 3}) == "{key: \"the\", count: 3}");
  CHECK(to_text(nested{{"a", 1}, {{"b", 2}, {"c\"\n", 3}}, 7, true, color::red}) ==
        "{inner: {key: \"a\", count: 1}, list: [{key: \"b\", count: 2}, {key: \"c\\\"\\n\", count: 3}], maybe: 7, "
        "flag: true, shade: 0}");
  CHECK(to_text(nested{}) == "{inner: {key: \"\", count: 0}, list: [], maybe: null, flag: false, shade: 1}");
  CHECK(to_text(by_hand{}) == "{a: 1, 2}");
}

TEST_CASE("numbers, strings and containers have a text") {
  using weir::to_text;
  CHECK(to_text(std::string{"as \"it\" is"}) == "as \"it\" is");
  CHECK(to_text(std::int8_t{-5}) == "-5");
  CHECK(to_text(std::uint64_t{18446744073709551615ULL}) == "18446744073709551615");
  CHECK(to_text(0.1) == "0.1");
  CHECK(to_text(0.1F) == "0.1");
  CHECK(to_text(1e300) == "1e+300");
  CHECK(to_text(true) == "true");
  CHECK(to_text('x') == "\"x\"");
  CHECK(to_text(std::vector<bool>{true, false}) == "[true, false]");
  CHECK(to_text(std::array<int, 2>{1, 2}) == "[1, 2]");
  CHECK(to_text(std::map<std::string, int>{{"a", 1}, {"b", 2}}) == "{\"a\": 1, \"b\": 2}");
  CHECK(to_text(std::tuple<int, std::string>{1, "x"}) == "(1, \"x\")");
  CHECK(to_text(std::pair<int, std::pair<int, int>>{1, {2, 3}}) == "(1, (2, 3))");
  CHECK(to_text(std::variant<int, std::string>{"x"}) == "\"x\"");
  CHECK(to_text(std::optional<std::string>{}) == "null");
}

TEST_CASE("times and durations have a text") {
  using std::chrono::sys_time;
  using weir::to_text;
  CHECK(to_text(5ms) == "5ms");
  CHECK(to_text(-3h) == "-3h");
  CHECK(to_text(std::chrono::duration<int, std::ratio<7, 3>>{2}) == "2[7/3]s");
  CHECK(to_text(sys_time<std::chrono::milliseconds>{1700000000123ms}) == "2023-11-14T22:13:20.123Z");
  CHECK(to_text(sys_time<std::chrono::microseconds>{-1us}) == "1969-12-31T23:59:59.999999Z");
  CHECK(to_text(sys_time<std::chrono::seconds>{0s}) == "1970-01-01T00:00:00Z");
  CHECK(to_text(sys_time<std::chrono::seconds>{std::chrono::seconds::max()}) == "9223372036854775807s");
}

TEST_CASE("print writes one line a record") {
  pipe_reader pipe;
  const auto sink = weir::print{pipe.writing_end()}.sink<word_count>();
  CHECK(sink->blocking());
  CHECK_FALSE(sink->two_phase());
  const auto writer = sink->open_writer(start_of("run-1"));
  writer->write(*batch_of<word_count>({{"a", 1}, {"b", 2}}));
  writer->write(*batch_of<word_count>({{"c", 3}}));
  CHECK(writer->prepare(weir::checkpoint_id{1}).empty());
  CHECK(pipe.content() == "{key: \"a\", count: 1}\n{key: \"b\", count: 2}\n{key: \"c\", count: 3}\n");
}

TEST_CASE("printed batches of several threads do not mix within a line") {
  pipe_reader pipe;
  const auto sink = weir::print{pipe.writing_end()}.sink<std::string>();
  std::vector<std::thread> threads;
  for (char c = 'a'; c < 'e'; ++c)
    threads.emplace_back([&sink, c] {
      const auto writer = sink->open_writer(start_of("run-1"));
      for (int i = 0; i < 50; ++i)
        writer->write(*batch_of<std::string>(std::vector<std::string>(20, std::string(500, c))));
    });
  for (auto& thread : threads)
    thread.join();
  const auto text = pipe.content();
  REQUIRE(text.size() == 4U * 50U * 20U * 501U);
  for (std::size_t at = 0; at < text.size(); at += 501) {
    REQUIRE(text.find_first_not_of(text[at], at) == at + 500);
    REQUIRE(text[at + 500] == '\n');
  }
}

TEST_CASE("print to a pipe that nobody reads is an error and no signal") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  ::close(ends[0]);
  const auto writer = weir::print{ends[1]}.sink<std::string>()->open_writer(start_of("run-1"));
  CHECK_THROWS_AS(writer->write(*batch_of<std::string>({"x"})), weir::io_error);
  CHECK_THROWS_WITH(writer->write(*batch_of<std::string>({"x"})), Catch::Contains("Broken pipe"));
  sigset_t waiting;
  sigpending(&waiting);
  CHECK(sigismember(&waiting, SIGPIPE) == 0);
  sigset_t blocked;
  pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  CHECK(sigismember(&blocked, SIGPIPE) == 0);
  ::close(ends[1]);
}

TEST_CASE("print to a full disk is an error that says so") {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  if (full < 0)
    return;
  const auto writer = weir::print{full}.sink<int>()->open_writer(start_of("run-1"));
  CHECK_THROWS_WITH(writer->write(*batch_of<int>({1})), Catch::Contains("No space left"));
  ::close(full);
}

TEST_CASE("a callback gets each record, or each batch") {
  std::vector<int> seen;
  const auto by_record = weir::callback{[&seen](const int& n) { seen.push_back(n); }}.sink<int>();
  CHECK_FALSE(by_record->blocking());
  CHECK_FALSE(by_record->two_phase());
  by_record->open_writer(start_of("run-1"))->write(*batch_of<int>({1, 2, 3}));
  CHECK(seen == std::vector<int>{1, 2, 3});

  std::vector<std::size_t> sizes;
  const auto by_batch =
      weir::callback{[&sizes](std::span<const int> batch) { sizes.push_back(batch.size()); }}.sink<int>();
  const auto writer = by_batch->open_writer(start_of("run-1"));
  writer->write(*batch_of<int>({1, 2, 3}));
  writer->write(*batch_of<int>({4}));
  CHECK(sizes == std::vector<std::size_t>{3, 1});
}

TEST_CASE("each writer of a callback has a function of its own") {
  std::vector<int> counts;
  const auto sink = weir::callback{[&counts, own = 0](int) mutable { counts.push_back(++own); }}.sink<int>();
  const auto a = sink->open_writer(start_of("run-1", 0, 2));
  const auto b = sink->open_writer(start_of("run-1", 1, 2));
  a->write(*batch_of<int>({1, 1}));
  b->write(*batch_of<int>({1}));
  CHECK(counts == std::vector<int>{1, 2, 1});
}
