// Values on their way between SQLite and the decoders.
#pragma once

#include "../value_decoder.hpp"
#include "sqlite_api.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::inline v0 {

/// Makes a decoded value the result of a column or a function.
void set_result(sqlite3_context* context, const decoded_value& value);
void set_result(sqlite3_context* context, std::string_view text);
void set_result(sqlite3_context* context, std::span<const std::byte> bytes);

/// A value of SQLite as a decoded one, with its text or blob copied to `memory`.
[[nodiscard]] decoded_value value_of(sqlite3_value* value, std::string& memory);

/// The values of a call's arguments or of a plan's constraints, by number; what was not given is absent.
class given_values {
public:
  void set(int number, sqlite3_value* value);

  /// Not given, or null.
  [[nodiscard]] bool absent(int number) const { return find(number) == nullptr; }
  /// Empty if absent.
  [[nodiscard]] std::string text(int number) const;
  /// Throws usage_error, with the value's name, for what is no whole number.
  [[nodiscard]] std::optional<std::int64_t> whole_number(int number, const char* name) const;
  /// Given, and null: equal to nothing.
  [[nodiscard]] bool null(int number) const;
  /// The value itself, or null.
  [[nodiscard]] sqlite3_value* find(int number) const;

private:
  std::vector<std::pair<int, sqlite3_value*>> values_;
};

} // namespace weir::inline v0
