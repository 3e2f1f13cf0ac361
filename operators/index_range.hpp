// Splits that are ranges of record numbers, and the place within one.
#pragma once

#include "source.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace weir::inline v0 {

/// The records first, first + step, … `count` of them.
struct index_range {
  static constexpr std::uint64_t unbounded = std::numeric_limits<std::uint64_t>::max();

  std::uint64_t first = 0;
  std::uint64_t step = 1;
  std::uint64_t count = unbounded;
};

/// Deals records 0 to count - 1 in one range for each subtask: runs of neighbours, or, if there is no end, every n-th
/// one. No range is empty.
[[nodiscard]] std::vector<index_range> deal_indices(std::uint64_t count, std::uint32_t parallelism);

/// A place in an index range.
class index_cursor {
public:
  /// `position` is what `position()` returned, or empty; `thing` names it in errors. Throws damaged_error.
  index_cursor(const index_range& range, const std::string& position, const char* thing);

  /// The number of the next record, and the distance to the one behind it.
  [[nodiscard]] std::uint64_t index() const noexcept { return range_.first + next_ * range_.step; }
  [[nodiscard]] std::uint64_t step() const noexcept { return range_.step; }
  /// How many records of the range come before the next one.
  [[nodiscard]] std::uint64_t done() const noexcept { return next_; }
  /// How many records may be taken at once.
  [[nodiscard]] std::size_t available(std::size_t most) const noexcept {
    return static_cast<std::size_t>(std::min<std::uint64_t>(most, range_.count - next_));
  }
  void advance(std::size_t n) noexcept { next_ += n; }
  [[nodiscard]] bool at_end() const noexcept { return next_ == range_.count; }
  /// `{"next":…}`
  [[nodiscard]] std::string position() const;

private:
  index_range range_;
  std::uint64_t next_ = 0;
};

} // namespace weir::inline v0
