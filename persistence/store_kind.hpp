// What a file of ours is: a job's store, or a savepoint.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir::inline v0 {

/// They have the same tables, and differ in their `application_id`: a savepoint is never written by a job.
enum class store_kind : std::uint8_t { store, savepoint };
[[nodiscard]] constexpr std::string_view to_text(store_kind kind) {
  return kind == store_kind::store ? "the store" : "the savepoint";
}

} // namespace weir::inline v0
