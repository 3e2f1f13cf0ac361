// Lists chunks, compares them with their manifest, and their bytes with their checksums.
#include "checkpoint_chunks.hpp"

#include "../chunk_compression.hpp"
#include "../error.hpp"

#include <algorithm>
#include <bit>
#include <functional>
#include <limits>
#include <tuple>

namespace weir::inline v0 {

namespace {

std::uint32_t number32(const sql_statement& query, int column) {
  const std::int64_t value = query.integer(column);
  if (value < 0 || value > std::numeric_limits<std::uint32_t>::max())
    throw damaged_error{
        {"a row of chunks", "a number of 32 bits", std::to_string(value), "restore the store from a copy"}};
  return static_cast<std::uint32_t>(value);
}

} // namespace

chunk_row chunk_row_of(const sql_statement& query) {
  chunk_row row;
  const auto count = [&](int column) { return static_cast<std::uint64_t>(query.integer(column)); };
  row.id = chunk_id{count(0)};
  row.operator_name = query.text(1);
  row.table = query.text(2);
  row.subtask = subtask_index{number32(query, 3)};
  row.parallelism = number32(query, 4);
  row.made_in = checkpoint_id{count(5)};
  row.kind = snapshot_kind_from(query.text(6));
  row.first = key_group{number32(query, 7)};
  row.last = key_group{number32(query, 8)};
  row.entries = count(9);
  row.length = count(10);
  row.checksum = std::bit_cast<std::uint64_t>(query.integer(11));
  if (!query.is_null(12))
    row.schema = query.integer(12);
  return row;
}

store_view::store_view(sqlite3* connection, const open_store& store)
    : held_(connection, "SELECT id FROM " + quoted(store.database) + ".runs") {
  static_cast<void>(held_.step());
}

checkpoint_chunks::checkpoint_chunks(sqlite3* connection, const open_store& store, const kept_checkpoint& checkpoint)
    : database_(store.database), uuid_(store.uuid), checkpoint_(checkpoint) {
  checkpoint_manifest manifest{uuid_, checkpoint.id};
  // Not through an index: the manifest vouches for the table's rows, and nothing for an index's.
  sql_statement query{connection, "SELECT " + std::string{chunk_row_columns} + " FROM " + quoted(database_) +
                                      ".chunks c NOT INDEXED WHERE " + chunk_lives + " ORDER BY c.id"};
  const auto id = static_cast<std::int64_t>(checkpoint.id.value);
  query.bind(store.run).bind(id).bind(id);
  while (query.step()) {
    rows_.push_back(chunk_row_of(query));
    manifest.add(rows_.back());
  }
  if (manifest.checksum() != checkpoint.manifest || manifest.chunks() != checkpoint.chunks ||
      manifest.entries() != checkpoint.entries || manifest.bytes() != checkpoint.bytes)
    throw damaged_error{{"checkpoint " + to_string(checkpoint.id) + " of the job " + store.job,
                         std::to_string(checkpoint.chunks) + " chunks with " + std::to_string(checkpoint.bytes) +
                             " bytes, as its manifest says",
                         std::to_string(manifest.chunks()) + " with " + std::to_string(manifest.bytes()),
                         "ask for another checkpoint, and check the disk"}};
  std::sort(rows_.begin(), rows_.end(), [](const chunk_row& a, const chunk_row& b) {
    return std::tie(a.operator_name, a.table, a.subtask, a.made_in, a.id) <
           std::tie(b.operator_name, b.table, b.subtask, b.made_in, b.id);
  });
  first_place_.reserve(rows_.size());
  for (const chunk_row& row : rows_) {
    first_place_.push_back(places_);
    // Only its bytes tell whether a chunk is compressed.
    places_ += std::max<std::uint64_t>(row.length, most_compressed_chunk_bytes) + 1;
  }
}

std::uint64_t checkpoint_chunks::place_of(const chunk_row& row, std::uint64_t offset) const {
  return first_place_[static_cast<std::size_t>(&row - rows_.data())] + offset;
}

bool checkpoint_chunks::has(const chunk_row& row) const {
  const std::less<const chunk_row*> before;
  return !rows_.empty() && !before(&row, rows_.data()) && before(&row, rows_.data() + rows_.size());
}

std::string checkpoint_chunks::name() const {
  return database_ + '/' + uuid_ + '/' + to_string(checkpoint_.id) + '/' + std::to_string(checkpoint_.manifest);
}

bool checkpoint_chunks::is(const open_store& store, const kept_checkpoint& checkpoint) const {
  return store.database == database_ && store.uuid == uuid_ && checkpoint.id == checkpoint_.id &&
         checkpoint.manifest == checkpoint_.manifest;
}

std::vector<table_chunks> checkpoint_chunks::tables(std::string_view operator_name, std::string_view table) const {
  std::vector<table_chunks> found;
  for (std::size_t i = 0; i < rows_.size();) {
    std::size_t end = i + 1;
    while (end < rows_.size() && rows_[end].operator_name == rows_[i].operator_name &&
           rows_[end].table == rows_[i].table)
      ++end;
    if ((operator_name.empty() || rows_[i].operator_name == operator_name) &&
        (table.empty() || rows_[i].table == table))
      found.push_back({rows_[i].operator_name, rows_[i].table, std::span{rows_}.subspan(i, end - i)});
    i = end;
  }
  return found;
}

held_chunk::held_chunk(sqlite3* connection, const open_store& store, const chunk_row& row) {
  bool found = false;
  try {
    statement_ = std::make_unique<sql_statement>(connection, "SELECT bytes FROM " + quoted(store.database) +
                                                                 ".chunk_bytes WHERE chunk = ?");
    found = statement_->bind(static_cast<std::int64_t>(row.id.value)).step();
    if (found)
      bytes_ = statement_->bytes(0);
  } catch (const io_error& problem) {
    throw_damaged_chunk(connection, store, row, std::string{"its bytes cannot be read: "} + problem.what());
  }
  if (!found)
    throw_damaged_chunk(connection, store, row, "it has no bytes");
  if (bytes_.size() != row.length)
    throw_damaged_chunk(connection, store, row,
                        "it should be " + std::to_string(row.length) + " bytes and is " +
                            std::to_string(bytes_.size()));
  if (checksum_of_bytes(bytes_) != row.checksum)
    throw_damaged_chunk(connection, store, row, "its bytes differ from their checksum");
  try {
    bytes_ = plain_chunk(bytes_, unpacked_);
  } catch (const damaged_error& problem) {
    throw_damaged_chunk(connection, store, row, problem.what());
  }
  if (!unpacked_.empty())
    statement_.reset(); // they need not be held twice
}

void throw_damaged_chunk(sqlite3* connection, const open_store& store, const chunk_row& row, const std::string& what) {
  std::string touched;
  try {
    const std::string database = quoted(store.database);
    sql_statement query{connection,
                        "SELECT p.id FROM " + database + ".chunks c JOIN " + database +
                            ".checkpoints p ON p.run = c.run AND p.id >= c.created_in AND (c.dropped_in IS NULL OR "
                            "p.id < c.dropped_in) WHERE c.id = ? AND p.status = 'complete' AND p.discarded IS NULL "
                            "ORDER BY p.id"};
    query.bind(static_cast<std::int64_t>(row.id.value));
    while (query.step())
      touched += (touched.empty() ? "" : ", ") + std::to_string(query.integer(0));
  } catch (const error&) {
    touched = "not known: they cannot be read";
  }
  throw damaged_error{{"chunk " + to_string(row.id) + " of the state " + row.operator_name + "/" + row.table +
                           " of the job " + store.job + " (subtask " + to_string(row.subtask) +
                           ", made in checkpoint " + to_string(row.made_in) + ")",
                       "", what + "; checkpoints that it is part of: " + touched,
                       "ask for a checkpoint without it, and check the disk"}};
}

} // namespace weir::inline v0
