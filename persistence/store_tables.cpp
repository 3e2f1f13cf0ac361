// The text of the store's tables and views. `README.md` in this folder explains every column.
#include "store_tables.hpp"

#include <array>

namespace weir::inline v0 {

namespace {

constexpr const char* run_tables = R"sql(
CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
  job TEXT NOT NULL CHECK (job <> ''),
  started INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('running', 'stopped', 'finished', 'failed', 'abandoned')),
  ended INTEGER,
  final_checkpoint INTEGER,
  max_parallelism INTEGER CHECK (max_parallelism > 0),
  last_checkpoint INTEGER NOT NULL DEFAULT 0 CHECK (last_checkpoint >= 0),
  newest_complete INTEGER CHECK (newest_complete <= last_checkpoint)
) STRICT;

CREATE TABLE regions (
  run INTEGER NOT NULL REFERENCES runs (id),
  region INTEGER NOT NULL CHECK (region >= 0),
  current_attempt INTEGER NOT NULL CHECK (current_attempt > 0),
  PRIMARY KEY (run, region)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempts (
  run INTEGER NOT NULL,
  region INTEGER NOT NULL,
  attempt INTEGER NOT NULL CHECK (attempt > 0),
  started INTEGER NOT NULL,
  restored_from INTEGER,
  PRIMARY KEY (run, region, attempt),
  FOREIGN KEY (run, region) REFERENCES regions (run, region)
) STRICT, WITHOUT ROWID;

CREATE TABLE operators (
  run INTEGER NOT NULL REFERENCES runs (id),
  name TEXT NOT NULL CHECK (name <> ''),
  kind TEXT NOT NULL,
  task TEXT NOT NULL,
  region INTEGER NOT NULL CHECK (region >= 0),
  parallelism INTEGER NOT NULL CHECK (parallelism > 0),
  fingerprint TEXT NOT NULL,
  in_plan INTEGER NOT NULL CHECK (in_plan IN (0, 1)),
  PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE schemas (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES runs (id),
  operator TEXT NOT NULL,
  table_name TEXT NOT NULL,
  schema TEXT NOT NULL CHECK (json_valid(schema)),
  checksum INTEGER NOT NULL,
  in_plan INTEGER NOT NULL CHECK (in_plan IN (0, 1)),
  UNIQUE (run, operator, table_name, schema)
) STRICT;
)sql";

constexpr const char* checkpoint_tables = R"sql(
CREATE TABLE checkpoints (
  run INTEGER NOT NULL REFERENCES runs (id),
  id INTEGER NOT NULL CHECK (id > 0),
  "trigger" TEXT NOT NULL CHECK ("trigger" IN ('interval', 'records', 'demand', 'stop', 'drain', 'final')),
  status TEXT NOT NULL CHECK (status IN ('open', 'complete', 'failed', 'aborted', 'abandoned')),
  opened INTEGER NOT NULL,
  completed INTEGER,
  committed INTEGER,
  closed INTEGER,
  reason TEXT,
  late TEXT,
  subtasks INTEGER NOT NULL DEFAULT 0 CHECK (subtasks >= 0),
  bytes INTEGER NOT NULL DEFAULT 0 CHECK (bytes >= 0),
  entries INTEGER NOT NULL DEFAULT 0 CHECK (entries >= 0),
  duration_us INTEGER,
  state_chunks INTEGER CHECK (state_chunks >= 0),
  state_entries INTEGER CHECK (state_entries >= 0),
  state_bytes INTEGER CHECK (state_bytes >= 0),
  manifest INTEGER,
  discarded INTEGER,
  PRIMARY KEY (run, id),
  CHECK (status <> 'complete' OR (completed IS NOT NULL AND manifest IS NOT NULL AND state_chunks IS NOT NULL)),
  CHECK (committed IS NULL OR completed IS NOT NULL)
) STRICT, WITHOUT ROWID;

CREATE TABLE acknowledgements (
  run INTEGER NOT NULL,
  checkpoint INTEGER NOT NULL,
  task TEXT NOT NULL CHECK (task <> ''),
  subtask INTEGER NOT NULL CHECK (subtask >= 0),
  region INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  acknowledged INTEGER NOT NULL,
  late INTEGER NOT NULL CHECK (late IN (0, 1)),
  start_delay_us INTEGER NOT NULL,
  alignment_us INTEGER NOT NULL,
  wait_us INTEGER NOT NULL,
  encode_us INTEGER NOT NULL,
  write_us INTEGER NOT NULL,
  bytes INTEGER NOT NULL CHECK (bytes >= 0),
  entries INTEGER NOT NULL CHECK (entries >= 0),
  PRIMARY KEY (run, checkpoint, task, subtask),
  FOREIGN KEY (run, checkpoint) REFERENCES checkpoints (run, id),
  FOREIGN KEY (run, region, attempt) REFERENCES attempts (run, region, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE table_snapshots (
  run INTEGER NOT NULL,
  operator TEXT NOT NULL,
  table_name TEXT NOT NULL,
  subtask INTEGER NOT NULL,
  checkpoint INTEGER NOT NULL,
  parallelism INTEGER NOT NULL CHECK (parallelism > subtask),
  task TEXT NOT NULL,
  region INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('base', 'delta', 'unchanged')),
  parent INTEGER CHECK (parent < checkpoint),
  chunks INTEGER NOT NULL CHECK (chunks >= 0),
  entries INTEGER NOT NULL CHECK (entries >= 0),
  bytes INTEGER NOT NULL CHECK (bytes >= 0),
  in_chain INTEGER NOT NULL CHECK (in_chain IN (0, 1)),
  PRIMARY KEY (run, operator, table_name, subtask, checkpoint),
  FOREIGN KEY (run, checkpoint, task, subtask) REFERENCES acknowledgements (run, checkpoint, task, subtask),
  CHECK ((kind = 'base') = (parent IS NULL)),
  CHECK (kind <> 'unchanged' OR chunks = 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX table_snapshots_of_checkpoint ON table_snapshots (run, checkpoint, task, subtask);
)sql";

// The bytes have a table of their own: SQLite rewrites a whole row, blob and all, when a column changes its size, and
// completing a checkpoint fills in `created_in`. It also keeps the metadata dense.
constexpr const char* chunk_tables = R"sql(
CREATE TABLE chunks (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run INTEGER NOT NULL REFERENCES runs (id),
  region INTEGER NOT NULL CHECK (region >= 0),
  attempt INTEGER NOT NULL CHECK (attempt > 0),
  operator TEXT NOT NULL,
  table_name TEXT NOT NULL,
  subtask INTEGER NOT NULL CHECK (subtask >= 0),
  parallelism INTEGER NOT NULL CHECK (parallelism > subtask),
  made_in INTEGER NOT NULL CHECK (made_in > 0),
  kind TEXT NOT NULL CHECK (kind IN ('base', 'delta')),
  parent INTEGER CHECK (parent < made_in),
  key_group_first INTEGER NOT NULL CHECK (key_group_first >= 0),
  key_group_last INTEGER NOT NULL CHECK (key_group_last >= key_group_first),
  entries INTEGER NOT NULL CHECK (entries >= 0),
  length INTEGER NOT NULL CHECK (length >= 0),
  checksum INTEGER NOT NULL,
  schema INTEGER REFERENCES schemas (id),
  created_in INTEGER CHECK (created_in >= made_in),
  dropped_in INTEGER CHECK (dropped_in > created_in),
  CHECK ((kind = 'base') = (parent IS NULL)),
  CHECK (dropped_in IS NULL OR created_in IS NOT NULL)
) STRICT;
CREATE INDEX chunks_of_table ON chunks (run, operator, table_name, subtask, made_in);
CREATE INDEX chunks_pending ON chunks (run, made_in) WHERE created_in IS NULL;
CREATE INDEX chunks_dropped ON chunks (run, dropped_in) WHERE dropped_in IS NOT NULL;

CREATE TABLE chunk_bytes (
  chunk INTEGER PRIMARY KEY REFERENCES chunks (id) ON DELETE CASCADE,
  bytes BLOB NOT NULL
) STRICT;
)sql";

constexpr const char* failure_tables = R"sql(
CREATE TABLE failures (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run INTEGER NOT NULL REFERENCES runs (id),
  time INTEGER NOT NULL,
  region INTEGER,
  attempt INTEGER,
  task TEXT,
  subtask INTEGER,
  operator TEXT,
  kind TEXT NOT NULL,
  message TEXT NOT NULL
) STRICT;

CREATE TABLE recoveries (
  run INTEGER NOT NULL,
  region INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  failure INTEGER REFERENCES failures (id) ON DELETE SET NULL,
  time INTEGER NOT NULL,
  restored_checkpoint INTEGER,
  detected_us INTEGER,
  stopped_us INTEGER,
  respawned_us INTEGER,
  loaded_us INTEGER,
  first_output_us INTEGER,
  PRIMARY KEY (run, region, attempt),
  FOREIGN KEY (run, region, attempt) REFERENCES attempts (run, region, attempt)
) STRICT, WITHOUT ROWID;
CREATE INDEX recoveries_of_failure ON recoveries (failure);
)sql";

/// Times as text in UTC; `%1` is the column.
std::string time_text(const std::string& column) {
  return "strftime('%Y-%m-%d %H:%M:%f', " + column + " / 1000000.0, 'unixepoch')";
}

std::string milliseconds(const std::string& column) {
  return "round(" + column + " / 1000.0, 3)";
}

std::string views() {
  const std::string present = "(SELECT max(id) FROM runs)";
  std::string sql;
  sql +=
      "CREATE VIEW job_overview AS SELECT r.job, r.uuid AS run, r.status, " + time_text("r.started") + " AS started, " +
      time_text("r.ended") +
      " AS ended, r.max_parallelism,"
      " (SELECT max(id) FROM checkpoints c WHERE c.run = r.id AND c.status = 'complete') AS newest_complete, "
      "(SELECT " +
      time_text("max(completed)") +
      " FROM checkpoints c WHERE c.run = r.id AND c.status = 'complete') AS completed,"
      " (SELECT state_bytes FROM checkpoints c WHERE c.run = r.id AND c.status = 'complete' ORDER BY id DESC LIMIT 1)"
      " AS state_bytes,"
      " (SELECT count(*) FROM checkpoints c WHERE c.run = r.id AND c.status = 'complete') AS complete_checkpoints,"
      " (SELECT count(*) FROM checkpoints c WHERE c.run = r.id AND c.status IN ('failed', 'aborted'))"
      " AS failed_checkpoints,"
      " (SELECT count(*) FROM failures f WHERE f.run = r.id) AS failures,"
      " (SELECT count(*) FROM recoveries v WHERE v.run = r.id) AS recoveries"
      " FROM runs r ORDER BY r.id DESC;\n";
  sql += "CREATE VIEW checkpoint_overview AS SELECT c.id, c.\"trigger\", c.status, " + time_text("c.opened") +
         " AS started, " + milliseconds("c.duration_us") + " AS duration_ms, " +
         milliseconds("(c.committed - c.completed)") +
         " AS commit_ms, CASE c.status WHEN 'complete' THEN c.bytes ELSE (SELECT coalesce(sum(a.bytes), 0)"
         " FROM acknowledgements a WHERE a.run = c.run AND a.checkpoint = c.id) END AS bytes,"
         " CASE c.status WHEN 'complete' THEN c.entries ELSE (SELECT coalesce(sum(a.entries), 0)"
         " FROM acknowledgements a WHERE a.run = c.run AND a.checkpoint = c.id) END AS entries,"
         " CASE c.status WHEN 'complete' THEN c.subtasks ELSE (SELECT count(*)"
         " FROM acknowledgements a WHERE a.run = c.run AND a.checkpoint = c.id) END AS subtasks,"
         " c.state_bytes, c.status = 'complete' AND c.discarded IS NULL AS restorable, c.late, c.reason"
         " FROM checkpoints c WHERE c.run = " +
         present + " ORDER BY c.id;\n";
  sql += "CREATE VIEW acknowledgement_overview AS SELECT a.checkpoint, a.task, a.subtask, a.region, a.attempt, " +
         time_text("a.acknowledged") + " AS acknowledged, " + milliseconds("(a.acknowledged - c.opened)") +
         " AS after_ms, " + milliseconds("a.start_delay_us") + " AS start_delay_ms, " + milliseconds("a.alignment_us") +
         " AS alignment_ms, " + milliseconds("a.wait_us") + " AS wait_ms, " + milliseconds("a.encode_us") +
         " AS encode_ms, " + milliseconds("a.write_us") +
         " AS write_ms, a.bytes, a.entries, a.late FROM acknowledgements a"
         " JOIN checkpoints c ON c.run = a.run AND c.id = a.checkpoint WHERE a.run = " +
         present + " ORDER BY a.checkpoint, a.acknowledged, a.task, a.subtask;\n";
  sql +=
      "CREATE VIEW failure_overview AS SELECT f.id, " + time_text("f.time") +
      " AS time, f.region, f.attempt, f.task, f.subtask, f.operator, f.kind, f.message FROM failures f WHERE f.run = " +
      present + " ORDER BY f.id;\n";
  sql += "CREATE VIEW recovery_overview AS SELECT " + time_text("v.time") +
         " AS time, v.region, v.attempt, v.restored_checkpoint, " + milliseconds("v.detected_us") +
         " AS detected_ms, " + milliseconds("v.stopped_us") + " AS stopped_ms, " + milliseconds("v.respawned_us") +
         " AS respawned_ms, " + milliseconds("v.loaded_us") + " AS loaded_ms, " + milliseconds("v.first_output_us") +
         " AS first_output_ms, v.failure, f.kind, f.message FROM recoveries v LEFT JOIN failures f ON f.id = v.failure"
         " WHERE v.run = " +
         present + " ORDER BY v.time, v.region, v.attempt;\n";
  // Written out for one checkpoint; README.md shows the same for any other.
  sql +=
      "CREATE VIEW state_overview AS SELECT k.operator, k.table_name, n.checkpoint, k.parallelism,"
      " count(*) AS chunks, sum(k.entries) AS entries,"
      " sum(CASE k.kind WHEN 'delta' THEN k.entries ELSE 0 END) AS delta_entries, sum(k.length) AS bytes"
      " FROM chunks k JOIN (SELECT run, max(id) AS checkpoint FROM checkpoints WHERE status = 'complete' AND run = " +
      present +
      ") n ON k.run = n.run WHERE k.created_in <= n.checkpoint"
      " AND (k.dropped_in IS NULL OR k.dropped_in > n.checkpoint)"
      " GROUP BY k.operator, k.table_name, k.parallelism ORDER BY k.operator, k.table_name;\n";
  return sql;
}

std::string triggers() {
  constexpr std::array tables{"runs",   "regions",     "attempts",         "operators",       "schemas",  "checkpoints",
                              "chunks", "chunk_bytes", "acknowledgements", "table_snapshots", "failures", "recoveries"};
  constexpr std::array actions{"insert", "update", "delete"};
  std::string sql;
  for (const std::string table : tables)
    for (const std::string action : actions)
      sql += "CREATE TRIGGER " + table + "_" + action + " BEFORE " + action + " ON " + table + " BEGIN SELECT " +
             store_writer_function + "(); END;\n";
  return sql;
}

} // namespace

std::string store_tables_sql() {
  return std::string{run_tables} + checkpoint_tables + chunk_tables + failure_tables + views() + triggers();
}

} // namespace weir::inline v0
