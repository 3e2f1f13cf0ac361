// A small checkpoint store that a fuzz target damages: what it holds, and every kind of damage to it.
#pragma once

#include "fuzz_input.hpp"
#include "scratch_place.hpp"

#include <weir/persistence/checkpoint_store.hpp>
#include <weir/persistence/sqlite_database.hpp>

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir_fuzz {

inline constexpr weir::region_id store_region{0};

/// How the store's file of the last run was left behind.
enum class left_behind {
  closed,  ///< one file, as after an end in order
  crashed, ///< with most of it in the log, and with the note of its lock file, as after a SIGKILL
};

/// The options for opening a store in a folder.
[[nodiscard]] weir::store_options options_of(const std::filesystem::path& file);
/// A checkpoint of the one table of the one subtask: a base, or a delta upon `parent`.
weir::checkpoint_id take_checkpoint(weir::checkpoint_store& store, weir::attempt_id attempt, std::string_view content,
                                    weir::checkpoint_id parent = {});
/// What the chunks of a checkpoint hold, with a comma between.
[[nodiscard]] std::string content_of(const weir::checkpoint_reader& reader, weir::checkpoint_id checkpoint);

/// Makes stores of four checkpoints, once, and damaged copies of them.
class store_damager {
public:
  store_damager();

  /// What each checkpoint holds.
  [[nodiscard]] const std::map<weir::checkpoint_id, std::string>& contents() const { return contents_; }

  /// What was done to a copy.
  struct damage {
    std::filesystem::path file;
    bool log_damaged = false;  ///< the log may have lost its end; only the note beside the store can tell
    bool note_damaged = false; ///< or is missing
    bool edited = false;       ///< by SQL statements, which leave no trace
  };
  /// Writes a copy, damaged as the input says. The copy before it goes.
  damage make(fuzz_input& input, left_behind how);
  /// Writes any bytes as the store's file.
  damage write(std::string_view bytes);

private:
  struct image {
    std::string bytes;
    std::vector<std::uint32_t> written; ///< the places that are not zero: most of a small file is empty
  };
  static image image_of(const std::filesystem::path& file);
  void edit(fuzz_input& input, weir::sqlite_database& database) const;

  scratch_place place_;
  std::map<weir::checkpoint_id, std::string> contents_;
  image closed_;
  image crashed_;
  image crashed_log_;
  image crashed_note_;
  std::vector<std::pair<std::string, std::string>> columns_; ///< table, column
};

} // namespace weir_fuzz
