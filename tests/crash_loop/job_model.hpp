// What a crash job must write and keep, computed without the library's runtime.
#pragma once

#include "process/database.hpp"

#include <weir/operators/source_operator.hpp>
#include <weir/persistence/checkpoint_reader.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir_test {

/// How many records of each key were taken. What is written for a key are its records 1, 2, 3 … in order, so that this
/// says all about an output or a state.
using key_counts = std::map<std::string, std::uint64_t, std::less<>>;

/// How far each split of a source was read.
using source_positions = std::map<std::string, weir::split_state>;

/// A line or row: which record of which key.
struct output_entry {
  std::string key;
  std::uint64_t number = 0;
};

/// One crash job. Functions that read throw std::runtime_error for what the job never writes. Any thread.
class job_model {
public:
  virtual ~job_model();

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// The name of its source.
  [[nodiscard]] const std::string& source() const noexcept { return source_; }
  /// What its program is started with, without what is chosen anew for each life.
  [[nodiscard]] const std::vector<std::string>& options() const noexcept { return options_; }
  /// What it has taken when all input is read.
  [[nodiscard]] const key_counts& total() const noexcept { return total_; }
  /// The table in `out.db`; empty if it has none.
  [[nodiscard]] const std::string& table() const noexcept { return table_; }
  /// What is to be in its input.txt; empty if it reads none.
  [[nodiscard]] const std::string& input() const noexcept { return input_; }
  /// About how many records a second come to the operator that has accidents.
  [[nodiscard]] double pace() const noexcept { return pace_; }
  /// Whether it may run at another parallelism in each life.
  [[nodiscard]] bool rescales() const noexcept { return rescales_; }

  [[nodiscard]] virtual key_counts consumed(const source_positions& positions) const = 0;
  [[nodiscard]] virtual output_entry read_line(std::string_view line) const = 0;
  [[nodiscard]] virtual key_counts read_table(database& file) const = 0;
  /// The state of its keyed operator at a checkpoint; nothing if it has no such operator.
  [[nodiscard]] virtual std::optional<key_counts> read_state(const weir::checkpoint_reader& store,
                                                             weir::checkpoint_id checkpoint) const = 0;
  /// Which subtask of the sinks has a key.
  [[nodiscard]] virtual std::uint32_t subtask_of(std::string_view key, std::uint32_t parallelism,
                                                 std::uint32_t max_parallelism) const = 0;

protected:
  job_model(std::string name, std::string source, std::string table, std::vector<std::string> options, double pace,
            bool rescales);

  std::string name_;
  std::string source_;
  std::string table_;
  std::vector<std::string> options_;
  std::string input_;
  double pace_;
  bool rescales_;
  key_counts total_;
};

/// The words of this text, which is the job's input.txt. It pauses for some microseconds behind every second line.
[[nodiscard]] std::unique_ptr<job_model> make_words_model(std::string text, std::uint64_t pause_us);
[[nodiscard]] std::unique_ptr<job_model> make_orders_model(std::uint64_t records, double rate);
[[nodiscard]] std::unique_ptr<job_model> make_readings_model(std::uint64_t records, double rate);

} // namespace weir_test
