// Files that a command makes: all of them, whole and synced, or none.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace weir::tool {

/// Each file is written beside its place, as `<path>.creating`, and gets its name in `commit`. Without a commit nothing
/// is left. Throws path_error if something is there already or nothing can be made, io_error if the disk refuses.
class new_files {
public:
  new_files() = default;
  new_files(const new_files&) = delete;
  new_files& operator=(const new_files&) = delete;
  ~new_files();

  /// A folder that files are to be in. One that was not there goes again if there is no commit.
  void make_folder(const std::string& path);
  /// Where the file of this path is to be written. A draft that an interrupted command has left is removed.
  std::string draft_of(const std::string& path);
  void commit();

private:
  std::vector<std::string> paths_;
  std::size_t committed_ = 0;
  std::string made_folder_;
};

/// A file that is written with <cstdio>.
class open_file {
public:
  explicit open_file(const std::string& path);
  [[nodiscard]] std::FILE* get() const { return file_.get(); }
  /// Throws io_error if not all could be written.
  void close();

private:
  struct closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::string path_;
  std::unique_ptr<std::FILE, closer> file_;
};

} // namespace weir::tool
