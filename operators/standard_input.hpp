// The source that reads lines from the standard input.
#pragma once

#include "source.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace weir::inline v0 {

/// Emits the lines of the standard input, or of another file that is open for reading, as `std::string`, and ends with
/// it. A last line needs no line end.
///
/// What was read cannot be read again. After a failure within the process reading goes on where it was: the records
/// that were emitted after the last checkpoint are lost. A new process reads what its own standard input gives.
class standard_input {
public:
  using value_type = std::string;
  static constexpr std::string_view kind_name = "standard_input";
  static constexpr std::uint32_t max_parallelism_limit = 1;

  standard_input() = default;
  /// Reads from an open file of this process, which stays the caller's.
  explicit standard_input(int file) : file_(file) {}

  /// A longer line is an error; 64 MiB unless said.
  [[nodiscard]] standard_input most_line_bytes(std::size_t most) const {
    standard_input copy = *this;
    copy.most_line_bytes_ = most;
    return copy;
  }

  [[nodiscard]] std::shared_ptr<const any_source> source() const;
  [[nodiscard]] std::string guarantee() const;

private:
  int file_ = 0;
  std::size_t most_line_bytes_ = 64 * 1024 * 1024;
};

} // namespace weir::inline v0
