// The decision: one transaction that completes a checkpoint and settles which chunks live in it.
#include "checkpoint_store.hpp"

#include "checkpoint_manifest.hpp"
#include "error.hpp"
#include "failpoint.hpp"
#include "sqlite_database.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <tuple>
#include <utility>

namespace weir::inline v0 {

/// One subtask's part of a state table, through its snapshots.
struct checkpoint_store::chain {
  std::string operator_name;
  std::string table;
  subtask_index subtask;
  std::uint32_t parallelism = 1;
  std::uint64_t chunks_missing = 0;      ///< of those that were made for the checkpoint
  std::optional<checkpoint_id> new_base; ///< the last one since the last complete checkpoint
  std::optional<checkpoint_id> base;     ///< of the chunks that live
};

namespace {

/// What tells chains apart, of a chain or of a chunk.
constexpr auto key_of = [](const auto& r) { return std::tie(r.operator_name, r.table, r.subtask, r.parallelism); };

} // namespace

complete_checkpoint checkpoint_store::complete(checkpoint_id checkpoint, std::span<const expected_subtask> expected,
                                               wall_time now) {
  sqlite_transaction transaction{*database_};
  const auto name = "checkpoint " + to_string(checkpoint);
  const auto status = status_of(checkpoint);
  if (status != checkpoint_status::open)
    refuse(name, "to be open", status ? std::string{to_text(*status)} : "it was never opened");
  if (const auto newest = newest_complete(); checkpoint < newest)
    refuse(name, "none after it to be complete", "checkpoint " + to_string(newest) + " is");
  require_acknowledgements(checkpoint, expected);
  const auto manifest = settle(checkpoint);
  database_->run(
      "UPDATE checkpoints SET status = 'complete', completed = ?1, duration_us = ?1 - opened, subtasks = ?2, "
      "bytes = (SELECT coalesce(sum(bytes), 0) FROM acknowledgements WHERE run = ?3 AND checkpoint = ?4), "
      "entries = (SELECT coalesce(sum(entries), 0) FROM acknowledgements WHERE run = ?3 AND checkpoint = ?4), "
      "state_chunks = ?5, state_entries = ?6, state_bytes = ?7, manifest = ?8 WHERE run = ?3 AND id = ?4",
      now, expected.size(), run_, checkpoint, manifest.chunks(), manifest.entries(), manifest.bytes(),
      std::bit_cast<std::int64_t>(manifest.checksum()));
  database_->run("UPDATE runs SET newest_complete = ? WHERE id = ?", checkpoint, run_);
  complete_checkpoint result;
  {
    auto query =
        database_->prepare("SELECT \"trigger\", opened, bytes, entries FROM checkpoints WHERE run = ? AND id = ?");
    query.with(run_, checkpoint).step();
    result = {checkpoint,         checkpoint_trigger_from(query.text(0)),
              query.time(1),      now,
              std::nullopt,       query.count(2),
              query.count(3),     manifest.chunks(),
              manifest.entries(), manifest.bytes(),
              manifest.checksum()};
  }
  is_noteworthy_ = true;
  WEIR_FAILPOINT("store.complete.before");
  transaction.commit();
  WEIR_FAILPOINT("store.complete.after");
  after_commit();
  return result;
}

void checkpoint_store::require_acknowledgements(checkpoint_id checkpoint, std::span<const expected_subtask> expected) {
  std::map<std::pair<std::string, subtask_index>, std::pair<region_id, attempt_id>> found;
  {
    auto query = database_->prepare(
        "SELECT task, subtask, region, attempt FROM acknowledgements WHERE run = ? AND checkpoint = ?");
    query.with(run_, checkpoint);
    while (query.step())
      found[{std::string{query.text(0)}, query.id<subtask_index>(1)}] = {query.id<region_id>(2),
                                                                         query.id<attempt_id>(3)};
  }
  std::map<region_id, attempt_id> current;
  {
    auto query = database_->prepare("SELECT region, current_attempt FROM regions WHERE run = ?");
    query.with(run_);
    while (query.step())
      current[query.id<region_id>(0)] = query.id<attempt_id>(1);
  }
  std::string problems;
  const auto add = [&](const std::string& task, subtask_index index, const std::string& what) {
    problems += (problems.empty() ? "" : "; ") + task + "/" + to_string(index) + " " + what;
  };
  for (const auto& e : expected) {
    const auto entry = found.find({e.task, e.index});
    if (entry == found.end()) {
      add(e.task, e.index, "has not acknowledged");
      continue;
    }
    const auto [region, attempt] = entry->second;
    found.erase(entry);
    const auto present = current.find(e.region);
    if (region != e.region || present == current.end() || present->second != attempt)
      add(e.task, e.index, "acknowledged as attempt " + to_string(attempt) + " of region " + to_string(region));
    if (e.write)
      database_->run(
          "UPDATE acknowledgements SET write_us = ? WHERE run = ? AND checkpoint = ? AND task = ? AND subtask = ?",
          *e.write, run_, checkpoint, e.task, e.index);
  }
  for (const auto& [subtask, attempt] : found)
    add(subtask.first, subtask.second, "acknowledged and is not expected");
  if (!problems.empty())
    refuse("checkpoint " + to_string(checkpoint),
           std::to_string(expected.size()) + " acknowledgements of the present attempts", problems);
}

std::vector<checkpoint_store::chain> checkpoint_store::chains_of(checkpoint_id checkpoint, checkpoint_id before) {
  std::vector<chain> chains;
  {
    auto query = database_->prepare("SELECT operator, table_name, subtask, parallelism, chunks FROM table_snapshots "
                                    "INDEXED BY table_snapshots_of_checkpoint WHERE run = ? AND checkpoint = ?");
    query.with(run_, checkpoint);
    while (query.step())
      chains.push_back({std::string{query.text(0)}, std::string{query.text(1)}, query.id<subtask_index>(2),
                        query.count32(3), query.count(4), std::nullopt, std::nullopt});
  }
  auto query = database_->prepare("SELECT max(checkpoint) FROM table_snapshots WHERE run = ? AND operator = ? "
                                  "AND table_name = ? AND subtask = ? AND checkpoint > ? AND checkpoint <= ? "
                                  "AND kind = 'base' AND in_chain = 1");
  for (chain& c : chains)
    if (query.with(run_, c.operator_name, c.table, c.subtask, before, checkpoint).step())
      c.new_base = query.optional_id<checkpoint_id>(0);
  std::sort(chains.begin(), chains.end(), [](const chain& a, const chain& b) { return key_of(a) < key_of(b); });
  return chains;
}

checkpoint_manifest checkpoint_store::settle(checkpoint_id checkpoint) {
  const auto before = newest_complete();
  auto chains = chains_of(checkpoint, before);
  const auto damaged = [&](std::string expected, std::string found) {
    throw damaged_error({"the store " + database_->path(), std::move(expected), std::move(found),
                         "the job restarts from the newest checkpoint that verifies"});
  };
  // One look at all rows, not through an index: a manifest over rows that a damaged index hides or shows would vouch
  // for a wrong state for good.
  std::vector<chunk_id> alive;
  std::vector<chunk_id> dropped;
  std::vector<chunk_id> garbage;
  checkpoint_manifest manifest{opened_.run_uuid, checkpoint};
  checkpoint_manifest manifest_before{opened_.run_uuid, before};
  {
    auto query = database_->prepare(
        "SELECT " + std::string{chunk_row_columns} +
        ", c.created_in, c.dropped_in FROM chunks c NOT INDEXED WHERE c.run = ?1 AND c.made_in <= ?2 "
        "AND (c.created_in IS NULL OR c.dropped_in IS NULL OR c.dropped_in > ?3) ORDER BY c.id");
    query.with(run_, checkpoint, before);
    chunk_row row;
    while (query.step()) {
      read_chunk_row(query, row);
      const auto created = query.optional_id<checkpoint_id>(chunk_row_column_count);
      const auto dropped_in = query.optional_id<checkpoint_id>(chunk_row_column_count + 1);
      if (created && *created <= before)
        manifest_before.add(row);
      if (dropped_in && *dropped_in <= checkpoint)
        continue;
      const auto found = std::lower_bound(chains.begin(), chains.end(), row,
                                          [](const chain& c, const chunk_row& r) { return key_of(c) < key_of(r); });
      const bool named = found != chains.end() && key_of(*found) == key_of(row);
      // Of operators that are gone, of tables that are gone, of another parallelism; or before a newer base.
      if (!named || (found->new_base && row.made_in < *found->new_base)) {
        if (!named && created && must_be_named(row.operator_name, row.table, row.parallelism))
          refuse("checkpoint " + to_string(checkpoint),
                 "subtask " + to_string(row.subtask) + " to name its table " + row.operator_name + "/" + row.table,
                 "it did not, and the table has state");
        (created ? dropped : garbage).push_back(row.id);
        continue;
      }
      if (!created)
        alive.push_back(row.id);
      manifest.add(row);
      if (row.made_in == checkpoint)
        --found->chunks_missing;
      // A chain is one base, and deltas after it.
      if (row.kind == snapshot_kind::base && !found->base)
        found->base = row.made_in;
      if (found->base && (row.kind == snapshot_kind::base ? row.made_in != *found->base : row.made_in <= *found->base))
        damaged("one base of " + row.operator_name + "/" + row.table + " and deltas after it",
                "chunk " + to_string(row.id) + " made in checkpoint " + to_string(row.made_in) +
                    " beside a base of checkpoint " + to_string(*found->base));
    }
  }
  require_manifest(before, manifest_before);
  for (const chain& c : chains)
    if (c.chunks_missing != 0)
      damaged("all chunks of checkpoint " + to_string(checkpoint) + " of " + c.operator_name + "/" + c.table,
              "other ones");

  for (const auto id : garbage)
    database_->run("DELETE FROM chunks WHERE id = ?", id);
  for (const auto id : dropped)
    database_->run("UPDATE chunks SET dropped_in = ? WHERE id = ?", checkpoint, id);
  for (const auto id : alive)
    database_->run("UPDATE chunks SET created_in = ? WHERE id = ?", checkpoint, id);
  return manifest;
}

void checkpoint_store::require_manifest(checkpoint_id checkpoint, const checkpoint_manifest& found) {
  if (checkpoint == checkpoint_id{})
    return;
  auto query = database_->prepare("SELECT manifest FROM checkpoints WHERE run = ? AND id = ?");
  if (query.with(run_, checkpoint).step() && std::bit_cast<std::uint64_t>(query.integer(0)) == found.checksum())
    return;
  throw damaged_error({"the store " + database_->path(), "the chunks that checkpoint " + to_string(checkpoint) + " had",
                       "other ones", "the job restarts from the newest checkpoint that verifies"});
}

bool checkpoint_store::must_be_named(std::string_view operator_name, std::string_view table,
                                     std::uint32_t parallelism) {
  auto query = database_->prepare("SELECT 1 FROM operators o JOIN schemas s ON s.run = o.run AND s.operator = o.name "
                                  "WHERE o.run = ? AND o.name = ? AND o.in_plan = 1 AND o.parallelism = ? "
                                  "AND s.table_name = ? AND s.in_plan = 1");
  return query.with(run_, operator_name, parallelism, table).step();
}

} // namespace weir::inline v0
