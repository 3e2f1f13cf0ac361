// What must hold of a job's graph and options before a plan is made of them.
#pragma once

#include "../operators/graph.hpp"
#include "job_options.hpp"

#include <cstdint>
#include <vector>

namespace weir::inline v0 {

/// More channels than this are refused: they come from a parallelism that was not meant.
inline constexpr std::uint64_t most_channels = 1'000'000;

/// How many subtasks each operator has: its own number, else the job's, but no more than the operator's own limit.
[[nodiscard]] std::vector<std::uint32_t> operator_parallelism(const job_graph& graph, const job_options& options);

/// All problems: those of the options, those the graph carries, and those found by looking at the graph as a whole.
[[nodiscard]] std::vector<graph_problem> plan_problems(const job_graph& graph, const job_options& options);

} // namespace weir::inline v0
