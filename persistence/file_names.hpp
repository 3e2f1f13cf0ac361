// Steps with files by name that SQLite leaves to us: to look, to rename, and to make a name durable.
#pragma once

#include <filesystem>
#include <string_view>

namespace weir::inline v0 {

/// The path with `suffix` behind its last letter.
[[nodiscard]] std::filesystem::path with_suffix(const std::filesystem::path& path, std::string_view suffix);

/// Whether something has this name; a link that leads nowhere is something.
[[nodiscard]] bool name_is_taken(const std::filesystem::path& path);

/// Makes what was written to a file durable. Returns 0, or the errno. The file must not be open in SQLite: closing it
/// here drops the locks that this process has on it.
[[nodiscard]] int sync_file(const std::filesystem::path& path);

/// Makes durable which names a folder has. Returns 0, or the errno.
[[nodiscard]] int sync_folder(const std::filesystem::path& path);

/// Gives a file a name that nobody has. Returns 0, or the errno: EEXIST if somebody has it.
[[nodiscard]] int rename_to_free_name(const std::filesystem::path& from, const std::filesystem::path& to);

} // namespace weir::inline v0
