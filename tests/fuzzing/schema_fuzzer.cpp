// Reads any text as the schema of a state table, and compares it with others.
#include "allocation_limit.hpp"
#include "fuzz_check.hpp"
#include "stored_types.hpp"

#include <weir/persistence/schema.hpp>

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

namespace {

using namespace weir_fuzz;

/// What the program stores itself.
const weir::table_schema& own_schema() {
  static const weir::table_schema schema{weir::schema_of<std::string>(), weir::schema_of<everything>()};
  return schema;
}

std::optional<weir::table_schema> read(std::string_view text) {
  // A JSON value takes 16 bytes, a member of an object some 100, and a level of the schema more than 100.
  const allocation_limit limit{16384 + 512 * text.size()};
  std::optional<weir::table_schema> schema;
  accepts([&] { schema = weir::table_schema_from_json(text); });
  return schema;
}

/// Whether the text says, wherever the schema says something, just that.
bool says_the_same(const nlohmann::json& text, const nlohmann::json& schema) {
  if (text.type() != schema.type() && !(text.is_number_integer() && schema.is_number_integer()))
    return false;
  if (schema.is_object()) {
    for (const auto& [name, value] : schema.items())
      if (!text.contains(name) || !says_the_same(text[name], value))
        return false;
    return true;
  }
  if (!schema.is_array())
    return text == schema;
  if (text.size() != schema.size())
    return false;
  for (std::size_t i = 0; i < schema.size(); ++i)
    if (!says_the_same(text[i], schema[i]))
      return false;
  return true;
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all = as_text(as_bytes(data, size));
  const std::string_view first = all.substr(0, all.find('\n'));
  const auto schema = read(first);
  if (!schema) {
    // A type alone is written into the sinks' staged rows.
    const allocation_limit limit{16384 + 512 * first.size()};
    weir::type_schema type;
    if (accepts([&] { type = weir::type_schema_from_json(first); }))
      require(weir::type_schema_from_json(weir::to_json(type)) == type, "a type that was read is written");
    return 0;
  }
  const std::string written = weir::to_json(*schema);
  require(says_the_same(nlohmann::json::parse(first), nlohmann::json::parse(written)),
          "a schema is what its text says, no less and nothing else");
  const weir::table_schema again = weir::table_schema_from_json(written);
  require(again == *schema, "a schema that was read is written");
  require(weir::to_json(again) == written, "equal schemas have equal text");
  require(!weir::to_text(schema->value).empty(), "every type has a name for people");
  require(static_cast<bool>(weir::compatible(*schema, *schema)), "what a schema stored it loads");
  require(weir::stored_versions(*schema, *schema).empty(), "equal schemas have equal versions");

  static_cast<void>(weir::compatible(*schema, own_schema()));
  static_cast<void>(weir::stored_versions(*schema, own_schema()));
  if (first.size() == all.size())
    return 0;
  // The second line is another state of the same table.
  const auto other = read(all.substr(first.size() + 1));
  if (!other)
    return 0;
  const auto why_not = weir::compatible(*schema, *other).why_not;
  static_cast<void>(weir::stored_versions(*schema, *other));
  if (*schema == *other)
    require(why_not.empty(), "equal schemas are compatible");
  return 0;
}
