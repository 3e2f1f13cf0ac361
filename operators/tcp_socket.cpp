#include "tcp_socket.hpp"

#include "../persistence/error.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace weir::inline v0 {

namespace {

struct free_addresses {
  void operator()(addrinfo* all) const { ::freeaddrinfo(all); }
};
using addresses = std::unique_ptr<addrinfo, free_addresses>;

addresses look_up(const std::string& address, std::uint16_t port, int flags, std::string& why_not) {
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &wanted, &found); code != 0) {
    why_not = ::gai_strerror(code);
    return nullptr;
  }
  return addresses{found};
}

file_descriptor open_socket(const addrinfo& address) {
  return file_descriptor{
      ::socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address.ai_protocol)};
}

/// Waits for the end of a connect that was begun; the system's error, or 0.
int finish_connect(int socket, std::chrono::milliseconds at_most) {
  pollfd waiting{socket, POLLOUT, 0};
  if (::poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(at_most.count(), 0))) <= 0)
    return ETIMEDOUT;
  int code = 0;
  socklen_t size = sizeof code;
  return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &code, &size) == 0 ? code : errno;
}

/// A peer whose machine or network has gone says nothing: the system asks it, and ends the connection.
void keep_alive(int socket) {
  const auto set = [socket](int level, int option, int value) {
    static_cast<void>(::setsockopt(socket, level, option, &value, sizeof value));
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 60); // seconds
  set(IPPROTO_TCP, TCP_KEEPINTVL, 15);
  set(IPPROTO_TCP, TCP_KEEPCNT, 4);
}

} // namespace

std::string tcp_name(const std::string& address, std::uint16_t port) {
  const bool v6 = address.find(':') != std::string::npos;
  return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

file_descriptor listen_on(const std::string& address, std::uint16_t port) {
  std::string why_not = "no address";
  const auto all = look_up(address, port, AI_PASSIVE, why_not);
  for (const addrinfo* each = all.get(); each != nullptr; each = each->ai_next) {
    file_descriptor socket = open_socket(*each);
    const int yes = 1;
    if (socket && ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        ::bind(socket.get(), each->ai_addr, each->ai_addrlen) == 0 && ::listen(socket.get(), 64) == 0)
      return socket;
    why_not = std::strerror(errno);
  }
  throw path_error({tcp_name(address, port), "an address to listen on", why_not,
                    "name another port or address, or end the program that has it"});
}

file_descriptor accept_peer(int listener) {
  file_descriptor socket{::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
  if (socket)
    keep_alive(socket.get());
  return socket;
}

file_descriptor connect_to(const std::string& address, std::uint16_t port, std::chrono::milliseconds at_most,
                           std::string& why_not) {
  const auto all = look_up(address, port, 0, why_not);
  const auto deadline = std::chrono::steady_clock::now() + at_most;
  for (const addrinfo* each = all.get(); each != nullptr; each = each->ai_next) {
    file_descriptor socket = open_socket(*each);
    if (socket) {
      int code = ::connect(socket.get(), each->ai_addr, each->ai_addrlen) == 0 ? 0 : errno;
      if (code == EINPROGRESS)
        code = finish_connect(
            socket.get(), std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()));
      if (code == 0) {
        const int yes = 1; // lines go out when they are written; several go together anyway
        static_cast<void>(::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes));
        keep_alive(socket.get());
        return socket;
      }
      why_not = std::strerror(code);
    } else {
      why_not = std::strerror(errno);
    }
  }
  return {};
}

} // namespace weir::inline v0
