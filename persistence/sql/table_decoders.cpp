// Reads schemas, compares them with their checksums, and compiles them.
#include "table_decoders.hpp"

#include "../checkpoint_manifest.hpp"
#include "../error.hpp"

#include <bit>

namespace weir::inline v0 {

table_decoders& schema_decoders::of(std::optional<std::int64_t> schema) {
  constexpr std::int64_t no_schema = 0; // ids begin with 1
  auto& decoders = made_[schema.value_or(no_schema)];
  if (decoders)
    return *decoders;
  if (!schema) {
    const type_schema bytes{schema_kind::length, {}, 0, 0, {}}; // of which nothing more is known
    decoders = std::make_unique<table_decoders>(table_schema{bytes, bytes});
    return *decoders;
  }
  const auto damaged = [&](const std::string& expected, const std::string& found) {
    return damaged_error{{"schema " + std::to_string(*schema) + " of the job " + store_.job, expected, found,
                          "restore the store from a copy"}};
  };
  sql_statement query{connection_, "SELECT operator, table_name, schema, checksum FROM " + quoted(store_.database) +
                                       ".schemas WHERE id = ?"};
  if (!query.bind(*schema).step())
    throw damaged("a row of the table schemas", "none");
  const schema_record record{std::string{query.text(0)}, std::string{query.text(1)}, std::string{query.text(2)}};
  if (checksum_of_schema(record) != std::bit_cast<std::uint64_t>(query.integer(3)))
    throw damaged("the text that its checksum was made of", "another");
  decoders = std::make_unique<table_decoders>(table_schema_from_json(record.json));
  return *decoders;
}

} // namespace weir::inline v0
