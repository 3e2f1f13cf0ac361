// Tests of sources that wait for what comes: the standard input, a watched folder, TCP; and of the sink over TCP.
#include "record_samples.hpp"
#include "sink_harness.hpp"

#include <weir/operators/standard_input.hpp>
#include <weir/operators/tcp_lines.hpp>
#include <weir/operators/tcp_sink.hpp>
#include <weir/operators/tcp_socket.hpp>
#include <weir/operators/watch_folder.hpp>
#include <weir/persistence/error.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace std::chrono_literals;
using weir_test::contains;
using weir_test::error_of;
using weir_test::scratch_folder;
using lines = std::vector<std::string>;

namespace {

/// A reader of the only split of a source, and what it has emitted.
struct live_reader {
  std::shared_ptr<const weir::any_source> source;
  weir::source_split split = source->enumerate(1).at(0);
  weir::processing_time now{1000s};
  std::unique_ptr<weir::split_reader> reader = source->open_split(split, {}, now);
  lines seen;

  explicit live_reader(std::shared_ptr<const weir::any_source> s) : source(std::move(s)) {}

  weir::read_status read(std::size_t max_records = 100) {
    weir_test::record_list<std::string> list;
    weir::collector<std::string> out;
    out.connect(list, 16);
    const auto status = reader->read(out, max_records);
    out.flush();
    seen.insert(seen.end(), list.records.begin(), list.records.end());
    return status;
  }
  /// Reads until so many lines are there. A read waits, but not for long.
  const lines& read_lines(std::size_t count) {
    for (int reads = 0; seen.size() < count && reads < 100; ++reads)
      read();
    return seen;
  }
};

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

void append(const std::string& path, const std::string& text) {
  std::ofstream{path, std::ios::app | std::ios::binary} << text;
}

std::uint16_t port_of(int socket) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  REQUIRE(::getsockname(socket, static_cast<sockaddr*>(static_cast<void*>(&address)), &size) == 0);
  return ntohs(address.sin_port);
}

std::uint16_t free_port() {
  return port_of(weir::listen_on("127.0.0.1", 0).get());
}

weir::file_descriptor connected(std::uint16_t port) {
  std::string why_not;
  auto socket = weir::connect_to("127.0.0.1", port, 1s, why_not);
  REQUIRE(socket);
  return socket;
}

weir::file_descriptor accepted(const weir::file_descriptor& listener) {
  for (;;) // a connection is on its way
    if (auto socket = weir::accept_peer(listener.get()))
      return socket;
}

std::string received(int socket, std::size_t bytes) {
  std::string text;
  std::array<char, 4096> block{};
  while (text.size() < bytes) {
    const auto got = ::recv(socket, block.data(), std::min(block.size(), bytes - text.size()), 0);
    if (got == 0)
      break;
    if (got > 0)
      text.append(block.data(), static_cast<std::size_t>(got));
  }
  return text;
}

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

TEST_CASE("a TCP server takes lines from its peers, and no half of one") {
  const auto port = free_port();
  live_reader server{weir::tcp_lines::listen(port).most_line_bytes(1000).source()};
  auto first = connected(port);
  auto second = connected(port);
  weir::write_all(first.get(), "one\ntw", "peer");
  server.read_lines(1);
  weir::write_all(second.get(), "two\r\nthree\nhalf", "peer");
  CHECK(server.read_lines(3) == lines{"one", "two", "three"});
  second = {};
  weir::write_all(first.get(), "o\n", "peer");
  CHECK(server.read_lines(4).back() == "two");
  weir::write_all(first.get(), std::string(5000, 'x'), "peer");
  for (int reads = 0; !contains(server.reader->position(), "\"too_long\":1") && reads < 100; ++reads)
    server.read();
  auto third = connected(port);
  weir::write_all(third.get(), "four\n", "peer");
  CHECK(server.read_lines(5).back() == "four");
  CHECK(server.reader->position() == R"({"lines":5,"unfinished":1,"too_long":1})");
  CHECK(contains(error_of([&] { static_cast<void>(weir::tcp_lines::listen(port).source()->enumerate(1)); }),
                 "an address to listen on"));
}

TEST_CASE("a peer over TCP that sends a line that is too long is let go also if it comes whole") {
  const auto port = free_port();
  live_reader server{weir::tcp_lines::listen(port).most_line_bytes(4).source()};
  auto peer = connected(port);
  weir::write_all(peer.get(), "1234\r\n12345\n6\n", "peer");
  for (int reads = 0; !contains(server.reader->position(), "\"too_long\":1") && reads < 100; ++reads)
    server.read();
  CHECK(server.reader->position() == R"({"lines":1,"unfinished":0,"too_long":1})");
  CHECK(server.seen == lines{"1234"});
}

TEST_CASE("a TCP client connects again when its peer is gone, at growing intervals") {
  const auto port = free_port();
  live_reader client{weir::tcp_lines::connect("127.0.0.1", port).source()};
  CHECK(client.read() == weir::read_status::later);
  CHECK(client.reader->next_at() == client.now + 100ms);
  CHECK(client.read() == weir::read_status::later);
  CHECK(client.reader->next_at() == client.now + 300ms);
  auto listener = weir::listen_on("127.0.0.1", port);
  CHECK(client.read() == weir::read_status::more);
  auto peer = accepted(listener);
  weir::write_all(peer.get(), "one\ntw", "peer");
  CHECK(client.read_lines(1) == lines{"one"});
  peer = {};
  client.read();
  client.read();
  peer = accepted(listener);
  weir::write_all(peer.get(), "two\n", "peer");
  CHECK(client.read_lines(2) == lines{"one", "two"});
  CHECK(client.reader->position() == R"({"lines":2,"unfinished":1,"too_long":0})");
  CHECK(weir::tcp_lines::connect("", 0).problems().size() == 2);
}

TEST_CASE("a TCP client waits before it turns again to a peer that gave it no line") {
  const auto listener = weir::listen_on("127.0.0.1", 0);
  live_reader client{weir::tcp_lines::connect("127.0.0.1", port_of(listener.get())).source()};
  const auto hung_up_on = [&](const std::string& text) {
    client.read(); // connects
    weir::write_all(accepted(listener).get(), text, "peer");
    const auto before = client.reader->next_at();
    for (int reads = 0; reads < 100; ++reads)
      if (client.read() == weir::read_status::later)
        return client.reader->next_at() - before;
    return weir::processing_time::duration{};
  };
  CHECK(hung_up_on("") == 100ms);
  CHECK(hung_up_on("hal") == 200ms);
  client.read();
  weir::write_all(accepted(listener).get(), "one\n", "peer");
  CHECK(client.read_lines(1) == lines{"one"});
  client.read();                  // notices that it is gone
  CHECK(hung_up_on("") == 100ms); // connects at once; then it has to wait
}

TEST_CASE("connections over TCP notice a peer whose machine is gone") {
  const auto listener = weir::listen_on("127.0.0.1", 0);
  const auto ours = connected(port_of(listener.get()));
  const auto theirs = accepted(listener);
  for (const int socket : {ours.get(), theirs.get()}) {
    int on = 0;
    int idle_seconds = 0;
    socklen_t size = sizeof on;
    CHECK(::getsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, &size) == 0);
    CHECK(::getsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &idle_seconds, &size) == 0);
    CHECK(on == 1);
    CHECK(idle_seconds == 60);
  }
}

TEST_CASE("a peer that takes a few bytes at a time does not keep a TCP sink for longer than its timeout") {
  const auto listener = weir::listen_on("127.0.0.1", 0);
  const auto sink = weir::tcp_sink{"127.0.0.1", port_of(listener.get())}.timeout(300ms).sink<int>();
  const auto writer = sink->open_writer(weir_test::start_of("run-1"));
  auto peer = accepted(listener);
  std::atomic<bool> over{false};
  std::thread taking{[&] {
    for (std::array<char, 16> some{}; !over;)
      ::recv(peer.get(), some.data(), some.size(), 0);
  }};
  const auto begun = std::chrono::steady_clock::now();
  const auto error = error_of([&] {
    writer->write(*weir_test::batch_of<int>(std::vector<int>(6'000'000, 1'000'000'000)));
    writer->prepare(weir::checkpoint_id{1});
  });
  const auto took = std::chrono::steady_clock::now() - begun;
  over = true;
  taking.join();
  CHECK(contains(error, "has not taken all of them in 300 ms"));
  CHECK(took < 5s);
}

TEST_CASE("the TCP sink sends lines, and a checkpoint waits until the peer's system has them") {
  auto listener = weir::listen_on("127.0.0.1", 0);
  const auto sink = weir::tcp_sink{"127.0.0.1", port_of(listener.get())}.timeout(200ms).sink<int>();
  CHECK_FALSE(sink->two_phase());
  const auto writer = sink->open_writer(weir_test::start_of("run-1"));
  auto peer = accepted(listener);
  writer->write(*weir_test::batch_of<int>({1, 2, 3}));
  CHECK(writer->prepare(weir::checkpoint_id{1}).empty());
  CHECK(received(peer.get(), 6) == "1\n2\n3\n");
  writer->write(*weir_test::batch_of<int>({4}));
  writer->flush();
  CHECK(received(peer.get(), 2) == "4\n");

  // A peer that takes nothing: its system's buffers fill up, then ours.
  const std::vector<int> many(20'000, 1'000'000'000);
  CHECK(contains(error_of([&] {
                   for (int i = 0; i < 1000; ++i)
                     writer->write(*weir_test::batch_of<int>(many));
                 }),
                 "has not taken all of them in 200 ms"));
}

TEST_CASE("a TCP sink whose peer is gone fails") {
  auto listener = weir::listen_on("127.0.0.1", 0);
  const auto port = port_of(listener.get());
  const auto sink = weir::tcp_sink{"127.0.0.1", port}.sink<int>();
  const auto writer = sink->open_writer(weir_test::start_of("run-1"));
  accepted(listener);
  listener = {};
  const auto error = error_of([&] {
    for (int i = 0; i < 100; ++i) {
      writer->write(*weir_test::batch_of<int>({i}));
      writer->prepare(weir::checkpoint_id{1});
    }
  });
  CHECK(contains(error, "a peer that takes lines"));
  CHECK(contains(error_of([&] { writer->write(*weir_test::batch_of<int>({1})); }), "one that has"));
  CHECK(contains(error_of([&] { static_cast<void>(sink->open_writer(weir_test::start_of("run-1"))); }),
                 "accepts a connection"));
}
