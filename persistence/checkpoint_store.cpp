// The store's plan, attempts, life of checkpoints without their chunks, failures, groups and upkeep of the log.
#include "checkpoint_store.hpp"

#include "checkpoint_manifest.hpp"
#include "error.hpp"
#include "failpoint.hpp"
#include "sqlite_database.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include <sys/stat.h>
#include <sys/statvfs.h>

namespace weir::inline v0 {

namespace {

constexpr std::int64_t log_step_bytes = std::int64_t{16} << 20;
/// A command that finds so much more than it should be copies the log itself.
constexpr std::int64_t log_patience_bytes = 3 * log_step_bytes;

} // namespace

checkpoint_store::checkpoint_store(std::optional<file_lock> lock, std::shared_ptr<sqlite_database> database,
                                   std::int64_t run, opened_store opened)
    : lock_(std::move(lock)),
      database_(database),
      reader_(std::move(database), run),
      run_(run),
      opened_(std::move(opened)),
      maintain_at_bytes_(log_step_bytes) {}

checkpoint_store::checkpoint_store(checkpoint_store&&) noexcept = default;
checkpoint_store::~checkpoint_store() {
  close();
}

void checkpoint_store::close() noexcept {
  if (!database_)
    return;
  const std::string log = database_->path() + "-wal";
  reader_ = checkpoint_reader{nullptr, 0};
  database_.reset();
  // With its log gone the file says all itself.
  if (struct stat found{};
      lock_ && lost_attempts_ == attempt_id{} && (::stat(log.c_str(), &found) != 0 || found.st_size == 0))
    lock_->forget_note();
  lock_.reset();
}

checkpoint_store& checkpoint_store::operator=(checkpoint_store&& other) noexcept {
  if (this != &other) {
    close();
    reader_ = std::move(other.reader_);
    database_ = std::move(other.database_);
    lock_ = std::move(other.lock_);
    run_ = other.run_;
    opened_ = std::move(other.opened_);
    compress_ = other.compress_;
    pace_ = other.pace_;
    in_group_ = other.in_group_;
    is_noteworthy_ = other.is_noteworthy_;
    lost_attempts_ = other.lost_attempts_;
    last_log_bytes_ = other.last_log_bytes_;
    maintain_at_bytes_ = other.maintain_at_bytes_;
  }
  return *this;
}

void checkpoint_store::keep_pace(std::optional<thread_pace>& here) const {
  if (pace_)
    here.emplace(*pace_);
}

void checkpoint_store::refuse(std::string thing, std::string expected, std::string found) const {
  throw store_error({std::move(thing), std::move(expected), std::move(found), {}});
}

void checkpoint_store::continue_after(checkpoint_id first, attempt_id used) {
  sqlite_transaction transaction{*database_};
  database_->run("UPDATE runs SET last_checkpoint = ? WHERE id = ? AND last_checkpoint = 0", first.value - 1, run_);
  if (database_->changes() == 0)
    refuse("the run in " + database_->path(), "to have no checkpoint yet", "it has");
  transaction.commit();
  lost_attempts_ = used;
}

void checkpoint_store::register_plan(std::span<const operator_record> operators, std::span<const schema_record> schemas,
                                     std::uint32_t max_parallelism) {
  sqlite_transaction transaction{*database_};
  if (const auto stored = reader_.max_parallelism();
      stored && *stored != max_parallelism && newest_complete() != checkpoint_id{})
    throw store_error({"the store " + database_->path(), "max parallelism " + std::to_string(*stored),
                       std::to_string(max_parallelism) + " in the job",
                       "set it back, or begin a new run with --fresh: state cannot move to other key groups"});
  database_->run("UPDATE runs SET max_parallelism = ? WHERE id = ?", max_parallelism, run_);
  database_->run("UPDATE operators SET in_plan = 0 WHERE run = ?", run_);
  for (const auto& o : operators)
    database_->run("INSERT INTO operators (run, name, kind, task, region, parallelism, fingerprint, in_plan) "
                   "VALUES (?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT (run, name) DO UPDATE SET kind = excluded.kind, "
                   "task = excluded.task, region = excluded.region, parallelism = excluded.parallelism, "
                   "fingerprint = excluded.fingerprint, in_plan = 1",
                   run_, o.name, o.kind, o.task, o.region, o.parallelism, o.fingerprint);
  database_->run("UPDATE schemas SET in_plan = 0 WHERE run = ?", run_);
  for (const auto& s : schemas)
    database_->run(
        "INSERT INTO schemas (run, operator, table_name, schema, checksum, in_plan) VALUES (?, ?, ?, ?, ?, 1) "
        "ON CONFLICT (run, operator, table_name, schema) DO UPDATE SET in_plan = 1",
        run_, s.operator_name, s.table, s.json, std::bit_cast<std::int64_t>(checksum_of_schema(s)));
  WEIR_FAILPOINT("store.register_plan.before");
  transaction.commit();
  WEIR_FAILPOINT("store.register_plan.after");
  after_commit();
}

attempt_id checkpoint_store::begin_attempt(region_id region, wall_time now,
                                           std::optional<checkpoint_id> restored_from) {
  sqlite_transaction transaction{*database_};
  database_->run("UPDATE runs SET status = 'running', ended = NULL, final_checkpoint = NULL "
                 "WHERE id = ? AND status <> 'finished'",
                 run_);
  if (database_->changes() == 0)
    throw store_error(
        {"the run in " + database_->path(), "to go on", "it has finished", "begin a new run with --fresh"});
  database_->run("INSERT INTO regions (run, region, current_attempt) VALUES (?1, ?2, ?3 + 1) "
                 "ON CONFLICT (run, region) DO UPDATE SET current_attempt = max(current_attempt, ?3) + 1",
                 run_, region, lost_attempts_);
  attempt_id attempt;
  {
    auto query = database_->prepare("SELECT current_attempt FROM regions WHERE run = ? AND region = ?");
    query.with(run_, region).step();
    attempt = query.id<attempt_id>(0);
  }
  database_->run("INSERT INTO attempts (run, region, attempt, started, restored_from) VALUES (?, ?, ?, ?, ?)", run_,
                 region, attempt, now, restored_from);
  // The new attempt begins at a complete checkpoint: nothing can build on what the old ones left beyond it.
  database_->run("DELETE FROM chunks NOT INDEXED WHERE run = ? AND created_in IS NULL AND region = ? AND attempt < ?",
                 run_, region, attempt);
  database_->run("UPDATE table_snapshots SET in_chain = 0 "
                 "WHERE run = ? AND +checkpoint > ? AND region = ? AND attempt < ? AND in_chain = 1",
                 run_, newest_complete(), region, attempt);
  is_noteworthy_ = true;
  WEIR_FAILPOINT("store.begin_attempt.before");
  transaction.commit();
  WEIR_FAILPOINT("store.begin_attempt.after");
  after_commit();
  return attempt;
}

checkpoint_id checkpoint_store::open_checkpoint(checkpoint_trigger trigger, wall_time now) {
  sqlite_transaction transaction{*database_};
  database_->run("UPDATE runs SET last_checkpoint = last_checkpoint + 1 WHERE id = ?", run_);
  checkpoint_id id;
  {
    auto query = database_->prepare("SELECT last_checkpoint FROM runs WHERE id = ?");
    query.with(run_).step();
    id = query.id<checkpoint_id>(0);
  }
  database_->run("INSERT INTO checkpoints (run, id, \"trigger\", status, opened) VALUES (?, ?, ?, 'open', ?)", run_, id,
                 to_text(trigger), now);
  is_noteworthy_ = true;
  WEIR_FAILPOINT("store.open_checkpoint.before");
  transaction.commit();
  WEIR_FAILPOINT("store.open_checkpoint.after");
  after_commit();
  return id;
}

bool checkpoint_store::fail_checkpoint(checkpoint_id checkpoint, checkpoint_status status, std::string_view reason,
                                       std::span<const std::string> late, wall_time now) {
  if (status == checkpoint_status::open || status == checkpoint_status::complete)
    throw usage_error({"the end of checkpoint " + to_string(checkpoint),
                       "failed, aborted or abandoned",
                       std::string{to_text(status)},
                       {}});
  std::optional<std::string> names;
  for (const auto& name : late)
    names = names ? *names + ", " + name : name;
  sqlite_transaction transaction{*database_};
  database_->run("UPDATE checkpoints SET status = ?1, reason = ?2, late = ?3, closed = ?4, duration_us = ?4 - opened "
                 "WHERE run = ?5 AND id = ?6 AND status = 'open'",
                 to_text(status), reason, names, now, run_, checkpoint);
  const bool was_open = database_->changes() == 1;
  transaction.commit();
  after_commit();
  return was_open;
}

bool checkpoint_store::committed(checkpoint_id checkpoint, wall_time now) {
  sqlite_transaction transaction{*database_};
  database_->run("UPDATE checkpoints SET committed = coalesce(committed, ?) "
                 "WHERE run = ? AND id = ? AND status = 'complete'",
                 now, run_, checkpoint);
  const bool complete = database_->changes() == 1;
  transaction.commit();
  WEIR_FAILPOINT("store.committed.after");
  after_commit();
  return complete;
}

failure_id checkpoint_store::record_failure(const failure_record& failure) {
  const auto or_null = [](const std::string& text) { return text.empty() ? std::nullopt : std::optional{text}; };
  sqlite_transaction transaction{*database_};
  database_->run("INSERT INTO failures (run, time, region, attempt, task, subtask, operator, kind, message) "
                 "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                 run_, failure.time, failure.region, failure.attempt, or_null(failure.task), failure.subtask,
                 or_null(failure.operator_name), failure.kind, failure.message);
  const failure_id id{static_cast<std::uint64_t>(database_->last_row_id())};
  transaction.commit();
  WEIR_FAILPOINT("store.record_failure.after");
  after_commit();
  return id;
}

void checkpoint_store::record_recovery(const recovery_record& r) {
  sqlite_transaction transaction{*database_};
  database_->run("INSERT OR REPLACE INTO recoveries (run, region, attempt, failure, time, restored_checkpoint, "
                 "detected_us, stopped_us, respawned_us, loaded_us, first_output_us) "
                 "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                 run_, r.region, r.attempt, r.failure, r.time, r.restored, r.detected, r.stopped, r.respawned, r.loaded,
                 r.first_output);
  transaction.commit();
  after_commit();
}

void checkpoint_store::end_run(run_status status, wall_time now) {
  if (status == run_status::running)
    throw usage_error({"the end of a run", "stopped, finished, failed or abandoned", "running", {}});
  sqlite_transaction transaction{*database_};
  const auto last = newest_complete();
  database_->run("UPDATE runs SET status = ?, ended = ?, final_checkpoint = ? WHERE id = ?", to_text(status), now,
                 last == checkpoint_id{} ? std::nullopt : std::optional{last}, run_);
  WEIR_FAILPOINT("store.end_run.before");
  transaction.commit();
  WEIR_FAILPOINT("store.end_run.after");
  after_commit();
}

void checkpoint_store::group(const std::function<void()>& commands) {
  if (in_group_)
    throw usage_error({"a group of commands", "to hold commands only", "another group", {}});
  std::optional<thread_pace> pace;
  keep_pace(pace);
  in_group_ = true;
  struct leave {
    bool& flag;
    ~leave() { flag = false; }
  };
  {
    const leave at_end{in_group_};
    sqlite_transaction transaction{*database_};
    commands();
    transaction.commit();
  }
  after_commit();
}

// --- questions that several commands ask

std::optional<checkpoint_status> checkpoint_store::status_of(checkpoint_id checkpoint) {
  auto query = database_->prepare("SELECT status FROM checkpoints WHERE run = ? AND id = ?");
  if (!query.with(run_, checkpoint).step())
    return std::nullopt;
  return checkpoint_status_from(query.text(0));
}

checkpoint_id checkpoint_store::newest_complete() {
  auto query =
      database_->prepare("SELECT id FROM checkpoints WHERE run = ? AND status = 'complete' ORDER BY id DESC LIMIT 1");
  return query.with(run_).step() ? query.id<checkpoint_id>(0) : checkpoint_id{};
}

bool checkpoint_store::is_current(region_id region, attempt_id attempt) {
  auto query = database_->prepare("SELECT current_attempt FROM regions WHERE run = ? AND region = ?");
  return query.with(run_, region).step() && query.id<attempt_id>(0) == attempt;
}

// --- the log

void checkpoint_store::after_commit() noexcept {
  if (in_group_)
    return;
  const auto bytes = database_->log_bytes();
  if (bytes < last_log_bytes_) // begun anew
    maintain_at_bytes_ = log_step_bytes;
  last_log_bytes_ = bytes;
  try {
    leave_note();
    if (bytes >= maintain_at_bytes_ + log_patience_bytes)
      maintain();
    else if (is_large_for_the_disk(bytes))
      (void)database_->checkpoint_log(); // so that the log begins anew, and takes no more room
  } catch (const std::exception&) {      // the command is durable; a failure for good refuses the next one
  }
}

void checkpoint_store::leave_note() {
  if (!lock_ || !std::exchange(is_noteworthy_, false))
    return;
  store_note note{opened_.run_uuid, {}, {}, {}};
  auto query = database_->prepare("SELECT last_checkpoint, newest_complete, (SELECT max(current_attempt) FROM regions "
                                  "WHERE run = r.id) FROM runs r WHERE id = ?");
  if (!query.with(run_).step())
    return;
  note.last_given = query.id<checkpoint_id>(0);
  note.complete = query.optional_id<checkpoint_id>(1).value_or(checkpoint_id{});
  note.highest_attempt = std::max(query.optional_id<attempt_id>(2).value_or(attempt_id{}), lost_attempts_);
  (void)lock_->write_note(to_text(note));
}

bool checkpoint_store::is_large_for_the_disk(std::int64_t log_bytes) const {
  struct statvfs disk {};
  if (!lock_ || ::statvfs(database_->path().c_str(), &disk) != 0)
    return false;
  return static_cast<std::uint64_t>(log_bytes) * 4 > static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
}

bool checkpoint_store::wants_maintenance() const {
  return database_->log_bytes() >= maintain_at_bytes_;
}

void checkpoint_store::maintain() {
  if (!wants_maintenance())
    return;
  std::optional<thread_pace> pace;
  keep_pace(pace);
  (void)database_->checkpoint_log();
  // While a reader holds the log it cannot be begun anew: go on in steps, not at each commit.
  maintain_at_bytes_ = database_->log_bytes() + log_step_bytes;
}

std::int64_t checkpoint_store::log_bytes() const {
  return database_->log_bytes();
}

bool checkpoint_store::has_failed() const {
  return database_->has_failed();
}

} // namespace weir::inline v0
