#include "checkpoint_copy.hpp"

#include "chunk_merge.hpp"
#include "error.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace weir::inline v0 {

namespace {

/// One subtask of a task that has state.
using task_part = std::pair<std::string, subtask_index>;

class checkpoint_copier {
public:
  checkpoint_copier(const checkpoint_reader& from, checkpoint_id checkpoint, checkpoint_store& to, wall_time now)
      : from_(from), checkpoint_(checkpoint), to_(to), now_(now), tables_(from.state_tables(checkpoint)) {
    find_original();
    find_operators();
    find_schemas();
  }

  void copy() {
    std::vector<operator_record> operators;
    for (const auto& [name, record] : operators_)
      operators.push_back(record);
    to_.continue_after(checkpoint_, from_.highest_attempt());
    to_.register_plan(operators, schemas_, from_.max_parallelism().value_or(1));
    for (const auto& [name, record] : operators_)
      if (attempts_.count(record.region) == 0)
        attempts_.emplace(record.region, to_.begin_attempt(record.region, now_, std::nullopt));
    const checkpoint_id made = to_.open_checkpoint(original_.trigger, now_);
    for (auto& [task, names] : tables_of_tasks())
      copy_task(task, names, made);
    static_cast<void>(to_.complete(made, expected_, now_));
    if (original_.committed)
      to_.committed(made, now_);
  }

private:
  using table_names = std::vector<std::pair<std::string, std::string>>;

  void find_operators() {
    for (operator_record& record : from_.operators())
      operators_.emplace(record.name, std::move(record));
    // State of an operator that the last program did not have any more: as a task of its own.
    for (const stored_table& table : tables_)
      operators_.try_emplace(table.operator_name, operator_record{table.operator_name, "unknown", table.operator_name,
                                                                  region_id{0}, table.parallelism, ""});
  }

  void find_original() {
    for (const complete_checkpoint& each : from_.complete_checkpoints())
      if (each.id == checkpoint_)
        original_ = each;
  }

  void find_schemas() {
    const std::vector<stored_schema> all = from_.schemas();
    for (const stored_table& table : tables_) {
      if (table.schemas.size() > 1)
        throw store_error(
            {"state table " + table.operator_name + "/" + table.table + " of checkpoint " + to_string(checkpoint_),
             "one schema", std::to_string(table.schemas.size()),
             "let the job run until its next checkpoint, which writes the table anew"});
      for (const stored_schema& schema : all)
        if (!table.schemas.empty() && schema.id == table.schemas.front())
          schemas_.push_back(schema.record);
    }
  }

  /// In an order that depends on names alone.
  [[nodiscard]] std::map<std::string, table_names> tables_of_tasks() const {
    std::map<std::string, table_names> tasks;
    for (const stored_table& table : tables_)
      tasks[operators_.at(table.operator_name).task].emplace_back(table.operator_name, table.table);
    return tasks;
  }

  /// Subtask by subtask, so that the memory is that of one.
  void copy_task(const std::string& task, const table_names& names, checkpoint_id made) {
    std::map<subtask_index, std::uint32_t> parallelism;
    for (const auto& [operator_name, table] : names)
      parallelism.merge(from_.subtasks_of(checkpoint_, operator_name, table));
    const region_id region = operators_.at(names.front().first).region;
    for (const auto& [index, of] : parallelism) {
      subtask_snapshot snapshot;
      snapshot.region = region;
      snapshot.attempt = attempts_.at(region);
      snapshot.task = task;
      snapshot.index = index;
      snapshot.parallelism = of;
      snapshot.checkpoint = made;
      for (const auto& [operator_name, table] : names)
        add_table(snapshot, operator_name, table);
      if (const write_result result = to_.write(snapshot, now_); result != write_result::stored)
        throw store_error({"the copy of " + task + "/" + to_string(index), "to be stored", std::string{to_text(result)},
                           "copy again"});
      expected_.push_back({region, task, index, std::nullopt});
    }
  }

  void add_table(subtask_snapshot& snapshot, const std::string& operator_name, const std::string& table) {
    std::vector<std::vector<std::byte>> chain;
    from_.for_each_chunk_of(checkpoint_, operator_name, table, snapshot.index, [&](const stored_chunk& chunk) {
      chain.emplace_back(chunk.bytes.begin(), chunk.bytes.end());
    });
    if (chain.empty()) // another table of the task has state in this subtask
      return;
    const std::vector<std::span<const std::byte>> bytes{chain.begin(), chain.end()};
    snapshot.tables.push_back({operator_name, table, snapshot_kind::base, true, std::nullopt});
    for (encoded_chunk& chunk : merge_chunks(bytes))
      snapshot.chunks.push_back(
          {operator_name, table, chunk.first, chunk.last, chunk.entries, std::move(chunk.bytes), chunk.checksum});
  }

  const checkpoint_reader& from_;
  checkpoint_id checkpoint_;
  checkpoint_store& to_;
  wall_time now_;
  std::vector<stored_table> tables_;
  complete_checkpoint original_;
  std::map<std::string, operator_record> operators_;
  std::vector<schema_record> schemas_;
  std::map<region_id, attempt_id> attempts_;
  std::vector<expected_subtask> expected_;
};

} // namespace

void copy_checkpoint(const checkpoint_reader& from, checkpoint_id checkpoint, checkpoint_store& to, wall_time now) {
  checkpoint_copier copier{from, checkpoint, to, now};
  to.group([&] { copier.copy(); });
}

} // namespace weir::inline v0
