// Encodes values that SQL knows as JSON.
#include "value_encoder_json.hpp"

#include "json_text.hpp"
#include "output_archive.hpp"
#include "value_cursor.hpp"
#include "value_encoder.hpp"

#include <nlohmann/json.hpp>

#include <set>
#include <utility>
#include <vector>

namespace weir::inline v0::detail {

namespace {

using nlohmann::json;

/// The classes that a type is within, innermost first.
struct scope {
  const type_schema* type;
  const scope* outer;
};

/// Where a value is within its column.
struct place {
  const place* outer = nullptr;
  std::string_view member;
  std::size_t number = 0; ///< if there is no name

  [[nodiscard]] std::string text() const {
    if (outer == nullptr)
      return {};
    return outer->text() + (member.empty() ? "[" + std::to_string(number) + "]" : "." + std::string{member});
  }
};

[[noreturn]] void refuse(const place& at, std::string expected, std::string found) {
  throw misfit_error{{at.text(), std::move(expected), std::move(found), ""}};
}

std::string dumped(const json& value) {
  return shortened(value.dump(-1, ' ', false, json::error_handler_t::replace));
}

template <class Number>
std::string range_text() {
  return "an integer from " + std::to_string(std::numeric_limits<Number>::min()) + " to " +
         std::to_string(std::numeric_limits<Number>::max());
}

// Text that is none is written as x'0A0B'.
std::string bytes_of_text(const std::string& text) {
  if (text.size() < 3 || text.size() % 2 == 0 || !text.starts_with("x'") || !text.ends_with('\''))
    return text;
  std::string bytes;
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; };
  for (std::size_t i = 2; i + 1 < text.size(); i += 2) {
    const int high = digit(text[i]);
    const int low = digit(text[i + 1]);
    if (high < 0 || low < 0)
      return text;
    bytes += static_cast<char>(high * 16 + low);
  }
  return is_plain_text(bytes) ? text : bytes;
}

/// Lives as long as something within another is written.
class nesting {
public:
  nesting(unsigned& depth, unsigned most, const char* what, const place& at) : depth_(&depth) {
    if (depth == most)
      refuse(at, "at most " + std::to_string(most) + " " + what + " within each other", "more");
    ++*depth_;
  }
  nesting(const nesting&) = delete;
  nesting& operator=(const nesting&) = delete;
  ~nesting() { --*depth_; }

private:
  unsigned* depth_;
};

class json_encoder {
public:
  json_encoder(bool of_key, byte_buffer& out) : of_key_(of_key), out_(&out) {}

  void write(const type_schema& type, const scope* outer, const json& value, const place& at) {
    const nesting deeper{within_, max_decoded_depth, "values", at};
    switch (type.kind) {
    case schema_kind::boolean:
      write_boolean(type, value, at);
      break;
    case schema_kind::i8:
      return write_whole<std::int8_t>(type, value, at);
    case schema_kind::i16:
      return write_whole<std::int16_t>(type, value, at);
    case schema_kind::i32:
      return write_whole<std::int32_t>(type, value, at);
    case schema_kind::i64:
      return write_whole<std::int64_t>(type, value, at);
    case schema_kind::u8:
      return write_whole<std::uint8_t>(type, value, at);
    case schema_kind::u16:
      return write_whole<std::uint16_t>(type, value, at);
    case schema_kind::u32:
      return write_whole<std::uint32_t>(type, value, at);
    case schema_kind::u64:
      return write_whole<std::uint64_t>(type, value, at);
    case schema_kind::f32:
      return write_real<float>(type, value, at);
    case schema_kind::f64:
      return write_real<double>(type, value, at);
    case schema_kind::string:
      write_string(type, value, at);
      break;
    case schema_kind::nothing:
      if (!value.is_null())
        misfit(type, value, at);
      break;
    case schema_kind::list:
      write_list(type, outer, value, at);
      break;
    case schema_kind::set:
      write_set(type, outer, value, at);
      break;
    case schema_kind::map:
      write_map(type, outer, value, at);
      break;
    case schema_kind::array:
      if (!value.is_array() || value.size() != type.size)
        misfit(type, value, at);
      for (std::size_t i = 0; i < value.size(); ++i)
        write(type.parts[0].type, outer, value[i], {&at, {}, i});
      break;
    case schema_kind::optional:
      out_->append(static_cast<std::byte>(!value.is_null()));
      if (!value.is_null())
        write(type.parts[0].type, outer, value, at);
      break;
    case schema_kind::variant:
      write_variant(type, outer, value, at);
      break;
    case schema_kind::duration:
    case schema_kind::time_point:
      write(type.parts[0].type, outer, value, at);
      break;
    case schema_kind::tuple:
      write_elements(type, outer, value, at);
      break;
    case schema_kind::structure:
      write_class(type, outer, value, at);
      break;
    case schema_kind::recursive:
      for (const scope* each = outer; each != nullptr; each = each->outer)
        if (each->type->name == type.name)
          return write(*each->type, each->outer, value, at);
      misfit(type, value, at);
    case schema_kind::length:   // never: such a value is opaque
    case schema_kind::position: // never: it is a column
      misfit(type, value, at);
    }
  }

private:
  [[noreturn]] static void misfit(const type_schema& type, const json& value, const place& at) {
    refuse(at, expected_text(type), dumped(value));
  }

  void write_boolean(const type_schema& type, const json& value, const place& at) {
    const bool number = value.is_number_unsigned() && value.get<std::uint64_t>() <= 1;
    if (!value.is_boolean() && !number)
      misfit(type, value, at);
    out_->append(static_cast<std::byte>(number ? value.get<std::uint64_t>() : value.get<bool>() ? 1U : 0U));
  }

  template <class Number>
  void write_whole(const type_schema& type, const json& value, const place& at) {
    Number number{};
    if (value.is_number_unsigned() && std::in_range<Number>(value.get<std::uint64_t>()))
      number = static_cast<Number>(value.get<std::uint64_t>());
    else if (value.is_number_integer() && !value.is_number_unsigned() &&
             std::in_range<Number>(value.get<std::int64_t>()))
      number = static_cast<Number>(value.get<std::int64_t>());
    else
      misfit(type, value, at);
    store_number(out_->extend(sizeof(Number)), number);
  }

  template <class Float>
  void write_real(const type_schema& type, const json& value, const place& at) {
    double number = 0;
    if (value.is_number())
      number = value.get<double>();
    else if (value == "inf" || value == "-inf")
      number = value == "inf" ? HUGE_VAL : -HUGE_VAL;
    else if (value == "nan")
      number = std::numeric_limits<double>::quiet_NaN();
    else
      misfit(type, value, at);
    if (!append_float<Float>(number, *out_))
      misfit(type, value, at);
  }

  void write_string(const type_schema& type, const json& value, const place& at) {
    if (!value.is_string())
      misfit(type, value, at);
    write_text(value.get_ref<const std::string&>());
  }
  void write_text(const std::string& text) {
    const std::string bytes = bytes_of_text(text);
    append_varint(*out_, bytes.size());
    out_->append(bytes.data(), bytes.size());
  }

  // Elements without bytes are made up for with zeros, one each.
  void pad(std::size_t start, std::size_t elements) {
    for (std::size_t taken = out_->size() - start; taken < elements; ++taken)
      out_->append(std::byte{0});
  }

  void write_list(const type_schema& type, const scope* outer, const json& value, const place& at) {
    if (!value.is_array())
      misfit(type, value, at);
    const nesting deeper{containers_, max_archive_depth, "containers", at};
    append_varint(*out_, value.size());
    const std::size_t start = out_->size();
    for (std::size_t i = 0; i < value.size(); ++i)
      write(type.parts[0].type, outer, value[i], {&at, {}, i});
    pad(start, value.size());
  }

  /// What no set and no map has twice; and keys have them in an order that is not known here.
  void add_once(std::set<std::string>& seen, std::size_t start, const place& at) {
    const auto* bytes = reinterpret_cast<const char*>(out_->data()); // NOLINT: bytes as text
    if (!seen.emplace(bytes + start, out_->size() - start).second)
      refuse(at, "each key once", "it twice");
    if (of_key_ && seen.size() > 1)
      refuse(at, "at most one element, as the order of several within a key is not known here", "several");
  }

  void write_set(const type_schema& type, const scope* outer, const json& value, const place& at) {
    if (!value.is_array())
      misfit(type, value, at);
    const nesting deeper{containers_, max_archive_depth, "containers", at};
    append_varint(*out_, value.size());
    const std::size_t start = out_->size();
    std::set<std::string> seen;
    for (std::size_t i = 0; i < value.size(); ++i) {
      const place element{&at, {}, i};
      const std::size_t before = out_->size();
      write(type.parts[0].type, outer, value[i], element);
      add_once(seen, before, element);
    }
    pad(start, value.size());
  }

  void write_map(const type_schema& type, const scope* outer, const json& value, const place& at) {
    const type_schema& key = type.parts[0].type;
    const type_schema& mapped = type.parts[1].type;
    const bool object = value.is_object() && peeled_type(key).kind == schema_kind::string;
    if (!object && !value.is_array())
      misfit(type, value, at);
    const nesting deeper{containers_, max_archive_depth, "containers", at};
    append_varint(*out_, value.size());
    const std::size_t start = out_->size();
    std::set<std::string> seen;
    std::size_t number = 0;
    for (auto each = value.begin(); each != value.end(); ++each, ++number) {
      const place element{&at, object ? std::string_view{each.key()} : std::string_view{}, number};
      const std::size_t before = out_->size();
      if (object) {
        write_text(each.key());
      } else {
        if (!each->is_array() || each->size() != 2)
          refuse(element, "[key, value]", dumped(*each));
        write(key, outer, (*each)[0], element);
      }
      add_once(seen, before, element);
      write(mapped, outer, object ? *each : (*each)[1], element);
    }
    pad(start, value.size());
  }

  void write_variant(const type_schema& type, const scope* outer, const json& value, const place& at) {
    const auto index = value.is_object() ? value.find("index") : value.end();
    if (!value.is_object() || value.size() != 2 || index == value.end() || !value.contains("value") ||
        !index->is_number_unsigned() || index->get<std::uint64_t>() >= type.parts.size())
      misfit(type, value, at);
    const auto which = static_cast<std::size_t>(index->get<std::uint64_t>());
    append_varint(*out_, which);
    write(type.parts[which].type, outer, value["value"], {&at, "value", 0});
  }

  void write_elements(const type_schema& type, const scope* outer, const json& value, const place& at) {
    if (!value.is_array() || value.size() != type.parts.size())
      misfit(type, value, at);
    for (std::size_t i = 0; i < value.size(); ++i)
      write(type.parts[i].type, outer, value[i], {&at, {}, i});
  }

  void write_class(const type_schema& type, const scope* outer, const json& value, const place& at) {
    const scope inner{&type, outer};
    bool named = true;
    for (const schema_field& member : type.parts)
      named = named && !member.name.empty();
    if (type.parts.size() == 1 && !named)
      return write(type.parts[0].type, &inner, value, at);
    if (!named)
      return write_elements(type, &inner, value, at);
    if (!value.is_object())
      misfit(type, value, at);
    for (const schema_field& member : type.parts) {
      const auto found = value.find(member.name);
      if (found == value.end())
        refuse({&at, member.name, 0}, expected_text(member.type), "no such member");
      write(member.type, &inner, *found, {&at, member.name, 0});
    }
    if (value.size() == type.parts.size())
      return;
    for (auto each = value.begin(); each != value.end(); ++each) {
      bool known = false;
      for (const schema_field& member : type.parts)
        known = known || member.name == each.key();
      if (!known)
        refuse({&at, each.key(), 0}, "only the members of " + to_text(type), "one more");
    }
  }

  bool of_key_;
  byte_buffer* out_;
  unsigned within_ = 0;
  unsigned containers_ = 0;
};

} // namespace

const type_schema& peeled_type(const type_schema& type) {
  const type_schema* inner = &type;
  while (inner->kind == schema_kind::structure && inner->parts.size() == 1 && inner->parts[0].name.empty())
    inner = &inner->parts[0].type;
  return *inner;
}

bool is_bytes_alone(const type_schema& type) {
  return (type.kind == schema_kind::list || type.kind == schema_kind::array) &&
         type.parts.front().type.kind == schema_kind::u8;
}

std::string expected_text(const type_schema& whole) {
  const type_schema& type = peeled_type(whole);
  switch (type.kind) {
  case schema_kind::boolean:
    return "0 or 1";
  case schema_kind::i8:
    return range_text<std::int8_t>();
  case schema_kind::i16:
    return range_text<std::int16_t>();
  case schema_kind::i32:
    return range_text<std::int32_t>();
  case schema_kind::i64:
    return range_text<std::int64_t>();
  case schema_kind::u8:
    return range_text<std::uint8_t>();
  case schema_kind::u16:
    return range_text<std::uint16_t>();
  case schema_kind::u32:
    return range_text<std::uint32_t>();
  case schema_kind::u64:
  case schema_kind::position:
    return range_text<std::uint64_t>();
  case schema_kind::f32:
    return "a number that a float of 32 bits can hold";
  case schema_kind::f64:
    return "a number";
  case schema_kind::string:
    return "text";
  case schema_kind::nothing:
    return "null";
  case schema_kind::duration:
  case schema_kind::time_point:
    return expected_text(type.parts.front().type) + " (" + to_text(type) + ")";
  case schema_kind::optional:
    return expected_text(type.parts.front().type) + ", or null";
  case schema_kind::list:
    if (is_bytes_alone(type))
      return "a blob";
    break;
  case schema_kind::array:
    if (is_bytes_alone(type))
      return "a blob of " + std::to_string(type.size) + " bytes";
    break;
  default:
    break;
  }
  return "JSON of " + to_text(type);
}

std::string shortened(std::string text) {
  constexpr std::size_t shown = 60;
  if (text.size() <= shown)
    return text;
  std::size_t end = shown;
  while (end != 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80) // within a character
    --end;
  text.resize(end);
  return text + "…";
}

void append_from_json(const type_schema& type, std::span<const type_schema* const> around, bool of_key,
                      std::string_view text, byte_buffer& out) {
  const place whole;
  const json value = json::parse(text, nullptr, false);
  if (value.is_discarded())
    refuse(whole, expected_text(type), "the text '" + shortened(std::string{text}) + "', which is no JSON");
  std::vector<scope> scopes;
  scopes.reserve(around.size());
  for (const type_schema* each : around)
    scopes.push_back({each, scopes.empty() ? nullptr : &scopes.back()});
  json_encoder{of_key, out}.write(type, scopes.empty() ? nullptr : &scopes.back(), value, whole);
}

} // namespace weir::inline v0::detail
