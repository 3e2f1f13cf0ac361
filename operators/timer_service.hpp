// How a keyed operator's context reaches the operator's timers.
#pragma once

#include "event_time.hpp"

#include <cstdint>
#include <string>

namespace weir::inline v0::detail {

/// The timers of one keyed operator. `hash` is the `key_hash` of the key.
template <class K>
class timer_service {
public:
  timer_service() = default;
  virtual ~timer_service() = default;
  timer_service(const timer_service&) = delete;
  timer_service& operator=(const timer_service&) = delete;

  virtual void set(const K& key, std::uint64_t hash, processing_time at) = 0;
  virtual void clear(const K& key, std::uint64_t hash, processing_time at) = 0;
};

[[noreturn, gnu::cold]] void throw_no_timers(const std::string& operator_name);

} // namespace weir::inline v0::detail
