// A source and a sink of one's own: recordings of a device, a file of binary readings each, are searched for readings
// that are too hot; these go into a ledger, exactly once.
#include <weir/persistence/error.hpp>
#include <weir/weir.hpp>

#include <algorithm>
#include <cerrno>
#include <concepts>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;

// As the device writes it: 16 bytes.
struct reading {
  std::int64_t at_us = 0;
  std::uint32_t sensor = 0;
  float celsius = 0;
  WEIR_FIELDS(at_us, sensor, celsius)
};

// -- the source: what there is to read, and readers that can begin anywhere in it
// --------------------------------------

class recording_reader final : public weir::split_reader {
public:
  recording_reader(const std::string& path, std::uint64_t next, std::uint64_t end)
      : path_(path), file_(path, std::ios::binary), next_(next), end_(end) {
    file_.seekg(static_cast<std::streamoff>(next * sizeof(reading)));
  }

  weir::read_status read(weir::any_collector& out, std::size_t max_records) override {
    readings_.resize(std::min<std::uint64_t>(max_records, end_ - next_));
    file_.read(reinterpret_cast<char*>(readings_.data()),
               static_cast<std::streamsize>(readings_.size() * sizeof(reading)));
    if (!file_)
      throw weir::io_error({path_, "its readings", "they can't be read", "check the file and the disk"});
    auto& typed = static_cast<weir::collector<reading>&>(out);
    for (const reading& each : readings_)
      typed(each);
    next_ += readings_.size();
    return next_ == end_ ? weir::read_status::end : weir::read_status::more;
  }
  // Stored with every checkpoint, and given to open_split after a failure.
  std::string position() const override { return std::to_string(next_); }

private:
  std::string path_;
  std::ifstream file_;
  std::uint64_t next_;
  std::uint64_t end_;
  std::vector<reading> readings_;
};

class recordings_source final : public weir::any_source {
public:
  explicit recordings_source(std::string folder) : folder_(std::move(folder)) {}

  bool blocking() const override { return true; } // it waits for a disk: a thread of its own

  // A split is what one subtask reads: here a file. Called once a run; later starts get the same splits.
  std::vector<weir::source_split> enumerate(std::uint32_t) const override {
    std::vector<weir::source_split> splits;
    std::error_code fault;
    for (const auto& entry : fs::directory_iterator{folder_, fault})
      splits.push_back({entry.path().filename().string(), std::to_string(entry.file_size() / sizeof(reading))});
    if (splits.empty())
      throw weir::usage_error({"the recordings in " + folder_, "at least one file", fault ? fault.message() : "none",
                               "name another folder"});
    return splits;
  }
  // A run that resumes: its positions must still mean the same.
  std::vector<std::string> check_restored(const std::vector<weir::source_split>& splits) const override {
    for (const weir::source_split& split : splits) {
      std::error_code fault;
      const auto readings = fs::file_size(path_of(split), fault) / sizeof(reading);
      if (fault || readings < std::stoull(split.description))
        throw weir::usage_error({"the recording " + path_of(split), split.description + " readings",
                                 fault ? fault.message() : std::to_string(readings),
                                 "put it back, or begin anew with --fresh"});
    }
    return {};
  }
  std::unique_ptr<weir::split_reader> open_split(const weir::source_split& split, const std::string& position,
                                                 weir::processing_time) const override {
    const std::uint64_t next = position.empty() ? 0 : std::stoull(position);
    return std::make_unique<recording_reader>(path_of(split), next, std::stoull(split.description));
  }

private:
  std::string path_of(const weir::source_split& split) const { return folder_ + "/" + split.id; }

  std::string folder_;
};

// What the job is given.
struct recordings {
  using value_type = reading;
  static constexpr std::string_view kind_name = "recordings";
  std::string folder;

  std::shared_ptr<const weir::any_source> source() const { return std::make_shared<recordings_source>(folder); }
};

// -- the sink: a file that only grows, and a second one that says how much of it counts
// --------------------------------

void append(const std::string& path, std::string_view text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  bool good = file >= 0;
  while (good && !text.empty()) {
    const auto written = ::write(file, text.data(), text.size());
    good = written >= 0;
    text.remove_prefix(good ? static_cast<std::size_t>(written) : 0);
  }
  good = good && ::fsync(file) == 0; // durable, or it is as if it had not been written
  const int code = errno;
  if (file >= 0)
    ::close(file);
  if (!good)
    throw weir::io_error({path, "a file that can be written", std::strerror(code), "check the path and the disk"});
}

// A file that was made or renamed is there after the machine's sudden end only if its folder is synced.
void sync_folder_of(const fs::path& path) {
  const int folder = ::open(fs::absolute(path).parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool good = folder >= 0 && ::fsync(folder) == 0;
  const int code = errno;
  if (folder >= 0)
    ::close(folder);
  if (!good)
    throw weir::io_error({"the folder of " + path.string(), "a folder", std::strerror(code), "check the path"});
}

// "<checkpoint> <bytes of the ledger>" for each commit, below the line of the run that the ledger belongs to. A line
// that a crash cut off is none.
struct ledger_commits {
  struct commit {
    std::uint64_t checkpoint = 0;
    std::uint64_t bytes = 0;
  };
  std::string run;
  std::vector<commit> commits;

  static ledger_commits read(const std::string& path) {
    ledger_commits all;
    std::ifstream file{path};
    for (std::string line; std::getline(file, line) && !file.eof();)
      if (all.run.empty())
        all.run = line;
      else if (commit c; std::sscanf(line.c_str(), "%lu %lu", &c.checkpoint, &c.bytes) == 2)
        all.commits.push_back(c);
    return all;
  }
  void write(const std::string& path) const {
    std::string text = run + "\n";
    for (const commit& c : commits)
      text += std::to_string(c.checkpoint) + " " + std::to_string(c.bytes) + "\n";
    fs::remove(path + ".new");
    append(path + ".new", text);
    fs::rename(path + ".new", path);
  }
  std::uint64_t newest() const { return commits.empty() ? 0 : commits.back().checkpoint; }
  std::uint64_t bytes() const { return commits.empty() ? 0 : commits.back().bytes; }
};

class ledger_writer final : public weir::sink_writer {
public:
  ledger_writer(std::string path, const weir::sink_start& start) : path_(std::move(path)) {
    committed_ = ledger_commits::read(path_ + ".commits").newest();
    commit(start.pending);
  }

  void write(weir::any_batch& batch) override {
    for (const reading& each : weir::as<reading>(batch).values)
      lines_ +=
          std::to_string(each.at_us) + " " + std::to_string(each.sensor) + " " + std::to_string(each.celsius) + "\n";
  }
  // The barrier: what came before it is made durable, and does not count yet. What is returned comes back to commit.
  std::string prepare(weir::checkpoint_id) override {
    if (lines_.empty())
      return {};
    append(path_, std::exchange(lines_, {}));
    return std::to_string(fs::file_size(path_));
  }
  // The checkpoint is complete: now it counts. May be called again with the same.
  void commit(const std::vector<weir::prepared_output>& prepared) override {
    for (const weir::prepared_output& each : prepared)
      if (each.checkpoint.value > committed_) {
        append(path_ + ".commits", std::to_string(each.checkpoint.value) + " " + each.id + "\n");
        committed_ = each.checkpoint.value;
      }
  }

private:
  std::string path_;
  std::string lines_; // since the last barrier
  std::uint64_t committed_ = 0;
};

class ledger_sink final : public weir::any_sink {
public:
  explicit ledger_sink(std::string path) : path_(std::move(path)) {}

  bool blocking() const override { return true; }
  bool two_phase() const override { return true; }
  std::string guarantee() const override { return "Exactly once, for a reader that stops where the last commit does."; }

  // Before every attempt: makes the ledger what it was at the checkpoint that the run goes on from.
  void prepare_output(const weir::sink_start& start) const override {
    auto ledger = ledger_commits::read(path_ + ".commits");
    const std::uint64_t restored = start.restored ? start.restored_checkpoint.value : 0;
    if (ledger.run != start.identity.run) {
      if (!start.replace_output && (restored != 0 || fs::exists(path_)))
        throw weir::usage_error({"the ledger " + path_, "that of this run",
                                 ledger.run.empty() ? "none" : "another run's",
                                 "name another file; or give up what it has with --replace-output"});
      fs::remove(path_);
      ledger = {start.identity.run, {}};
    }
    std::erase_if(ledger.commits, [&](const auto& c) { return c.checkpoint > restored; });
    ledger.write(path_ + ".commits");
    append(path_, ""); // it may be the first time
    sync_folder_of(path_);
    std::uint64_t bytes = ledger.bytes();
    for (const weir::prepared_output& each : start.pending) // prepared, and to be committed by the writer
      bytes = std::max<std::uint64_t>(bytes, std::stoull(each.id));
    if (fs::file_size(path_) < bytes)
      throw weir::io_error({"the ledger " + path_, std::to_string(bytes) + " bytes",
                            std::to_string(fs::file_size(path_)), "restore it from a copy"});
    fs::resize_file(path_, bytes);
  }
  std::unique_ptr<weir::sink_writer> open_writer(const weir::sink_start& start) const override {
    return std::make_unique<ledger_writer>(path_, start);
  }

private:
  std::string path_;
};

struct ledger {
  static constexpr std::string_view kind_name = "ledger";
  std::string path;
  std::uint32_t max_parallelism_limit = 1; // one file, one writer

  template <class T>
  std::shared_ptr<const weir::any_sink> sink() const {
    static_assert(std::same_as<T, reading>, "a ledger is one of readings");
    return std::make_shared<ledger_sink>(path);
  }
};

// Stands for the device.
void record(const std::string& folder, std::uint64_t readings) {
  const std::string draft = folder + ".new";
  fs::create_directories(draft);
  for (std::uint32_t sensor = 1; sensor <= 4; ++sensor) {
    std::ofstream file{draft + "/sensor-" + std::to_string(sensor), std::ios::binary};
    for (std::uint64_t n = 0; n != readings; ++n) {
      weir::counter_random random{sensor, n};
      const reading one{static_cast<std::int64_t>(n) * 1000, sensor, static_cast<float>(20 + 80 * random.uniform())};
      file.write(reinterpret_cast<const char*>(&one), sizeof one);
    }
  }
  fs::rename(draft, folder);
}

} // namespace

int main(int argc, char** argv) {
  weir::command_line cli{argc, argv};
  const auto folder = cli.option("recordings", "recordings", "the folder with the recordings; made if it is not there");
  const auto readings = cli.option("readings", std::uint64_t{500'000}, "readings in each recording that is made");
  const auto path = cli.option("ledger", "too-hot", "the file for what is too hot");
  if (!fs::exists(folder))
    record(folder, readings);

  weir::job job{"too-hot"};
  job.source("recordings", recordings{folder})
      .filter("hot", [](const reading& r) { return r.celsius >= 99; })
      .sink("ledger", ledger{path});
  weir::job_status status;
  const int code = weir::run(job, cli, status);
  if (status.state == weir::job_state::finished) {
    const auto commits = ledger_commits::read(path + ".commits");
    std::printf("%llu bytes in %zu commits: %s\n", static_cast<unsigned long long>(commits.bytes()),
                commits.commits.size(), path.c_str());
  }
  return code;
}
