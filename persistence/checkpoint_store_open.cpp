// How a store is found, made, resumed or put aside.
#include "checkpoint_store.hpp"

#include "checkpoint_copy.hpp"
#include "error.hpp"
#include "failpoint.hpp"
#include "file_names.hpp"
#include "log_renewal.hpp"
#include "path_refusal.hpp"
#include "sqlite_database.hpp"
#include "store_header.hpp"
#include "store_tables.hpp"
#include "store_tables_check.hpp"

#include <cerrno>
#include <cstdio>
#include <utility>

namespace weir::inline v0 {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t log_limit_bytes = std::int64_t{64} << 20;

[[noreturn]] void refuse_store(const fs::path& path, int code) {
  refuse_path("the store " + path.string(), path, code);
}

void require_synced(const fs::path& path, int code) {
  if (code != 0)
    refuse_store(path, code);
}

void rename_file(const fs::path& from, const fs::path& to) {
  if (const int code = rename_to_free_name(from, to); code != 0)
    refuse_store(to, code);
}

void prepare_writer(sqlite_database& database) {
  database.exec("PRAGMA foreign_keys = ON; PRAGMA secure_delete = OFF; PRAGMA cache_size = -8000");
  database.add_marker_function(store_writer_function);
}

void insert_run(sqlite_database& database, const store_options& options) {
  if (options.new_run_uuid.size() != 36)
    throw usage_error({"the id of a new run", "a UUID of 36 characters", "\"" + options.new_run_uuid + "\"", {}});
  database.run("INSERT INTO runs (uuid, job, started, status) VALUES (?, ?, ?, 'running')", options.new_run_uuid,
               options.job, options.now);
}

/// Makes the file under another name, to be renamed when it is whole: a store that is empty or half made never exists,
/// so an empty file is always somebody else's loss.
fs::path make_draft(const fs::path& path, const store_options& options) {
  WEIR_FAILPOINT("store.make.before");
  auto draft = with_suffix(path, ".creating");
  std::error_code ignored;
  for (const char* suffix : {"", "-journal", "-wal", "-shm"})
    fs::remove(with_suffix(draft, suffix), ignored);
  {
    auto database = sqlite_database::open(draft.string(), sqlite_access::create, options.vfs);
    database.exec("PRAGMA page_size = 16384; PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY");
    prepare_writer(database);
    sqlite_transaction transaction{database};
    database.exec(store_tables_sql() + "PRAGMA application_id = " + std::to_string(store_application_id) +
                  "; PRAGMA user_version = " + std::to_string(store_version));
    insert_run(database, options);
    transaction.commit();
    database.exec("PRAGMA journal_mode = WAL");
  }
  require_synced(draft, sync_file(draft)); // nobody has it open in SQLite now
  WEIR_FAILPOINT("store.make.drafted");
  return draft;
}

/// Renames a store, with its log if that is still there, to the first free `<path>.<n>.old`.
fs::path put_aside(const fs::path& path) {
  fs::path aside;
  for (unsigned n = 1;; ++n) {
    aside = path;
    aside += ".";
    aside += std::to_string(n);
    aside += ".old";
    if (!name_is_taken(aside) && !name_is_taken(with_suffix(aside, "-wal")) &&
        !name_is_taken(with_suffix(aside, "-shm")))
      break;
  }
  // The file first: should this be interrupted, a log without its file is refused, a file without its log would not be.
  for (const char* suffix : {"", "-wal", "-shm"})
    if (const auto from = with_suffix(path, suffix); name_is_taken(from))
      rename_file(from, with_suffix(aside, suffix));
  return aside;
}

/// Undoes the making of a new store and the putting aside of the former one.
void put_back_files(const fs::path& path, const std::optional<fs::path>& former) {
  for (const char* suffix : {"-wal", "-shm"})
    fs::remove(with_suffix(path, suffix));
  if (former && name_is_taken(with_suffix(*former, "-wal"))) { // only if it could not be read
    fs::remove(path);
    // The log first, for the same reason.
    for (const char* suffix : {"-wal", "-shm", ""})
      if (const auto file = with_suffix(*former, suffix); name_is_taken(file))
        rename_file(file, with_suffix(path, suffix));
  } else if (former) { // at once: without a file at this path the next start would begin empty
    if (::rename(former->c_str(), path.c_str()) != 0)
      refuse_store(path, errno);
  } else {
    fs::remove(path);
  }
  require_synced(path.parent_path(), sync_folder(path.parent_path()));
}

void put_back(const fs::path& path, const std::optional<fs::path>& former) {
  try {
    put_back_files(path, former);
  } catch (const std::exception& e) {
    if (!former)
      throw;
    throw io_error({"the store " + path.string(), "to get its place back from " + former->string(), e.what(),
                    "rename it, with its log if there is one, before the job starts again"});
  }
}

/// What is in the file; none if it cannot be told and the store is to be put aside anyway.
std::optional<store_header> identify(const fs::path& path, const store_options& options) {
  // For reading only: a file of somebody else is not to be changed, not even by the recovery of its log.
  auto database = sqlite_database::open(path.string(), sqlite_access::read_only, options.vfs);
  std::optional<store_header> header;
  const bool aside = options.mode == store_mode::fresh;
  try {
    require_store_objects(database, store_kind::store); // before a view of somebody else answers for a table
    header = read_store_header(database);
  } catch (const damaged_error&) {
    if (!aside)
      throw;
  } catch (const store_error&) {
    if (!aside || database.integer("PRAGMA application_id") != store_application_id)
      throw;
  }
  if (header && header->job != options.job)
    throw store_error({"the store " + path.string(), "that of job \"" + options.job + "\"",
                       "that of job \"" + header->job + "\"", "name another path with --store"});
  return header;
}

std::shared_ptr<sqlite_database> open_writer(const fs::path& path, const store_options& options) {
  renew_log(path.string(), options.vfs);
  auto database =
      std::make_shared<sqlite_database>(sqlite_database::open(path.string(), sqlite_access::read_write, options.vfs));
  // Where it may not write, SQLite opens for reading without a word.
  if (database->is_read_only())
    throw path_error({"the store " + path.string(), "a file that can be written", "it can only be read",
                      "change its permissions or owner, or name another path"});
  prepare_writer(*database);
  database->use_write_ahead_log(log_limit_bytes);
  return database;
}

fs::path resolve(const store_options& options) {
  if (options.path.empty())
    throw usage_error({"the store of job \"" + options.job + "\"", "a path", "none", "name one with --store"});
  std::error_code failed;
  auto path = fs::weakly_canonical(fs::absolute(options.path), failed);
  if (failed)
    throw path_error({"the store " + options.path.string(), "a path that can be read", failed.message(),
                      "check it, or name another path"});
  if (fs::is_directory(path, failed))
    throw usage_error({"the store " + path.string(), "a file", "a folder", "name a file in it with --store"});
  if (!fs::is_directory(path.parent_path(), failed))
    throw path_error({"the store " + path.string(), "the folder " + path.parent_path().string(), "nothing there",
                      "make the folder, or name another path"});
  return path;
}

checkpoint_reader open_savepoint(const store_options& options) {
  auto savepoint = checkpoint_reader::open(options.savepoint, store_kind::savepoint);
  if (const std::string job = savepoint.job_name(); job != options.job)
    throw store_error({"the savepoint " + options.savepoint.string(), "one of job \"" + options.job + "\"",
                       "one of job \"" + job + "\"", "name another file with --from"});
  return savepoint;
}

/// The only one that it has; damage is told, not passed over.
checkpoint_id savepoint_checkpoint(const checkpoint_reader& savepoint, const store_options& options) {
  const verified_checkpoint found = savepoint.newest_verified();
  if (!found.id)
    throw damaged_error({"the savepoint " + options.savepoint.string(), "a complete checkpoint", "none",
                         "name another file with --from"});
  return *found.id;
}

[[noreturn]] void refuse_to_begin(const fs::path& path, const store_options& options) {
  throw store_error({"the store " + path.string(),
                     "nothing there, as a store is to begin with the savepoint " + options.savepoint.string(),
                     "a store", "leave out --from to go on with it, or add --fresh to put it aside"});
}

/// A new run must not begin where something shows that there was a store.
void refuse_remains(const fs::path& path, const store_options& options, const file_lock& lock) {
  if (name_is_taken(with_suffix(path, "-wal")))
    throw store_error({"the store " + path.string(), "the file", "only its log " + path.string() + "-wal",
                       "put the file back beside its log, or move the log away to begin a new run"});
  const auto note = store_note_from(lock.former_note());
  if (options.mode == store_mode::resume && note && note->complete != checkpoint_id{})
    throw store_error({"the store " + path.string(), "the file",
                       "only " + lock.lock_path().string() + ", which says that checkpoint " +
                           to_string(note->complete) + " of run " + note->run.substr(0, 8) + " was complete",
                       "put the file back, or begin a new run with --fresh"});
}

} // namespace

checkpoint_store checkpoint_store::open(const store_options& asked) {
  if (asked.job.empty())
    throw usage_error({"a store", "the name of its job", "none", {}});
  store_options options = asked;
  std::optional<checkpoint_reader> savepoint;
  if (!options.savepoint.empty()) {
    savepoint.emplace(open_savepoint(options));
    options.new_run_uuid = savepoint->run_uuid();
  }
  if (options.mode == store_mode::memory) {
    auto database = std::make_shared<sqlite_database>(sqlite_database::in_memory());
    prepare_writer(*database);
    database->exec(store_tables_sql());
    insert_run(*database, options);
    const auto header_run = database->last_row_id();
    checkpoint_store store{
        {}, std::move(database), header_run, {false, options.new_run_uuid, run_status::running, {}, {}}};
    store.compress_ = options.compress;
    store.pace_ = options.pace;
    if (savepoint) {
      const auto view = savepoint->one_view(); // it may be edited meanwhile
      store.opened_.newest_complete = savepoint_checkpoint(*savepoint, options);
      copy_checkpoint(*savepoint, *store.opened_.newest_complete, store, options.now);
    }
    return store;
  }

  const auto path = resolve(options);
  file_lock lock{path};
  WEIR_FAILPOINT("store.open.before");
  opened_store opened;
  if (name_is_taken(path)) {
    const auto header = identify(path, options);
    if (options.mode == store_mode::resume) {
      if (savepoint)
        refuse_to_begin(path, options);
      opened.resumed = true;
    } else {
      if (header) // closing as the last one brings the log into the file
        (void)open_writer(path, options);
    }
  } else {
    refuse_remains(path, options, lock);
  }
  if (opened.resumed) {
    auto store = open_file(path, options, std::move(opened), store_note_from(lock.former_note()));
    store.lock_ = std::move(lock);
    WEIR_FAILPOINT("store.open.after");
    return store;
  }

  const auto draft = make_draft(path, options);
  if (savepoint)
    fill_draft(draft, options, *savepoint);
  try {
    if (name_is_taken(path)) {
      WEIR_FAILPOINT("store.put_aside.before");
      opened.put_aside = put_aside(path);
      WEIR_FAILPOINT("store.put_aside.after");
    }
    rename_file(draft, path);
    WEIR_FAILPOINT("store.make.renamed");
    require_synced(path.parent_path(), sync_folder(path.parent_path()));
    auto store = open_file(path, options, opened, std::nullopt);
    WEIR_FAILPOINT("store.open.after");
    store.lock_ = std::move(lock);
    return store;
  } catch (...) {
    put_back(path, opened.put_aside);
    throw;
  }
}

/// Before the draft gets its name: a store that is to begin with a savepoint never exists without its state.
void checkpoint_store::fill_draft(const fs::path& draft, const store_options& options,
                                  const checkpoint_reader& savepoint) {
  {
    auto store = open_file(draft, options, {}, std::nullopt);
    const auto view = savepoint.one_view(); // it may be edited meanwhile
    copy_checkpoint(savepoint, savepoint_checkpoint(savepoint, options), store, options.now);
  }
  // Where the file was locked, closing it has left the state in the log, which does not go with the file's new name.
  if (name_is_taken(with_suffix(draft, "-wal")))
    throw io_error({"the store " + draft.string(), "to be whole when it is closed", "its log beside it",
                    "start again when no other program has it open"});
  require_synced(draft, sync_file(draft));
}

checkpoint_store checkpoint_store::open_file(const fs::path& path, const store_options& options, opened_store opened,
                                             const std::optional<store_note>& note) {
  auto database = open_writer(path, options);
  const auto header = read_store_header(*database);
  opened.run_uuid = header.uuid;
  opened.status = header.status;
  checkpoint_store store{{}, std::move(database), header.run, std::move(opened)};
  store.compress_ = options.compress;
  store.pace_ = options.pace;
  if (const auto newest = store.newest_complete(); newest != checkpoint_id{})
    store.opened_.newest_complete = newest;
  store.settle_opening(note, options.now);
  return store;
}

void checkpoint_store::settle_opening(const std::optional<store_note>& note, wall_time now) {
  sqlite_transaction transaction{*database_};
  if (note && note->run == opened_.run_uuid)
    settle_note(*note, now);
  database_->run("UPDATE checkpoints SET status = 'aborted', reason = 'the process ended before it was complete', "
                 "closed = ? WHERE run = ? AND status = 'open'",
                 now, run_);
  transaction.commit();
}

void checkpoint_store::settle_note(const store_note& note, wall_time now) {
  if (const auto status = status_of(note.complete);
      note.complete != checkpoint_id{} && (!status || status == checkpoint_status::open)) {
    database_->run("INSERT INTO checkpoints (run, id, \"trigger\", status, opened, closed, reason) "
                   "VALUES (?1, ?2, 'interval', 'failed', ?3, ?3, ?4) "
                   "ON CONFLICT (run, id) DO UPDATE SET status = 'failed', closed = ?3, reason = ?4",
                   run_, note.complete, now, "it was complete, and the end of the log is missing or damaged");
    // Until one is restored: `newest_verified` then says that this one is passed over.
    database_->run("UPDATE runs SET last_checkpoint = max(last_checkpoint, ?1), newest_complete = ?1 WHERE id = ?2",
                   note.complete, run_);
  }
  // Ids never recur, not even then.
  database_->run("UPDATE runs SET last_checkpoint = ?1 WHERE id = ?2 AND last_checkpoint < ?1", note.last_given, run_);
  auto query = database_->prepare("SELECT coalesce(max(current_attempt), 0) FROM regions WHERE run = ?");
  if (query.with(run_).step() && query.id<attempt_id>(0) < note.highest_attempt) {
    lost_attempts_ = note.highest_attempt; // for regions that have no row
    database_->run("UPDATE regions SET current_attempt = ? WHERE run = ?", note.highest_attempt, run_);
  }
}

void checkpoint_store::take_back(checkpoint_store&& store) {
  fs::path path;
  std::optional<fs::path> former;
  std::optional<file_lock> lock;
  {
    checkpoint_store closing{std::move(store)};
    path = closing.database_->path();
    former = closing.opened_.put_aside;
    lock = std::move(closing.lock_);
  }
  put_back(path, former);
  if (!former)
    lock->forget_note();
}

} // namespace weir::inline v0
