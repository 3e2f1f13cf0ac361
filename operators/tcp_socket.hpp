// The few calls of the system that sources and sinks over TCP make.
#pragma once

#include "file_io.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace weir::inline v0 {

/// "127.0.0.1:4000", for messages.
[[nodiscard]] std::string tcp_name(const std::string& address, std::uint16_t port);
/// A socket that listens and does not block. Throws path_error if the address can't be used.
[[nodiscard]] file_descriptor listen_on(const std::string& address, std::uint16_t port);
/// Accepts a connection that does not block; none if there is none. Here and below: a peer whose machine is silent for
/// two minutes counts as gone.
[[nodiscard]] file_descriptor accept_peer(int listener);
/// A connection that does not block; none if nobody accepts one in time, at all addresses together, and then why.
[[nodiscard]] file_descriptor connect_to(const std::string& address, std::uint16_t port,
                                         std::chrono::milliseconds at_most, std::string& why_not);

} // namespace weir::inline v0
