// The folder that a sink of files writes: its names, its marker, and what a start cleans up in it.
#pragma once

#include "../persistence/ids.hpp"
#include "sink.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::inline v0 {

/// Names and checks. Nothing is read or written before `claim`.
///
/// `.weir-output`                                the run and the operator that the folder belongs to; and the
/// checkpoint
///                                               up to which the run has given up its output, which was not found
/// `.<operator>-<subtask>-<attempt>.open`        being written
/// `.<operator>-<subtask>-<checkpoint>.part`     prepared, durable
/// `part-<subtask>-<checkpoint>.txt`             committed; also .csv and .jsonl; in the folder of its partition
///
/// Where a checkpoint may have several files of a subtask, each has a number more, before its ending: `-<file>`.
/// Numbers are padded, so that the order of the names is that of the numbers.
class output_folder {
public:
  output_folder(std::string directory, const operator_identity& identity, bool partitioned = false);

  /// Makes the folder ready for an attempt that starts at the restored checkpoint: refuses another run's output, or
  /// removes it, and then gives up what the run itself had written before that checkpoint; takes over that of the
  /// sink's former name; removes what was being written; removes prepared and committed files beyond the restored
  /// checkpoint. Throws usage_error and io_error.
  void claim(const sink_start& start) const;
  /// Throws the usage_error that `claim` would throw for what is there. Changes nothing.
  void check(const sink_start& start) const;

  /// Up to which checkpoint the run goes on without what it had written; 0 if it has all.
  [[nodiscard]] checkpoint_id given_up() const;

  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] std::string path_of(std::string_view name) const;
  [[nodiscard]] std::string open_name(subtask_index subtask, attempt_id attempt, std::uint64_t file = 0) const;
  [[nodiscard]] std::string prepared_name(subtask_index subtask, checkpoint_id checkpoint,
                                          std::uint64_t file = 0) const;
  [[nodiscard]] static std::string final_name(subtask_index subtask, checkpoint_id checkpoint,
                                              std::string_view extension = ".txt",
                                              std::optional<std::uint64_t> file = std::nullopt);
  /// The checkpoint of a committed file's name.
  [[nodiscard]] static std::optional<checkpoint_id> checkpoint_of_final(std::string_view name);

private:
  enum class claimed_by : std::uint8_t { this_sink, its_former_name, nobody };
  struct claimed {
    claimed_by whose = claimed_by::nobody;
    std::string writer; ///< the name of the operator that wrote it
  };
  /// Whose output is there. Throws usage_error if it must be left alone.
  [[nodiscard]] claimed check_marker(const sink_start& start) const;
  void check_directory() const;
  void make_directory() const;
  void write_marker(checkpoint_id given_up) const;
  /// Whether there may be output in folders within this one.
  [[nodiscard]] bool has_partitions() const;
  [[nodiscard]] bool has_output_of(const std::string& operator_name) const;
  void remove_output_of(const std::string& operator_name) const;

  std::string directory_;
  std::string run_;
  std::string operator_;
  bool partitioned_;
};

} // namespace weir::inline v0
