// The files of a watched folder: how one is known again, and which of them are done.
#pragma once

#include "file_io.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace weir::inline v0 {

/// What a file was when it was begun.
struct watched_file {
  std::uint64_t identity = 0; ///< of its inode, in this use of it. Not of its device, whose number a restart may change
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
  std::uint64_t prefix_hash = 0; ///< of as many bytes as `text_range` compares

  /// Nothing if no regular file is there. Throws io_error if it can't be read.
  [[nodiscard]] static std::optional<watched_file> look_at(const std::string& path);
  /// Whether a file that is there is the one that was begun: the same, which may have grown or been touched, or a copy
  /// of it that has its time. Throws io_error if it can't be read.
  [[nodiscard]] bool is_at(const std::string& path, const file_facts& found) const;
};

/// The number that `watched_file` knows a file by.
[[nodiscard]] std::uint64_t identity_of(const file_facts& file);

/// The files that are done and still there, by name; with the text that a position has of them, which only grows by
/// what is added: a position is asked for after each read.
class done_files {
public:
  void add(const std::string& name, const watched_file& file);
  /// Forgets all that are not there any more.
  void keep(const std::set<std::string>& names);
  /// Whether the file at `path`, `name`, is done; forgets it if another one has taken its name.
  [[nodiscard]] bool has(const std::string& name, const std::string& path);

  /// For the position: `<name>/<what it was>/<name>…` as within the quotes of JSON; no name has a slash in it. Of two
  /// parts with one name the later one counts. The first may be of a file whose name another one took: it does no harm,
  /// as that one is not the same.
  [[nodiscard]] const std::string& json_text() const noexcept { return json_; }
  /// Reads that text, taken out of JSON. Throws damaged_error.
  [[nodiscard]] static done_files parse(std::string_view text, const std::string& thing);

private:
  struct entry {
    watched_file file;
    std::uint64_t looked_size = 0; // when it was last found to be the same
    std::int64_t looked_modified_ns = 0;
  };
  void append(const std::string& name, const watched_file& file);
  void rebuild();

  std::map<std::string, entry> files_;
  std::string json_;
  std::size_t parts_ = 0; // in the text; more than there are files if some are out of date
};

} // namespace weir::inline v0
