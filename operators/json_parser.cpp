#include "json_parser.hpp"

#include "../persistence/error.hpp"
#include "field_text.hpp"
#include "line_scanner.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <simdjson.h>

namespace weir::inline v0 {

namespace {

namespace json = simdjson::ondemand;

static_assert(line_scanner::padding_bytes >= simdjson::SIMDJSON_PADDING);

/// The members of one structure, looked up once.
struct json_structure {
  struct member {
    std::string_view name;
    std::size_t offset = 0;
    const field_type* type = nullptr;
    bool required = false;
  };
  std::vector<member> members;
  std::size_t required = 0;

  explicit json_structure(const field_type& type) {
    for (const auto& field : type.fields) {
      const field_type& inner = field.type();
      const bool needed = inner.kind != field_kind::optional;
      members.push_back({field.name, field.offset, &inner, needed});
      required += needed ? 1 : 0;
    }
  }
  /// The index of a member, which is often the one behind the last; the number of members if there is none.
  [[nodiscard]] std::size_t find(std::string_view name, std::size_t likely) const {
    if (likely < members.size() && members[likely].name == name)
      return likely;
    for (std::size_t i = 0; i < members.size(); ++i)
      if (members[i].name == name)
        return i;
    return members.size();
  }
};

class json_line_parser final : public record_parser {
public:
  json_line_parser(const field_type& record, json_rules rules) : record_(&record), rules_(rules) {}

  outcome parse(std::string_view line, void* record) override {
    std::size_t blank = 0;
    if (line.starts_with("\xef\xbb\xbf"))
      line.remove_prefix(3);
    while (blank < line.size() && is_space(line[blank]))
      ++blank;
    if (blank == line.size())
      return outcome::nothing;
    fault_.column.clear();
    try {
      if (read_document(
              simdjson::padded_string_view{line.data(), line.size(), line.size() + line_scanner::padding_bytes},
              record))
        return outcome::record;
    } catch (const simdjson::simdjson_error& error) {
      broken(error.error());
    }
    return outcome::fault;
  }

private:
  static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

  bool broken(simdjson::error_code code) {
    if (code == simdjson::MEMALLOC)
      throw std::bad_alloc{};
    fault_.error = std::string{"expected JSON, found something else: "} + simdjson::error_message(code);
    return false;
  }
  bool mismatch(const field_type& type, std::string_view found) {
    while (!found.empty() && is_space(found.back()))
      found.remove_suffix(1);
    fault_.error = "expected " + to_text(type) + ", found " + shortened(found);
    return false;
  }
  /// Puts the name of what holds the place of a fault before it.
  bool within(std::string_view name) {
    if (fault_.column.empty() || fault_.column.front() == '[')
      fault_.column.insert(0, name);
    else
      fault_.column.insert(0, std::string{name} + ".");
    return false;
  }

  bool read_document(simdjson::padded_string_view text, void* record) {
    json::document document;
    if (const auto code = parser_.iterate(text).get(document); code != simdjson::SUCCESS)
      return broken(code);
    const json::json_type type = document.type();
    if (type == json::json_type::object || type == json::json_type::array) {
      if (!read_value(document.get_value().value(), *record_, record))
        return false;
    } else if (!read_value(document, *record_, record)) {
      return false;
    }
    if (document.current_location().error() == simdjson::SUCCESS) // else it is behind the last token
      return broken(simdjson::TRAILING_CONTENT);
    return true;
  }

  template <class Value>
  bool read_value(Value&& value, const field_type& type, void* into) {
    switch (type.kind) {
    case field_kind::text: {
      std::string_view text;
      if (value.get_string().get(text) != simdjson::SUCCESS)
        return wrong_kind(value, type);
      static_cast<std::string*>(into)->assign(text);
      return true;
    }
    case field_kind::whole: {
      std::int64_t number = 0;
      if (value.get_int64().get(number) != simdjson::SUCCESS || !store_whole(type, number, into))
        return wrong_kind(value, type);
      return true;
    }
    case field_kind::natural: {
      std::uint64_t number = 0;
      if (value.get_uint64().get(number) != simdjson::SUCCESS || !store_natural(type, number, into))
        return wrong_kind(value, type);
      return true;
    }
    case field_kind::real: {
      double number = 0;
      if (value.get_double().get(number) != simdjson::SUCCESS || !store_real(type, number, into))
        return wrong_kind(value, type);
      return true;
    }
    case field_kind::boolean: {
      bool truth = false;
      if (value.get_bool().get(truth) != simdjson::SUCCESS)
        return wrong_kind(value, type);
      *static_cast<bool*>(into) = truth;
      return true;
    }
    case field_kind::character:
    case field_kind::time:
    case field_kind::duration:
      return read_text_or_number(value, type, into);
    case field_kind::optional:
      if (value.is_null()) {
        type.clear(into);
        return true;
      }
      return read_value(value, type.inner(), type.add(into));
    case field_kind::list:
    case field_kind::array:
      return read_list(value, type, into);
    case field_kind::dictionary:
      return read_dictionary(value, type, into);
    case field_kind::structure:
      return read_structure(value, type, into);
    case field_kind::other:
      break;
    }
    return wrong_kind(value, type);
  }

  template <class Value>
  bool read_text_or_number(Value& value, const field_type& type, void* into) {
    std::string_view text;
    if (value.get_string().get(text) == simdjson::SUCCESS) {
      const bool allowed = type.kind == field_kind::character || type.ticks_per_second != 0;
      return (allowed && store_text(type, text, into)) || mismatch(type, '"' + std::string{text} + '"');
    }
    if (type.kind == field_kind::character)
      return wrong_kind(value, type);
    std::int64_t whole = 0;
    std::uint64_t natural = 0;
    double real = 0;
    if ((type.ticks == field_kind::whole && value.get_int64().get(whole) == simdjson::SUCCESS &&
         store_whole(type, whole, into)) ||
        (type.ticks == field_kind::natural && value.get_uint64().get(natural) == simdjson::SUCCESS &&
         store_natural(type, natural, into)) ||
        (type.ticks == field_kind::real && value.get_double().get(real) == simdjson::SUCCESS &&
         store_real(type, real, into)))
      return true;
    return wrong_kind(value, type);
  }

  template <class Value>
  bool wrong_kind(Value& value, const field_type& type) {
    const json::json_type found = value.type();
    switch (found) {
    case json::json_type::object:
      return mismatch(type, "an object");
    case json::json_type::array:
      return mismatch(type, "a list");
    default:
      return mismatch(type, std::string_view{value.raw_json_token()});
    }
  }

  template <class Value>
  bool read_list(Value& value, const field_type& type, void* into) {
    json::array list;
    if (value.get_array().get(list) != simdjson::SUCCESS)
      return wrong_kind(value, type);
    if (type.kind == field_kind::list)
      type.clear(into);
    const level deeper{*this};
    std::size_t count = 0;
    for (auto element : list) {
      if (type.kind == field_kind::array && count == type.count)
        return mismatch(type, "a longer one");
      void* place = type.kind == field_kind::list ? type.add(into) : type.at(into, count);
      if (!read_value(element.value(), type.inner(), place))
        return within("[" + std::to_string(count) + "]");
      ++count;
    }
    if (type.kind == field_kind::array && count != type.count)
      return mismatch(type, "a list of " + std::to_string(count));
    return true;
  }

  template <class Value>
  bool read_dictionary(Value& value, const field_type& type, void* into) {
    json::object object;
    if (value.get_object().get(object) != simdjson::SUCCESS)
      return wrong_kind(value, type);
    type.clear(into);
    const level deeper{*this};
    for (auto field : object) {
      const std::string_view key = field.unescaped_key();
      if (!read_value(field.value().value(), type.inner(), type.add_named(into, key)))
        return within(key);
    }
    return true;
  }

  template <class Value>
  bool read_structure(Value& value, const field_type& type, void* into) {
    json::object object;
    if (value.get_object().get(object) != simdjson::SUCCESS)
      return wrong_kind(value, type);
    const json_structure& structure = structure_of(type);
    const level deeper{*this};
    std::uint64_t seen = 0; // the first 64 members
    std::vector<bool> seen_behind;
    std::size_t required = 0;
    std::size_t likely = 0;
    for (auto field : object) {
      std::string_view name;
      const std::size_t index = find_member(structure, likely, field, name);
      if (index == structure.members.size()) {
        if (!rules_.extra_allowed)
          return extra(type, name);
        continue; // simdjson passes over the value
      }
      const auto& member = structure.members[index];
      likely = index + 1;
      if (was_seen(index, seen, seen_behind)) {
        fault_.error = "expected a member once, found it twice";
        return within(member.name);
      }
      required += member.required ? 1 : 0;
      if (!read_value(field.value().value(), *member.type, static_cast<char*>(into) + member.offset))
        return within(member.name);
    }
    if (required != structure.required && !rules_.missing_allowed)
      return missing(structure, seen, seen_behind);
    return true;
  }

  /// The name that is likely is compared as it is written; only others are unescaped, into `name`.
  template <class Field>
  static std::size_t find_member(const json_structure& structure, std::size_t likely, Field& field,
                                 std::string_view& name) {
    if (likely < structure.members.size()) {
      const std::string_view guess = structure.members[likely].name;
      // A longer guess could be compared with bytes behind the buffer.
      if (guess.size() < line_scanner::padding_bytes && json::raw_json_string(field.key()).unsafe_is_equal(guess))
        return likely;
    }
    name = field.unescaped_key();
    return structure.find(name, likely);
  }

  static bool was_seen(std::size_t index, std::uint64_t& seen, std::vector<bool>& seen_behind) {
    if (index < 64) {
      const std::uint64_t bit = std::uint64_t{1} << index;
      const bool was = (seen & bit) != 0;
      seen |= bit;
      return was;
    }
    if (seen_behind.size() <= index)
      seen_behind.resize(index + 1);
    const bool was = seen_behind[index];
    seen_behind[index] = true;
    return was;
  }

  bool missing(const json_structure& structure, std::uint64_t seen, const std::vector<bool>& seen_behind) {
    for (std::size_t i = 0; i < structure.members.size(); ++i) {
      const bool found = i < 64 ? (seen >> i & 1) != 0 : i < seen_behind.size() && seen_behind[i];
      if (found || !structure.members[i].required)
        continue;
      fault_.error = "expected " + to_text(*structure.members[i].type) + ", found no such member";
      return within(structure.members[i].name);
    }
    return true;
  }
  bool extra(const field_type& type, std::string_view name) {
    std::string names;
    for (const auto& field : type.fields)
      names += (names.empty() ? "" : ", ") + field.name;
    fault_.error = "expected no members but " + names + ", found one more";
    return within(name);
  }

  const json_structure& structure_of(const field_type& type) {
    if (last_type_ != &type) {
      last_type_ = &type;
      last_structure_ = &structures_.try_emplace(&type, type).first->second;
    }
    return *last_structure_;
  }

  /// Counts how deep values lie in each other, so that a line of brackets does not end the stack.
  class level {
  public:
    explicit level(json_line_parser& parser) : parser_(parser) {
      if (++parser_.depth_ > 256) {
        --parser_.depth_;
        throw simdjson::simdjson_error{simdjson::DEPTH_ERROR};
      }
    }
    level(const level&) = delete;
    level& operator=(const level&) = delete;
    ~level() { --parser_.depth_; }

  private:
    json_line_parser& parser_;
  };

  const field_type* record_;
  json_rules rules_;
  json::parser parser_;
  std::unordered_map<const field_type*, json_structure> structures_;
  const field_type* last_type_ = nullptr;
  const json_structure* last_structure_ = nullptr;
  int depth_ = 0;
};

} // namespace

std::unique_ptr<record_parser> make_json_parser(const field_type& record, json_rules rules) {
  return std::make_unique<json_line_parser>(record, rules);
}

} // namespace weir::inline v0
