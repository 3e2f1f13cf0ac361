// Names in SQL: when two are the same, and how one is written.
#pragma once

#include <string>
#include <string_view>

namespace weir::inline v0 {

/// Whether two names are the same for SQLite.
[[nodiscard]] bool same_name(std::string_view a, std::string_view b);
/// A name as SQL: in quotes.
[[nodiscard]] std::string quoted_name(std::string_view name);
/// Whether the statement that made a table gives its rows ids that never come again. AUTOINCREMENT may stand nowhere
/// else, but in quotes and comments.
[[nodiscard]] bool has_autoincrement(std::string_view create_table);

} // namespace weir::inline v0
