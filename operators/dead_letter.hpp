// A record that an operator's code refused, and how the code that refuses it is told apart from a broken job.
#pragma once

#include "../persistence/fields.hpp"
#include "event_time.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace weir::inline v0 {

/// What is known of a record for which user code threw. Its place in the source is known only where the record or the
/// error's text says it.
struct dead_letter {
  std::string operator_name;
  std::uint32_t subtask = 0;
  std::string error;              ///< what was thrown
  std::string record;             ///< as `append_text` writes it; empty if its type can't be written
  std::optional<event_time> time; ///< the record's event time, if it had one
  WEIR_FIELDS(operator_name, subtask, error, record, time)

  friend bool operator==(const dead_letter&, const dead_letter&) = default;
};

/// The side output that has them.
inline constexpr const char* dead_letters_name = "dead-letters";
/// The counter of the records for which an operator's code threw, under any policy but `fail`.
inline constexpr const char* poison_counter_name = "poison_records";

} // namespace weir::inline v0
