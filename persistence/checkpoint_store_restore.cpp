// The way back to a complete checkpoint, and the deletion of what no kept checkpoint needs.
#include "checkpoint_store.hpp"

#include "error.hpp"
#include "failpoint.hpp"
#include "retention.hpp"
#include "sqlite_database.hpp"

#include <algorithm>

namespace weir::inline v0 {

void checkpoint_store::restore(std::optional<checkpoint_id> checkpoint, wall_time now) {
  restore_operators({}, checkpoint, now);
}

void checkpoint_store::restore_region(region_id region, std::optional<checkpoint_id> checkpoint, wall_time now) {
  restore_operators(region, checkpoint, now);
}

void checkpoint_store::restore_operators(std::optional<region_id> region, std::optional<checkpoint_id> checkpoint,
                                         wall_time now) {
  sqlite_transaction transaction{*database_};
  if (checkpoint) {
    const auto complete = reader_.complete_checkpoints();
    if (std::none_of(complete.begin(), complete.end(), [&](const auto& c) { return c.id == *checkpoint; }))
      refuse("checkpoint " + to_string(*checkpoint), "to be complete and kept, so that it can be restored",
             "it is not");
  } else if (const auto newest = std::max(newest_complete(), reader_.recorded_newest().value_or(checkpoint_id{}));
             newest != checkpoint_id{}) {
    refuse("the store " + database_->path(), "no complete checkpoint, so that the job can begin empty",
           "checkpoint " + to_string(newest));
  }
  const auto last = checkpoint.value_or(checkpoint_id{});
  const std::string of_region =
      region ? " AND operator IN (SELECT name FROM operators WHERE run = ?1 AND region = ?3 AND in_plan = 1)" : "";
  const auto change = [&](const std::string& sql) {
    if (region)
      database_->run(sql + of_region, run_, last, *region);
    else
      database_->run(sql, run_, last);
  };
  // Not through an index: what a damaged one hides would stay.
  change("DELETE FROM chunks NOT INDEXED WHERE run = ?1 AND (created_in IS NULL OR created_in > ?2)");
  change("UPDATE chunks NOT INDEXED SET dropped_in = NULL WHERE run = ?1 AND dropped_in > ?2");
  change("UPDATE table_snapshots SET in_chain = 0 WHERE run = ?1 AND +checkpoint > ?2 AND in_chain = 1");
  database_->run("UPDATE checkpoints SET status = 'abandoned', closed = ?, reason = ? "
                 "WHERE run = ? AND id > ? AND status IN ('open', 'complete')",
                 now, checkpoint ? "checkpoint " + to_string(*checkpoint) + " was restored" : "the job began again",
                 run_, last);
  database_->run("UPDATE runs SET newest_complete = ? WHERE id = ?", checkpoint, run_);
  is_noteworthy_ = true;
  WEIR_FAILPOINT("store.restore.before");
  transaction.commit();
  WEIR_FAILPOINT("store.restore.after");
  after_commit();
}

prune_result checkpoint_store::prune(std::size_t retain, wall_time now, const prune_limits& limits) {
  std::optional<thread_pace> pace;
  keep_pace(pace);
  prune_result result;
  sqlite_transaction transaction{*database_};
  std::vector<checkpoint_id> complete;
  for (const auto& c : reader_.complete_checkpoints())
    complete.push_back(c.id);
  if (complete.empty())
    return result;
  std::optional<checkpoint_id> oldest;
  {
    auto query = database_->prepare("SELECT min(created_in) FROM chunks c NOT INDEXED WHERE c.run = ?1 "
                                    "AND c.created_in <= ?2 AND (c.dropped_in IS NULL OR c.dropped_in > ?2)");
    query.with(run_, complete.back()).step();
    oldest = query.optional_id<checkpoint_id>(0);
  }
  const auto kept = kept_checkpoints(complete, retain, oldest);
  for (const auto id : complete)
    if (!std::binary_search(kept.begin(), kept.end(), id)) {
      database_->run("UPDATE checkpoints SET discarded = ? WHERE run = ? AND id = ?", now, run_, id);
      ++result.discarded_checkpoints;
    }

  std::vector<std::pair<chunk_id, checkpoint_id>> unneeded;
  {
    auto query = database_->prepare("SELECT id, created_in, dropped_in, length FROM chunks INDEXED BY chunks_dropped "
                                    "WHERE run = ? AND dropped_in IS NOT NULL ORDER BY dropped_in");
    query.with(run_);
    while (query.step()) {
      if (is_needed({query.id<checkpoint_id>(1), query.id<checkpoint_id>(2)}, kept))
        continue;
      if (unneeded.size() >= limits.chunks || result.bytes >= limits.bytes) {
        result.more = true;
        break;
      }
      unneeded.emplace_back(query.id<chunk_id>(0), query.id<checkpoint_id>(2));
      result.bytes += query.count(3);
    }
  }
  // The row itself must say so, too: the index may be damaged.
  for (const auto& [id, dropped] : unneeded)
    database_->run("DELETE FROM chunks WHERE id = ? AND dropped_in = ?", id, dropped);
  result.chunks = unneeded.size();

  // What is told about checkpoints long past. Never of those that a chain may still stand on: they come after the
  // newest.
  std::vector<checkpoint_id> forgotten;
  {
    auto query = database_->prepare("SELECT c.id FROM checkpoints c JOIN runs r ON r.id = c.run WHERE c.run = ? "
                                    "AND c.id < ? AND c.id + ? <= r.last_checkpoint ORDER BY c.id");
    query.with(run_, complete.back(), limits.checkpoints_told);
    while (query.step()) {
      const auto id = query.id<checkpoint_id>(0);
      if (std::binary_search(kept.begin(), kept.end(), id))
        continue;
      if (forgotten.size() >= limits.checkpoints) {
        result.more = true;
        break;
      }
      forgotten.push_back(id);
    }
  }
  for (const auto id : forgotten) {
    database_->run("DELETE FROM table_snapshots WHERE run = ? AND checkpoint = ?", run_, id);
    database_->run("DELETE FROM acknowledgements WHERE run = ? AND checkpoint = ?", run_, id);
    database_->run("DELETE FROM checkpoints WHERE run = ? AND id = ?", run_, id);
  }
  database_->run("DELETE FROM failures WHERE run = ? AND id + ? <= (SELECT max(id) FROM failures)", run_,
                 limits.checkpoints_told);
  WEIR_FAILPOINT("store.prune.before");
  transaction.commit();
  WEIR_FAILPOINT("store.prune.after");
  after_commit();
  return result;
}

} // namespace weir::inline v0
