// The decoders of the schemas of one store.
#pragma once

#include "../chunk.hpp"
#include "../schema.hpp"
#include "../value_decoder.hpp"
#include "open_stores.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace weir::inline v0 {

/// What the columns of an entry are parts of.
enum class entry_part : std::uint8_t { key, sub_key, value };

/// The bytes of one part of an entry.
[[nodiscard]] inline std::span<const std::byte> bytes_of(const chunk_entry& entry, entry_part part) {
  return part == entry_part::key ? entry.key : part == entry_part::sub_key ? entry.sub_key : entry.value;
}

/// Decodes the entries of one schema.
struct table_decoders {
  explicit table_decoders(table_schema described)
      : schema(std::move(described)), entries(schema.entries()), key(schema.key), value(schema.value) {
    if (schema.sub_key)
      sub_key.emplace(*schema.sub_key);
  }
  table_schema schema;
  entry_kind entries; ///< which alone have sub-keys and values of this schema
  value_decoder key;
  std::optional<value_decoder> sub_key;
  value_decoder value;

  /// Null for the sub-key of a table that has none.
  [[nodiscard]] value_decoder* of(entry_part part) {
    if (part == entry_part::sub_key)
      return sub_key ? &*sub_key : nullptr;
    return part == entry_part::key ? &key : &value;
  }
};

/// The decoders of a store's schemas, made when they are asked for.
class schema_decoders {
public:
  schema_decoders(sqlite3* connection, open_store store) : connection_(connection), store_(std::move(store)) {}

  /// Of `schemas.id`; without one keys and values are their bytes. Throws damaged_error for a schema that is none.
  [[nodiscard]] table_decoders& of(std::optional<std::int64_t> schema);

private:
  sqlite3* connection_;
  open_store store_;
  std::map<std::int64_t, std::unique_ptr<table_decoders>> made_;
};

} // namespace weir::inline v0
