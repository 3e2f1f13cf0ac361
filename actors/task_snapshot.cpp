#include "task_snapshot.hpp"

#include <algorithm>
#include <utility>

namespace weir::inline v0 {

void task_snapshot::add(std::string operator_name, any_state_table& table, bool late) {
  tables_.push_back({std::move(operator_name), &table, late, false, false, std::nullopt});
}

void task_snapshot::add_in_flight(std::string operator_name, any_in_flight_table& table, bool stored) {
  in_flight_.push_back({std::move(operator_name), &table, stored});
}

void task_snapshot::begin(aligned_barrier due, monotonic_time now) {
  due_ = std::move(due);
  begun_ = now;
  bytes_ = 0;
  snapshot_ = {};
  snapshot_.checkpoint = due_->mark.checkpoint;
  snapshot_.phases.start_delay = due_->first_arrival - due_->mark.opened;
  snapshot_.phases.alignment = due_->last_arrival - due_->first_arrival;
  snapshot_.phases.wait = now - due_->last_arrival;
  for (entry& e : tables_) {
    e.marked = e.encoded = false;
    if (!e.late)
      mark(e);
  }
  for (in_flight_entry& e : in_flight_)
    e.table->mark();
  recording_ = !in_flight_.empty();
  recorded_for_ = {};
}

void task_snapshot::close_recording(monotonic_time now) {
  if (recording_)
    recorded_for_ = now - begun_;
  recording_ = false;
  for (in_flight_entry& e : in_flight_)
    e.table->close();
}

void task_snapshot::mark_late() {
  for (entry& e : tables_)
    if (e.late && !e.marked)
      mark(e);
}

void task_snapshot::mark(entry& e) {
  e.marked = true;
  table_snapshot row;
  row.operator_name = e.operator_name;
  row.table = e.table->name();
  row.parent = e.last;
  if (e.last && !e.table->changed_since_mark()) {
    row.kind = snapshot_kind::delta;
    row.changed = false;
    e.encoded = true;
  } else {
    e.table->mark();
    row.kind = e.table->open_kind();
    row.changed = true;
    if (row.kind == snapshot_kind::base)
      row.parent.reset();
  }
  e.last = due_->mark.checkpoint;
  snapshot_.tables.push_back(std::move(row));
}

bool task_snapshot::encoding() const noexcept {
  if (!due_)
    return false;
  for (const entry& e : tables_)
    if (e.marked && !e.encoded)
      return true;
  for (const in_flight_entry& e : in_flight_)
    if (e.table->encoding())
      return true;
  return false;
}

bool task_snapshot::encode(std::size_t max_entries) {
  bool whole = true;
  for (entry& e : tables_) {
    if (!e.marked) {
      whole = false;
      continue;
    }
    if (e.encoded)
      continue;
    if (max_entries == 0)
      return false; // the slice's bound is for all tables together
    std::vector<encoded_chunk> chunks;
    const std::size_t before = bytes_;
    e.encoded = e.table->encode(max_entries, chunks);
    take(e.operator_name, *e.table, std::move(chunks));
    if (!e.encoded)
      return false;
    max_entries -= std::min(max_entries, 1 + (bytes_ - before) / bytes_for_an_entry);
  }
  for (in_flight_entry& e : in_flight_) {
    if (!e.table->encoding())
      continue;
    if (max_entries == 0)
      return false;
    std::vector<encoded_chunk> chunks;
    const std::uint64_t before = e.table->items();
    e.table->encode(max_entries, chunks);
    take(e.operator_name, *e.table, std::move(chunks));
    if (e.table->items() != before)
      break;
  }
  return whole && !recording_ && !encoding();
}

void task_snapshot::take(const std::string& operator_name, const any_state_table& table,
                         std::vector<encoded_chunk> chunks) {
  for (encoded_chunk& c : chunks) {
    bytes_ += c.bytes.size();
    snapshot_.chunks.push_back(
        {operator_name, table.name(), c.first, c.last, c.entries, std::move(c.bytes), c.checksum});
  }
}

subtask_snapshot task_snapshot::finish(monotonic_time now) {
  // While batches were recorded, barriers of other channels, or room for this one's, were waited for.
  snapshot_.phases.encode = now - begun_ - recorded_for_;
  snapshot_.phases.alignment += recorded_for_;
  // An empty base where there was something before: what is not named is not part of the checkpoint.
  for (in_flight_entry& e : in_flight_) {
    e.named = e.named || e.table->items() != 0;
    if (e.named)
      snapshot_.tables.push_back({e.operator_name, e.table->name(), snapshot_kind::base, true, std::nullopt});
  }
  due_.reset();
  return std::exchange(snapshot_, {});
}

void task_snapshot::require_bases() {
  for (entry& e : tables_) {
    e.table->require_base();
    e.last.reset(); // a table that was never used has no base to give by itself
  }
}

} // namespace weir::inline v0
