// A reader of a job's output and store who looks all the time, as anybody may.
#pragma once

#include "crash_loop/committed_files.hpp"
#include "crash_loop/job_model.hpp"

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>

namespace weir_test {

/// What was seen last. Counts that are behind each other between table and files are no fault: each commits by itself.
struct seen_output {
  key_counts table;
  std::map<std::uint32_t, std::uint64_t> table_newest; ///< checkpoint of each subtask's last commit
  key_counts files;
  std::map<std::uint32_t, std::uint64_t> files_newest;
  std::uint64_t checkpoint = 0; ///< the newest complete one
  std::uint64_t looks = 0;
};

/// Looks at `out.db`, `files` and `job.weir` in a folder from a thread of its own, and keeps the first thing that no
/// reader may ever see: a line or row that the job does not write, half a line, a count that went backward, a row, file
/// or complete checkpoint that went away.
class sink_watch {
public:
  sink_watch(std::string folder, const job_model& model);
  sink_watch(const sink_watch&) = delete;
  sink_watch& operator=(const sink_watch&) = delete;
  ~sink_watch();

  /// Looks now. Throws std::runtime_error with the first fault that was ever seen.
  seen_output look();

private:
  void run();
  void look_once();
  void look_at_table();
  void look_at_store();

  std::string folder_;
  const job_model& model_;
  committed_files files_;
  seen_output seen_;
  std::string fault_;
  std::mutex mutex_;
  std::condition_variable end_;
  bool ending_ = false;
  std::thread thread_;
};

} // namespace weir_test
