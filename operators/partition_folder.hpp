// The folders of partitions within that of a sink of files: their names, and how they are made.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace weir::inline v0 {

/// The folder that a partition's key becomes, within that of the sink: parts between slashes are folders within each
/// other; what a file name should not have is written as `%` and two digits; a part that is longer than 180 bytes is
/// cut and gets a hash, and so does the whole behind 1000 bytes; a part that is empty becomes `_`.
[[nodiscard]] std::string partition_folder(std::string_view key);

/// Makes folders within `directory`, with those that they lie in, and syncs each that holds one of them, whoever made
/// that: it may have died before it could. Returns what was synced. Throws io_error.
std::set<std::string> make_partition_folders(const std::string& directory, const std::set<std::string>& folders);

} // namespace weir::inline v0
