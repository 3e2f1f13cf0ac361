// How a store is found, made, resumed or put aside.
#include "checkpoint_store.hpp"

#include "error.hpp"
#include "sqlite_database.hpp"
#include "store_header.hpp"
#include "store_tables.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <stdio.h> // NOLINT(modernize-deprecated-headers): renameat2 is not in <cstdio>
#include <unistd.h>

namespace weir::inline v0 {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t log_limit_bytes = std::int64_t{64} << 20;

fs::path with_suffix(const fs::path& path, const std::string& suffix) {
  fs::path result = path;
  result += suffix;
  return result;
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

[[noreturn]] void refuse_path(const fs::path& path, int code, const char* doing) {
  throw io_error({"the store " + path.string(), "a folder in which files can be made and renamed",
                  std::string{std::strerror(code)} + " at " + doing,
                  "change the folder's permissions, free space, or name another path"});
}

void sync_path(const fs::path& path, int flags) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC);
  if (descriptor < 0)
    refuse_path(path, errno, "open");
  const int result = ::fsync(descriptor);
  const int code = errno;
  ::close(descriptor);
  if (result != 0)
    refuse_path(path, code, "fsync");
}

void rename_file(const fs::path& from, const fs::path& to) {
  int result = ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE);
  if (result != 0 && (errno == EINVAL || errno == ENOSYS) && !is_there(to)) // a file system without that flag
    result = ::rename(from.c_str(), to.c_str());
  if (result != 0)
    refuse_path(to, errno, "rename");
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

/// Makes the file under another name and renames it when it is whole: a store that is empty or half made never exists,
/// so an empty file is always somebody else's loss.
void make_file(const fs::path& path, const store_options& options) {
  const auto draft = with_suffix(path, ".creating");
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
  sync_path(draft, O_RDONLY); // nobody has it open in SQLite now
  rename_file(draft, path);
  sync_path(path.parent_path(), O_RDONLY | O_DIRECTORY);
}

/// Renames a store, with its log if that is still there, to the first free `<path>.<n>.old`.
fs::path put_aside(const fs::path& path) {
  fs::path aside;
  for (unsigned n = 1;; ++n) {
    aside = path;
    aside += ".";
    aside += std::to_string(n);
    aside += ".old";
    if (!is_there(aside) && !is_there(with_suffix(aside, "-wal")) && !is_there(with_suffix(aside, "-shm")))
      break;
  }
  // The file first: should this be interrupted, a log without its file is refused, a file without its log would not be.
  for (const char* suffix : {"", "-wal", "-shm"})
    if (const auto from = with_suffix(path, suffix); is_there(from))
      rename_file(from, with_suffix(aside, suffix));
  sync_path(path.parent_path(), O_RDONLY | O_DIRECTORY);
  return aside;
}

/// What is in the file; none if it cannot be told and the store is to be put aside anyway.
std::optional<store_header> identify(const fs::path& path, const store_options& options) {
  // For reading only: a file of somebody else is not to be changed, not even by the recovery of its log.
  auto database = sqlite_database::open(path.string(), sqlite_access::read_only, options.vfs);
  std::optional<store_header> header;
  const bool aside = options.mode == store_mode::fresh;
  try {
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
  auto database =
      std::make_shared<sqlite_database>(sqlite_database::open(path.string(), sqlite_access::read_write, options.vfs));
  // Where it may not write, SQLite opens for reading without a word.
  if (database->is_read_only())
    throw io_error({"the store " + path.string(), "a file that can be written", "it can only be read",
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
    throw io_error({"the store " + options.path.string(), "a path that can be read", failed.message(),
                    "check it, or name another path"});
  if (fs::is_directory(path, failed))
    throw usage_error({"the store " + path.string(), "a file", "a folder", "name a file in it with --store"});
  if (!fs::is_directory(path.parent_path(), failed))
    throw io_error({"the store " + path.string(), "the folder " + path.parent_path().string(), "nothing there",
                    "make the folder, or name another path"});
  return path;
}

} // namespace

checkpoint_store checkpoint_store::open(const store_options& options) {
  if (options.job.empty())
    throw usage_error({"a store", "the name of its job", "none", {}});
  if (options.mode == store_mode::memory) {
    auto database = std::make_shared<sqlite_database>(sqlite_database::in_memory());
    prepare_writer(*database);
    database->exec(store_tables_sql());
    insert_run(*database, options);
    const auto header_run = database->last_row_id();
    return checkpoint_store{
        {}, std::move(database), header_run, {false, options.new_run_uuid, run_status::running, {}, {}}};
  }

  const auto path = resolve(options);
  file_lock lock{path};
  opened_store opened;
  if (is_there(path)) {
    const auto header = identify(path, options);
    if (options.mode == store_mode::resume) {
      opened.resumed = true;
    } else {
      if (header) // closing as the last one brings the log into the file
        (void)open_writer(path, options);
      opened.put_aside = put_aside(path);
    }
  }
  if (!opened.resumed) {
    if (is_there(with_suffix(path, "-wal")))
      throw store_error({"the store " + path.string(), "the file", "only its log " + path.string() + "-wal",
                         "put the file back beside its log, or move the log away to begin a new run"});
    make_file(path, options);
  }

  auto database = open_writer(path, options);
  const auto header = read_store_header(*database);
  opened.run_uuid = header.uuid;
  opened.status = header.status;
  checkpoint_store store{std::move(lock), std::move(database), header.run, std::move(opened)};
  if (const auto newest = store.newest_complete(); newest != checkpoint_id{})
    store.opened_.newest_complete = newest;
  store.database_->run(
      "UPDATE checkpoints SET status = 'aborted', reason = 'the process ended before it was complete', "
      "closed = ? WHERE run = ? AND status = 'open'",
      options.now, header.run);
  return store;
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
  constexpr const char* suffixes[] = {"", "-wal", "-shm"};
  for (const char* suffix : suffixes)
    if (const auto file = with_suffix(path, suffix); is_there(file))
      fs::remove(file);
  if (former)
    for (const char* suffix : suffixes)
      if (const auto file = with_suffix(*former, suffix); is_there(file))
        rename_file(file, with_suffix(path, suffix));
  sync_path(path.parent_path(), O_RDONLY | O_DIRECTORY);
}

} // namespace weir::inline v0
