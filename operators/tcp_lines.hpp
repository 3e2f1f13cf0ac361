// The source that reads lines from TCP connections.
#pragma once

#include "../persistence/error.hpp"
#include "source.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// What a source of TCP lines was asked for.
struct tcp_lines_settings {
  std::string address;
  std::uint16_t port = 0;
  bool server = false;
  std::size_t most_line_bytes = 1024 * 1024;
};

/// Emits the lines that peers send, as `std::string`, for ever. `connect` reads from one peer and connects again when
/// it is gone, at growing intervals of up to 10 s if it accepts no connection, or gave no line; `listen` accepts up to
/// 256 peers at a time, on the loopback address unless another one is named. Nothing is encrypted, and nobody is asked
/// who they are.
///
/// A line without a line end, at the end of a connection, is dropped: nobody knows whether it is whole. A peer that
/// sends a longer line than allowed is disconnected. Both are counted in the position. What was read cannot be read
/// again: a failure loses the lines that came after the last checkpoint, and a peer is not told what was lost.
class tcp_lines {
public:
  using value_type = std::string;
  static constexpr std::string_view kind_name = "tcp_lines";
  static constexpr std::uint32_t max_parallelism_limit = 1;

  [[nodiscard]] static tcp_lines connect(std::string address, std::uint16_t port) {
    return tcp_lines{{std::move(address), port, false, 1024 * 1024}};
  }
  [[nodiscard]] static tcp_lines listen(std::uint16_t port, std::string address = "127.0.0.1") {
    return tcp_lines{{std::move(address), port, true, 1024 * 1024}};
  }
  /// 1 MiB unless said.
  [[nodiscard]] tcp_lines most_line_bytes(std::size_t most) const {
    tcp_lines copy = *this;
    copy.settings_.most_line_bytes = most;
    return copy;
  }

  [[nodiscard]] std::shared_ptr<const any_source> source() const;
  [[nodiscard]] std::vector<error_text> problems() const;
  [[nodiscard]] std::string guarantee() const;

private:
  explicit tcp_lines(tcp_lines_settings settings) : settings_(std::move(settings)) {}

  tcp_lines_settings settings_;
};

} // namespace weir::inline v0
