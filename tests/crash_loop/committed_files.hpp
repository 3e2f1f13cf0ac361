// What a text_files sink has committed, followed while its job lives and dies.
#pragma once

#include "crash_loop/job_model.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace weir_test {

/// Reads each committed file once, in the order of checkpoints. One thread at a time.
class committed_files {
public:
  committed_files(std::string folder, const job_model& model) : folder_(std::move(folder)), model_(&model) {}

  /// Reads the files that are new. Throws std::runtime_error for a line that the job never writes, that is cut off or
  /// does not follow its key's last one, for a committed file that went away or has another size, for other files.
  void look();

  /// The last record of each key.
  [[nodiscard]] const key_counts& counts() const noexcept { return counts_; }
  /// The newest checkpoint that each subtask has committed a file for.
  [[nodiscard]] const std::map<std::uint32_t, std::uint64_t>& newest() const noexcept { return newest_; }
  [[nodiscard]] std::size_t files() const noexcept { return sizes_.size(); }

private:
  struct file_id {
    std::uint64_t checkpoint = 0;
    std::uint32_t subtask = 0;
    friend auto operator<=>(const file_id&, const file_id&) = default;
  };
  [[nodiscard]] std::map<file_id, std::string> list() const;
  void look_at(const std::map<file_id, std::string>& found);
  void read(const std::string& path);

  std::string folder_;
  const job_model* model_;
  std::map<std::string, std::uintmax_t> sizes_;
  std::map<std::uint32_t, std::uint64_t> newest_;
  key_counts counts_;
};

} // namespace weir_test
