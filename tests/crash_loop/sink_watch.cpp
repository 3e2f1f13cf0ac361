// A reader of a job's output and store.
#include "crash_loop/sink_watch.hpp"

#include "process/database.hpp"

#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <utility>

namespace weir_test {

namespace {

constexpr std::chrono::milliseconds between_looks{15};

bool has_table(database& file, const std::string& table) {
  return file.integer("SELECT count(*) FROM sqlite_master WHERE name = '" + table + "'") != 0;
}

} // namespace

sink_watch::sink_watch(std::string folder, const job_model& model)
    : folder_(std::move(folder)), model_(model), files_(folder_ + "/files", model), thread_([this] { run(); }) {}

sink_watch::~sink_watch() {
  {
    const std::lock_guard lock{mutex_};
    ending_ = true;
  }
  end_.notify_one();
  thread_.join();
}

seen_output sink_watch::look() {
  const std::lock_guard lock{mutex_};
  look_once();
  if (!fault_.empty())
    throw std::runtime_error{"a reader saw this: " + fault_};
  return seen_;
}

void sink_watch::run() {
  std::unique_lock lock{mutex_};
  while (!end_.wait_for(lock, between_looks, [this] { return ending_; }))
    look_once();
}

void sink_watch::look_once() {
  if (!fault_.empty())
    return;
  try {
    files_.look();
    seen_.files = files_.counts();
    seen_.files_newest = files_.newest();
    look_at_table();
    look_at_store();
    ++seen_.looks;
  } catch (const std::exception& e) {
    fault_ = e.what();
  }
}

void sink_watch::look_at_table() {
  const std::string path = folder_ + "/out.db";
  if (model_.table().empty() || !std::filesystem::exists(path))
    return;
  database file{path};
  const std::vector<std::vector<std::string>> begin = file.rows("BEGIN"); // one moment for all that is read
  if (!has_table(file, model_.table()))
    return;
  auto now = model_.read_table(file);
  for (const auto& [key, count] : seen_.table) {
    const auto at = now.find(key);
    if (at == now.end() || at->second < count)
      throw std::runtime_error{"the row \"" + key + "\" went from " + std::to_string(count) +
                               (at == now.end() ? " away" : " to " + std::to_string(at->second))};
  }
  std::map<std::uint32_t, std::uint64_t> newest;
  for (const auto& row : file.rows("SELECT subtask, max(checkpoint) FROM weir_progress GROUP BY subtask"))
    newest[static_cast<std::uint32_t>(std::stoul(row.at(0)))] = std::stoull(row.at(1));
  for (const auto& [subtask, checkpoint] : seen_.table_newest)
    if (newest[subtask] < checkpoint)
      throw std::runtime_error{"the progress of subtask " + std::to_string(subtask) + " went from " +
                               std::to_string(checkpoint) + " to " + std::to_string(newest[subtask])};
  seen_.table = std::move(now);
  seen_.table_newest = std::move(newest);
}

void sink_watch::look_at_store() {
  const std::string path = folder_ + "/job.weir";
  if (!std::filesystem::exists(path)) {
    if (seen_.checkpoint != 0)
      throw std::runtime_error{"the store went away"};
    return;
  }
  database store{path};
  const auto newest = static_cast<std::uint64_t>(
      store.integer("SELECT coalesce(max(id), 0) FROM checkpoints WHERE status = 'complete'"));
  if (newest < seen_.checkpoint)
    throw std::runtime_error{"the newest complete checkpoint went from " + std::to_string(seen_.checkpoint) + " to " +
                             std::to_string(newest)};
  seen_.checkpoint = newest;
}

} // namespace weir_test
