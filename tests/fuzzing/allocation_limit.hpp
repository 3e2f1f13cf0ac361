// A bound on the memory that a call may use, so that no few bytes make a reader allocate much.
#pragma once

#include <cstddef>

namespace weir_fuzz {

/// While it lives, this thread's allocations through `operator new` may come to `bytes` more than it had at the start;
/// the one that would go beyond ends the process, so that its stack names the culprit. Not nested.
class allocation_limit {
public:
  explicit allocation_limit(std::size_t bytes);
  allocation_limit(const allocation_limit&) = delete;
  allocation_limit& operator=(const allocation_limit&) = delete;
  ~allocation_limit();
};

} // namespace weir_fuzz
