// Merges bases with their deltas.
#include "table_scan.hpp"

#include "../error.hpp"
#include "../key_groups.hpp"

#include <utility>

namespace weir::inline v0 {

table_scan::table_scan(sqlite3* connection, const open_store& store, schema_decoders& schemas,
                       const table_chunks& table, std::vector<wanted_column> wanted_key)
    : connection_(connection),
      store_(&store),
      schemas_(&schemas),
      all_rows_(table.rows),
      rows_(table.rows),
      wanted_key_(std::move(wanted_key)) {
  if (!wanted_key_.empty())
    find_distribution();
}

// Lists are dealt out: the key group says nothing of the key. One chunk, verified, tells.
void table_scan::find_distribution() {
  const chunk_row* one = nullptr;
  for (const chunk_row& row : rows_)
    if (one == nullptr || may_hold(row)) {
      one = &row;
      if (may_hold(row))
        break;
    }
  if (one == nullptr)
    return;
  const held_chunk chunk{connection_, *store_, *one};
  try {
    by_key_group_ = chunk_reader{chunk.bytes()}.distributed_by() == distribution::by_key_group;
  } catch (const error& problem) {
    throw_damaged_chunk(connection_, *store_, *one, problem.what());
  }
}

bool encode_wanted_key(const value_decoder& key, std::span<const wanted_column> wanted, byte_buffer& out) {
  std::vector<decoded_value> columns;
  for (const value_column& column : key.columns())
    for (const wanted_column& each : wanted)
      if (each.name == column.name) {
        columns.push_back(each.value);
        break;
      }
  return key.encode(columns, out);
}

const table_scan::wanted& table_scan::wanted_in(const chunk_row& row) {
  if (const auto known = wanted_.find(row.schema); known != wanted_.end())
    return known->second;
  wanted made;
  byte_buffer key;
  if (!wanted_key_.empty() && encode_wanted_key(schemas_->of(row.schema).key, wanted_key_, key)) {
    const key_group group = key_groups{store_->max_parallelism}.of(checksum(key.bytes()));
    made.groups = {group.value, group.value + 1};
    made.key = key.take();
  }
  return wanted_.emplace(row.schema, std::move(made)).first->second;
}

bool table_scan::may_hold(const chunk_row& row) {
  if (wanted_key_.empty() || !by_key_group_)
    return true;
  const key_group_range groups = wanted_in(row).groups;
  return row.first.value < groups.last && row.last.value >= groups.first;
}

bool table_scan::next() {
  for (;;) {
    if (next_in_base())
      return true;
    while (next_delta_ < deltas_.size()) {
      const state_entry& each = deltas_[next_delta_++];
      if (each.entry.tombstone)
        continue;
      current_ = &each;
      if (decoders_of_ != each.chunk) {
        decoders_of_ = each.chunk;
        decoders_ = &schemas_->of(each.chunk->schema);
      }
      return true;
    }
    if (!next_subtask())
      return false;
  }
}

bool table_scan::next_in_base() {
  for (;;) {
    while (reader_ && take(*reader_, *held_, *filter_, in_base_)) {
      if (in_base_.entry.tombstone)
        continue;
      if (newest_.size() != 0 && newest_.find(in_base_.entry, [&](std::uint32_t number) -> const chunk_entry& {
            return deltas_[number].entry;
          }) != entry_index::none)
        continue;
      current_ = &in_base_;
      return true;
    }
    reader_.reset();
    held_.reset();
    for (;;) {
      if (base_left_.empty())
        return false;
      const chunk_row& row = base_left_.front();
      base_left_ = base_left_.subspan(1);
      if (may_hold(row)) {
        open(row);
        break;
      }
    }
  }
}

void table_scan::open(const chunk_row& row) {
  held_.emplace(connection_, *store_, row);
  filter_ = &wanted_in(row);
  in_base_.chunk = &row;
  in_base_.before_chunk = entries_before(row);
  decoders_of_ = &row;
  decoders_ = &schemas_->of(row.schema);
  try {
    reader_.emplace(held_->bytes(), by_key_group_ ? filter_->groups : key_group_range{0, UINT32_MAX});
  } catch (const error& problem) {
    throw_damaged_chunk(connection_, *store_, row, problem.what());
  }
}

std::uint64_t table_scan::entries_before(const chunk_row& row) const {
  std::uint64_t entries = 0;
  for (const chunk_row* each = all_rows_.data(); each != &row; ++each)
    entries += each->entries;
  return entries;
}

bool table_scan::take(chunk_reader& reader, const held_chunk& from, const wanted& filter, state_entry& entry) {
  try {
    while (reader.next(entry.entry)) {
      if (filter.key && !std::ranges::equal(*filter.key, entry.entry.key))
        continue;
      entry.group = reader.group();
      entry.offset = static_cast<std::uint64_t>(entry.entry.key.data() - from.bytes().data());
      entry.number = entry.before_chunk + reader.entries_before();
      return true;
    }
    return false;
  } catch (const error& problem) {
    throw_damaged_chunk(connection_, *store_, *entry.chunk, problem.what());
  }
}

bool table_scan::next_subtask() {
  held_deltas_.clear();
  deltas_.clear();
  newest_.clear();
  next_delta_ = 0;
  if (rows_.empty())
    return false;
  std::size_t end = 1;
  std::size_t base = 0; // the newest one begins here
  std::size_t base_end = 0;
  for (std::size_t i = 0; i < rows_.size() && rows_[i].subtask == rows_[0].subtask; ++i) {
    end = i + 1;
    if (rows_[i].kind != snapshot_kind::base)
      continue;
    if (rows_[i].made_in != rows_[base].made_in)
      base = i;
    base_end = i + 1;
  }
  base_left_ = rows_.subspan(base, base_end - base);
  for (const chunk_row& row : rows_.subspan(base_end, end - base_end))
    if (may_hold(row))
      load_delta(row);
  rows_ = rows_.subspan(end);
  return true;
}

void table_scan::load_delta(const chunk_row& row) {
  const wanted& filter = wanted_in(row);
  const held_chunk& chunk = held_deltas_.emplace_back(connection_, *store_, row);
  std::optional<chunk_reader> reader;
  try {
    reader.emplace(chunk.bytes(), by_key_group_ ? filter.groups : key_group_range{0, UINT32_MAX});
  } catch (const error& problem) {
    throw_damaged_chunk(connection_, *store_, row, problem.what());
  }
  state_entry entry;
  entry.chunk = &row;
  entry.before_chunk = entries_before(row);
  while (take(*reader, chunk, filter, entry)) {
    const auto number = newest_.find_or_add(entry.entry, static_cast<std::uint32_t>(deltas_.size()),
                                            [&](std::uint32_t at) -> const chunk_entry& { return deltas_[at].entry; });
    if (number == deltas_.size())
      deltas_.push_back(entry);
    else
      deltas_[number] = entry;
  }
}

} // namespace weir::inline v0
