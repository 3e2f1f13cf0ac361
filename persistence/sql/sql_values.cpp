// Conversions between SQLite's values and decoded ones.
#include "sql_values.hpp"

#include "../error.hpp"

namespace weir::inline v0 {

namespace {

const auto copied = SQLITE_TRANSIENT;  // NOLINT: SQLite's macro
constexpr unsigned json_subtype = 'J'; // which SQLite's JSON functions take as JSON, not as a string

std::string_view bytes_of(sqlite3_value* value) {
  const void* bytes = sqlite3_value_blob(value);
  return bytes == nullptr
             ? std::string_view{}
             : std::string_view{static_cast<const char*>(bytes), static_cast<std::size_t>(sqlite3_value_bytes(value))};
}

} // namespace

void set_result(sqlite3_context* context, const decoded_value& value) {
  switch (value.kind) {
  case value_kind::null:
    sqlite3_result_null(context);
    break;
  case value_kind::integer:
    sqlite3_result_int64(context, value.integer);
    break;
  case value_kind::real:
    sqlite3_result_double(context, value.real);
    break;
  case value_kind::text:
    set_result(context, value.bytes);
    if (value.json)
      sqlite3_result_subtype(context, json_subtype);
    break;
  case value_kind::blob:
    set_result(context, std::as_bytes(std::span{value.bytes}));
    break;
  }
}

void set_result(sqlite3_context* context, std::string_view text) {
  sqlite3_result_text64(context, text.data() == nullptr ? "" : text.data(), text.size(), copied, SQLITE_UTF8);
}

void set_result(sqlite3_context* context, std::span<const std::byte> bytes) {
  if (bytes.empty())
    sqlite3_result_zeroblob(context, 0);
  else
    sqlite3_result_blob64(context, bytes.data(), bytes.size(), copied);
}

decoded_value value_of(sqlite3_value* value, std::string& memory) {
  decoded_value made;
  switch (sqlite3_value_type(value)) {
  case SQLITE_INTEGER:
    made.kind = value_kind::integer;
    made.integer = sqlite3_value_int64(value);
    break;
  case SQLITE_FLOAT:
    made.kind = value_kind::real;
    made.real = sqlite3_value_double(value);
    break;
  case SQLITE_TEXT:
  case SQLITE_BLOB:
    made.kind = sqlite3_value_type(value) == SQLITE_TEXT ? value_kind::text : value_kind::blob;
    memory = bytes_of(value);
    made.bytes = memory;
    break;
  default:
    break;
  }
  return made;
}

void given_values::set(int number, sqlite3_value* value) {
  values_.emplace_back(number, value);
}

bool given_values::null(int number) const {
  for (const auto& [known, value] : values_)
    if (known == number)
      return sqlite3_value_type(value) == SQLITE_NULL;
  return false;
}

sqlite3_value* given_values::find(int number) const {
  for (const auto& [known, value] : values_)
    if (known == number)
      return sqlite3_value_type(value) == SQLITE_NULL ? nullptr : value;
  return nullptr;
}

std::string given_values::text(int number) const {
  sqlite3_value* value = find(number);
  if (value == nullptr)
    return {};
  const auto* text = sqlite3_value_text(value);
  return text == nullptr ? std::string{} : std::string{reinterpret_cast<const char*>(text)};
}

std::optional<std::int64_t> given_values::whole_number(int number, const char* name) const {
  sqlite3_value* value = find(number);
  if (value == nullptr)
    return {};
  if (sqlite3_value_numeric_type(value) != SQLITE_INTEGER)
    throw usage_error{{name, "a whole number", text(number), ""}};
  return sqlite3_value_int64(value);
}

} // namespace weir::inline v0
