// weir verify: reads all that a store keeps, and says what is wrong with it.
#include "commands.hpp"

#include "../checkpoint_reader.hpp"
#include "../chunk.hpp"
#include "../error.hpp"
#include "../hash.hpp"
#include "../key_groups.hpp"
#include "../schema.hpp"
#include "../value_decoder.hpp"
#include "store_connection.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace weir::tool {

namespace {

class verification {
public:
  verification(const checkpoint_reader& reader, result_printer& to)
      : reader_(reader), to_(to), groups_(reader.max_parallelism()) {}

  bool run() {
    to_.begin({"checkpoint", "result", "chunks", "stored_entries", "bytes", "problem"});
    std::optional<checkpoint_id> recorded;
    {
      const auto view = reader_.one_view(); // of one moment, and short, for the job's log
      kept_ = reader_.complete_checkpoints();
      recorded = reader_.recorded_newest();
      check_schemas();
    }
    for (const complete_checkpoint& each : kept_)
      check(each);
    // A row that is gone would otherwise be passed over without a word.
    if (recorded && (kept_.empty() || kept_.back().id != *recorded))
      say_damaged({cell::kind::number, to_string(*recorded)},
                  "it was the newest complete one, and the store does not have it any more");
    to_.end();
    return well_;
  }

private:
  static cell number(std::uint64_t n) { return {cell::kind::number, std::to_string(n)}; }

  void say(const complete_checkpoint& of, const char* result, cell problem) {
    to_.row({number(of.id.value),
             {cell::kind::text, result},
             number(of.state_chunks),
             number(of.state_entries),
             number(of.state_bytes),
             std::move(problem)});
  }
  void say_damaged(cell checkpoint, std::string problem) {
    to_.row({std::move(checkpoint), {cell::kind::text, "damaged"}, {}, {}, {}, {cell::kind::text, std::move(problem)}});
    well_ = false;
  }

  void check_schemas() {
    try {
      for (const stored_schema& each : reader_.schemas())
        try {
          schemas_.emplace(each.id, std::nullopt);
          const table_schema schema = table_schema_from_json(each.record.json);
          static_cast<void>(value_decoder{schema.key});
          if (schema.sub_key)
            static_cast<void>(value_decoder{*schema.sub_key});
          static_cast<void>(value_decoder{schema.value});
          schemas_[each.id] = schema.entries();
        } catch (const damaged_error& problem) {
          say_damaged({},
                      "the schema of " + each.record.operator_name + "/" + each.record.table + ": " + problem.what());
        }
    } catch (const damaged_error& problem) {
      say_damaged({}, problem.what());
      schemas_known_ = false;
    }
  }

  void check(const complete_checkpoint& each) {
    std::vector<checkpoint_problem> problems;
    try {
      problems = reader_.verify(
          each.id, [this](const stored_chunk& chunk) { return fault_in(chunk); }, seen_);
    } catch (const store_error&) {
      const auto now = reader_.complete_checkpoints();
      if (std::any_of(now.begin(), now.end(), [&](const complete_checkpoint& one) { return one.id == each.id; }))
        throw;
      say(each, "gone", {cell::kind::text, "the job has discarded it meanwhile"});
      return;
    }
    if (problems.empty())
      say(each, "well", {});
    for (const checkpoint_problem& problem : problems)
      say(each, "damaged", {cell::kind::text, problem.what});
    well_ = well_ && problems.empty();
  }

  /// What is wrong inside; empty if nothing is.
  [[nodiscard]] std::string fault_in(const stored_chunk& chunk) const {
    try {
      std::optional<entry_kind> kind;
      if (chunk.schema && schemas_known_) {
        const auto known = schemas_.find(*chunk.schema);
        if (known == schemas_.end())
          return "its schema is not there";
        kind = known->second;
      }
      chunk_reader entries{chunk.bytes};
      if (entries.entries() != chunk.entries || entries.first() != chunk.first || entries.last() != chunk.last)
        return "its row says something else than its header";
      const bool by_key_group = entries.distributed_by() == distribution::by_key_group && groups_.value_or(0) != 0;
      for (chunk_entry entry; entries.next(entry);) {
        if (kind && entry.kind != *kind)
          return "it has an entry of another kind than its schema says";
        if (by_key_group && key_groups{*groups_}.of(checksum(entry.key)) != entries.group())
          return "it has a key in key group " + to_string(entries.group()) + " that belongs in another";
      }
    } catch (const error& problem) {
      return problem.what();
    }
    return {};
  }

  const checkpoint_reader& reader_;
  result_printer& to_;
  std::optional<std::uint32_t> groups_;
  std::vector<complete_checkpoint> kept_;
  std::map<std::int64_t, std::optional<entry_kind>> schemas_; // what entries a table has; none if it can't be told
  bool schemas_known_ = true;
  std::map<chunk_id, std::string> seen_; // a chunk may be part of many checkpoints
  bool well_ = true;
};

} // namespace

bool verify(const std::string& store, result_printer& to) {
  const store_kind kind = store_connection{store}.is_savepoint() ? store_kind::savepoint : store_kind::store;
  const checkpoint_reader reader = checkpoint_reader::open(store, kind);
  return verification{reader, to}.run();
}

} // namespace weir::tool
