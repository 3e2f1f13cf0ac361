// Hashing of chunk rows: each row's bytes, seeded with the hash of the rows before it.
#include "checkpoint_manifest.hpp"

#include "sqlite_database.hpp"

#include <bit>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace weir::inline v0 {

namespace {

void append(std::string& to, std::uint64_t value) {
  for (unsigned shift = 0; shift < 64; shift += 8)
    to += static_cast<char>((value >> shift) & 0xff);
}

void append(std::string& to, const std::string& text) {
  append(to, text.size());
  to += text;
}

} // namespace

void read_chunk_row(const sqlite_statement& from, chunk_row& row) {
  row.id = from.id<chunk_id>(0);
  row.operator_name = from.text(1);
  row.table = from.text(2);
  row.subtask = from.id<subtask_index>(3);
  row.parallelism = from.count32(4);
  row.made_in = from.id<checkpoint_id>(5);
  row.kind = snapshot_kind_from(from.text(6));
  row.first = from.id<key_group>(7);
  row.last = from.id<key_group>(8);
  row.entries = from.count(9);
  row.length = from.count(10);
  row.checksum = std::bit_cast<std::uint64_t>(from.integer(11));
  row.schema = from.is_null(12) ? std::nullopt : std::optional{from.integer(12)};
}

checkpoint_manifest::checkpoint_manifest(std::string_view run_uuid, checkpoint_id checkpoint) {
  scratch_ = run_uuid;
  append(scratch_, checkpoint.value);
  hash_ = XXH3_64bits(scratch_.data(), scratch_.size());
}

void checkpoint_manifest::add(const chunk_row& row) {
  scratch_.clear();
  append(scratch_, row.id.value);
  append(scratch_, row.subtask.value);
  append(scratch_, row.parallelism);
  append(scratch_, row.made_in.value);
  append(scratch_, row.kind == snapshot_kind::base ? 0U : 1U);
  append(scratch_, row.first.value);
  append(scratch_, row.last.value);
  append(scratch_, row.entries);
  append(scratch_, row.length);
  append(scratch_, row.checksum);
  append(scratch_, std::bit_cast<std::uint64_t>(row.schema.value_or(0)));
  append(scratch_, row.operator_name);
  append(scratch_, row.table);
  hash_ = XXH3_64bits_withSeed(scratch_.data(), scratch_.size(), hash_);
  ++chunks_;
  entries_ += row.entries;
  bytes_ += row.length;
}

std::uint64_t checksum_of_schema(const schema_record& schema) {
  std::string bytes;
  append(bytes, schema.operator_name);
  append(bytes, schema.table);
  append(bytes, schema.json);
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::uint64_t checksum_of_bytes(std::span<const std::byte> bytes) {
  return bytes.empty() ? XXH3_64bits("", 0) : XXH3_64bits(bytes.data(), bytes.size());
}

} // namespace weir::inline v0
