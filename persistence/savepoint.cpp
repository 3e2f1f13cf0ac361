#include "savepoint.hpp"

#include "checkpoint_copy.hpp"
#include "error.hpp"
#include "failpoint.hpp"
#include "file_lock.hpp"
#include "file_names.hpp"
#include "path_refusal.hpp"
#include "sqlite_database.hpp"
#include "store_tables.hpp"

#include <cerrno>
#include <exception>
#include <filesystem>
#include <utility>

#include <unistd.h>

namespace weir::inline v0 {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void refuse(const fs::path& path, int code) {
  refuse_path("the savepoint " + path.string(), path, code);
}

[[noreturn]] void refuse_taken(const fs::path& path) {
  throw store_error({"the savepoint " + path.string(), "a path where nothing is", "a file", "name another path"});
}

void require_synced(const fs::path& path, int code) {
  if (code != 0)
    refuse(path, code);
}

void remove_draft(const fs::path& draft) {
  std::error_code ignored;
  for (const char* suffix : {"", "-journal", "-wal", "-shm", ".lock"})
    fs::remove(with_suffix(draft, suffix), ignored);
}

void rename_draft(const fs::path& draft, const fs::path& to) {
  const int code = rename_to_free_name(draft, to);
  if (code == EEXIST)
    refuse_taken(to);
  if (code != 0)
    refuse(to, code);
}

/// The draft gets its name when `make` has made and synced it.
void by_draft(const fs::path& target, const std::function<void(const fs::path&)>& make) {
  const fs::path draft = with_suffix(target, ".creating");
  remove_draft(draft);
  try {
    make(draft);
    rename_draft(draft, target);
    require_synced(target.parent_path(), sync_folder(target.parent_path()));
  } catch (...) {
    remove_draft(draft);
    throw;
  }
}

/// A store of its own, with one checkpoint.
void write_draft(const checkpoint_reader& from, checkpoint_id checkpoint, const fs::path& draft, wall_time now,
                 bool compress) {
  store_options options;
  options.compress = compress;
  options.path = draft;
  options.job = from.job_name();
  options.now = now;
  options.new_run_uuid = from.run_uuid();
  checkpoint_store store = checkpoint_store::open(options);
  copy_checkpoint(from, checkpoint, store, now);
  store.end_run(run_status::stopped, now);
}

/// No log, no lock, and the mark of a savepoint.
void seal(const fs::path& draft) {
  {
    auto database = sqlite_database::open(draft.string(), sqlite_access::read_write);
    database.exec("PRAGMA journal_mode = DELETE");
    database.exec("PRAGMA application_id = " + std::to_string(savepoint_application_id));
  }
  if (name_is_taken(with_suffix(draft, "-wal"))) // it would not go with the file's new name
    throw io_error({"the savepoint " + draft.string(), "to be whole when it is closed", "its log beside it",
                    "write it again when no other program has it open"});
  std::error_code ignored;
  fs::remove(with_suffix(draft, ".lock"), ignored);
  require_synced(draft, sync_file(draft));
}

} // namespace

void require_savepoint_place(const std::string& to) {
  const fs::path target = fs::absolute(to);
  std::error_code failed;
  if (to.empty() || !fs::is_directory(target.parent_path(), failed))
    throw path_error({"the savepoint " + to, "the folder " + target.parent_path().string(), "nothing there",
                      "make the folder, or name another path"});
  if (name_is_taken(target))
    refuse_taken(target);
  if (::access(target.parent_path().c_str(), W_OK | X_OK) != 0)
    refuse(target, errno);
}

written_savepoint write_savepoint(const std::string& store, std::optional<checkpoint_id> checkpoint,
                                  const std::string& to, wall_time now, bool compress) {
  require_savepoint_place(to);
  const fs::path target = fs::absolute(to);
  const file_lock alone{target}; // two calls would write the same draft
  if (name_is_taken(target))
    refuse_taken(target);
  const checkpoint_reader from = checkpoint_reader::open(store);
  const auto view = from.one_view();
  if (!checkpoint)
    checkpoint = from.newest_verified().id;
  if (!checkpoint)
    throw store_error(
        {"the store " + store, "a complete checkpoint", "none yet", "let the job run until its first one"});
  WEIR_FAILPOINT("savepoint.make.before");
  by_draft(target, [&](const fs::path& draft) {
    write_draft(from, *checkpoint, draft, now, compress);
    WEIR_FAILPOINT("savepoint.make.drafted");
    seal(draft);
    WEIR_FAILPOINT("savepoint.make.sealed");
  });
  WEIR_FAILPOINT("savepoint.make.renamed");
  written_savepoint written{from.job_name(), from.run_uuid(), *checkpoint, 0, 0};
  const checkpoint_reader result = checkpoint_reader::open(target, store_kind::savepoint);
  for (const complete_checkpoint& each : result.complete_checkpoints()) {
    written.entries = each.state_entries;
    written.bytes = each.state_bytes;
  }
  return written;
}

void edit_copy(const std::string& savepoint, const std::string& to,
               const std::function<void(const std::string& draft)>& edit) {
  require_savepoint_place(to);
  const fs::path target = fs::absolute(to);
  const file_lock alone{target}; // two calls would write the same draft
  if (name_is_taken(target))
    refuse_taken(target);
  static_cast<void>(checkpoint_reader::open(savepoint, store_kind::savepoint)); // refuses what is none
  by_draft(target, [&](const fs::path& draft) {
    // Not by copying bytes: another program may be editing it.
    sqlite_database::open(fs::absolute(savepoint).string(), sqlite_access::read_only)
        .run("VACUUM INTO ?", draft.string());
    edit(draft.string());
    require_synced(draft, sync_file(draft));
  });
}

void undo_interrupted_edit(const std::string& savepoint) noexcept {
  try {
    const fs::path path = fs::absolute(savepoint);
    std::error_code failed;
    if (const auto bytes = fs::file_size(with_suffix(path, "-journal"), failed); failed || bytes == 0)
      return;
    auto database = sqlite_database::open(path.string(), sqlite_access::read_write);
    static_cast<void>(database.integer("PRAGMA application_id")); // which reads the file, and so brings it in order
  } catch (const std::exception&) {                               // the reader that follows meets the same, and says so
  }
}

} // namespace weir::inline v0
