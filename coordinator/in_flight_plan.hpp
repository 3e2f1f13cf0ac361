// Which edges barriers may overtake on, and where the batches that they overtake are kept.
#pragma once

#include "../actors/subtask_setup.hpp"
#include "deployment.hpp"
#include "plan.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace weir::inline v0 {

/// Whether barriers may overtake on all edges into a task. They may on edges that deal records by key or round robin on
/// request, if the records can be stored. What an edge between equal subtasks, a broadcast or a function of the
/// program's has dealt could not be dealt out again when the parallelism has changed.
[[nodiscard]] bool may_overtake_into(const job_plan& plan, const task_plan& task);

/// The table of what waited at a receiver's input, stored with the receiver: "in-flight-0".
[[nodiscard]] std::string in_flight_table_name(std::size_t input);
/// The table of what waited at a sender, stored with the sender: "in-flight-to-counts-0".
[[nodiscard]] std::string in_flight_table_name(const std::string& receiver, std::size_t input);
[[nodiscard]] bool is_in_flight_table(std::string_view table);
/// For whom the batches of an in-flight table are, which is stored with this operator.
[[nodiscard]] std::string in_flight_receiver(const std::string& operator_name, std::string_view table);

/// The tables of in-flight batches that checkpoints of an operator may have.
[[nodiscard]] std::vector<in_flight_facts> in_flight_tables(const job_plan& plan, node_index index);

/// Gives a subtask, whose edges and inputs are set up, its in-flight tables.
void set_up_in_flight(subtask_setup& setup, const job_plan& plan, const job_options& options,
                      const region_preparation& prepared);

} // namespace weir::inline v0
