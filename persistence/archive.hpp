// The portable archive: how values become bytes and bytes become values again.
#pragma once

#include "input_archive.hpp"
#include "output_archive.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace weir::inline v0 {

/// The archive bytes of one value.
template <serializable T>
[[nodiscard]] std::vector<std::byte> to_bytes(const T& value) {
  byte_buffer out;
  output_archive{out} << value;
  return out.take();
}

/// The value that exactly these archive bytes hold; throws `damaged_error` if they are not one.
template <serializable T>
[[nodiscard]] T from_bytes(std::span<const std::byte> bytes) {
  T value{};
  input_archive archive{bytes};
  archive >> value;
  archive.expect_end();
  return value;
}

} // namespace weir::inline v0
