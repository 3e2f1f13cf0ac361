// The program of the counting job, as tests start it.
#include "process/counting_process.hpp"

#include "process/database.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <iterator>
#include <stdexcept>

using namespace std::chrono_literals;

namespace weir_test {

namespace {

constexpr auto patience = 30s;

} // namespace

std::vector<std::string> counting_command(const counting& parts, const std::vector<std::string>& more) {
  std::vector<std::string> words{program("counting_program"),
                                 "--folder",
                                 parts.folder,
                                 "--store",
                                 counting_store(parts),
                                 "--records",
                                 std::to_string(parts.records),
                                 "--count-name",
                                 parts.count_name,
                                 "--renamed-from",
                                 parts.count_renamed_from,
                                 "--parallelism",
                                 "2",
                                 "--checkpoint-interval",
                                 "50ms"};
  for (std::size_t i = 0; i != more.size(); ++i) {
    const auto at = more[i].rfind("--", 0) == 0 ? std::find(words.begin(), words.end(), more[i]) : words.end();
    if (at == words.end())
      words.push_back(more[i]);
    else
      *std::next(at) = more[++i];
  }
  return words;
}

bool wait_for_checkpoint(child_process& job, const std::string& store) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!job.wait_for(5ms) && std::chrono::steady_clock::now() < deadline)
    if (std::filesystem::exists(store) &&
        database{store}.integer("SELECT count(*) FROM checkpoints WHERE status = 'complete'") != 0)
      return true;
  return false;
}

void stop_midway(const counting& parts, const std::vector<std::string>& more) {
  std::vector<std::string> options{"--rate", "2000"};
  options.insert(options.end(), more.begin(), more.end());
  child_process job{counting_command(parts, options), parts.folder + "/midway"};
  const bool checkpointed = wait_for_checkpoint(job, counting_store(parts));
  job.signal(SIGTERM);
  const auto end = job.wait_for(patience);
  if (!checkpointed || !end || end->signal != 0 || end->code != 0)
    throw std::runtime_error{"the job was not stopped midway: " + job.standard_error()};
}

} // namespace weir_test
