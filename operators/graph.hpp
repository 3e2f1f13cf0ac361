// The logical graph: what composing a job builds, before anything runs.
#pragma once

#include "../persistence/error.hpp"
#include "operator.hpp"
#include "operator_options.hpp"
#include "partitioner.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace weir::inline v0 {

/// Where in the user's source an operator was added.
struct call_site {
  const char* file = "";
  int line = 0;
};

/// The position of an operator in its graph, in the order of composition.
using node_index = std::size_t;

class any_in_flight_table;

/// Makes the table of the batches that barriers have overtaken on an edge. Null where records can't be stored.
using in_flight_factory = std::unique_ptr<any_in_flight_table> (*)(std::string name);

/// An edge into an operator.
struct graph_edge {
  node_index from = 0;
  std::size_t from_port = 0; ///< 0: main output; others: side outputs
  std::size_t input = 0;     ///< which input of the receiving operator
  partitioning how = partitioning::forward;
  /// For keyed edges: makes the partitioner that hashes keys. Empty for the others.
  std::function<std::unique_ptr<any_partitioner>()> make_partitioner;
  in_flight_factory make_in_flight = nullptr; ///< of edges that deal records by key, or round robin on request
};

/// An output of an operator.
struct graph_output {
  std::string name; ///< empty for the main output
  const element_type* type = nullptr;
};

/// What kind of step an operator is, for plans and tables.
enum class operator_kind : std::uint8_t { source, transform, sink };

/// One named step.
struct graph_node {
  std::string name;
  std::string kind_name; ///< "flat_map", "count", …
  operator_kind kind = operator_kind::transform;
  call_site where;
  operator_options options;
  std::uint32_t max_parallelism_limit = 0; ///< most subtasks this operator can have; 0: no limit of its own
  bool keyed = false;                      ///< its state is keyed
  bool state_expires = false;              ///< it has keyed state that can be given a time to live
  bool stateful = false;                   ///< matched by name with the store
  bool blocking = false;                   ///< has a thread of its own beside it; ends fusion
  std::vector<graph_edge> inputs;
  std::size_t input_count = 1; ///< logical inputs; several edges may lead to one (union)
  std::vector<graph_output> outputs;
  /// A fresh instance, one for each subtask and attempt.
  std::function<std::unique_ptr<any_operator>()> make;
};

/// Something wrong with a job, found while it was composed or planned.
struct graph_problem {
  std::string operator_name; ///< may be empty: the job itself
  call_site where;
  error_text text;
};

/// A job's operators in the order of composition: each edge leads from an earlier node to a later one.
struct job_graph {
  std::string job_name;
  std::vector<graph_node> nodes;
  std::vector<graph_problem> problems;
};

} // namespace weir::inline v0
