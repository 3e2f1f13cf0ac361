// Stores that somebody has damaged: the images of a whole one, ways to harm a region, and what becomes of it.
#pragma once

#include "store_faults/store_life.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace store_faults {

/// What is done to a region.
enum class harm : std::uint8_t { flip, zero, scramble, cut };
inline constexpr std::array all_harms{harm::flip, harm::zero, harm::scramble, harm::cut};

/// The files of a store.
enum class part : std::uint8_t { database, log };

/// How a process left its store.
enum class left : std::uint8_t {
  closed, ///< one file
  crashed ///< a file, its log with the newest checkpoints, and the lock file
};

/// Makes one store with two generations of checkpoints, and harms copies of it.
class damaged_stores {
public:
  damaged_stores();

  /// How many regions of 512 bytes a file has.
  [[nodiscard]] std::size_t regions(left how, part which) const;

  /// Harms one region and looks at what becomes of the store: when it is opened, and when its life goes on.
  void harm_region(left how, part which, std::size_t region, harm what);
  /// Flips one bit of each byte from `begin` to before `end` of a file that was closed, but not of zeroes and fillers.
  void flip_bytes(std::size_t begin, std::size_t end);
  /// Replaces files; an absent content removes the file. Returns what the opening finds.
  finding replace(left how, const std::map<std::string, std::optional<std::string>>& suffix_to_content);

  /// The bytes of the store that was closed.
  [[nodiscard]] const std::string& file() const { return closed_.at(""); }
  [[nodiscard]] const account& told() const { return told_; }
  [[nodiscard]] const std::vector<std::string>& failures() const { return failures_; }
  /// How many had an outcome, by "log, cut: fell back".
  [[nodiscard]] const std::map<std::string, long>& outcomes() const { return outcomes_; }
  [[nodiscard]] long count(outcome o) const { return counts_.at(static_cast<std::size_t>(o)); }
  /// One line for people.
  [[nodiscard]] std::string summary() const;

private:
  using image = std::map<std::string, std::string>; ///< by suffix

  void put(const image& files);
  [[nodiscard]] finding look();
  void count_look(const std::string& name, const std::string& where);
  [[nodiscard]] const image& image_of(left how) const { return how == left::closed ? closed_ : crashed_; }

  struct folder;
  std::shared_ptr<folder> place_;
  image closed_;
  image crashed_;
  account told_;
  std::vector<std::string> failures_;
  std::map<std::string, long> outcomes_;
  std::array<long, 4> counts_{};
};

} // namespace store_faults
