// What a store has told its job last, noted beside it: it tells a log that has lost its end from one that ends there.
#pragma once

#include "ids.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::inline v0 {

/// A log whose end is damaged or gone looks to SQLite like one that ends there. So the lock file, which stays behind
/// when a process dies, holds what the store has promised. It is written after the commit and never synced: what it
/// says was durable, and it may be silent about the last moments before a loss of power.
struct store_note {
  std::string run;            ///< UUID
  checkpoint_id last_given;   ///< the greatest id that a checkpoint was given
  checkpoint_id complete;     ///< the newest complete one; 0: none
  attempt_id highest_attempt; ///< of all regions

  friend bool operator==(const store_note&, const store_note&) = default;
};

/// One line without its end, with a checksum.
[[nodiscard]] std::string to_text(const store_note& note);
/// None for a line that is damaged, or is no note.
[[nodiscard]] std::optional<store_note> store_note_from(std::string_view line);

} // namespace weir::inline v0
