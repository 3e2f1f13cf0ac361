#include "made_store.hpp"

#include <weir/persistence/hash.hpp>
#include <weir/persistence/key_groups.hpp>

#include <algorithm>
#include <set>
#include <stdexcept>

namespace sql_test {

namespace {

constexpr weir::wall_time now{1'700'000'000'000'000};

weir::store_options options_for(const std::filesystem::path& path) {
  weir::store_options options;
  options.path = path;
  options.job = "made";
  options.now = now;
  options.new_run_uuid = "11111111-1111-4111-8111-111111111111";
  return options;
}

weir::chunk_to_store to_store(const made_table& table, weir::encoded_chunk&& chunk) {
  return {table.operator_name,    table.table,   chunk.first, chunk.last, chunk.entries,
          std::move(chunk.bytes), chunk.checksum};
}

// The entries of one subtask as chunks.
std::vector<weir::chunk_to_store> chunks_of(const made_table& table, weir::key_group_range range,
                                            std::uint32_t subtask) {
  constexpr std::size_t split_bytes = 300;
  weir::chunk_writer writer{table.kind, table.distributed_by, split_bytes, table.clock};
  std::vector<weir::chunk_to_store> chunks;
  const bool list = table.distributed_by == weir::distribution::list;
  for (std::uint32_t group = range.first; group < range.last; ++group) {
    writer.begin_group(weir::key_group{group});
    for (const made_entry& each : table.entries) {
      const auto of_entry = weir::key_groups{groups}.of(weir::checksum(each.key));
      if (list ? table.list_subtask != subtask || group != range.first : of_entry.value != group)
        continue;
      weir::chunk_entry entry{each.kind, !each.value, each.key, each.sub_key, {}, each.time};
      if (each.value)
        entry.value = *each.value;
      writer.add(entry);
      if (writer.full())
        chunks.push_back(to_store(table, writer.finish()));
    }
  }
  if (!writer.empty() || chunks.empty())
    chunks.push_back(to_store(table, writer.finish(weir::key_group{range.first})));
  return chunks;
}

} // namespace

made_store::made_store(const std::filesystem::path& path) : store_(weir::checkpoint_store::open(options_for(path))) {}

void made_store::plan(std::vector<weir::schema_record> schemas, std::uint32_t parallelism) {
  schemas_ = std::move(schemas);
  restart(parallelism);
}

void made_store::restart(std::uint32_t parallelism) {
  parallelism_ = parallelism;
  if (last_)
    store_.restore(last_, now);
  std::vector<weir::operator_record> operators;
  std::set<std::string> names;
  for (const auto& schema : schemas_)
    if (names.insert(schema.operator_name).second)
      operators.push_back({schema.operator_name, "count", "task", weir::region_id{0}, parallelism, ""});
  store_.register_plan(operators, schemas_, groups);
  attempt_ = store_.begin_attempt(weir::region_id{0}, now, last_);
}

std::uint64_t made_store::checkpoint(const std::vector<made_table>& tables) {
  const auto id = store_.open_checkpoint(weir::checkpoint_trigger::interval, now);
  std::vector<weir::expected_subtask> expected;
  for (std::uint32_t index = 0; index < parallelism_; ++index) {
    weir::subtask_snapshot snapshot;
    snapshot.attempt = attempt_;
    snapshot.task = "task";
    snapshot.index = weir::subtask_index{index};
    snapshot.parallelism = parallelism_;
    snapshot.checkpoint = id;
    const auto range = weir::key_groups{groups}.range_of(snapshot.index, parallelism_);
    for (const made_table& table : tables) {
      const bool base = table.kind == weir::snapshot_kind::base;
      snapshot.tables.push_back({table.operator_name, table.table, table.kind, true, base ? std::nullopt : last_});
      for (auto& chunk : chunks_of(table, range, index)) {
        if (forge) {
          forge(chunk.bytes);
          chunk.checksum = weir::checksum(chunk.bytes);
        }
        snapshot.chunks.push_back(std::move(chunk));
      }
    }
    if (store_.write(snapshot, now) != weir::write_result::stored)
      throw std::runtime_error("a snapshot was refused");
    expected.push_back({weir::region_id{0}, "task", snapshot.index, {}});
  }
  static_cast<void>(store_.complete(id, expected, now));
  last_ = id;
  return id.value;
}

void made_store::prune(std::size_t retain) {
  while (store_.prune(retain, now).more) {
  }
}

} // namespace sql_test
