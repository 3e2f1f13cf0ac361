// Every operation of a small life of a store goes wrong in every way; then the process or the machine ends, and what
// the store had promised must hold.
#pragma once

#include "machines/faulty_disk.hpp"
#include "store_faults/store_life.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace store_faults {

inline constexpr std::array all_operations{
    weir_test::faulty_disk::operation::read, weir_test::faulty_disk::operation::write,
    weir_test::faulty_disk::operation::sync, weir_test::faulty_disk::operation::truncate,
    weir_test::faulty_disk::operation::open, weir_test::faulty_disk::operation::remove,
    weir_test::faulty_disk::operation::lock,
};
inline constexpr std::array all_troubles{
    weir_test::faulty_disk::trouble::fail,      weir_test::faulty_disk::trouble::full,
    weir_test::faulty_disk::trouble::shortened, weir_test::faulty_disk::trouble::torn,
    weir_test::faulty_disk::trouble::delayed,
};

/// How the process ends whose disk goes wrong.
enum class ending : std::uint8_t {
  closed,           ///< by itself
  killed,           ///< at the end of its life
  power_lost,       ///< at the end of its life, with all that was not synced
  power_lost_later, ///< by itself; the power goes when the next process has done some work
};
inline constexpr std::array all_endings{ending::closed, ending::killed, ending::power_lost, ending::power_lost_later};

/// Which runs there are for an operation that goes wrong in one way.
enum class thoroughness : std::uint8_t {
  each, ///< one: the endings, and whether it goes wrong once or from then on, take turns
  all   ///< all of them
};

/// A first life of a store is swept, or a later one of a store that has some checkpoints.
enum class swept_life : std::uint8_t { first, later };

class store_sweep {
public:
  store_sweep(std::filesystem::path folder, thoroughness how);

  void sweep(swept_life which);

  [[nodiscard]] long runs() const { return runs_; }
  /// What went wrong, as "write torn", and in how many runs.
  [[nodiscard]] const std::map<std::string, long>& happened() const { return happened_; }
  /// Runs that broke a promise, with all that repeats them.
  [[nodiscard]] const std::vector<std::string>& failures() const { return failures_; }
  /// One line for people.
  [[nodiscard]] std::string summary() const;
  /// The kinds that never occurred, separated by commas.
  [[nodiscard]] std::string missing() const;

private:
  struct run_of {
    weir_test::faulty_disk::operation operation;
    weir_test::faulty_disk::trouble trouble;
    long nth;
    bool from_then_on;
    ending end;
  };
  bool sweep_nth(weir_test::faulty_disk::operation o, weir_test::faulty_disk::trouble t, long nth);
  bool run(const run_of& what);
  std::string fault_after(const run_of& what, const weir::store_options& options, account& told);
  void clear();

  std::filesystem::path folder_;
  thoroughness how_;
  weir_test::faulty_disk disk_;
  std::filesystem::path template_; ///< a store to begin with; empty for none
  account template_account_;
  std::map<std::string, long> happened_;
  std::vector<std::string> failures_;
  long runs_ = 0;
  long refused_ = 0;
  std::uint64_t seed_ = 0;
};

} // namespace store_faults
