// The sink that sends lines over TCP.
#pragma once

#include "../persistence/error.hpp"
#include "sink.hpp"
#include "to_text.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// What a sink over TCP was asked for.
struct tcp_sink_settings {
  std::string address;
  std::uint16_t port = 0;
  std::chrono::milliseconds timeout{15'000};
};

namespace detail {

[[nodiscard]] std::shared_ptr<const any_sink> make_tcp_sink(tcp_sink_settings settings,
                                                            append_lines_function append_lines);
[[nodiscard]] std::vector<error_text> tcp_sink_problems(const tcp_sink_settings& settings);

} // namespace detail

/// Connects to a peer, each subtask for itself, and sends each record as one line of text. Nothing is encrypted. A peer
/// that cannot be reached or goes away fails the region, which starts again as the restart strategy says.
///
/// A checkpoint waits until the peer's system has acknowledged all bytes. So after a failure all lines since the last
/// complete checkpoint are sent again, and none is lost, unless the peer dies with lines that its system has received
/// and it has not read.
class tcp_sink {
public:
  static constexpr std::string_view kind_name = "tcp_sink";

  tcp_sink(std::string address, std::uint16_t port) {
    settings_.address = std::move(address);
    settings_.port = port;
  }
  /// How long a connect is waited for, and how long a batch or a checkpoint may take to get to the peer's system; 15 s
  /// unless said. A subtask that is stopped meanwhile ends after that: keep it below 30 s, or the whole program may be
  /// ended for it.
  [[nodiscard]] tcp_sink timeout(std::chrono::milliseconds longest) const {
    tcp_sink copy = *this;
    copy.settings_.timeout = longest;
    return copy;
  }

  template <class T>
  [[nodiscard]] std::shared_ptr<const any_sink> sink() const {
    static_assert(serializable<T>, "weir: tcp_sink needs records that have a text: numbers, strings, standard "
                                   "containers, and classes with WEIR_FIELDS");
    return detail::make_tcp_sink(settings_, &detail::append_lines<T>);
  }
  template <class T>
  [[nodiscard]] std::vector<error_text> problems() const {
    return detail::tcp_sink_problems(settings_);
  }
  [[nodiscard]] std::string guarantee() const;

private:
  tcp_sink_settings settings_;
};

} // namespace weir::inline v0
