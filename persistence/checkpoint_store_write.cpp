// How a subtask's snapshot becomes durable: checked, fenced, chained to its parent, pending.
#include "checkpoint_store.hpp"

#include "checkpoint_manifest.hpp"
#include "chunk_compression.hpp"
#include "error.hpp"
#include "failpoint.hpp"
#include "sqlite_database.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace weir::inline v0 {

namespace {

bool is_of(const chunk_to_store& chunk, const table_snapshot& table) {
  return chunk.table == table.table && chunk.operator_name == table.operator_name;
}

/// A snapshot that contradicts itself never reaches the file.
void require_consistent(const subtask_snapshot& snapshot) {
  const auto refuse = [&](const std::string& expected, const std::string& found) {
    throw usage_error({"the snapshot of " + snapshot.task + "/" + to_string(snapshot.index) + " for checkpoint " +
                           to_string(snapshot.checkpoint),
                       expected,
                       found,
                       {}});
  };
  if (snapshot.index.value >= snapshot.parallelism)
    refuse("an index below its parallelism", to_string(snapshot.index) + " of " + std::to_string(snapshot.parallelism));
  for (auto table = snapshot.tables.begin(); table != snapshot.tables.end(); ++table) {
    const auto name = table->operator_name + "/" + table->table;
    if (table->kind == snapshot_kind::delta || !table->changed)
      if (!table->parent || *table->parent >= snapshot.checkpoint)
        refuse("an earlier parent for table " + name, table->parent ? to_string(*table->parent) : "none");
    if (std::any_of(snapshot.tables.begin(), table, [&](const table_snapshot& other) {
          return other.operator_name == table->operator_name && other.table == table->table;
        }))
      refuse("each table once", name + " twice");
  }
  for (const auto& chunk : snapshot.chunks) {
    const auto name = chunk.operator_name + "/" + chunk.table;
    const auto table = std::find_if(snapshot.tables.begin(), snapshot.tables.end(),
                                    [&](const table_snapshot& t) { return is_of(chunk, t); });
    if (table == snapshot.tables.end() || !table->changed)
      refuse("chunks only of tables that are said to have changed", "one of " + name);
    if (chunk.last < chunk.first)
      refuse("key groups in ascending order",
             "a chunk of " + name + " with " + to_string(chunk.first) + " to " + to_string(chunk.last));
    if (checksum_of_bytes(chunk.bytes) != chunk.checksum)
      throw damaged_error({"a chunk of " + name + " from " + snapshot.task + "/" + to_string(snapshot.index),
                           "the bytes that its checksum was made from", "other ones",
                           "the region restarts from the newest checkpoint; check the memory if it recurs"});
    rest_if_due();
  }
}

} // namespace

/// What is written of a snapshot's chunks: their own bytes, or compressed ones.
class checkpoint_store::stored_forms {
public:
  stored_forms(const subtask_snapshot& snapshot, bool compress) : chunks_(snapshot.chunks) {
    if (!compress)
      return;
    compressed_.reserve(chunks_.size());
    for (const chunk_to_store& chunk : chunks_) {
      compressed_.emplace_back();
      if (auto packed = compress_chunk(chunk.bytes))
        compressed_.back() = {std::move(*packed), 0};
      compressed_.back().checksum = checksum_of_bytes(compressed_.back().bytes);
      rest_if_due();
    }
  }

  [[nodiscard]] std::span<const std::byte> bytes(std::size_t chunk) const {
    return is_compressed(chunk) ? compressed_[chunk].bytes : std::span<const std::byte>{chunks_[chunk].bytes};
  }
  [[nodiscard]] std::uint64_t checksum(std::size_t chunk) const {
    return is_compressed(chunk) ? compressed_[chunk].checksum : chunks_[chunk].checksum;
  }

private:
  struct frame {
    std::vector<std::byte> bytes; ///< none: it is stored plain
    std::uint64_t checksum = 0;
  };
  [[nodiscard]] bool is_compressed(std::size_t chunk) const {
    return !compressed_.empty() && !compressed_[chunk].bytes.empty();
  }

  const std::vector<chunk_to_store>& chunks_;
  std::vector<frame> compressed_;
};

write_result checkpoint_store::write(const subtask_snapshot& snapshot, wall_time now) {
  std::optional<thread_pace> pace;
  keep_pace(pace);
  require_consistent(snapshot);
  sqlite_transaction transaction{*database_};
  if (const auto refused = refusal_of(snapshot))
    return *refused;
  const bool late = status_of(snapshot.checkpoint) != checkpoint_status::open;

  const stored_forms forms{snapshot, compress_};
  std::uint64_t bytes = 0;
  std::uint64_t entries = 0;
  for (std::size_t i = 0; i != snapshot.chunks.size(); ++i) {
    bytes += forms.bytes(i).size();
    entries += snapshot.chunks[i].entries;
  }
  const auto& p = snapshot.phases;
  database_->run("INSERT INTO acknowledgements (run, checkpoint, task, subtask, region, attempt, acknowledged, late, "
                 "start_delay_us, alignment_us, wait_us, encode_us, write_us, bytes, entries) "
                 "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                 run_, snapshot.checkpoint, snapshot.task, snapshot.index, snapshot.region, snapshot.attempt, now, late,
                 p.start_delay, p.alignment, p.wait, p.encode, p.write, bytes, entries);

  bool none_open_before = true;
  if (std::any_of(snapshot.tables.begin(), snapshot.tables.end(),
                  [](const table_snapshot& t) { return t.changed && t.kind == snapshot_kind::base; })) {
    auto query =
        database_->prepare("SELECT 1 FROM checkpoints WHERE run = ? AND id < ? AND id > ? AND status = 'open'");
    none_open_before = !query.with(run_, snapshot.checkpoint, newest_complete()).step();
  }
  for (const auto& table : snapshot.tables)
    store_table(snapshot, forms, table, none_open_before);
  WEIR_FAILPOINT("store.write.before");
  transaction.commit();
  WEIR_FAILPOINT("store.write.after");
  after_commit();
  return late ? write_result::stored_late : write_result::stored;
}

std::optional<write_result> checkpoint_store::refusal_of(const subtask_snapshot& snapshot) {
  if (!is_current(snapshot.region, snapshot.attempt))
    return write_result::refused_attempt;
  {
    auto query = database_->prepare("SELECT attempt FROM acknowledgements "
                                    "WHERE run = ? AND checkpoint = ? AND task = ? AND subtask = ?");
    if (query.with(run_, snapshot.checkpoint, snapshot.task, snapshot.index).step())
      return query.id<attempt_id>(0) == snapshot.attempt ? write_result::repeated : write_result::refused_checkpoint;
  }
  const auto status = status_of(snapshot.checkpoint);
  if (!status || *status == checkpoint_status::complete || snapshot.checkpoint <= newest_complete())
    return write_result::refused_checkpoint;
  for (const auto& table : snapshot.tables) {
    auto last =
        database_->prepare("SELECT checkpoint, parallelism FROM table_snapshots WHERE run = ? AND operator = ? "
                           "AND table_name = ? AND subtask = ? AND in_chain = 1 ORDER BY checkpoint DESC LIMIT 1");
    const bool found = last.with(run_, table.operator_name, table.table, snapshot.index).step();
    if (found && last.id<checkpoint_id>(0) >= snapshot.checkpoint)
      return write_result::refused_checkpoint;
    if (table.kind == snapshot_kind::base && table.changed)
      continue;
    if (!found || last.id<checkpoint_id>(0) != *table.parent || last.count32(1) != snapshot.parallelism)
      return write_result::refused_parent;
  }
  return std::nullopt;
}

void checkpoint_store::store_table(const subtask_snapshot& snapshot, const stored_forms& forms,
                                   const table_snapshot& table, bool none_open_before) {
  const bool is_base = table.changed && table.kind == snapshot_kind::base;
  const auto kind = is_base ? "base" : table.changed ? "delta" : "unchanged";
  const std::optional<checkpoint_id> none;
  const auto& parent = is_base ? none : table.parent;
  std::uint64_t chunks = 0;
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i != snapshot.chunks.size(); ++i)
    if (is_of(snapshot.chunks[i], table)) {
      ++chunks;
      entries += snapshot.chunks[i].entries;
      bytes += forms.bytes(i).size();
    }
  database_->run(
      "INSERT INTO table_snapshots (run, operator, table_name, subtask, checkpoint, parallelism, task, region, "
      "attempt, kind, parent, chunks, entries, bytes, in_chain) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
      run_, table.operator_name, table.table, snapshot.index, snapshot.checkpoint, snapshot.parallelism, snapshot.task,
      snapshot.region, snapshot.attempt, kind, parent, chunks, entries, bytes);
  // Nothing that can still complete needs what is pending before a base: failing checkpoints do not pile up.
  if (is_base && none_open_before)
    database_->run("DELETE FROM chunks INDEXED BY chunks_of_table WHERE run = ? AND operator = ? AND table_name = ? "
                   "AND subtask = ? AND made_in < ? AND created_in IS NULL",
                   run_, table.operator_name, table.table, snapshot.index, snapshot.checkpoint);
  if (chunks == 0)
    return;

  std::optional<std::int64_t> schema;
  {
    auto query = database_->prepare("SELECT id FROM schemas WHERE run = ? AND operator = ? AND table_name = ? "
                                    "AND in_plan = 1 ORDER BY id DESC LIMIT 1");
    if (query.with(run_, table.operator_name, table.table).step())
      schema = query.integer(0);
  }
  auto insert_chunk = database_->prepare(
      "INSERT INTO chunks (run, region, attempt, operator, table_name, subtask, parallelism, made_in, kind, parent, "
      "key_group_first, key_group_last, entries, length, checksum, schema) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  auto insert_bytes = database_->prepare("INSERT INTO chunk_bytes (chunk, bytes) VALUES (?, ?)");
  for (std::size_t i = 0; i != snapshot.chunks.size(); ++i) {
    const chunk_to_store& chunk = snapshot.chunks[i];
    if (!is_of(chunk, table))
      continue;
    insert_chunk.run(run_, snapshot.region, snapshot.attempt, table.operator_name, table.table, snapshot.index,
                     snapshot.parallelism, snapshot.checkpoint, kind, parent, chunk.first, chunk.last, chunk.entries,
                     forms.bytes(i).size(), std::bit_cast<std::int64_t>(forms.checksum(i)), schema);
    insert_bytes.run(database_->last_row_id(), forms.bytes(i));
    rest_if_due();
  }
}

} // namespace weir::inline v0
