// Jobs at the ends of pipes and connections: what comes there comes once, and the run itself is the other end.
#include "composed/composed_jobs.hpp"
#include "composed/line_stream.hpp"

#include <weir/weir.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace composed {

namespace {

using simulation::chance;

class open_file {
public:
  open_file() = default;
  explicit open_file(int file) : file_(file) {
    if (file < 0)
      throw std::runtime_error{"no file or socket"};
  }
  open_file(open_file&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  open_file& operator=(open_file&& other) noexcept {
    std::swap(file_, other.file_);
    return *this;
  }
  ~open_file() { close(); }
  void close() {
    if (file_ >= 0)
      ::close(std::exchange(file_, -1));
  }
  [[nodiscard]] int get() const { return file_; }
  explicit operator bool() const { return file_ >= 0; }

private:
  int file_ = -1;
};

std::size_t waiting_bytes(int file) {
  int bytes = 0;
  return ::ioctl(file, FIONREAD, &bytes) == 0 ? static_cast<std::size_t>(bytes) : 0;
}

void write_bytes(int file, const std::string& bytes) {
  if (::write(file, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    throw std::runtime_error{"a pipe takes nothing"};
}

// -- standard_input

/// A pipe for each life of the process, which has it until the next one begins. When something is read, something is
/// there, or the end.
class piped_lines final : public world {
public:
  explicit piped_lines(chance random) : random_(random) {}

  void begin_life(caf::actor_system&) override {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
      throw std::runtime_error{"no pipe"};
    read_ = open_file{ends[0]};
    write_ = open_file{ends[1]};
    lines_.begin_line();
  }
  void pump() override {
    if (!write_ || waiting_bytes(read_.get()) >= 2 * line_stream::line_bytes)
      return;
    if (lines_.lines_begun() < lines)
      return write_bytes(write_.get(), lines_.next(random_.between(2, 12), random_.below(line_stream::line_bytes)));
    write_bytes(write_.get(), lines_.rest_of_line());
    whole_ = true;
    write_.close();
  }

  [[nodiscard]] int file() const { return read_.get(); }
  [[nodiscard]] std::string fault(const surroundings& around) const {
    if (!whole_)
      return "the end of the input was not read";
    // A process that dies may have read the end, and the lines before it, in vain.
    return lines_.fault(around.out->committed, around.deaths, true);
  }

private:
  static constexpr std::size_t lines = 300;
  chance random_;
  line_stream lines_{'s'};
  open_file read_;
  open_file write_;
  bool whole_ = false;
};

composition from_standard_input() {
  return {"standard_input",
          [](weir::job& job, const surroundings& around) {
            job.source("in", weir::standard_input{around.in<piped_lines>().file()}).sink("out", to_ledger{around.out});
          },
          [](const surroundings& around) { return around.in<piped_lines>().fault(around); },
          {},
          [](const surroundings&, chance random) { return std::make_shared<piped_lines>(random); },
          [](weir::job_options& options) { options.batch_size = std::min<std::uint32_t>(options.batch_size, 6); }};
}

// -- TCP

sockaddr_in loopback(std::uint32_t host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(host);
  address.sin_port = htons(port);
  return address;
}

const sockaddr* plain(const sockaddr_in& address) {
  return static_cast<const sockaddr*>(static_cast<const void*>(&address));
}
sockaddr* plain(sockaddr_in& address) {
  return static_cast<sockaddr*>(static_cast<void*>(&address));
}

open_file listener_on(std::uint32_t host, std::uint16_t& port) {
  open_file socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  sockaddr_in address = loopback(host, port);
  socklen_t size = sizeof address;
  if (::bind(socket.get(), plain(address), size) != 0 || ::listen(socket.get(), 64) != 0 ||
      ::getsockname(socket.get(), plain(address), &size) != 0)
    throw std::runtime_error{"cannot listen on the loopback address"};
  port = ntohs(address.sin_port);
  return socket;
}

/// Peers of a `tcp_lines` that listens. Each connection of one has something to read whenever something is read.
class sending_peers final : public world {
public:
  explicit sending_peers(chance random) : random_(random) {
    // An address of this process alone, so that nobody else takes the port between two lives.
    const auto process = static_cast<std::uint32_t>(::getpid());
    host_ = 0x7f40'0000U | (process & 0x3f'ffffU);
    static_cast<void>(listener_on(host_, port_));
  }

  void begin_life(caf::actor_system&) override {
    for (peer& each : peers_)
      disconnect(each);
  }
  /// A peer leaves in the middle of a line; it says that line again when it is back.
  void act() override {
    peer& some = random_.pick(peers_);
    if (some.socket && random_.one_in(15))
      disconnect(some);
  }
  void pump() override {
    for (peer& each : peers_) {
      if (each.socket && !connected(each))
        disconnect(each);
      if (!each.socket && !connect(each))
        continue;
      const int far_end = other_end(each);
      const std::size_t there = far_end < 0 ? each.sent : waiting_bytes(far_end);
      if (there >= 2 * line_stream::line_bytes)
        continue;
      const std::string bytes = each.lines.next(random_.between(2, 12), random_.below(line_stream::line_bytes));
      if (::send(each.socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size()))
        throw std::runtime_error{"a connection takes nothing"};
      each.sent += bytes.size();
      while (far_end >= 0 && waiting_bytes(far_end) < there + bytes.size())
        ::sched_yield(); // what is sent is there at once, but for a moment that belongs to the system
    }
  }

  [[nodiscard]] std::string host() const {
    std::array<char, INET_ADDRSTRLEN> text{};
    const sockaddr_in address = loopback(host_, 0);
    ::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
    return text.data();
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string fault(const surroundings& around) const {
    for (const peer& each : peers_)
      if (auto wrong = each.lines.fault(around.out->committed, around.deaths, false); !wrong.empty())
        return wrong;
    return {};
  }

private:
  struct peer {
    explicit peer(char name) : lines(name) {}
    line_stream lines;
    open_file socket;
    std::size_t sent = 0;
  };

  bool connect(peer& one) const {
    open_file socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const sockaddr_in address = loopback(host_, port_);
    if (::connect(socket.get(), plain(address), sizeof address) != 0)
      return false; // nobody listens yet
    ::fcntl(socket.get(), F_SETFL, O_NONBLOCK);
    one.socket = std::move(socket);
    one.sent = 0;
    return true;
  }
  static bool connected(const peer& one) {
    sockaddr_in far{};
    socklen_t size = sizeof far;
    return ::getpeername(one.socket.get(), plain(far), &size) == 0;
  }
  static void disconnect(peer& one) {
    one.socket.close();
    one.lines.begin_line();
  }
  /// The job's end of a connection, which is open in this process, too; negative before it is accepted.
  static int other_end(const peer& one) {
    sockaddr_in own{};
    socklen_t size = sizeof own;
    ::getsockname(one.socket.get(), plain(own), &size);
    for (int file = 3; file != 128; ++file) {
      sockaddr_in far{};
      size = sizeof far;
      if (::getpeername(file, plain(far), &size) == 0 && far.sin_port == own.sin_port &&
          far.sin_addr.s_addr == own.sin_addr.s_addr && file != one.socket.get())
        return file;
    }
    return -1;
  }

  chance random_;
  std::uint32_t host_ = 0;
  std::uint16_t port_ = 0;
  std::array<peer, 2> peers_{peer{'a'}, peer{'b'}};
};

/// As `sending_peers`, and says when the job has got enough.
class enough_lines final : public world {
public:
  enough_lines(const surroundings& around, chance random) : out_(around.out), peers_(random) {}
  void begin_life(caf::actor_system& system) override { peers_.begin_life(system); }
  void act() override { peers_.act(); }
  void pump() override { peers_.pump(); }
  [[nodiscard]] bool done() const override { return out_->committed.size() >= 150; }
  [[nodiscard]] const sending_peers& peers() const { return peers_; }

private:
  std::shared_ptr<ledger> out_;
  sending_peers peers_;
};

composition from_peers() {
  return {"tcp_lines",
          [](weir::job& job, const surroundings& around) {
            const sending_peers& peers = around.in<enough_lines>().peers();
            job.source("in", weir::tcp_lines::listen(peers.port(), peers.host())).sink("out", to_ledger{around.out});
          },
          [](const surroundings& around) { return around.in<enough_lines>().peers().fault(around); },
          {},
          [](const surroundings& around, chance random) { return std::make_shared<enough_lines>(around, random); },
          [](weir::job_options& options) { options.batch_size = std::min<std::uint32_t>(options.batch_size, 6); }};
}

/// Where a `tcp_sink` connects to. Leaves now and then; by then it has read what its system has acknowledged.
class receiving_peer final : public world {
public:
  explicit receiving_peer(chance random) : random_(random), listener_(listener_on(INADDR_LOOPBACK, port_)) {}

  void act() override {
    read_all();
    if (!open_.empty() && leaves_left_ != 0 && random_.one_in(30)) {
      --leaves_left_;
      left_ = true;
      open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(random_.below(open_.size())));
    }
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string fault(const surroundings& around, const std::vector<std::string>& wanted) {
    read_all();
    std::vector<std::string> found;
    for (const std::string& text : texts_) {
      std::size_t at = 0;
      for (std::size_t end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
        found.push_back(text.substr(at, end - at));
      if (at != text.size())
        return "half a line: " + text.substr(at);
    }
    if (left_ || around.deaths > 0) {
      std::sort(found.begin(), found.end());
      found.erase(std::unique(found.begin(), found.end()), found.end());
    }
    return same_lines(found, wanted);
  }

private:
  struct connection {
    open_file socket;
    std::size_t text = 0; ///< which
  };

  void read_all() {
    for (int file = 0; (file = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0;) {
      open_.push_back({open_file{file}, texts_.size()});
      texts_.emplace_back();
    }
    for (auto each = open_.begin(); each != open_.end();) {
      std::array<char, 4096> block{};
      ssize_t got = 0;
      while ((got = ::recv(each->socket.get(), block.data(), block.size(), 0)) > 0)
        texts_[each->text].append(block.data(), static_cast<std::size_t>(got));
      each = got < 0 && errno == EAGAIN ? std::next(each) : open_.erase(each);
    }
  }

  chance random_;
  std::uint16_t port_ = 0;
  open_file listener_;
  std::vector<connection> open_;
  std::vector<std::string> texts_; ///< of all connections that ever were
  std::uint64_t leaves_left_ = 2;
  bool left_ = false;
};

composition to_peer() {
  constexpr int records = 90;
  return {"tcp_sink",
          [](weir::job& job, const surroundings& around) {
            job.source("numbers", weir::from_range<int>{0, records})
                .sink("out", weir::tcp_sink{"127.0.0.1", around.in<receiving_peer>().port()});
          },
          [](const surroundings& around) {
            std::vector<std::string> wanted;
            for (int n = 0; n != records; ++n)
              wanted.push_back(std::to_string(n));
            return around.in<receiving_peer>().fault(around, wanted);
          },
          {},
          [](const surroundings&, chance random) { return std::make_shared<receiving_peer>(random); }};
}

} // namespace

std::vector<composition> stream_jobs() {
  return {from_standard_input(), from_peers(), to_peer()};
}

} // namespace composed
