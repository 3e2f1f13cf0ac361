// Schemas as text, and what differs between two of them.
#include "schema.hpp"

#include "error.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <limits>
#include <utility>

namespace weir::inline v0 {

namespace {

using nlohmann::json;

constexpr std::array kind_names{"bool",     "i8",         "i16",   "i32",       "i64",     "u8",       "u16",
                                "u32",      "u64",        "f32",   "f64",       "string",  "length",   "nothing",
                                "list",     "set",        "map",   "array",     "tuple",   "optional", "variant",
                                "duration", "time_point", "class", "recursive", "position"};

constexpr unsigned max_depth = 200;

// A member's name is repeated in the JSON of every value: what nobody writes by hand is no name.
constexpr std::size_t max_member_name_bytes = 1024;
constexpr std::size_t max_text_bytes = 1'000'000;

const char* name_of(schema_kind kind) {
  return kind_names[static_cast<std::size_t>(kind)];
}

bool is_whole(schema_kind kind) {
  return kind <= schema_kind::nothing || kind == schema_kind::position;
}

bool is_class(schema_kind kind) {
  return kind == schema_kind::structure || kind == schema_kind::recursive;
}

// How many parts a kind has; 0 if any number.
std::size_t parts_of(schema_kind kind) {
  switch (kind) {
  case schema_kind::list:
  case schema_kind::set:
  case schema_kind::array:
  case schema_kind::optional:
  case schema_kind::duration:
  case schema_kind::time_point:
    return 1;
  case schema_kind::map:
    return 2;
  default:
    return 0;
  }
}

json json_of(const type_schema& schema) {
  if (is_whole(schema.kind))
    return name_of(schema.kind);
  json object;
  object["is"] = name_of(schema.kind);
  if (!schema.name.empty())
    object[is_class(schema.kind) ? "name" : "unit"] = schema.name;
  if (schema.version != 0)
    object["version"] = schema.version;
  if (schema.kind == schema_kind::array)
    object["size"] = schema.size;
  if (schema.kind == schema_kind::structure) {
    json& fields = object["fields"] = json::array();
    for (const schema_field& field : schema.parts)
      fields.push_back(json::array({field.name, json_of(field.type)}));
  } else if (schema.kind != schema_kind::recursive) {
    json& parts = object["of"] = json::array();
    for (const schema_field& part : schema.parts)
      parts.push_back(json_of(part.type));
  }
  return object;
}

[[noreturn]] void throw_bad_schema(const std::string& found) {
  throw damaged_error{{"schema of a state table", "a description of stored types", found,
                       "restore from another checkpoint, and check the disk"}};
}

schema_kind kind_named(const std::string& name) {
  for (std::size_t i = 0; i < kind_names.size(); ++i)
    if (name == kind_names[i])
      return static_cast<schema_kind>(i);
  throw_bad_schema("a type \"" + name + "\"");
}

/// A whole number from 0 on, which would otherwise be cut to its type.
std::uint64_t number_of(const json& value, const char* name, std::uint64_t most) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > most)
    throw_bad_schema("a " + std::string{name} + " that is no whole number up to " + std::to_string(most));
  return value.get<std::uint64_t>();
}

const json& array_of(const json& object, const char* name) {
  const json& found = object.at(name);
  if (!found.is_array())
    throw_bad_schema("a member \"" + std::string{name} + "\" that is no list");
  return found;
}

type_schema from_json(const json& text, unsigned depth) {
  if (depth > max_depth)
    throw_bad_schema("types nested deeper than " + std::to_string(max_depth));
  type_schema schema;
  if (text.is_string()) {
    schema.kind = kind_named(text.get<std::string>());
    if (!is_whole(schema.kind))
      throw_bad_schema("a " + text.get<std::string>() + " without its parts");
    if (schema.kind == schema_kind::position)
      throw_bad_schema("a position that is no sub-key");
    return schema;
  }
  schema.kind = kind_named(text.at("is").get<std::string>());
  if (is_whole(schema.kind))
    throw_bad_schema("a " + text.at("is").get<std::string>() + " with parts");
  schema.name = text.value(is_class(schema.kind) ? "name" : "unit", std::string{});
  if (const auto version = text.find("version"); version != text.end())
    schema.version = static_cast<unsigned>(number_of(*version, "version", std::numeric_limits<unsigned>::max()));
  if (schema.kind == schema_kind::array)
    schema.size = number_of(text.at("size"), "size", std::numeric_limits<std::uint64_t>::max());
  if (schema.kind == schema_kind::structure) {
    for (const json& field : array_of(text, "fields")) {
      if (!field.is_array() || field.size() != 2)
        throw_bad_schema("a field that is not a name and a type");
      auto name = field[0].get<std::string>();
      if (name.size() > max_member_name_bytes)
        throw_bad_schema("the name of a member with " + std::to_string(name.size()) + " bytes");
      schema.parts.push_back({std::move(name), from_json(field[1], depth + 1)});
    }
  } else if (schema.kind != schema_kind::recursive) {
    for (const json& part : array_of(text, "of"))
      schema.parts.push_back({{}, from_json(part, depth + 1)});
    if (parts_of(schema.kind) != 0 && schema.parts.size() != parts_of(schema.kind))
      throw_bad_schema("a " + std::string{name_of(schema.kind)} + " of " + std::to_string(schema.parts.size()));
  }
  return schema;
}

template <class Read>
auto parse(std::string_view text, Read read) {
  if (text.size() > max_text_bytes)
    throw_bad_schema("one of " + std::to_string(text.size()) + " bytes");
  try {
    return read(json::parse(text));
  } catch (const json::exception& problem) {
    throw_bad_schema(problem.what());
  }
}

// `what` names the place in words: "field at of class reading".
std::string difference(const type_schema& stored, const type_schema& current, const std::string& what) {
  const auto differs = [&] {
    return what + " was stored as " + to_text(stored) + " and is " + to_text(current) + " now";
  };
  if (stored.kind != current.kind || stored.size != current.size)
    return differs();
  if (!is_class(current.kind)) {
    if (stored.name != current.name || stored.parts.size() != current.parts.size())
      return differs();
    for (std::size_t i = 0; i < current.parts.size(); ++i)
      if (auto inner = difference(stored.parts[i].type, current.parts[i].type, what); !inner.empty()) {
        const bool inside = is_class(stored.parts[i].type.kind) && is_class(current.parts[i].type.kind);
        return inside ? std::move(inner) : differs();
      }
    return {};
  }
  if (stored.version > current.version)
    return what + " was stored by version " + std::to_string(stored.version) + " of class " + stored.name +
           ", and the program knows version " + std::to_string(current.version);
  if (stored.version < current.version || current.kind == schema_kind::recursive)
    return {};
  for (std::size_t i = 0; i < std::max(stored.parts.size(), current.parts.size()); ++i) {
    const auto field = [](const schema_field& f, std::size_t at) {
      return f.name.empty() ? "number " + std::to_string(at + 1) : f.name;
    };
    if (i >= stored.parts.size())
      return "class " + current.name + " has a field " + field(current.parts[i], i) + " of type " +
             to_text(current.parts[i].type) + " now, which was not stored";
    if (i >= current.parts.size())
      return "class " + current.name + " has no field " + field(stored.parts[i], i) +
             " any more, which was stored as " + to_text(stored.parts[i].type);
    if (!stored.parts[i].name.empty() && !current.parts[i].name.empty() &&
        stored.parts[i].name != current.parts[i].name)
      return "class " + current.name + " has the field " + current.parts[i].name + " of type " +
             to_text(current.parts[i].type) + " where the field " + stored.parts[i].name + " of type " +
             to_text(stored.parts[i].type) + " was stored";
    auto inner = difference(stored.parts[i].type, current.parts[i].type,
                            "field " + field(current.parts[i], i) + " of class " + current.name);
    if (!inner.empty())
      return inner;
  }
  return {};
}

void collect_versions(const type_schema& stored, const type_schema& current, class_versions& versions) {
  if (stored.kind != current.kind)
    return;
  if (current.kind == schema_kind::structure) {
    if (stored.version != current.version)
      versions.add(current.name, stored.version);
    for (const schema_field& field : current.parts)
      for (std::size_t i = 0; i < stored.parts.size(); ++i)
        if (field.name.empty() ? &field - current.parts.data() == static_cast<std::ptrdiff_t>(i)
                               : stored.parts[i].name == field.name)
          collect_versions(stored.parts[i].type, field.type, versions);
    return;
  }
  for (std::size_t i = 0; i < std::min(stored.parts.size(), current.parts.size()); ++i)
    collect_versions(stored.parts[i].type, current.parts[i].type, versions);
}

} // namespace

bool operator==(const type_schema& a, const type_schema& b) {
  return a.kind == b.kind && a.name == b.name && a.version == b.version && a.size == b.size && a.parts == b.parts;
}

std::string to_text(const type_schema& schema) {
  if (is_class(schema.kind))
    return "class " + schema.name;
  std::string text = name_of(schema.kind);
  if (is_whole(schema.kind))
    return text;
  text += '<';
  for (std::size_t i = 0; i < schema.parts.size(); ++i)
    text += (i == 0 ? "" : ", ") + to_text(schema.parts[i].type);
  if (!schema.name.empty())
    text += ", " + schema.name + " s";
  if (schema.kind == schema_kind::array)
    text += ", " + std::to_string(schema.size);
  return text + '>';
}

std::string to_json(const type_schema& schema) {
  return json_of(schema).dump();
}

std::string to_json(const table_schema& schema) {
  json object{{"key", json_of(schema.key)}, {"value", json_of(schema.value)}};
  if (schema.sub_key)
    object["sub_key"] = json_of(*schema.sub_key);
  return object.dump();
}

type_schema type_schema_from_json(std::string_view text) {
  return parse(text, [](const json& parsed) { return from_json(parsed, 0); });
}

table_schema table_schema_from_json(std::string_view text) {
  return parse(text, [](const json& parsed) {
    table_schema schema{from_json(parsed.at("key"), 0), from_json(parsed.at("value"), 0)};
    if (const auto sub_key = parsed.find("sub_key"); sub_key != parsed.end())
      schema.sub_key = *sub_key == name_of(schema_kind::position) ? type_schema{schema_kind::position, {}, 0, 0, {}}
                                                                  : from_json(*sub_key, 0);
    return schema;
  });
}

schema_match compatible(const type_schema& stored, const type_schema& current) {
  return {difference(stored, current, "the value")};
}

schema_match compatible(const table_schema& stored, const table_schema& current) {
  constexpr std::array entries{"one value a key", "the entries of a map", "the elements of a list", "timers"};
  if (stored.entries() != current.entries())
    return {std::string{"the table was stored with "} + entries.at(static_cast<std::size_t>(stored.entries())) +
            " and has " + entries.at(static_cast<std::size_t>(current.entries())) + " now"};
  auto found = difference(stored.key, current.key, "the key");
  if (found.empty() && stored.sub_key && current.sub_key)
    found = difference(*stored.sub_key, *current.sub_key, "the key of an entry");
  if (found.empty())
    found = difference(stored.value, current.value, "the value");
  return {std::move(found)};
}

class_versions stored_versions(const table_schema& stored, const table_schema& current) {
  class_versions versions;
  collect_versions(stored.key, current.key, versions);
  if (stored.sub_key && current.sub_key)
    collect_versions(*stored.sub_key, *current.sub_key, versions);
  collect_versions(stored.value, current.value, versions);
  return versions;
}

namespace detail {

std::string plain_class_name(std::string_view compilers_name) {
  std::string name{compilers_name};
  for (const std::string_view unnamed : {"{anonymous}::", "(anonymous namespace)::"})
    for (std::size_t at = name.find(unnamed); at != std::string::npos; at = name.find(unnamed))
      name.erase(at, unnamed.size());
  return name;
}

std::string_view next_name(std::string_view& names) {
  const std::size_t comma = names.find(',');
  std::string_view name = names.substr(0, comma);
  names.remove_prefix(comma == std::string_view::npos ? names.size() : comma + 1);
  while (!name.empty() && name.front() == ' ')
    name.remove_prefix(1);
  while (!name.empty() && name.back() == ' ')
    name.remove_suffix(1);
  return name;
}

std::string unit_text(std::intmax_t numerator, std::intmax_t denominator) {
  return denominator == 1 ? std::to_string(numerator) : std::to_string(numerator) + '/' + std::to_string(denominator);
}

} // namespace detail

} // namespace weir::inline v0
