// What the loops of the built-in operators over a batch have in common.
#pragma once

#include "collector.hpp"

#include <algorithm>
#include <cstddef>
#include <type_traits>

namespace weir::inline v0::detail {

/// The collector emits with event times from now on, or without, as the batch has them.
inline void follow_times(any_collector& out, const any_batch& in, std::size_t from) {
  if (in.times.empty())
    out.clear_time();
  else
    out.set_time(in.times[from]);
}

/// Copies the event times of records [from, to), if there are any.
inline void append_times(any_batch& out, const any_batch& in, std::size_t from, std::size_t to) {
  if (!in.times.empty())
    std::copy(in.times.data() + from, in.times.data() + to, out.times.extend(to - from));
}

[[noreturn, gnu::cold]] void throw_no_hashes(const any_batch& in);

/// Keyed operators trust the hashes of their edge. Throws `usage_error` if the batch came over another kind of edge.
inline void require_hashes(const any_batch& in) {
  if (in.hashes.size() != in.size()) [[unlikely]]
    throw_no_hashes(in);
}

/// Calls `loop(std::bool_constant<move>)`: whether the records of a batch may be moved from is asked once a batch, and
/// not at all where a move is a copy.
template <class T, class Loop>
decltype(auto) with_ownership(const any_batch& in, Loop&& loop) {
  if constexpr (std::is_trivially_copyable_v<T>) {
    return loop(std::false_type{});
  } else {
    if (in.sole_owner())
      return loop(std::true_type{});
    return loop(std::false_type{});
  }
}

} // namespace weir::inline v0::detail
