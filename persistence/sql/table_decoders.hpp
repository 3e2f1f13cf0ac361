// The decoders of the schemas of one store.
#pragma once

#include "../schema.hpp"
#include "../value_decoder.hpp"
#include "open_stores.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace weir::inline v0 {

/// Decodes the keys and the values of one schema.
struct table_decoders {
  explicit table_decoders(table_schema described)
      : schema(std::move(described)), key(schema.key), value(schema.value) {}
  table_schema schema;
  value_decoder key;
  value_decoder value;
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
