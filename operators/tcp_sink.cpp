#include "tcp_sink.hpp"

#include "tcp_socket.hpp"
#include "writer_guard.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace weir::inline v0 {

namespace {

constexpr const char* guarantee_text =
    "At least once, as far as the peer's system: after a failure the lines since the last checkpoint are sent again.";
constexpr std::size_t buffer_bytes = 64 * 1024;
constexpr std::chrono::milliseconds look_again{2};

class tcp_sink_writer final : public sink_writer {
public:
  tcp_sink_writer(const tcp_sink_settings& settings, detail::append_lines_function append_lines)
      : settings_(settings), name_(tcp_name(settings.address, settings.port)), append_lines_(append_lines) {
    std::string why_not;
    socket_ = connect_to(settings.address, settings.port, settings.timeout, why_not);
    if (!socket_)
      throw io_error(
          {name_, "a peer that accepts a connection", why_not, "start the peer; the job tries again by itself"});
  }

  void write(any_batch& records) override {
    run([&] {
      append_lines_(records, lines_);
      if (lines_.size() >= buffer_bytes)
        send_lines();
    });
  }
  void flush() override {
    run([&] { send_lines(); });
  }
  /// Nothing is to be committed; but what a checkpoint has must have reached the peer.
  std::string prepare(checkpoint_id) override {
    run([&] {
      send_lines();
      await_acknowledgement();
    });
    return {};
  }

private:
  /// One deadline for all of it: a peer that takes a byte now and then would keep the subtask from being stopped.
  template <class Step>
  void run(Step step) {
    deadline_ = std::chrono::steady_clock::now() + settings_.timeout;
    guard_.run(step);
  }
  [[nodiscard]] int milliseconds_left() const {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now()).count();
    if (left <= 0)
      late();
    return static_cast<int>(std::min<decltype(left)>(left, 60'000));
  }

  void send_lines() {
    std::string_view left = lines_;
    while (!left.empty()) {
      const auto sent = ::send(socket_.get(), left.data(), left.size(), MSG_NOSIGNAL);
      if (sent >= 0) {
        left.remove_prefix(static_cast<std::size_t>(sent));
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        pollfd waiting{socket_.get(), POLLOUT, 0};
        ::poll(&waiting, 1, milliseconds_left());
      } else if (errno != EINTR) {
        gone(std::strerror(errno));
      }
    }
    lines_.clear();
  }

  /// The bytes that the peer's system has not acknowledged become none.
  void await_acknowledgement() {
    for (;;) {
      int code = 0;
      socklen_t size = sizeof code;
      int unsent = 0;
      if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &code, &size) != 0 || code != 0)
        gone(std::strerror(code));
      if (::ioctl(socket_.get(), SIOCOUTQ, &unsent) != 0)
        gone(std::strerror(errno));
      if (unsent == 0)
        return;
      ::poll(nullptr, 0, std::min(milliseconds_left(), static_cast<int>(look_again.count())));
    }
  }

  [[noreturn]] void late() const {
    throw io_error({name_, "a peer that takes lines",
                    "one that has not taken all of them in " + std::to_string(settings_.timeout.count()) + " ms",
                    "look what keeps the peer, or raise .timeout"});
  }
  [[noreturn]] void gone(const char* why) const {
    throw io_error({name_, "a peer that takes lines", why, "keep the peer running; the job tries again by itself"});
  }

  tcp_sink_settings settings_;
  std::string name_;
  detail::append_lines_function append_lines_;
  writer_guard guard_{name_};
  file_descriptor socket_;
  std::string lines_;
  std::chrono::steady_clock::time_point deadline_; // of the call that is being made
};

class tcp_lines_sink final : public any_sink {
public:
  tcp_lines_sink(tcp_sink_settings settings, detail::append_lines_function append_lines)
      : settings_(std::move(settings)), append_lines_(append_lines) {}

  [[nodiscard]] bool blocking() const override { return true; }
  [[nodiscard]] bool two_phase() const override { return false; }
  [[nodiscard]] std::string guarantee() const override { return guarantee_text; }
  [[nodiscard]] std::unique_ptr<sink_writer> open_writer(const sink_start&) const override {
    return std::make_unique<tcp_sink_writer>(settings_, append_lines_);
  }

private:
  tcp_sink_settings settings_;
  detail::append_lines_function append_lines_;
};

} // namespace

std::shared_ptr<const any_sink> detail::make_tcp_sink(tcp_sink_settings settings, append_lines_function append_lines) {
  return std::make_shared<tcp_lines_sink>(std::move(settings), append_lines);
}

std::vector<error_text> detail::tcp_sink_problems(const tcp_sink_settings& settings) {
  std::vector<error_text> problems;
  if (settings.address.empty())
    problems.push_back({"tcp_sink", "the address of a peer", "nothing", "name a host"});
  if (settings.port == 0)
    problems.push_back({"tcp_sink", "a port from 1 to 65535", "0", "name a port"});
  return problems;
}

std::string tcp_sink::guarantee() const {
  return guarantee_text;
}

} // namespace weir::inline v0
