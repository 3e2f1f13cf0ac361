// The source that reads lines of JSON into records.
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

/// What a source of JSON lines was asked for.
struct json_lines_settings {
  std::string pattern;
  std::uint64_t range_bytes = 0;
  std::size_t most_line_bytes = 64 * 1024 * 1024;
  bad_record on_error = bad_record::fail;
  bool missing_allowed = false;
  bool extra_allowed = true;
};

namespace detail {

[[nodiscard]] std::shared_ptr<const any_source> make_json_lines_source(const json_lines_settings& settings,
                                                                       const record_access& access);
[[nodiscard]] std::vector<error_text> json_lines_problems(const json_lines_settings& settings,
                                                          const field_type& record);
[[nodiscard]] std::string record_source_guarantee();

} // namespace detail

/// Reads files whose lines are JSON values, each a record: an object for a class with WEIR_FIELDS, whose members are
/// found by name; also numbers, booleans, strings, lists, maps from strings, times (ISO 8601, or ticks) and durations
/// (ticks). Types are checked: a number has to fit into its member, and only optional members may be `null` or missing.
///
/// Paths, patterns, byte ranges and compressed files are as in `text_lines`. A line that is no such record gets what
/// `on_error` says; empty lines stand for nothing.
template <class T, class Emitted = T>
class json_lines {
public:
  using value_type = Emitted;
  static constexpr std::string_view kind_name = "json_lines";

  explicit json_lines(std::string path_or_glob) { settings_.pattern = std::move(path_or_glob); }

  /// What becomes of lines that are no record: `bad_record::fail` unless said.
  [[nodiscard]] json_lines on_error(bad_record what) const {
    json_lines copy = *this;
    copy.settings_.on_error = what;
    return copy;
  }
  /// Emits `parsed<T>`: bad lines go with the records, for `good_records` to tell apart.
  [[nodiscard]] json_lines<T, parsed<T>> keep_bad_lines() const { return json_lines<T, parsed<T>>{settings_}; }
  /// Members that are missing keep the value that their class gives them.
  [[nodiscard]] json_lines allow_missing() const {
    json_lines copy = *this;
    copy.settings_.missing_allowed = true;
    return copy;
  }
  /// A member that T does not have makes a line a bad one. Without this it is passed over.
  [[nodiscard]] json_lines refuse_extra() const {
    json_lines copy = *this;
    copy.settings_.extra_allowed = false;
    return copy;
  }
  /// Longer lines are bad ones; 64 MiB unless said.
  [[nodiscard]] json_lines most_line_bytes(std::size_t most) const {
    json_lines copy = *this;
    copy.settings_.most_line_bytes = most;
    return copy;
  }
  /// Cuts files into ranges of at most this many bytes; 0 leaves it to the source.
  [[nodiscard]] json_lines range_bytes(std::uint64_t most) const {
    json_lines copy = *this;
    copy.settings_.range_bytes = most;
    return copy;
  }

  [[nodiscard]] std::shared_ptr<const any_source> source() const {
    check_type();
    return detail::make_json_lines_source(settings_, detail::record_access_of<Emitted>());
  }
  [[nodiscard]] std::vector<error_text> problems() const {
    check_type();
    return detail::json_lines_problems(settings_, field_type_of<T>());
  }
  [[nodiscard]] std::string guarantee() const { return detail::record_source_guarantee(); }

private:
  template <class T2, class Emitted2>
  friend class json_lines;

  explicit json_lines(json_lines_settings settings) : settings_(std::move(settings)) {}

  static constexpr void check_type() {
    static_assert(serializable<T> && std::is_default_constructible_v<T>,
                  "weir: json_lines needs records that have members by name and can be made without arguments: write "
                  "WEIR_FIELDS(member, ...) into the class");
  }

  json_lines_settings settings_;
};

} // namespace weir::inline v0
