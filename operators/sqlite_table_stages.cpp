#include "sqlite_table_stages.hpp"

#include "../persistence/hash.hpp"
#include "../persistence/sqlite_database.hpp"
#include "flat_json.hpp"
#include "sqlite_table_sql.hpp"

#include <bit>
#include <optional>

namespace weir::inline v0 {

namespace {

constexpr const char* lost_remedy = "restore the file from a copy, or begin anew with --fresh --replace-output";

std::int64_t checksum_of(std::span<const std::byte> bytes) {
  return std::bit_cast<std::int64_t>(checksum(bytes));
}

/// A prepared output's id.
struct stage_id {
  std::string operator_name;
  std::uint64_t number = 0;
  std::uint64_t parts = 0;

  [[nodiscard]] std::string to_json() const {
    return flat_json{}.set("operator", operator_name).set("stage", number).set("parts", parts).to_string();
  }
  static stage_id parse(const std::string& json) {
    const auto object = flat_json::parse(json, "a prepared output of sqlite_table");
    return {object.text("operator"), object.number("stage"), object.number("parts")};
  }
};

std::string stage_text(const sqlite_table_settings& settings, const prepared_output& prepared) {
  return "the rows that subtask " + std::to_string(prepared.subtask.value) + " prepared for checkpoint " +
         to_string(prepared.checkpoint) + " of " + table_text(settings);
}

/// Whether progress says that a prepared output is committed.
bool is_committed(sqlite_database& database, const sqlite_table_settings& settings, const std::string& run,
                  const std::string& operator_name, const prepared_output& prepared) {
  auto query = database.prepare(
      "SELECT checkpoint FROM weir_progress WHERE target = ? AND run = ? AND operator = ? AND subtask = ?");
  query.with(settings.table, run, operator_name, prepared.subtask);
  return query.step() && query.id<checkpoint_id>(0) >= prepared.checkpoint;
}

/// Whether it was prepared before the output of its run could not be found, and went with that.
bool is_given_up(sqlite_database& database, const sqlite_table_settings& settings, const std::string& run,
                 const prepared_output& prepared) {
  auto query = database.prepare("SELECT checkpoint FROM weir_given_up WHERE target = ? AND run = ?");
  query.with(settings.table, run);
  return query.step() && query.id<checkpoint_id>(0) >= prepared.checkpoint;
}

bool is_staged(sqlite_database& database, const std::string& run, const stage_id& id, const prepared_output& prepared) {
  auto query = database.prepare(
      "SELECT 1 FROM weir_stages WHERE stage = ? AND run = ? AND operator = ? AND subtask = ? AND checkpoint = ?");
  query.with(id.number, run, id.operator_name, prepared.subtask, prepared.checkpoint);
  return query.step();
}

void bind_value(sqlite_statement& statement, int at, const column_value& value) {
  switch (value.what) {
  case column_value::kind::null:
    return statement.bind(at, nullptr);
  case column_value::kind::integer:
    return statement.bind(at, value.integer);
  case column_value::kind::real:
    return statement.bind(at, value.real);
  case column_value::kind::text:
    return statement.bind(at, value.text);
  }
}

void insert_rows(sqlite_database& database, const sqlite_table_settings& settings, const row_part& part,
                 const std::string& thing) {
  auto insert = database.prepare(insert_sql(settings, part.layout));
  row_reader rows{part.layout, part.rows, thing};
  while (!rows.at_end()) {
    rows.next();
    int at = 0;
    for (const auto& value : rows.values())
      bind_value(insert, ++at, value);
    insert.run();
  }
}

void remove_stages(sqlite_database& database, const std::string& where, auto&&... arguments) {
  database.run("DELETE FROM weir_staged WHERE stage IN (SELECT stage FROM weir_stages WHERE " + where + ")",
               arguments...);
  database.run("DELETE FROM weir_stages WHERE " + where, arguments...);
}

// --- what a start finds

std::optional<std::string> owner_of(sqlite_database& database, const sqlite_table_settings& settings) {
  auto query = database.prepare("SELECT run FROM weir_targets WHERE target = ?");
  query.with(settings.table);
  return query.step() ? std::optional{std::string{query.text(0)}} : std::nullopt;
}

/// Whether a run has committed to the table, or prepared something that it may still commit.
bool has_output(sqlite_database& database, const sqlite_table_settings& settings, const std::string& run) {
  auto query = database.prepare("SELECT 1 FROM weir_progress WHERE target = ?1 AND run = ?2 UNION ALL "
                                "SELECT 1 FROM weir_stages WHERE target = ?1 AND run = ?2 AND checkpoint IS NOT NULL");
  query.with(settings.table, run);
  return query.step();
}

void claim_from_other_run(sqlite_database& database, const sqlite_table_settings& settings, const sink_start& start,
                          const std::string& owner, bool table_there) {
  if (table_there && has_output(database, settings, owner)) {
    if (!start.replace_output)
      throw usage_error({table_text(settings), "no output of another run", "output of run " + owner,
                         "name another table or file, or remove that output with --replace-output"});
    database.run("DELETE FROM " + quoted_name(settings.table));
  }
  database.run("DELETE FROM weir_progress WHERE target = ?", settings.table);
  remove_stages(database, "target = ?", settings.table);
  database.run("UPDATE weir_targets SET run = ? WHERE target = ?", start.identity.run, settings.table);
}

void refuse_lost_output(const sqlite_table_settings& settings, const sink_start& start) {
  if (start.restored && start.restored_checkpoint.value > 0 && !start.replace_output)
    throw usage_error({table_text(settings),
                       "the output of this run up to checkpoint " + to_string(start.restored_checkpoint),
                       "no output of this run",
                       "put the file back; if the sink is new, or what it wrote is not needed, use --replace-output"});
}

/// What is committed beyond the restored checkpoint cannot be told apart from the rest of the table any more.
void check_progress(sqlite_database& database, const sqlite_table_settings& settings, const sink_start& start,
                    checkpoint_id restored) {
  {
    auto query = database.prepare("SELECT max(checkpoint), count(DISTINCT subtask) FROM weir_progress "
                                  "WHERE target = ? AND run = ? AND operator IN (?, ?) AND checkpoint > ?");
    query.with(settings.table, start.identity.run, start.identity.name, start.former_name, restored);
    if (!query.step() || query.count(1) == 0)
      return;
    if (!start.allow_duplicates)
      throw usage_error({table_text(settings), "nothing committed beyond checkpoint " + to_string(restored),
                         "the rows of " + std::to_string(query.count(1)) + " subtasks up to checkpoint " +
                             std::to_string(query.count(0)),
                         "start from that checkpoint; or go on with --allow-duplicates, which writes rows again; or "
                         "begin anew with --fresh --replace-output"});
  }
  // Later checkpoints may get numbers that were used already, if the store was put back from a copy.
  database.run("UPDATE weir_progress SET checkpoint = ?1 WHERE target = ?2 AND run = ?3 AND operator IN (?4, ?5) AND "
               "checkpoint > ?1",
               restored, settings.table, start.identity.run, start.identity.name, start.former_name);
}

} // namespace

void stage_rows(sqlite_database& database, const sqlite_table_settings& settings, const operator_identity& identity,
                row_stage& stage, std::span<const std::byte> part) {
  if (stage.number == 0) {
    database.run("INSERT INTO weir_stages (target, run, operator, subtask, attempt) VALUES (?, ?, ?, ?, ?)",
                 settings.table, identity.run, identity.name, identity.subtask, identity.attempt);
    stage = {database.last_row_id(), 0};
  } else {
    auto query = database.prepare("SELECT 1 FROM weir_stages WHERE stage = ?");
    query.with(stage.number);
    if (!query.step())
      throw io_error(
          {table_text(settings), "the rows that this attempt staged", "they were removed by a later attempt", {}});
  }
  database.run("INSERT INTO weir_staged (stage, part, rows, checksum) VALUES (?, ?, ?, ?)", stage.number, stage.parts,
               part, checksum_of(part));
  ++stage.parts;
}

std::string prepare_stage(sqlite_database& database, const operator_identity& identity, const row_stage& stage,
                          checkpoint_id checkpoint) {
  database.run("UPDATE weir_stages SET checkpoint = ? WHERE stage = ? AND checkpoint IS NULL", checkpoint,
               stage.number);
  if (database.changes() != 1)
    throw io_error(
        {"the sink " + identity.name, "the rows that this attempt staged", "they were removed by a later attempt", {}});
  return stage_id{identity.name, static_cast<std::uint64_t>(stage.number), stage.parts}.to_json();
}

void commit_stage(sqlite_database& database, const sqlite_table_settings& settings, const operator_identity& identity,
                  const prepared_output& prepared) {
  const auto id = stage_id::parse(prepared.id);
  const bool staged = is_staged(database, identity.run, id, prepared);
  if (is_committed(database, settings, identity.run, id.operator_name, prepared)) {
    if (staged)
      throw io_error({stage_text(settings, prepared), "either staged or committed", "both", lost_remedy});
    return;
  }
  const std::string thing = stage_text(settings, prepared);
  if (!staged && is_given_up(database, settings, identity.run, prepared))
    return;
  if (!staged)
    throw io_error({thing, "rows in weir_staged", "none", lost_remedy});
  std::uint64_t parts = 0;
  {
    auto query = database.prepare("SELECT rows, checksum FROM weir_staged WHERE stage = ? ORDER BY part");
    query.with(id.number);
    for (; query.step(); ++parts) {
      const auto bytes = query.bytes(0);
      if (checksum_of(bytes) != query.integer(1))
        throw damaged_error({thing, "the bytes that were staged", "others, by their checksum", lost_remedy});
      insert_rows(database, settings, decode_row_part(bytes, thing), thing);
    }
  }
  if (parts != id.parts)
    throw damaged_error({thing, std::to_string(id.parts) + " parts", std::to_string(parts), lost_remedy});
  database.run("INSERT INTO weir_progress (target, run, operator, subtask, checkpoint, prepared) "
               "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET checkpoint = excluded.checkpoint, "
               "prepared = excluded.prepared",
               settings.table, identity.run, id.operator_name, prepared.subtask, prepared.checkpoint, prepared.id);
  remove_stages(database, "stage = ?", id.number);
}

void claim_table(sqlite_database& database, const sqlite_table_settings& settings, const row_layout& layout,
                 const sink_start& start) {
  create_own_tables(database);
  const auto restored = start.restored ? start.restored_checkpoint : checkpoint_id{0};
  const bool table_there = table_exists(database, settings.table);
  const auto owner = owner_of(database, settings);
  if (!owner || *owner != start.identity.run || !table_there) {
    refuse_lost_output(settings, start);
    if (owner)
      claim_from_other_run(database, settings, start, *owner, table_there);
    else
      database.run("INSERT INTO weir_targets (target, run) VALUES (?, ?)", settings.table, start.identity.run);
    database.run("DELETE FROM weir_given_up WHERE target = ?", settings.table);
    if (restored.value != 0)
      database.run("INSERT INTO weir_given_up (target, run, checkpoint) VALUES (?, ?, ?)", settings.table,
                   start.identity.run, restored);
  }
  check_progress(database, settings, start, restored);
  remove_stages(database, "target = ? AND run = ? AND operator IN (?, ?) AND (checkpoint IS NULL OR checkpoint > ?)",
                settings.table, start.identity.run, start.identity.name, start.former_name, restored);
  create_or_check_table(database, settings, layout);
}

} // namespace weir::inline v0
