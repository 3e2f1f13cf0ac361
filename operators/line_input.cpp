#include "line_input.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace weir::inline v0 {

bool line_buffer::take(std::string_view& line) {
  const void* found =
      searched_ < bytes_.size() ? std::memchr(bytes_.data() + searched_, '\n', bytes_.size() - searched_) : nullptr;
  if (!found) {
    bytes_.erase(0, begin_);
    begin_ = 0;
    searched_ = bytes_.size();
    return false;
  }
  const auto end = static_cast<std::size_t>(static_cast<const char*>(found) - bytes_.data());
  line = {bytes_.data() + begin_, end - begin_};
  if (line.ends_with('\r'))
    line.remove_suffix(1);
  begin_ = searched_ = end + 1;
  return true;
}

bool line_buffer::take_rest(std::string_view& line) {
  if (waiting() == 0)
    return false;
  line = {bytes_.data() + begin_, waiting()};
  begin_ = searched_ = bytes_.size();
  return true;
}

void line_buffer::put_back(std::string_view line) noexcept {
  begin_ = searched_ = static_cast<std::size_t>(line.data() - bytes_.data());
}

wakeable_wait::wakeable_wait() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!event_)
    fail_io("an event of the system", "make", errno);
}

void wakeable_wait::wait(std::vector<pollfd>& files, std::chrono::milliseconds at_most) {
  files.push_back({event_.get(), POLLIN, 0});
  const int ready = ::poll(files.data(), files.size(), static_cast<int>(at_most.count()));
  if (ready < 0) {
    if (errno != EINTR)
      fail_io("the input", "wait for", errno);
    for (auto& each : files)
      each.revents = 0;
  }
  if ((files.back().revents & POLLIN) != 0) {
    std::uint64_t count = 0;
    static_cast<void>(!::read(event_.get(), &count, sizeof count));
  }
  files.pop_back();
}

void wakeable_wait::wake() const noexcept {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(event_.get(), &one, sizeof one));
}

} // namespace weir::inline v0
