// Lines out of bytes that come from a pipe or a socket, and waiting for more without being deaf to an interrupt.
#pragma once

#include "file_io.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

struct pollfd;

namespace weir::inline v0 {

/// Bytes that came, of which lines are taken.
class line_buffer {
public:
  void append(std::string_view bytes) { bytes_.append(bytes); }
  /// Takes the next line without its line end; false if its end has not come yet. Valid until the next `append`.
  bool take(std::string_view& line);
  /// Takes what is left, which has no line end; false if there is nothing.
  bool take_rest(std::string_view& line);
  /// Gives back the line that was taken last, to be taken again; before the next `append`.
  void put_back(std::string_view line) noexcept;
  /// How much of an unfinished line waits, but for a CR that may be of its line end.
  [[nodiscard]] std::size_t waiting_line() const noexcept {
    return waiting() - (waiting() > 0 && bytes_.back() == '\r' ? 1 : 0);
  }
  /// How much waits behind the last line.
  [[nodiscard]] std::size_t waiting() const noexcept { return bytes_.size() - begin_; }

private:
  std::string bytes_;
  std::size_t begin_ = 0;    // of the next line
  std::size_t searched_ = 0; // no line end between begin_ and here
};

/// Waits for files, and is woken by `wake` from another thread.
class wakeable_wait {
public:
  wakeable_wait();
  /// Waits until one of the files is ready, it is woken, or the time is over. Events are in `files` then.
  void wait(std::vector<pollfd>& files, std::chrono::milliseconds at_most);
  void wake() const noexcept;

private:
  file_descriptor event_;
};

/// How long a read may wait: so soon a subtask can be stopped even if nobody interrupts the wait.
inline constexpr std::chrono::milliseconds longest_input_wait{100};

} // namespace weir::inline v0
