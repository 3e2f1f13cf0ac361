// The source that reads CSV files into records.
#pragma once

#include "../persistence/error.hpp"
#include "bad_record.hpp"
#include "record_source.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// What a source of CSV files was asked for.
struct csv_settings {
  std::string pattern;
  std::uint64_t range_bytes = 0;
  std::size_t most_row_bytes = 1024 * 1024;
  bad_record on_error = bad_record::fail;
  char delimiter = ',';
  char quote = '"';
  std::vector<std::string> columns;
  bool quoted_newlines = true;
  bool missing_allowed = false;
  bool extra_allowed = true;
};

namespace detail {

[[nodiscard]] std::shared_ptr<const any_source> make_csv_source(const csv_settings& settings,
                                                                const record_access& access);
[[nodiscard]] std::vector<error_text> csv_source_problems(const csv_settings& settings, const field_type& record);
[[nodiscard]] std::string csv_source_guarantee();

} // namespace detail

/// Reads the rows of CSV files (RFC 4180) into a class with WEIR_FIELDS. The first row names the columns; each fills
/// the member of its name, and columns without a member are passed over. A member without a column has to be optional.
/// Numbers have to fit into their members; an optional member is empty where nothing stands, not even quotes. Times are
/// ISO 8601 or ticks, booleans `true`, `false`, `1`, `0`. Spaces belong to text; around numbers they do not matter.
///
/// Paths, patterns and compressed files are as in `text_lines`. A quoted field may hold line ends, so each file is one
/// split, unless `no_quoted_newlines` promises that there are none: then files are cut into byte ranges. A row that is
/// no such record gets what `on_error` says; empty lines stand for nothing. A file with other columns is refused.
template <class T, class Emitted = T>
class csv {
public:
  using value_type = Emitted;
  static constexpr std::string_view kind_name = "csv";

  explicit csv(std::string path_or_glob) { settings_.pattern = std::move(path_or_glob); }

  /// What becomes of rows that are no record: `bad_record::fail` unless said.
  [[nodiscard]] csv on_error(bad_record what) const {
    return changed([&](csv_settings& s) { s.on_error = what; });
  }
  /// Emits `parsed<T>`: bad rows go with the records, for `good_records` to tell apart.
  [[nodiscard]] csv<T, parsed<T>> keep_bad_lines() const { return csv<T, parsed<T>>{settings_}; }
  /// What stands between fields; a comma unless said.
  [[nodiscard]] csv delimiter(char c) const {
    return changed([&](csv_settings& s) { s.delimiter = c; });
  }
  [[nodiscard]] csv quote(char c) const {
    return changed([&](csv_settings& s) { s.quote = c; });
  }
  /// The files have no row of names; these are their columns.
  [[nodiscard]] csv columns(std::vector<std::string> names) const {
    return changed([&](csv_settings& s) { s.columns = std::move(names); });
  }
  /// No quoted field holds a line end: one that does is a bad row, and files are cut into byte ranges.
  [[nodiscard]] csv no_quoted_newlines() const {
    return changed([](csv_settings& s) { s.quoted_newlines = false; });
  }
  /// Cuts files into ranges of at most this many bytes; 0 leaves it to the source. Needs `no_quoted_newlines`.
  [[nodiscard]] csv range_bytes(std::uint64_t most) const {
    return changed([&](csv_settings& s) { s.range_bytes = most; });
  }
  /// Members without a column keep the value that their class gives them.
  [[nodiscard]] csv allow_missing() const {
    return changed([](csv_settings& s) { s.missing_allowed = true; });
  }
  /// Files with columns that T does not have are refused.
  [[nodiscard]] csv refuse_extra() const {
    return changed([](csv_settings& s) { s.extra_allowed = false; });
  }
  /// Longer rows are bad ones; 1 MiB unless said. Bounds what a quote that is never closed can take with it.
  [[nodiscard]] csv most_row_bytes(std::size_t most) const {
    return changed([&](csv_settings& s) { s.most_row_bytes = most; });
  }

  [[nodiscard]] std::shared_ptr<const any_source> source() const {
    check_type();
    return detail::make_csv_source(settings_, detail::record_access_of<Emitted>());
  }
  [[nodiscard]] std::vector<error_text> problems() const {
    check_type();
    return detail::csv_source_problems(settings_, field_type_of<T>());
  }
  [[nodiscard]] std::string guarantee() const { return detail::csv_source_guarantee(); }

private:
  template <class T2, class Emitted2>
  friend class csv;

  explicit csv(csv_settings settings) : settings_(std::move(settings)) {}

  template <class Change>
  [[nodiscard]] csv changed(Change&& change) const {
    csv copy = *this;
    change(copy.settings_);
    return copy;
  }
  static constexpr void check_type() {
    static_assert(serializable<T> && std::is_default_constructible_v<T>,
                  "weir: csv needs records that have members by name and can be made without arguments: write "
                  "WEIR_FIELDS(member, ...) into the class");
  }

  csv_settings settings_;
};

} // namespace weir::inline v0
