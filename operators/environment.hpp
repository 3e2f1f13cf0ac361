// The one object from which the runtime takes time, randomness and UUIDs.
#pragma once

#include "../persistence/monotonic_time.hpp"
#include "event_time.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace weir::inline v0 {

/// Time and chance as a run sees them. Nothing in the runtime asks the system for either; a simulation gives its own.
/// All members may be called from any thread.
class environment {
public:
  virtual ~environment();
  /// For durations, timeouts and schedules.
  [[nodiscard]] virtual monotonic_time monotonic() const = 0;
  /// For people and for processing time.
  [[nodiscard]] virtual processing_time now() const = 0;
  /// 64 random bits.
  virtual std::uint64_t random() = 0;
  /// How long the calling thread has worked, for measurements: what others took from the processor is not in it. Zero
  /// where nobody measures.
  [[nodiscard]] virtual std::chrono::nanoseconds thread_time() const { return {}; }
  /// A fresh UUID (version 4), made of `random`.
  std::string uuid();
};

/// The system's clocks and its random device.
[[nodiscard]] std::shared_ptr<environment> system_environment();

} // namespace weir::inline v0
