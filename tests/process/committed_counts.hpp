// The counts that a text_files sink has committed, followed over the life of a run.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace weir_test {

/// Reads the lines `{key: "…", count: …}` of each file once, in the order of checkpoints: between two of them a key is
/// with one subtask.
class committed_counts {
public:
  explicit committed_counts(std::string folder) : folder_(std::move(folder)) {}

  /// Looks for files that are new. Returns what is wrong: a count that does not follow its key's last one, a committed
  /// file that went away or changed, a file that is no output; empty if nothing is.
  [[nodiscard]] std::string look();
  /// The last count of each key.
  [[nodiscard]] const std::map<std::string, long long, std::less<>>& counts() const noexcept { return counts_; }
  /// Files read until now.
  [[nodiscard]] std::size_t files() const noexcept { return seen_.size(); }

private:
  std::string read(const std::string& path);

  std::string folder_;
  std::map<std::string, std::uintmax_t> seen_; ///< sizes
  std::map<std::string, long long, std::less<>> counts_;
};

} // namespace weir_test
