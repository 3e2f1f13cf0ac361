#include "new_files.hpp"

#include "../error.hpp"
#include "../file_names.hpp"
#include "../path_refusal.hpp"

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace weir::tool {

namespace {

namespace fs = std::filesystem;

constexpr const char* draft_suffix = ".creating";

[[noreturn]] void refuse(const std::string& path, int code) {
  refuse_path("the file " + path, path, code);
}

[[noreturn]] void refuse_taken(const std::string& path) {
  throw path_error({"the file " + path, "a path where a file can be made", "one is there", "name another path"});
}

void require_synced(const fs::path& path, int code) {
  if (code != 0)
    refuse(path.string(), code);
}

void rename_draft(const std::string& path) {
  const int code = rename_to_free_name(path + draft_suffix, path);
  if (code == EEXIST)
    refuse_taken(path);
  if (code != 0)
    refuse(path, code);
}

} // namespace

new_files::~new_files() {
  if (committed_ == paths_.size() && !paths_.empty())
    return;
  std::error_code ignored;
  for (std::size_t i = 0; i != paths_.size(); ++i) {
    fs::remove(i < committed_ ? paths_[i] : paths_[i] + draft_suffix, ignored);
    fs::remove(paths_[i] + draft_suffix + "-journal", ignored);
  }
  if (!made_folder_.empty())
    fs::remove(made_folder_, ignored); // if it is empty
}

void new_files::make_folder(const std::string& path) {
  std::error_code failed;
  if (fs::create_directory(path, failed))
    made_folder_ = path;
  if (!fs::is_directory(path, failed))
    throw path_error({"the folder " + path, "a folder, or a place for one", "something else", "name another path"});
}

std::string new_files::draft_of(const std::string& path) {
  if (name_is_taken(path))
    refuse_taken(path);
  std::string draft = path + draft_suffix;
  std::error_code ignored;
  fs::remove(draft, ignored);
  fs::remove(draft + "-journal", ignored);
  paths_.push_back(path);
  return draft;
}

void new_files::commit() {
  for (const std::string& path : paths_)
    require_synced(path + draft_suffix, sync_file(path + draft_suffix));
  for (; committed_ != paths_.size(); ++committed_)
    rename_draft(paths_[committed_]);
  if (!paths_.empty()) {
    const fs::path folder = fs::absolute(paths_.front()).parent_path();
    require_synced(folder, sync_folder(folder));
  }
  made_folder_.clear();
}

open_file::open_file(const std::string& path) : path_(path), file_(std::fopen(path.c_str(), "wxe")) {
  if (!file_)
    refuse(path, errno);
}

void open_file::close() {
  std::FILE* file = file_.release();
  const bool written = std::ferror(file) == 0;
  if (std::fclose(file) != 0 || !written)
    throw io_error({"the file " + path_, "to be written", "the system refused", "check the disk"});
}

} // namespace weir::tool
