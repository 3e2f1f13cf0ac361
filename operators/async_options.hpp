// How an operator waits for answers that come from elsewhere.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace weir::inline v0 {

/// In which order answers go on.
enum class async_order : std::uint8_t {
  ordered,  ///< in that of the records
  unordered ///< in that of the answers; watermarks stay where they are
};

/// Options of one `async_map`; all of them are of each subtask.
struct async_options {
  /// The most requests that are under way at a time. When so many records wait the operator takes no more.
  std::size_t capacity = 100;
  async_order order = async_order::ordered;
  /// How long one try may take; 0: for ever.
  std::chrono::microseconds timeout = std::chrono::seconds{10};
  /// How often a request that failed or took too long is asked again.
  std::uint32_t retries = 0;
  /// How long after a failure.
  std::chrono::microseconds retry_delay = std::chrono::milliseconds{100};
};

} // namespace weir::inline v0
