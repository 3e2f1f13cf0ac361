// The names of all failpoints. A name says the part, its step, and the side of the step on which the point lies.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <stdexcept>
#include <string_view>

namespace weir::inline v0::failpoints {

/// In the order of a job's life. Steps of the store lie inside of its transactions: "before" is before the commit.
inline constexpr auto all_names = std::to_array<std::string_view>({
    // the file of the store
    "store.make.before",
    "store.make.drafted",
    "store.make.renamed",
    "store.put_aside.before",
    "store.put_aside.after",
    "store.open.before",
    "store.open.after",
    // where a run or a region begins
    "text_files.claim.before",
    "text_files.claim.after",
    "text_files.revert.removed",
    "text_files.revert.after",
    "sqlite_table.claim.before",
    "sqlite_table.claim.after",
    "store.register_plan.before",
    "store.register_plan.after",
    "store.restore.before",
    "store.restore.after",
    "store.begin_attempt.before",
    "store.begin_attempt.after",
    "coordinator.begin.before",
    "coordinator.begin.after",
    "coordinator.spawn.before",
    "coordinator.spawn.after",
    "store_actor.load.before",
    "store_actor.load.after",
    "coordinator.run_region.before",
    "coordinator.run_region.after",
    // a checkpoint
    "coordinator.open.before",
    "store.open_checkpoint.before",
    "store.open_checkpoint.after",
    "coordinator.trigger.before",
    "coordinator.trigger.after",
    "subtask.snapshot.before",
    "subtask.barrier.before",
    "subtask.barrier.after",
    "text_files.prepare.before",
    "text_files.prepare.synced",
    "text_files.prepare.renamed",
    "text_files.prepare.after",
    "sqlite_table.prepare.before",
    "sqlite_table.prepare.after",
    "subtask.store.before",
    "subtask.store.after",
    "store_actor.write.before",
    "store.write.before",
    "store.write.after",
    "store_actor.write.after",
    "subtask.acknowledge.before",
    "coordinator.acknowledge.before",
    "coordinator.acknowledge.after",
    "coordinator.complete.before",
    "store.complete.before",
    "store.complete.after",
    "coordinator.complete.after",
    "coordinator.commit.before",
    "coordinator.commit.after",
    "subtask.commit.before",
    "text_files.commit.before",
    "text_files.commit.renamed",
    "text_files.commit.after",
    "sqlite_table.commit.before",
    "sqlite_table.commit.after",
    "subtask.commit.after",
    "coordinator.committed.before",
    "store.committed.after",
    "store.prune.before",
    "store.prune.after",
    "coordinator.abort.before",
    "coordinator.abort.after",
    // a failure
    "coordinator.fail.before",
    "store.record_failure.after",
    "coordinator.fail.after",
    "coordinator.restart.before",
    "coordinator.restart.prepared",
    "coordinator.restart.after",
    // the end
    "coordinator.end.before",
    "coordinator.end.after",
    "store.end_run.before",
    "store.end_run.after",
    "store_actor.close.before",
    "store_actor.close.after",
    // a savepoint
    "savepoint.make.before",
    "savepoint.make.drafted",
    "savepoint.make.sealed",
    "savepoint.make.renamed",
});

/// The place of a name in the table. An unknown one does not compile.
consteval std::size_t index_of(std::string_view name) {
  const auto found = std::find(all_names.begin(), all_names.end(), name);
  if (found == all_names.end())
    throw std::logic_error{"no failpoint has this name"};
  return static_cast<std::size_t>(found - all_names.begin());
}

} // namespace weir::inline v0::failpoints
