#include "record_text.hpp"

#include "field_text.hpp"
#include "flat_json.hpp"

#include <string_view>

#include <simdjson.h>

namespace weir::inline v0 {

namespace {

/// The length of the character of UTF-8 that text begins with; 0 if it is none.
std::size_t character_bytes(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t bytes = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  return bytes != 0 && bytes <= text.size() && simdjson::validate_utf8(text.data(), bytes) ? bytes : 0;
}

void append_text_json(std::string& out, std::string_view text) {
  if (simdjson::validate_utf8(text.data(), text.size()))
    return append_json_text(out, text);
  std::string mended;
  while (!text.empty()) {
    const std::size_t bytes = character_bytes(text);
    mended += bytes == 0 ? std::string_view{"\xef\xbf\xbd"} : text.substr(0, bytes);
    text.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  append_json_text(out, mended);
}

/// What a visitor of parts needs to go on.
struct list_state {
  std::string* out;
  const field_type* element;
  bool first = true;

  void separate() {
    if (!first)
      *out += ',';
    first = false;
  }
};

void append_element(void* context, const std::string* key, const void* value) {
  auto& list = *static_cast<list_state*>(context);
  list.separate();
  if (key) {
    append_text_json(*list.out, *key);
    *list.out += ':';
  }
  append_json(*list.out, *list.element, value);
}

void append_structure(std::string& out, const field_type& type, const void* value) {
  out += '{';
  bool first = true;
  for (const auto& field : type.fields) {
    if (!first)
      out += ',';
    first = false;
    append_json_text(out, field.name);
    out += ':';
    append_json(out, field.type(), static_cast<const char*>(value) + field.offset);
  }
  out += '}';
}

void append_csv_text(std::string& out, std::string_view text, char delimiter, char quote) {
  const char special[] = {delimiter, quote, '\n', '\r'};
  if (text.find_first_of(std::string_view{special, sizeof special}) == std::string_view::npos) {
    out += text;
    return;
  }
  out += quote;
  for (const char c : text) {
    if (c == quote)
      out += quote;
    out += c;
  }
  out += quote;
}

} // namespace

void append_json(std::string& out, const field_type& type, const void* value) {
  switch (type.kind) {
  case field_kind::text:
    return append_text_json(out, *static_cast<const std::string*>(value));
  case field_kind::character:
    return append_text_json(out, {static_cast<const char*>(value), 1});
  case field_kind::optional: {
    list_state state{&out, &type.inner()};
    type.visit(value, &state, &append_element);
    if (state.first)
      out += "null";
    return;
  }
  case field_kind::list:
  case field_kind::dictionary: {
    list_state state{&out, &type.inner()};
    out += type.kind == field_kind::list ? '[' : '{';
    type.visit(value, &state, &append_element);
    out += type.kind == field_kind::list ? ']' : '}';
    return;
  }
  case field_kind::array: {
    list_state state{&out, &type.inner()};
    out += '[';
    for (std::size_t i = 0; i < type.count; ++i)
      append_element(&state, nullptr, type.at(const_cast<void*>(value), i));
    out += ']';
    return;
  }
  case field_kind::structure:
    return append_structure(out, type, value);
  case field_kind::other:
    out += "null"; // refused before anything runs
    return;
  default:
    break;
  }
  if (is_not_finite(type, value)) {
    out += "null";
  } else if (is_quotable(type, value)) { // a time
    out += '"';
    append_scalar(type, value, out);
    out += '"';
  } else {
    append_scalar(type, value, out);
  }
}

void append_csv_row(std::string& out, const field_type& record, const void* value, char delimiter, char quote) {
  const std::size_t begin = out.size();
  std::string text;
  for (std::size_t i = 0; i < record.fields.size(); ++i) {
    if (i > 0)
      out += delimiter;
    const field_type* type = &record.fields[i].type();
    const void* member = static_cast<const char*>(value) + record.fields[i].offset;
    const bool optional = type->kind == field_kind::optional;
    if (optional) {
      const void* inner = nullptr;
      type->visit(member, &inner, [](void* found, const std::string*, const void* place) {
        *static_cast<const void**>(found) = place;
      });
      if (!inner)
        continue;
      member = inner;
      type = &type->inner();
    }
    if (type->kind != field_kind::text && type->kind != field_kind::character) {
      append_scalar(*type, member, out); // has no character that needs quotes, unless the delimiter is one of a number
      continue;
    }
    text.clear();
    append_scalar(*type, member, text);
    if (text.empty() && optional)
      out.append(2, quote);
    else
      append_csv_text(out, text, delimiter, quote);
  }
  if (out.size() == begin) // else the row would be an empty line, which stands for nothing
    out.append(2, quote);
}

std::string csv_header(const field_type& record, char delimiter, char quote) {
  std::string row;
  for (const auto& field : record.fields) {
    if (!row.empty())
      row += delimiter;
    append_csv_text(row, field.name, delimiter, quote);
  }
  return row += '\n';
}

} // namespace weir::inline v0
