// The options of the command line that choose how a job runs: their names, texts and readers.
#pragma once

#include "job_options.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::inline v0 {

/// One option. Flags have an empty `value_name`, and are read as "true" or "false".
struct option_row {
  std::string group;
  std::string name; ///< without dashes
  std::string value_name;
  std::string help;
  std::string default_text; ///< empty: none to show
  /// Reads a value into the options. Throws usage_error.
  std::function<void(job_options&, const std::string&)> read;
};

/// All of them, in the order of the help, with the defaults that `defaults` has.
[[nodiscard]] std::vector<option_row> option_table(std::string_view job_name, const job_options& defaults);

/// The word of `candidates` that is nearest to a mistyped one, by edits; empty if none is near.
[[nodiscard]] std::string nearest_word(std::string_view word, const std::vector<std::string>& candidates);

} // namespace weir::inline v0
