// The folder that a text_files sink writes: its names, its marker, and what a start cleans up in it.
#pragma once

#include "../persistence/ids.hpp"
#include "sink.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace weir::inline v0 {

/// Names and checks. Nothing is read or written before `claim`.
///
/// `.weir-output`                                the run and the operator that the folder belongs to
/// `.<operator>-<subtask>-<attempt>.open`        being written
/// `.<operator>-<subtask>-<checkpoint>.part`     prepared, durable
/// `part-<subtask>-<checkpoint>.txt`             committed
///
/// Numbers are padded, so that the order of the names is that of the numbers.
class output_folder {
public:
  output_folder(std::string directory, const operator_identity& identity);

  /// Makes the folder ready for an attempt that starts at the restored checkpoint: refuses another run's output, or
  /// removes it; takes over that of the sink's former name; removes what was being written; removes prepared and
  /// committed files beyond the restored checkpoint. Throws usage_error and io_error.
  void claim(const sink_start& start) const;

  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] std::string path_of(std::string_view name) const;
  [[nodiscard]] std::string open_name(subtask_index subtask, attempt_id attempt) const;
  [[nodiscard]] std::string prepared_name(subtask_index subtask, checkpoint_id checkpoint) const;
  [[nodiscard]] static std::string final_name(subtask_index subtask, checkpoint_id checkpoint);
  /// The checkpoint of a committed file's name.
  [[nodiscard]] static std::optional<checkpoint_id> checkpoint_of_final(std::string_view name);

private:
  void make_directory() const;
  void check_marker(const sink_start& start) const;
  void write_marker() const;
  [[nodiscard]] bool has_output_of(const std::string& operator_name) const;
  void remove_output_of(const std::string& operator_name) const;

  std::string directory_;
  std::string run_;
  std::string operator_;
};

} // namespace weir::inline v0
