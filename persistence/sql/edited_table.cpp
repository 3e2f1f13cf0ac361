// Loads, changes and encodes a table that is edited.
#include "edited_table.hpp"

#include "../error.hpp"
#include "../key_groups.hpp"

#include <algorithm>
#include <compare>
#include <cstring>

namespace weir::inline v0 {

namespace {

constexpr std::size_t block_bytes = std::size_t{1} << 20;

std::strong_ordering compare(std::span<const std::byte> a, std::span<const std::byte> b) {
  const std::size_t common = std::min(a.size(), b.size());
  const int order = common == 0 ? 0 : std::memcmp(a.data(), b.data(), common);
  return order != 0 ? order <=> 0 : a.size() <=> b.size();
}

bool comes_before(const edited_table::row& a, const edited_table::row& b) {
  const auto order = compare(a.key, b.key);
  return order != 0 ? order < 0 : compare(a.sub_key, b.sub_key) < 0;
}

[[noreturn]] void refuse(const std::string& name, const std::string& found) {
  throw usage_error{{"the table " + name, "state by key, with entries as its schema says", found, "leave it as it is"}};
}

} // namespace

edited_table::edited_table(sqlite3* connection, const open_store& store, const table_chunks& table,
                           const std::string& name, entry_kind entries)
    : database_(store.database),
      operator_(table.operator_name),
      table_(table.table),
      schema_(table.rows.front().schema),
      entries_(entries),
      parallelism_(table.rows.front().parallelism),
      max_parallelism_(store.max_parallelism) {
  if (table_ == "timers")
    refuse(name, "timers, which fire once each, in the order of their times");
  if (!schema_)
    refuse(name, "values of which no schema is stored");
  std::uint64_t stored = 0;
  for (const chunk_row& chunk : table.rows) {
    if (chunk.kind != snapshot_kind::base || chunk.schema != schema_ || chunk.parallelism != parallelism_ ||
        chunk.subtask.value >= parallelism_ || parallelism_ > max_parallelism_)
      throw damaged_error{{"the table " + name, "bases of one schema and one parallelism, as a savepoint has them",
                           "others", "make the savepoint again"}};
    stored += chunk.entries;
  }
  if (stored >= none)
    throw usage_error{{"the table " + name, "fewer than " + std::to_string(none) + " entries", std::to_string(stored),
                       "change it in the job"}};
  for (const chunk_row& chunk : table.rows)
    load(connection, store, chunk, name);
}

void edited_table::load(sqlite3* connection, const open_store& store, const chunk_row& chunk, const std::string& name) {
  {
    const held_chunk held{connection, store, chunk};
    chunks_.emplace_back(held.bytes().begin(), held.bytes().end());
  }
  const key_groups groups{max_parallelism_};
  try {
    chunk_reader reader{chunks_.back()};
    const bool list = reader.distributed_by() == distribution::list;
    if (list && table_ != "splits")
      refuse(name, "a list that is dealt out to subtasks, such as what a sink has prepared");
    all_or_none_ = list;
    clock_ = std::max(clock_, reader.clock()); // none is before any
    chunk_entry entry;
    while (reader.next(entry)) {
      if (entry.kind != entries_ || entry.tombstone)
        refuse(name, "entries of another kind");
      if (!list && groups.of(checksum(entry.key)) != reader.group())
        throw damaged_error{{"a key", "key group " + to_string(groups.of(checksum(entry.key))),
                             to_string(reader.group()), "make the savepoint again"}};
      const std::uint32_t number = size();
      rows_.push_back({entry.key, entry.sub_key, entry.value, reader.group(), true, entry.time});
      if (index_.find_or_add(entry, number, [this](std::uint32_t at) { return entry_at(at); }) != number && !list)
        throw damaged_error{{"a key", "to be there once", "it twice", "make the savepoint again"}};
    }
  } catch (const damaged_error& problem) {
    throw_damaged_chunk(connection, store, chunk, problem.what());
  }
}

std::uint32_t edited_table::count_alive() const {
  return static_cast<std::uint32_t>(
      std::count_if(rows_.begin(), rows_.end(), [](const row& each) { return each.alive; }));
}

std::uint32_t edited_table::find(std::span<const std::byte> key, std::span<const std::byte> sub_key) const {
  const chunk_entry wanted{entries_, false, key, sub_key, {}};
  const std::uint32_t number = index_.find(wanted, [this](std::uint32_t at) { return entry_at(at); });
  return number == none || !rows_[number].alive ? none : number;
}

std::uint32_t edited_table::row_for(std::span<const std::byte> key, std::span<const std::byte> sub_key) {
  const chunk_entry wanted{entries_, false, key, sub_key, {}};
  const auto at = [this](std::uint32_t number) { return entry_at(number); };
  if (const std::uint32_t known = index_.find(wanted, at); known != none)
    return known;
  if (size() == none - 1)
    throw usage_error{{"the table " + operator_ + "/" + table_, "fewer than " + std::to_string(none) + " rows", "more",
                       "commit, and go on then"}};
  const std::uint32_t number = size();
  rows_.push_back({keep(key), keep(sub_key), {}, key_groups{max_parallelism_}.of(checksum(key)), false, std::nullopt});
  return index_.find_or_add(wanted, number, at);
}

std::span<const std::byte> edited_table::keep(std::span<const std::byte> bytes) {
  if (bytes.empty())
    return {};
  if (blocks_.empty() || blocks_.back().size() - block_used_ < bytes.size()) {
    blocks_.emplace_back(std::max(block_bytes, bytes.size()));
    block_used_ = 0;
  }
  std::byte* at = blocks_.back().data() + block_used_;
  std::memcpy(at, bytes.data(), bytes.size());
  block_used_ += bytes.size();
  return {at, bytes.size()};
}

void edited_table::set(std::uint32_t number, std::optional<std::span<const std::byte>> value) {
  row& at = rows_[number];
  at.alive = value.has_value();
  at.value = value.value_or(std::span<const std::byte>{});
  at.time.reset();
  changed_ = true;
}

void edited_table::restore(std::uint32_t number, const row& former) {
  rows_[number].alive = former.alive;
  rows_[number].value = former.value;
  rows_[number].time = former.time;
  changed_ = true;
}

std::vector<encoded_chunk> edited_table::encode(subtask_index subtask) const {
  const key_group_range range = key_groups{max_parallelism_}.range_of(subtask, parallelism_);
  std::vector<std::vector<std::uint32_t>> numbers(range.last - range.first); // of rows, by group
  for (std::uint32_t i = 0; i < size(); ++i)
    if (rows_[i].alive && range.contains(rows_[i].group))
      numbers[rows_[i].group.value - range.first].push_back(i);
  chunk_writer writer{snapshot_kind::base, distribution::by_key_group, default_chunk_bytes, clock_};
  std::vector<encoded_chunk> chunks;
  for (std::uint32_t group = range.first; group < range.last; ++group) {
    auto& of_group = numbers[group - range.first];
    std::sort(of_group.begin(), of_group.end(),
              [this](std::uint32_t a, std::uint32_t b) { return comes_before(rows_[a], rows_[b]); });
    writer.begin_group(key_group{group});
    for (const std::uint32_t each : of_group) {
      writer.add({entries_, false, rows_[each].key, rows_[each].sub_key, rows_[each].value, rows_[each].time});
      if (writer.full())
        chunks.push_back(writer.finish());
    }
    of_group = {};
  }
  if (!writer.empty() || chunks.empty())
    chunks.push_back(writer.finish(key_group{range.first}));
  return chunks;
}

} // namespace weir::inline v0
