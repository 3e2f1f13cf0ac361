// Compares two checkpoints through the chunks that they do not share.
#include "state_difference.hpp"

#include "../error.hpp"

#include <algorithm>
#include <iterator>
#include <optional>

namespace weir::inline v0 {

namespace {

std::set<chunk_id> ids_of(std::span<const chunk_row> rows) {
  std::set<chunk_id> ids;
  for (const chunk_row& row : rows)
    ids.insert(row.id);
  return ids;
}

bool equal_values(const state_entry& a, const state_entry& b) {
  return a.chunk->schema == b.chunk->schema && std::ranges::equal(a.entry.value, b.entry.value);
}

} // namespace

state_difference::state_difference(sqlite3* connection, const open_store& store, std::span<const chunk_row> before,
                                   std::span<const chunk_row> after)
    : connection_(connection), store_(&store) {
  const auto old_ids = ids_of(before);
  const auto new_ids = ids_of(after);
  std::set<chunk_id> common;
  std::set_intersection(old_ids.begin(), old_ids.end(), new_ids.begin(), new_ids.end(),
                        std::inserter(common, common.end()));
  find_candidates(before, common);
  find_candidates(after, common);
  // A new base drops all that came before it, so that what is common to both is older than what is not.
  for (const chunk_row& row : before)
    if (common.count(row.id) != 0 && touched(row))
      apply(row, side::both);
  for (const chunk_row& row : before)
    if (common.count(row.id) == 0)
      apply(row, side::before);
  for (const chunk_row& row : after)
    if (common.count(row.id) == 0)
      apply(row, side::after);

  const auto there = [](const state_entry& entry) { return entry.chunk != nullptr && !entry.entry.tombstone; };
  for (const candidate& each : candidates_) {
    changed_entry change;
    for (auto [from, to] : {std::pair{&each.before, &change.before}, std::pair{&each.after, &change.after}})
      if (there(*from)) {
        *to = *from;
        to->entry.key = each.place.entry.key; // also of an entry whose chunk is not held
        to->entry.sub_key = each.place.entry.sub_key;
      }
    const bool both = change.before.chunk != nullptr && change.after.chunk != nullptr;
    const bool neither = change.before.chunk == nullptr && change.after.chunk == nullptr;
    if (!neither && !(both && equal_values(change.before, change.after)))
      changes_.push_back(change);
  }
}

template <class Use>
void state_difference::each_entry(const chunk_row& row, std::span<const std::byte> bytes, Use use) {
  try {
    chunk_reader reader{bytes};
    entry_index& index = index_of(row, reader.distributed_by());
    state_entry at;
    at.chunk = &row;
    while (reader.next(at.entry)) {
      at.group = reader.group();
      at.offset = static_cast<std::uint64_t>(at.entry.key.data() - bytes.data());
      use(index, at);
    }
  } catch (const damaged_error& problem) {
    throw_damaged_chunk(connection_, *store_, row, problem.what());
  }
}

// In a list each subtask has keys of its own; other keys may move from one subtask to another.
entry_index& state_difference::index_of(const chunk_row& row, distribution distributed_by) {
  return indices_[distributed_by == distribution::list ? row.subtask.value : 0];
}

void state_difference::find_candidates(std::span<const chunk_row> rows, const std::set<chunk_id>& common) {
  for (const chunk_row& row : rows) {
    if (common.count(row.id) != 0)
      continue;
    const held_chunk& chunk = held_.try_emplace(row.id, connection_, *store_, row).first->second;
    each_entry(row, chunk.bytes(), [&](entry_index& index, const state_entry& at) {
      const auto next = static_cast<std::uint32_t>(candidates_.size());
      const auto number = index.find_or_add(
          at.entry, next, [&](std::uint32_t i) -> const chunk_entry& { return candidates_[i].place.entry; });
      if (number == next) {
        candidates_.push_back({at, {}, {}});
        groups_.insert(at.group.value);
      }
    });
  }
}

bool state_difference::touched(const chunk_row& row) const {
  const auto first = groups_.lower_bound(row.first.value);
  return first != groups_.end() && *first <= row.last.value;
}

void state_difference::apply(const chunk_row& row, side to) {
  const auto held = held_.find(row.id);
  std::optional<held_chunk> passing;
  if (held == held_.end())
    passing.emplace(connection_, *store_, row);
  each_entry(row, passing ? passing->bytes() : held->second.bytes(), [&](entry_index& index, const state_entry& at) {
    const auto number =
        index.find(at.entry, [&](std::uint32_t i) -> const chunk_entry& { return candidates_[i].place.entry; });
    if (number == entry_index::none)
      return;
    candidate& found = candidates_[number];
    const state_entry entry = passing ? kept(at) : at;
    if (to != side::after)
      found.before = entry;
    if (to != side::before)
      found.after = entry;
  });
}

// The value outlives its chunk; the key is that of the candidate.
state_entry state_difference::kept(const state_entry& entry) {
  state_entry copy = entry;
  kept_.emplace_back(entry.entry.value.begin(), entry.entry.value.end());
  copy.entry.value = kept_.back();
  copy.entry.key = {};
  copy.entry.sub_key = {};
  return copy;
}

} // namespace weir::inline v0
