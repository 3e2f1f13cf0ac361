// What the user hears about a path that the system does not let us use.
#pragma once

#include <filesystem>
#include <string>

namespace weir::inline v0 {

/// Throws for a call that made, opened or renamed a file and failed with an errno: path_error if another path or other
/// permissions help; io_error if the disk is full or fails, or the process has too much open. `thing` is the text's.
[[noreturn]] void refuse_path(std::string thing, const std::filesystem::path& path, int code);

} // namespace weir::inline v0
