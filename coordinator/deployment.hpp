// From a plan and a store to the subtasks of an attempt: what can be worked out, and refused, before anything is
// spawned.
#pragma once

#include "../actors/subtask_setup.hpp"
#include "../operators/sink.hpp"
#include "../persistence/checkpoint_store.hpp"
#include "job_options.hpp"
#include "plan.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// A table of in-flight batches that an operator may have in checkpoints.
struct in_flight_facts {
  bool sent = false;       ///< what it has sent; else what waited at its own input
  node_index receiver = 0; ///< whose input it is
  std::size_t input = 0;
  std::string schema;
};

/// What is known of a state table from an instance of it.
struct table_facts {
  distribution distributed_by = distribution::by_key_group;
  bool keeps_parallelism = false; ///< only as many subtasks as stored it can load it
};

/// What is known of an operator from an instance of it that never runs.
struct operator_facts {
  bool source = false;
  bool sink = false;
  bool two_phase = false;
  std::vector<schema_record> schemas; ///< one for each state table
  std::map<std::string, table_facts> tables;
  std::vector<in_flight_facts> in_flight;
};

/// The facts of every operator of a plan, by node_index.
[[nodiscard]] std::vector<operator_facts> inspect_operators(const job_plan& plan, bool checkpointing);

/// Refuses a job whose sink writes to the store's own file. Throws usage_error.
void refuse_sinks_on_store(const job_plan& plan, const std::string& store_path);

/// The rows of the store that describe the plan.
[[nodiscard]] std::vector<operator_record> operator_records(const job_plan& plan);
/// `in_flight`: also of the tables of in-flight batches.
[[nodiscard]] std::vector<schema_record> schema_records(const job_plan& plan, const std::vector<operator_facts>& facts,
                                                        bool in_flight);

/// Under which name each operator's state is stored, by node_index: its own, or the one that it was renamed from if
/// there is only that.
[[nodiscard]] std::vector<std::string> state_names(const job_plan& plan, const std::set<std::string>& stored_operators);

/// The splits of sources that begin, or have begun.
using enumerated_splits = std::map<node_index, std::shared_ptr<const std::vector<source_split>>>;

/// What is known of a region's next attempt before its subtasks are spawned.
struct region_preparation {
  region_id region{0};
  attempt_id attempt{0};
  std::optional<checkpoint_id> restored;
  std::vector<std::string> state_names;                        ///< of the function of this name
  std::set<std::pair<std::string, std::string>> stored_tables; ///< operators and tables of the checkpoint
  enumerated_splits splits;
  std::vector<std::pair<node_index, sink_start>> outputs; ///< for `prepare_outputs`
  std::vector<std::string> remarks;                       ///< for the log
};

/// Makes the region ready to be spawned from a checkpoint (none: from the beginning): enumerates or checks splits, lets
/// sinks look at their output. Reads, and leaves everything as it is: what is refused here has changed nothing. The
/// attempt is still to be begun. `enumerated` are the splits of this process's attempt before, if there was one:
/// without a checkpoint the region begins with the same ones again, not with what is there by now. Blocks; throws what
/// sources and sinks throw.
[[nodiscard]] region_preparation prepare_region(const checkpoint_store& store, const job_plan& plan,
                                                const std::vector<operator_facts>& facts, const job_options& options,
                                                region_id region, std::optional<checkpoint_id> checkpoint,
                                                const enumerated_splits& enumerated = {});

/// Lets the sinks of a region see to their output. To be called when the store has gone back to the checkpoint and the
/// attempt is begun, and for no region before all are prepared: from here on what a sink does can't be taken back, but
/// the next start does it again. Blocks; throws what sinks throw.
void prepare_outputs(const job_plan& plan, const region_preparation& prepared);

/// A subtask of a prepared region.
[[nodiscard]] subtask_setup make_setup(const job_plan& plan, const std::vector<operator_facts>& facts,
                                       const job_options& options, const region_preparation& prepared,
                                       const std::string& run, subtask_id id, std::shared_ptr<environment> env);

} // namespace weir::inline v0
