// The splits of sources that read files: which files, cut into which byte ranges, and whether they are still the same.
#pragma once

#include "source.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace weir::inline v0 {

/// What a source of files was asked for.
struct file_selection {
  std::string kind;              ///< of the source, for messages: "text_lines"
  std::string pattern;           ///< a path or a glob pattern
  std::uint64_t range_bytes = 0; ///< the most bytes of a split; 0: by the parallelism
  bool whole_files = false;      ///< files are not cut
};

/// The splits of the files, each a `text_range`. Compressed files are not cut. Throws usage_error.
[[nodiscard]] std::vector<source_split> enumerate_files(const file_selection& selection, std::uint32_t parallelism);
/// What `any_source::check_restored` promises.
[[nodiscard]] std::vector<std::string> check_file_splits(const file_selection& files,
                                                         const std::vector<source_split>& splits);

/// The files that a path or pattern names, sorted by bytes. Throws usage_error if there are none.
[[nodiscard]] std::vector<std::string> find_files(const std::string& pattern);

} // namespace weir::inline v0
