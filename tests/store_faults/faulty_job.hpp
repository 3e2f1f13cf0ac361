// A whole job on a disk that goes wrong: its store and its sink's database are on it.
#pragma once

#include "machines/faulty_disk.hpp"
#include "process/actor_host.hpp"
#include "process/counting_job.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace store_faults {

/// What happens when the disk has gone wrong.
enum class then : std::uint8_t {
  goes_on,    ///< the job does what it can
  is_killed,  ///< from some moment on nothing reaches the disk
  loses_power ///< the same, and what was not synced may go
};

/// Starts one small job over and over, each time with another fault, and then without.
class faulty_jobs {
public:
  faulty_jobs();

  /// How many operations of a kind a job does on a good disk.
  [[nodiscard]] long operations(weir_test::faulty_disk::operation o) const {
    return operations_.at(static_cast<std::size_t>(o));
  }
  /// The disk goes wrong, the job ends, or fails with a reason; a new start on a good disk ends with the right output.
  void run(const weir_test::faulty_disk::fault& fault, then what);

  [[nodiscard]] const std::vector<std::string>& failures() const { return failures_; }
  /// How often each trouble came, and each end.
  [[nodiscard]] const std::map<std::string, long>& happened() const { return happened_; }
  /// One line for people.
  [[nodiscard]] std::string summary() const;

private:
  struct result;
  result run_once(const weir_test::counting& parts);

  weir_test::faulty_disk disk_;
  weir_test::actor_host host_;
  std::array<long, weir_test::faulty_disk::operation_kinds> operations_{};
  std::vector<std::string> failures_;
  std::map<std::string, long> happened_;
  long finished_ = 0;
  long failed_ = 0;
  long refused_ = 0;
  long kills_ = 0;
  std::uint64_t seed_ = 0;
};

} // namespace store_faults
