// The names of numbered splits.
#pragma once

#include <cstddef>
#include <string>

namespace weir::inline v0 {

/// "00000007": the order of the names is the order of the numbers.
[[nodiscard]] inline std::string split_id(std::size_t number) {
  std::string digits = std::to_string(number);
  return digits.size() < 8 ? std::string(8 - digits.size(), '0') + digits : digits;
}

} // namespace weir::inline v0
