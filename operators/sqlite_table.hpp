// The sink that keeps a table of a SQLite file.
#pragma once

#include "../persistence/error.hpp"
#include "row_codec.hpp"
#include "sink.hpp"

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// Which table, and how rows get into it.
struct sqlite_table_settings {
  std::string path;
  std::string table;
  bool upsert = false;
  std::vector<std::string> keys;
};

namespace detail {

[[nodiscard]] std::shared_ptr<const any_sink> make_sqlite_table_sink(sqlite_table_settings settings, row_type type);
[[nodiscard]] std::vector<error_text> sqlite_table_problems(const sqlite_table_settings& settings,
                                                            const type_schema& record);

} // namespace detail

/// Writes each record as a row of a table, exactly once. Columns are the members that WEIR_FIELDS names: numbers,
/// booleans, strings, times and durations (their ticks), and optional ones; any other record is the column `value`.
/// The table is made if it is not there.
///
/// Rows are appended, or, with `upsert`, replace the row with the same key. Until a checkpoint is complete its rows
/// wait in `weir_staged` of the same file; then one transaction moves them and writes `weir_progress`. Subtasks commit
/// one by one, so a reader sees whole checkpoints of each. Only one process may have such a file as a sink at a time;
/// anyone may read it.
class sqlite_table {
public:
  static constexpr std::string_view kind_name = "sqlite_table";

  sqlite_table(std::string path, std::string table) : settings_{std::move(path), std::move(table), false, {}} {}

  /// Rows replace those with the same values in these columns.
  template <std::convertible_to<std::string>... Columns>
  [[nodiscard]] sqlite_table upsert(const Columns&... key_columns) const {
    sqlite_table copy = *this;
    copy.settings_.upsert = true;
    copy.settings_.keys = {std::string(key_columns)...};
    return copy;
  }

  template <class T>
  [[nodiscard]] std::shared_ptr<const any_sink> sink() const {
    check_type<T>();
    return detail::make_sqlite_table_sink(settings_, row_type_of<T>());
  }
  template <class T>
  [[nodiscard]] std::vector<error_text> problems() const {
    check_type<T>();
    return detail::sqlite_table_problems(settings_, schema_of<T>());
  }
  [[nodiscard]] std::string guarantee() const;

private:
  template <class T>
  static constexpr void check_type() {
    static_assert(serializable<T> && std::is_default_constructible_v<T>,
                  "weir: sqlite_table needs records that can be stored and made without arguments: numbers, strings, "
                  "and classes with WEIR_FIELDS");
  }

  sqlite_table_settings settings_;
};

} // namespace weir::inline v0
