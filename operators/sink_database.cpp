#include "sink_database.hpp"

#include "../persistence/error.hpp"
#include "../persistence/file_lock.hpp"
#include "../persistence/log_renewal.hpp"
#include "../persistence/sqlite_database.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <system_error>
#include <utility>

#include <sys/stat.h>

namespace weir::inline v0 {

namespace {

constexpr std::int64_t log_limit_bytes = 64 * 1024 * 1024;
constexpr std::int64_t log_checkpoint_bytes = 4 * 1024 * 1024;

using file_identity = std::pair<dev_t, ino_t>;

/// Guards the files below, from the look at a path to the closing of a connection.
std::mutex& files_mutex() {
  static std::mutex mutex;
  return mutex;
}
std::map<file_identity, std::shared_ptr<shared_sqlite_file>>& files() {
  static std::map<file_identity, std::shared_ptr<shared_sqlite_file>> open;
  return open;
}

bool identify(const std::string& path, file_identity& identity) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0)
    return false;
  identity = {found.st_dev, found.st_ino};
  return true;
}

/// Opens a file whose lock is held. What an earlier process could not sync must not be built upon, so its log is
/// renewed.
sqlite_database open_renewed(const std::string& path) {
  std::error_code ignored; // SQLite has the log beside the file, not beside a link to it
  const auto file = std::filesystem::canonical(path, ignored);
  renew_log(ignored ? path : file.string());
  return sqlite_database::open(path, sqlite_access::create);
}

} // namespace

struct shared_sqlite_file {
  explicit shared_sqlite_file(const std::string& path) : lock(path), database(open_renewed(path)) {
    // Where it may not write, SQLite opens for reading without a word.
    if (database.is_read_only())
      throw path_error({path, "a file that can be written", "it can only be read",
                        "change its permissions or owner, or name another path"});
    database.use_write_ahead_log(log_limit_bytes);
  }

  file_lock lock; // goes after the connection
  sqlite_database database;
  std::mutex turn;
  file_identity identity;
  std::size_t shares = 0;
};

sink_database::sink_database(const std::string& path) {
  const std::lock_guard alone{files_mutex()};
  file_identity identity;
  if (identify(path, identity))
    if (const auto found = files().find(identity); found != files().end())
      file_ = found->second;
  if (!file_) {
    file_ = std::make_shared<shared_sqlite_file>(path);
    if (!identify(path, file_->identity))
      throw io_error({path, "the file that was just opened", std::strerror(errno), "let nothing else remove it"});
    files().emplace(file_->identity, file_);
  }
  ++file_->shares;
}

sink_database::~sink_database() {
  const std::lock_guard alone{files_mutex()};
  if (--file_->shares == 0)
    files().erase(file_->identity);
  file_.reset(); // closes, still alone
}

void sink_database::use(const std::function<void(sqlite_database&)>& work) {
  const std::lock_guard turn{file_->turn};
  work(file_->database);
  if (file_->database.log_bytes() > log_checkpoint_bytes)
    static_cast<void>(file_->database.checkpoint_log()); // a long reader may keep it; then at the next time
}

} // namespace weir::inline v0
