// The source that reads the rows of a table in order of a column.
#pragma once

#include "../persistence/error.hpp"
#include "bad_record.hpp"
#include "record_source.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// What a source of rows was asked for.
struct sqlite_rows_settings {
  std::string path;
  std::string table;
  std::string order = "rowid";
  bool order_is_unique = false;
  bool order_ascends = false;
  bool may_be_replaced = false;
  bad_record on_error = bad_record::fail;
  std::chrono::milliseconds poll_interval{0}; ///< 0: ends with the last row
};

namespace detail {

[[nodiscard]] std::shared_ptr<const any_source> make_sqlite_rows_source(const sqlite_rows_settings& settings,
                                                                        const record_access& access);
[[nodiscard]] std::vector<error_text> sqlite_rows_problems(const sqlite_rows_settings& settings,
                                                           const field_type& record);
[[nodiscard]] std::string sqlite_rows_guarantee();

} // namespace detail

/// Reads the rows of a SQLite table, or view, into a class with WEIR_FIELDS, in the order of one column, whose values
/// have to differ: a primary key, or a column with a unique index of its own. Columns fill the members of their names;
/// members that are not optional must have one. Types are checked: whole numbers have to fit, booleans are 0 or 1,
/// times are ISO 8601 text or ticks, and only optional members may be NULL.
///
/// The position is the last value of that column, so that rows that were read may be removed. A fresh run ends with the
/// last row that was there when it began, or, with `keep_reading`, never: then rows that come later are read if their
/// value is greater than that of every row that was read. AUTOINCREMENT sees to it, or `order_ascends` promises it:
/// without it SQLite gives an id again once the last row was removed. Rows that have NULL there are not read. Rows that
/// change are not read again.
///
/// A file that is replaced by another one under its name is an error, while a run goes on and when it is resumed. With
/// AUTOINCREMENT so is a table that was dropped and made anew, until its ids have come as far as those that were read.
/// `allow_replaced_file` lets both be.
template <class T>
class sqlite_rows {
public:
  using value_type = T;
  static constexpr std::string_view kind_name = "sqlite_rows";
  static constexpr std::uint32_t max_parallelism_limit = 1;

  sqlite_rows(std::string path, std::string table) {
    settings_.path = std::move(path);
    settings_.table = std::move(table);
  }

  /// The column that gives the order; `rowid` unless said.
  [[nodiscard]] sqlite_rows order_by(std::string column) const {
    sqlite_rows copy = *this;
    copy.settings_.order = std::move(column);
    return copy;
  }
  /// Promises that the values of that column differ, although nothing in the table says so; for views.
  [[nodiscard]] sqlite_rows order_is_unique() const {
    sqlite_rows copy = *this;
    copy.settings_.order_is_unique = true;
    return copy;
  }
  /// Promises that a row that comes later has a greater value than all rows before it, removed ones among them;
  /// `keep_reading` needs that of every column but one with AUTOINCREMENT.
  [[nodiscard]] sqlite_rows order_ascends() const {
    sqlite_rows copy = *this;
    copy.settings_.order_ascends = true;
    return copy;
  }
  /// Goes on behind the last value in another file that has taken this one's name, such as a copy that was put back, or
  /// in a table that was made anew: rows up to that value are not read.
  [[nodiscard]] sqlite_rows allow_replaced_file() const {
    sqlite_rows copy = *this;
    copy.settings_.may_be_replaced = true;
    return copy;
  }
  /// Looks for new rows for ever, this often.
  [[nodiscard]] sqlite_rows keep_reading(std::chrono::milliseconds poll_interval = std::chrono::milliseconds{
                                             100}) const {
    sqlite_rows copy = *this;
    copy.settings_.poll_interval = poll_interval;
    return copy;
  }
  /// What becomes of rows that do not fit the record: `bad_record::fail` unless said.
  [[nodiscard]] sqlite_rows on_error(bad_record what) const {
    sqlite_rows copy = *this;
    copy.settings_.on_error = what;
    return copy;
  }

  [[nodiscard]] std::shared_ptr<const any_source> source() const {
    check_type();
    return detail::make_sqlite_rows_source(settings_, detail::record_access_of<T>());
  }
  [[nodiscard]] std::vector<error_text> problems() const {
    check_type();
    return detail::sqlite_rows_problems(settings_, field_type_of<T>());
  }
  [[nodiscard]] std::string guarantee() const { return detail::sqlite_rows_guarantee(); }

private:
  static constexpr void check_type() {
    static_assert(serializable<T> && std::is_default_constructible_v<T>,
                  "weir: sqlite_rows needs records that have members by name and can be made without arguments: write "
                  "WEIR_FIELDS(member, ...) into the class");
  }

  sqlite_rows_settings settings_;
};

} // namespace weir::inline v0
