// The decision: one transaction that completes a checkpoint and settles which chunks live in it.
#include "checkpoint_store.hpp"

#include "checkpoint_manifest.hpp"
#include "error.hpp"
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

  friend auto operator<=>(const chain&, const chain&) = default;
};

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
  settle_pending(checkpoint);
  const auto manifest = settle_live(checkpoint);
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
  transaction.commit();
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

void checkpoint_store::settle_pending(checkpoint_id checkpoint) {
  // Bases that came since the last complete checkpoint end what was before them, pending or alive.
  std::vector<std::pair<chain, checkpoint_id>> bases;
  {
    auto query = database_->prepare("SELECT operator, table_name, subtask, max(checkpoint) FROM table_snapshots "
                                    "INDEXED BY table_snapshots_of_checkpoint WHERE run = ? AND checkpoint > ? "
                                    "AND checkpoint <= ? AND kind = 'base' AND in_chain = 1 GROUP BY 1, 2, 3");
    query.with(run_, newest_complete(), checkpoint);
    while (query.step())
      bases.push_back({{std::string{query.text(0)}, std::string{query.text(1)}, query.id<subtask_index>(2), 0},
                       query.id<checkpoint_id>(3)});
  }
  for (const auto& [of, base] : bases) {
    database_->run("DELETE FROM chunks INDEXED BY chunks_of_table WHERE run = ? AND operator = ? AND table_name = ? "
                   "AND subtask = ? AND made_in < ? AND created_in IS NULL",
                   run_, of.operator_name, of.table, of.subtask, base);
    database_->run(
        "UPDATE chunks INDEXED BY chunks_of_table SET dropped_in = ? WHERE run = ? AND operator = ? "
        "AND table_name = ? AND subtask = ? AND made_in < ? AND created_in IS NOT NULL AND dropped_in IS NULL",
        checkpoint, run_, of.operator_name, of.table, of.subtask, base);
  }
  // What no acknowledged snapshot stands on is garbage.
  database_->run("DELETE FROM chunks INDEXED BY chunks_pending WHERE run = ?1 AND created_in IS NULL AND made_in <= ?2 "
                 "AND NOT EXISTS (SELECT 1 FROM table_snapshots t WHERE t.run = ?1 AND t.operator = chunks.operator "
                 "AND t.table_name = chunks.table_name AND t.subtask = chunks.subtask AND t.checkpoint = ?2 "
                 "AND t.parallelism = chunks.parallelism)",
                 run_, checkpoint);
  database_->run("UPDATE chunks INDEXED BY chunks_pending SET created_in = ?2 "
                 "WHERE run = ?1 AND created_in IS NULL AND made_in <= ?2",
                 run_, checkpoint);
}

checkpoint_manifest checkpoint_store::settle_live(checkpoint_id checkpoint) {
  std::vector<chain> named;
  std::uint64_t chunks_said = 0;
  std::uint64_t chunks_found = 0;
  {
    auto query = database_->prepare("SELECT operator, table_name, subtask, parallelism, chunks FROM table_snapshots "
                                    "INDEXED BY table_snapshots_of_checkpoint WHERE run = ? AND checkpoint = ?");
    query.with(run_, checkpoint);
    while (query.step()) {
      named.push_back(
          {std::string{query.text(0)}, std::string{query.text(1)}, query.id<subtask_index>(2), query.count32(3)});
      chunks_said += query.count(4);
    }
  }
  std::sort(named.begin(), named.end());

  checkpoint_manifest manifest;
  std::vector<chunk_id> unnamed;
  {
    auto query = database_->prepare("SELECT " + std::string{chunk_row_columns} + " FROM chunks c NOT INDEXED WHERE " +
                                    chunk_lives + " ORDER BY c.id");
    query.with(run_, checkpoint, checkpoint);
    chunk_row row;
    while (query.step()) {
      read_chunk_row(query, row);
      const auto key = [](const auto& r) { return std::tie(r.operator_name, r.table, r.subtask, r.parallelism); };
      const auto place = std::lower_bound(named.begin(), named.end(), row,
                                          [&](const chain& c, const chunk_row& r) { return key(c) < key(r); });
      if (place != named.end() && key(*place) == key(row)) {
        manifest.add(row);
        if (row.made_in == checkpoint)
          ++chunks_found;
        continue;
      }
      if (must_be_named(row.operator_name, row.table, row.parallelism))
        refuse("checkpoint " + to_string(checkpoint),
               "subtask " + to_string(row.subtask) + " to name its table " + row.operator_name + "/" + row.table,
               "it did not, and the table has state");
      unnamed.push_back(row.id);
    }
  }
  if (chunks_found != chunks_said)
    throw damaged_error({"the store " + database_->path(),
                         std::to_string(chunks_said) + " chunks of checkpoint " + to_string(checkpoint),
                         std::to_string(chunks_found), "the job restarts from the newest checkpoint that verifies"});
  // Of operators that are gone, of tables that are gone, of another parallelism.
  for (const auto id : unnamed)
    database_->run("UPDATE chunks SET dropped_in = ? WHERE id = ?", checkpoint, id);
  return manifest;
}

bool checkpoint_store::must_be_named(std::string_view operator_name, std::string_view table,
                                     std::uint32_t parallelism) {
  auto query = database_->prepare("SELECT 1 FROM operators o JOIN schemas s ON s.run = o.run AND s.operator = o.name "
                                  "WHERE o.run = ? AND o.name = ? AND o.in_plan = 1 AND o.parallelism = ? "
                                  "AND s.table_name = ? AND s.in_plan = 1");
  return query.with(run_, operator_name, parallelism, table).step();
}

} // namespace weir::inline v0
