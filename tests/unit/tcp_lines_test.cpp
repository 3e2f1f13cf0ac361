// Tests of the source of lines over TCP, and of the sink.
#include "live_reader.hpp"
#include "sink_harness.hpp"

#include <weir/operators/tcp_lines.hpp>
#include <weir/operators/tcp_sink.hpp>
#include <weir/operators/tcp_socket.hpp>
#include <weir/persistence/error.hpp>

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>

using namespace std::chrono_literals;
using weir_test::contains;
using weir_test::error_of;
using weir_test::lines;
using weir_test::live_reader;

namespace {

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
