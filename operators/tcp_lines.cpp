#include "tcp_lines.hpp"

#include "flat_json.hpp"
#include "line_input.hpp"
#include "split_ids.hpp"
#include "tcp_socket.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <list>
#include <mutex>
#include <utility>

#include <poll.h>
#include <sys/socket.h>

namespace weir::inline v0 {

namespace {

constexpr std::size_t most_peers = 256;
constexpr std::chrono::milliseconds first_pause{100};
constexpr std::chrono::milliseconds longest_pause{10'000};
constexpr std::chrono::milliseconds connect_limit{1000};

struct tcp_peer {
  file_descriptor socket;
  line_buffer lines;
  bool gone = false;
  bool gave_lines = false;
};

/// The connections belong to the source: the reader of the next attempt goes on with them.
struct tcp_state {
  std::mutex mutex;
  file_descriptor listener;
  std::list<tcp_peer> peers;

  void open(const tcp_lines_settings& settings) {
    const std::lock_guard alone{mutex};
    if (settings.server && !listener)
      listener = listen_on(settings.address, settings.port);
  }
};

class tcp_lines_reader final : public split_reader {
public:
  tcp_lines_reader(tcp_lines_settings settings, std::shared_ptr<tcp_state> state, const std::string& position,
                   processing_time now)
      : settings_(std::move(settings)), state_(std::move(state)), next_at_(now) {
    state_->open(settings_);
    if (position.empty())
      return;
    const auto object = flat_json::parse(position, "the position of tcp_lines");
    lines_ = object.number("lines");
    unfinished_ = object.number("unfinished");
    too_long_ = object.number("too_long");
  }

  read_status read(any_collector& out, std::size_t max_records) override {
    const std::lock_guard alone{state_->mutex};
    auto& lines = static_cast<collector<std::string>&>(out);
    if (take_lines(lines, std::max<std::size_t>(max_records, 1)))
      return read_status::more;
    if (!settings_.server && state_->peers.empty() && (std::exchange(in_vain_, false) || !connect())) {
      next_at_ += pause_;
      pause_ = std::min(pause_ * 2, longest_pause);
      return read_status::later;
    }
    fill();
    take_lines(lines, std::max<std::size_t>(max_records, 1));
    return read_status::more;
  }

  [[nodiscard]] std::string position() const override {
    return flat_json{}.set("lines", lines_).set("unfinished", unfinished_).set("too_long", too_long_).to_string();
  }
  [[nodiscard]] processing_time next_at() const override { return next_at_; }
  void interrupt() noexcept override { wait_.wake(); }

private:
  bool connect() {
    std::string why_not;
    auto socket = connect_to(settings_.address, settings_.port, connect_limit, why_not);
    if (!socket)
      return false;
    state_->peers.emplace_back().socket = std::move(socket);
    return true;
  }

  /// Takes what has come, of all peers, and lets go of those that are gone.
  bool take_lines(collector<std::string>& out, std::size_t most) {
    std::size_t taken = 0;
    for (auto peer = state_->peers.begin(); peer != state_->peers.end();) {
      std::string_view line;
      bool too_long = false;
      while (taken < most && peer->lines.take(line)) {
        too_long = line.size() > settings_.most_line_bytes;
        if (too_long)
          break;
        out(line);
        ++taken;
        peer->gave_lines = true;
        pause_ = first_pause;
      }
      if (taken == most)
        break;
      if (too_long || peer->lines.waiting_line() > settings_.most_line_bytes) {
        ++too_long_;
        peer = let_go(peer);
      } else if (peer->gone) {
        unfinished_ += peer->lines.waiting() > 0 ? 1 : 0;
        peer = let_go(peer);
      } else {
        ++peer;
      }
    }
    // Another peer is the first the next time, so that none has to wait for ever.
    if (state_->peers.size() > 1)
      state_->peers.splice(state_->peers.end(), state_->peers, state_->peers.begin());
    lines_ += taken;
    return taken > 0;
  }

  std::list<tcp_peer>::iterator let_go(std::list<tcp_peer>::iterator peer) {
    in_vain_ = !peer->gave_lines;
    return state_->peers.erase(peer);
  }

  /// Waits for something, and reads once from each peer that has sent something.
  void fill() {
    std::vector<pollfd> files;
    for (const auto& peer : state_->peers)
      files.push_back({peer.socket.get(), POLLIN, 0});
    const bool accepting = state_->listener && state_->peers.size() < most_peers;
    if (accepting)
      files.push_back({state_->listener.get(), POLLIN, 0});
    wait_.wait(files, longest_input_wait);
    std::size_t index = 0;
    for (auto& peer : state_->peers)
      if (files[index++].revents != 0)
        receive(peer);
    if (accepting && files[index].revents != 0)
      if (auto socket = accept_peer(state_->listener.get()))
        state_->peers.emplace_back().socket = std::move(socket);
  }

  void receive(tcp_peer& peer) {
    std::array<char, 64 * 1024> block{};
    const auto got = ::recv(peer.socket.get(), block.data(), block.size(), 0);
    if (got > 0) {
      peer.lines.append({block.data(), static_cast<std::size_t>(got)});
    } else if (got == 0 || (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK)) {
      peer.gone = true;
    }
  }

  tcp_lines_settings settings_;
  std::shared_ptr<tcp_state> state_;
  wakeable_wait wait_;
  std::chrono::milliseconds pause_ = first_pause;
  bool in_vain_ = false; // the last connection gave no line: the next one has to wait as if it had not been accepted
  std::uint64_t lines_ = 0;
  std::uint64_t unfinished_ = 0;
  std::uint64_t too_long_ = 0;
  processing_time next_at_;
};

class tcp_lines_source final : public any_source {
public:
  explicit tcp_lines_source(tcp_lines_settings settings) : settings_(std::move(settings)) {}

  [[nodiscard]] bool blocking() const override { return true; }
  [[nodiscard]] std::vector<source_split> enumerate(std::uint32_t) const override {
    state_->open(settings_);
    return {
        {split_id(0), flat_json{}
                          .set(settings_.server ? "listens" : "connects", tcp_name(settings_.address, settings_.port))
                          .to_string()}};
  }
  [[nodiscard]] std::vector<std::string> check_restored(const std::vector<source_split>& splits) const override {
    if (splits.empty())
      return {};
    state_->open(settings_);
    return {"lines that peers have sent cannot be read again: those that came after the last checkpoint are lost."};
  }
  [[nodiscard]] std::unique_ptr<split_reader> open_split(const source_split&, const std::string& position,
                                                         processing_time now) const override {
    return std::make_unique<tcp_lines_reader>(settings_, state_, position, now);
  }

private:
  tcp_lines_settings settings_;
  std::shared_ptr<tcp_state> state_ = std::make_shared<tcp_state>();
};

} // namespace

std::shared_ptr<const any_source> tcp_lines::source() const {
  return std::make_shared<tcp_lines_source>(settings_);
}

std::vector<error_text> tcp_lines::problems() const {
  std::vector<error_text> problems;
  if (settings_.address.empty())
    problems.push_back({"tcp_lines", "an address", "nothing", "name a host, or leave it out to listen on this one"});
  if (settings_.port == 0)
    problems.push_back({"tcp_lines", "a port from 1 to 65535", "0", "name a port"});
  return problems;
}

std::string tcp_lines::guarantee() const {
  return "At most once: a failure loses the lines that came since the last checkpoint.";
}

} // namespace weir::inline v0
