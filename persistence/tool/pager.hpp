// Long output on a terminal goes through a pager.
#pragma once

#include <cstdio>

namespace weir::tool {

/// Standard output, or on a terminal the program that `PAGER` names, `less` if it names none. None at all if `PAGER` is
/// empty or the program is not there.
class pager {
public:
  explicit pager(bool wanted);
  pager(const pager&) = delete;
  pager& operator=(const pager&) = delete;
  /// Waits until it has been read.
  ~pager();

  [[nodiscard]] std::FILE* file() const { return pipe_ ? pipe_ : stdout; }
  /// Whether somebody may stop reading, and means it.
  [[nodiscard]] bool is_pager() const { return pipe_ != nullptr; }
  [[nodiscard]] bool on_terminal() const { return terminal_; }

private:
  std::FILE* pipe_ = nullptr;
  bool terminal_;
};

} // namespace weir::tool
