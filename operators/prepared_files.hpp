// What a sink of files has prepared for a checkpoint, as the text that the checkpoint keeps.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weir::inline v0 {

/// A file that is prepared. Its names are relative to the sink's folder.
struct prepared_file {
  std::string from; ///< until it is committed
  std::string to;   ///< from then on
  std::uint64_t bytes = 0;
};

/// The JSON text of prepared files: of one, or, if a checkpoint may have several of a subtask, of `many`.
[[nodiscard]] std::string to_json(const std::vector<prepared_file>& files, bool many);
/// Throws damaged_error for what `to_json` does not write, and for names that lead out of the folder.
[[nodiscard]] std::vector<prepared_file> prepared_files(const std::string& json);

} // namespace weir::inline v0
