// Copies the state of one checkpoint into another store.
#pragma once

#include "checkpoint_reader.hpp"
#include "checkpoint_store.hpp"

namespace weir::inline v0 {

/// Makes `checkpoint` of `from` the first checkpoint of `to`, a store without any, under the same number: whoever has
/// noted the number elsewhere, such as a sink with its output, still finds it. Every chain of a base and its deltas
/// becomes one base. The operators' names, schemas and parallelism come along, and the attempts that were used count as
/// used. One transaction. Takes memory for the state of one subtask of a task.
///
/// Throws damaged_error for what is not as it was written, store_error if `from` does not have the checkpoint, if it
/// mixes two schemas in one table, or if `to` is not new.
void copy_checkpoint(const checkpoint_reader& from, checkpoint_id checkpoint, checkpoint_store& to, wall_time now);

} // namespace weir::inline v0
